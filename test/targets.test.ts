import { expect, test } from 'vitest';
import { parseConfiguration } from '../lib/configuration.ts';
import { selectsAll } from '../lib/mirror.ts';
import type { Source } from '../lib/source.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { targetsOf, tasksOf } from '../lib/targets.ts';
import { mirror } from './configuration-samples.ts';

const sources: Source[] = [rdsInstance, { ...rdsInstance, kind: 'SQSQueue' }];
const accounts = `accounts:
  main: { id: "111122223333", role: "arn:aws:iam::111122223333:role/reader", externalId: abc }
  second: { id: "444455556666" }
`;

function configurationOf(mirrors: string) {
  const parsed = parseConfiguration(`clusters: { a: {}, b: { context: b } }\n${accounts}mirrors:\n${mirrors}`, {
    sources,
  });
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.configuration;
}

const tasks = (mirrors: string) => tasksOf(configurationOf(mirrors), sources);

const first = (mirrors: string) => tasks(mirrors)[0] ?? expect.fail('no task');

test('each mirror is a task for each of its accounts, sources and regions', () => {
  const all = mirror()
    .replace('[main]', '[main, second]')
    .replace('[RDSInstance]', '[SQSQueue, RDSInstance]')
    .replace('[us-east-1]', '[us-east-1, eu-west-1]');
  const found = tasks(all + mirror('paused: true\n    clusters: [b]', 'two', 'other'));
  expect(
    found.map(({ mirror: { name }, source, scope, accountName }) => [name, accountName, source.kind, scope]),
  ).toEqual([
    ['one', 'main', 'RDSInstance', { account: '111122223333', region: 'us-east-1' }],
    ['one', 'main', 'RDSInstance', { account: '111122223333', region: 'eu-west-1' }],
    ['one', 'main', 'SQSQueue', { account: '111122223333', region: 'us-east-1' }],
    ['one', 'main', 'SQSQueue', { account: '111122223333', region: 'eu-west-1' }],
    ['one', 'second', 'RDSInstance', { account: '444455556666', region: 'us-east-1' }],
    ['one', 'second', 'RDSInstance', { account: '444455556666', region: 'eu-west-1' }],
    ['one', 'second', 'SQSQueue', { account: '444455556666', region: 'us-east-1' }],
    ['one', 'second', 'SQSQueue', { account: '444455556666', region: 'eu-west-1' }],
    ['two', 'main', 'RDSInstance', { account: '111122223333', region: 'us-east-1' }],
  ]);
  expect(found.map(({ paused }) => paused).indexOf(true)).toBe(8);
  expect(found[0]?.clusters).toEqual(['a', 'b']);
  expect(found[8]?.clusters).toEqual(['b']);
  expect(found[0]?.access).toEqual({ roleArn: 'arn:aws:iam::111122223333:role/reader', externalId: 'abc' });
  expect(found[4]?.access).toEqual({});
});

test('the targets are those of the tasks by name alone, with how often and whether they are looked at', () => {
  const all = mirror('every: 5m')
    .replace('[RDSInstance]', '[SQSQueue, RDSInstance]')
    .replace('[main]', '[main, second]');
  const configuration = configurationOf(all + mirror('paused: true', 'two', 'other'));
  const targets = targetsOf(configuration);
  expect(targets.slice(-2)).toEqual([
    {
      mirror: 'one',
      source: 'RDSInstance',
      scope: { account: '444455556666', region: 'us-east-1' },
      every: 300,
      paused: false,
    },
    {
      mirror: 'two',
      source: 'RDSInstance',
      scope: { account: '111122223333', region: 'us-east-1' },
      every: 60,
      paused: true,
    },
  ]);
  const names = targets.map(({ mirror, source, scope, every }) => JSON.stringify([mirror, source, scope, every]));
  const tasked = tasksOf(configuration, sources).map(({ mirror: { name }, source, scope, every }) =>
    JSON.stringify([name, source.kind, scope, every]),
  );
  expect(names.toSorted()).toEqual(tasked.toSorted());
});

test('a mirror that chooses nothing selects all, and says the rest as the engine takes it', () => {
  const settings = 'labels: [team]\n    removal: { policy: Retain, grace: 1h, maxPercent: 5 }\n    staleAfter: 1h';
  const { mirror: made, parts } = first(mirror(settings));
  expect(parts).toBeUndefined();
  expect(made.selects).toBe(selectsAll);
  expect(made).toMatchObject({
    namespace: 'external',
    tagLabels: ['team'],
    selection: '',
    removal: 'Retain',
    graceSeconds: 3600,
    maxRemovalPercent: 5,
    staleAfterSeconds: 3600,
  });
});

