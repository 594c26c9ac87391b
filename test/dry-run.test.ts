import { expect, test } from 'vitest';
import { dryRun } from '../lib/dry-run.ts';
import { mirrorOf } from '../lib/mirror.ts';
import type { KubernetesObject } from '../lib/object.ts';
import { nameOf } from '../lib/resource.ts';
import { sync } from '../lib/sync.ts';
import { memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type Row, type World } from './memory/memory-source.ts';

function setUp() {
  const world: World = { rows: new Map(), calls: [] };
  const put = (name: string, row: Partial<Row> = {}) =>
    world.rows.set(idOf(name), { id: idOf(name), state: 'available', ...row });
  const cluster = memoryCluster();
  const source = memorySource({ world, pageSize: 100 });
  const mirror = mirrorOf({ name: 'test', namespace: 'external', maxRemovalPercent: 100 });
  const task = { mirror, source, scope: { account: '1', region: 'r' }, access: {} };
  const nameIn = (name: string) => nameOf(source, idOf(name), source.identify(idOf(name)) ?? {});
  const plan = async () => {
    const dry = dryRun(cluster);
    const report = await sync(task, [dry]);
    return { report, changes: dry.changes().filter(({ type }) => type.plural === 'things') };
  };
  return { world, put, cluster, nameIn, plan, pass: () => sync(task, [cluster]) };
}

/** An object without what only a server gives it. */
function wanted(object: KubernetesObject | undefined) {
  return (
    object && { name: object.metadata.name, labels: object.metadata.labels, spec: object.spec, status: object.status }
  );
}

/** A row of each fate: made, changed, marked, deleted, returned, unchanged. */
async function eventful() {
  const all = setUp();
  for (const name of ['changed', 'gone', 'leaving', 'returned', 'same']) all.put(name);
  await all.pass();
  for (const name of ['leaving', 'returned']) all.world.rows.delete(idOf(name));
  await all.pass();
  all.cluster.time.now += 11 * 60_000;
  all.put('returned');
  all.put('changed', { state: 'stopped' });
  all.put('new');
  all.world.rows.delete(idOf('gone'));
  return all;
}

test('a plan notes what the pass then does, object by object', async () => {
  const { plan, pass, cluster } = await eventful();
  const { report, changes } = await plan();
  const planned = Object.fromEntries(
    changes.map(({ before, after }) => [(after ?? before)?.spec?.name, { before, after: wanted(after) }]),
  );
  const before = cluster.objects('things');
  const done = await pass();
  expect(report.clusters[0]?.counts).toEqual(done.clusters[0]?.counts);
  expect(Object.keys(planned).toSorted()).toEqual(['changed', 'gone', 'leaving', 'new', 'returned']);
  for (const [name, change] of Object.entries<{ before: unknown; after: unknown }>(planned)) {
    expect(change.before, name).toEqual(before.find(({ spec }) => spec?.name === name));
    expect(change.after, name).toEqual(wanted(cluster.objects('things').find(({ spec }) => spec?.name === name)));
  }
});

test('a plan writes nothing, and nothing is to be done after it is carried out', async () => {
  const { plan, pass, cluster } = await eventful();
  const before = cluster.writes.length;
  await plan();
  expect(cluster.writes.length).toBe(before);
  await pass();
  expect((await plan()).changes).toEqual([]);
});

test("a plan refuses where somebody else's object has the name, as the pass does, though no scope holds it", async () => {
  const { put, plan, pass, cluster, nameIn } = setUp();
  for (const name of ['a', 'b', 'c']) put(name);
  const metadata = { name: nameIn('a'), namespace: 'external' };
  cluster.put('kubectl', 'things', { apiVersion: 'test.skymirror.dev/v1alpha1', kind: 'Thing', metadata });
  const { report, changes } = await plan();
  expect(changes.map(({ after }) => after?.spec?.name).toSorted()).toEqual(['b', 'c']);
  const done = await pass();
  expect(report.clusters[0]?.counts).toEqual(done.clusters[0]?.counts);
  expect(report.clusters[0]?.failures).toEqual(done.clusters[0]?.failures);
});
