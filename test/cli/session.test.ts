import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isDown, openSession } from '../../cli/session.ts';
import { ApiError } from '../../lib/cluster.ts';
import { configFolder } from './cli.ts';

let folder: Awaited<ReturnType<typeof configFolder>>;
beforeAll(async () => {
  const mirror = { sources: ['SQSQueue'], accounts: ['production', 'staging'] };
  folder = await configFolder({
    accounts: { production: { id: '111122223333' }, staging: { id: '444455556666' } },
    mirrors: [
      { ...mirror, name: 'one', regions: ['us-east-1', 'eu-west-1'], namespace: 'one' },
      { ...mirror, name: 'two', regions: ['eu-central-1'], namespace: 'two' },
    ],
  });
});
afterAll(() => folder.remove());

async function chosenBy(filters: { readonly mirror?: string[]; readonly scope?: string[] }): Promise<string[]> {
  const { tasks } = await openSession({ config: folder.file, ...filters }, { signal: new AbortController().signal });
  return tasks.map(({ accountName, scope }) => `${accountName}/${scope.region}`);
}

describe('the filter by scope', () => {
  test.each([
    [['account=staging', 'region=us-east-1'], ['staging/us-east-1']],
    [['account=444455556666', 'region=us-east-1'], ['staging/us-east-1']],
    [
      ['region=us-east-1', 'region=eu-central-1', 'account=staging'],
      ['staging/us-east-1', 'staging/eu-central-1'],
    ],
  ])('of %j leaves what fits one value of each key', async (scope, left) => {
    expect(await chosenBy({ scope })).toEqual(left);
  });

  test.each([
    ['account=prodction', '--scope account=prodction: no mirror of the configuration has this account: did you mean'],
    ['region=us-west-1', 'has this region'],
    ['account=staging=x', 'give it as account=...,region=...'],
    ['account=', 'give it as account=...,region=...'],
    ['acount=staging', 'give it as account=...,region=...'],
    ['staging', 'give it as account=...,region=...'],
  ])('is refused as %s', async (pair, said) => {
    await expect(chosenBy({ scope: [pair] })).rejects.toThrow(said);
  });
});

test('filters that exclude one another are named in the error', async () => {
  const nothing = chosenBy({ mirror: ['two'], scope: ['region=us-east-1', 'account=staging'] });
  await expect(nothing).rejects.toThrow('fits --mirror two --scope region=us-east-1,account=staging:');
});

test.each([
  [new ApiError(0, 'Unreachable', ''), true],
  [new ApiError(503, '', ''), true],
  [new ApiError(429, '', ''), true],
  [new ApiError(403, 'Forbidden', ''), false],
  [new Error('interrupted'), false],
])('%o says that a cluster is down: %s', (error, down) => {
  expect(isDown(error)).toBe(down);
});
