import { expect, test } from 'vitest';
import { ApiError } from '../lib/cluster.ts';
import { type Mirror, mirrorOf } from '../lib/mirror.ts';
import { conditionOf } from '../lib/object.ts';
import { sync, type Task } from '../lib/sync.ts';
import { type ClusterHooks, memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type World } from './memory/memory-source.ts';

const teamOf = (fields: Parameters<Mirror['selects']>[0]) => (fields.tags as { team?: string } | undefined)?.team;

/** A mirror that puts what team `a` owns into the namespace `team-a` and the rest into `external`. */
function setUp(refreshSeconds?: number, hooks: ClusterHooks = {}) {
  const world: World = { rows: new Map(), calls: [] };
  const put = (name: string, team: string) =>
    world.rows.set(idOf(name), { id: idOf(name), state: 'available', fields: { tags: { team } } });
  const cluster = memoryCluster({ hooks });
  const base = { name: 'test', maxRemovalPercent: 100 };
  const mirror = mirrorOf({ ...base, namespace: 'external' });
  const parts = [
    mirrorOf({ ...base, namespace: 'team-a', selects: (fields) => teamOf(fields) === 'a' }),
    mirrorOf({ ...base, namespace: 'external', selects: (fields) => teamOf(fields) !== 'a' }),
  ];
  const source = memorySource({ world, pageSize: 100, ...(refreshSeconds === undefined ? {} : { refreshSeconds }) });
  const task: Task = { mirror, source, scope: { account: '1', region: 'r' }, access: {}, parts };
  const where = () =>
    cluster
      .objects('things')
      .map(({ metadata, spec }) => `${metadata.namespace}/${spec?.name}`)
      .toSorted();
  return { world, put, cluster, where, pass: () => sync(task, [cluster]) };
}

test('one look at the outside fills the namespaces that the resources themselves choose', async () => {
  const { put, world, pass, where, cluster } = setUp();
  put('one', 'a');
  put('two', 'b');
  expect(await pass()).toMatchObject({
    ok: true,
    outside: { seen: 2, unselected: 0 },
    clusters: [
      { namespace: 'team-a', counts: { created: 1 } },
      { namespace: 'external', counts: { created: 1 } },
    ],
  });
  expect(world.calls.map(({ verb }) => verb)).toEqual(['prove', 'page']);
  expect(where()).toEqual(['external/two', 'team-a/one']);
  expect(cluster.objects('mirrorscans').map(({ metadata }) => metadata.namespace)).toEqual(['team-a', 'external']);
});

test('what changes its namespace is made in the new one at once and leaves the old one in two steps', async () => {
  const { put, pass, where, cluster } = setUp();
  put('one', 'a');
  await pass();
  put('one', 'b');
  await pass();
  expect(where()).toEqual(['external/one', 'team-a/one']);
  const old = cluster.objects('things').find(({ metadata }) => metadata.namespace === 'team-a');
  expect(old === undefined ? undefined : conditionOf(old, 'Synced')?.reason).toBe('NotSelected');
  cluster.time.now += 11 * 60_000;
  await pass();
  expect(where()).toEqual(['external/one']);
});

test('bare ids are read no more often for being looked for in two namespaces', async () => {
  const { put, world, pass, where } = setUp(3600);
  put('one', 'a');
  put('two', 'b');
  await pass();
  expect(where()).toEqual(['external/two', 'team-a/one']);
  world.calls.splice(0);
  expect(await pass()).toMatchObject({ ok: true, outside: { seen: 2, unselected: 0 } });
  expect(world.calls.map(({ verb }) => verb)).toEqual(['prove', 'page']);
});

test('what a bare id could not be made into in its new namespace is tried again in the next pass', async () => {
  let isRefusing = false;
  const { put, pass, where, cluster } = setUp(3600, {
    before: ({ verb, plural }) => {
      if (isRefusing && plural === 'things' && verb === 'create') throw new ApiError(403, 'Forbidden', 'over quota');
    },
  });
  put('one', 'a');
  await pass();
  put('one', 'b');
  cluster.time.now += 61 * 60_000;
  isRefusing = true;
  expect(await pass()).toMatchObject({ ok: false });
  isRefusing = false;
  cluster.time.now += 60_000;
  await pass();
  expect(where()).toEqual(['external/one', 'team-a/one']);
});

test('and deleted there by hand it is made again, though the old one still waits for its removal', async () => {
  const { put, pass, where, cluster } = setUp(3600);
  put('one', 'a');
  await pass();
  put('one', 'b');
  cluster.time.now += 61 * 60_000;
  await pass();
  const made = cluster.objects('things').find(({ metadata }) => metadata.namespace === 'external');
  if (made === undefined) throw new Error('it is not there');
  const type = { group: 'test.skymirror.dev', version: 'v1alpha1', kind: 'Thing', plural: 'things' };
  await cluster.remove(type, made, { signal: new AbortController().signal });
  await pass();
  expect(where()).toEqual(['external/one', 'team-a/one']);
});