test('the names and tags that a mirror chooses are its selection', () => {
  const { mirror: made } = first(
    mirror('select: { names: { include: ["orders-*"] }, tags: { include: { env: [production, staging] } } }'),
  );
  expect(made.selectsName('orders-1')).toBe(true);
  expect(made.selectsName('other')).toBe(false);
  expect(made.selects({ tags: { env: 'staging' } })).toBe(true);
  expect(made.selects({})).toBe(false);
});

test('a mirror that chooses by name alone looks at no field', () => {
  expect(first(mirror('select: { names: { exclude: [a] } }')).mirror.selects).toBe(selectsAll);
});

test('the text of a selection changes with what it means, and not with its order', () => {
  const text = (select: string) => first(mirror(`select: ${select}`)).mirror.selection;
  const one = text('{ names: { include: [a, b], exclude: [c] }, tags: { include: { x: [1a, 2a], y: z } } }');
  expect(text('{ tags: { include: { y: [z], x: [2a, 1a] } }, names: { exclude: [c], include: [b, a] } }')).toBe(one);
  expect(text('{ tags: { include: { y: [z], x: [2a] } }, names: { exclude: [c], include: [b, a] } }')).not.toBe(one);
  expect(text('{ tags: { exclude: { y: z } } }')).not.toBe(text('{ tags: { include: { y: z } } }'));
});

test('an account has the namespace that is named for it, or the fallback', () => {
  const both = mirror('', 'one', '{ byAccount: { main: a }, fallback: b }').replace('[main]', '[main, second]');
  expect(tasks(both).map(({ mirror: { namespace }, parts }) => [namespace, parts])).toEqual([
    ['a', undefined],
    ['b', undefined],
  ]);
});

const byTag = (further: string, select = '') =>
  first(mirror(select, 'one', `{ byTag: { key: team, values: { pay: a, bill: a, "": b } }${further} }`));

test('a tag chooses among the namespaces that are named, and each has one part of the mirror', () => {
  const { mirror: made, parts = [] } = byTag(', fallback: rest');
  expect([made, ...parts].map(({ namespace }) => namespace)).toEqual(['rest', 'rest', 'a', 'b']);
  const namespacesOf = (tags?: Record<string, string>) => {
    const fields = tags === undefined ? {} : { tags };
    expect(made.selects(fields)).toBe(true);
    return parts.filter(({ selects }) => selects(fields)).map(({ namespace }) => namespace);
  };
  expect(namespacesOf({ team: 'pay' })).toEqual(['a']);
  expect(namespacesOf({ team: 'bill' })).toEqual(['a']);
  expect(namespacesOf({ team: '' })).toEqual(['b']);
  expect(namespacesOf({ team: 'kube-system' })).toEqual(['rest']);
  expect(namespacesOf({ team: 'constructor' })).toEqual(['rest']);
  expect(namespacesOf({})).toEqual(['rest']);
  expect(namespacesOf()).toEqual(['rest']);
});

test('without a fallback, what no namespace is named for is not selected', () => {
  const { mirror: made, parts = [] } = byTag('');
  expect(parts.map(({ namespace }) => namespace)).toEqual(['a', 'b']);
  expect(made.selects({ tags: { team: 'other' } })).toBe(false);
  expect(made.selects({})).toBe(false);
  expect(made.selects({ tags: { team: 'pay' } })).toBe(true);
});

test('the parts hold to what the mirror selects, and their text tells of both', () => {
  const { parts = [] } = byTag(', fallback: rest', 'select: { tags: { include: { env: prod } } }');
  expect(parts.some(({ selects }) => selects({ tags: { team: 'pay' } }))).toBe(false);
  expect(parts.filter(({ selects }) => selects({ tags: { team: 'pay', env: 'prod' } }))).toHaveLength(1);
  expect(new Set([parts[0]?.selection, byTag('').mirror.selection, byTag(', fallback: x').mirror.selection]).size).toBe(
    3,
  );
});

test('a task of a configuration that was not checked is refused in words', () => {
  const shown = { sources: ['RDSInstance'], regions: ['us-east-1'], labels: [] };
  const settings = { ...shown, staleAfter: 900, every: 60, paused: false };
  const removal = { policy: 'Delete', grace: 600, maxPercent: 30 } as const;
  const one = { name: 'one', accounts: ['main'], ...settings, removal };
  const clusters = { default: {} };
  const configuration = { clusters, events: {}, accounts: {}, mirrors: [{ ...one, namespace: 'a' }] };
  expect(() => tasksOf(configuration, sources)).toThrow('mirror one: the account "main" is not declared');
  expect(() => targetsOf(configuration)).toThrow('mirror one: the account "main" is not declared');
  const wrong = {
    clusters,
    events: {},
    accounts: { main: { id: '111122223333' } },
    mirrors: [{ ...one, namespace: {} }],
  };
  expect(() => tasksOf(wrong, sources)).toThrow('mirror one: no namespace for the account "main"');
});
