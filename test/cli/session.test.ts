import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { isDown, openClusters, openSession } from '../../cli/session.ts';
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

async function chosenBy(filters: Partial<Record<'mirror' | 'source' | 'scope', string[]>>): Promise<string[]> {
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

test.each(['SQSQueue', 'sqsqueue', 'sqsqueues', 'SQSQ'])('the filter by source takes %s', async (name) => {
  expect(await chosenBy({ source: [name], mirror: ['two'] })).toHaveLength(2);
});

test('the filter by source refuses a kind that is not there by the name that was given', async () => {
  await expect(chosenBy({ source: ['toaster'] })).rejects.toThrow('--source toaster: the configuration has no such');
});

test('clusters that are open stay as they are while one that was not is tried again', async () => {
  const kubeconfig = stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'a' },
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    clusters: [{ name: 'a', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'a', user: { token: 't' } }],
  });
  const place = await configFolder({
    clusters: { here: { kubeconfig: './here' }, late: { kubeconfig: './late' } },
    accounts: { production: { id: '111122223333' } },
    mirrors: [
      { name: 'one', sources: ['SQSQueue'], accounts: ['production'], regions: ['us-east-1'], namespace: 'external' },
    ],
  });
  await writeFile(join(place.folder, 'here'), kubeconfig);
  const session = await openSession({ config: place.file }, { signal: new AbortController().signal });
  const first = await openClusters(session);
  await writeFile(join(place.folder, 'late'), kubeconfig);
  const second = await openClusters(session, first);
  expect(second.get('here')).toBe(first.get('here'));
  expect(second.get('late')).not.toBe(first.get('late'));
  const third = await openClusters(session, second);
  for (const name of ['here', 'late']) expect(third.get(name)).toBe(second.get(name));
  await Promise.all([...third.values()].map((cluster) => cluster.close()));
  await place.remove();
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
