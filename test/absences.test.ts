import { describe, expect, test } from 'vitest';
import { ApiError } from '../lib/cluster.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { conditionOf } from '../lib/object.ts';
import { sync } from '../lib/sync.ts';
import { type ClusterHooks, type ClusterRequest, memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type SourceHooks, type World } from './memory/memory-source.ts';

const scope = { account: '1', region: 'r' };

/** A mirror of so many things, all of them seen once; then none of them is there any more. */
async function gone(many: number, options: { removal?: 'Delete' | 'Retain'; maxRemovalPercent?: number } = {}) {
  const world: World = { rows: new Map(), calls: [] };
  for (let index = 0; index < many; index += 1)
    world.rows.set(idOf(`n${index}`), { id: idOf(`n${index}`), state: 'available' });
  let trouble: ClusterHooks['before'];
  const cluster = memoryCluster({ hooks: { before: (request) => trouble?.(request) } });
  const mirror = mirrorOf({ name: 'production', namespace: 'external', maxRemovalPercent: 100, ...options });
  const source = memorySource({ world, pageSize: 100 });
  const pass = (access: SourceHooks = {}) => sync({ mirror, source, scope, access }, [cluster]);
  await pass();
  world.rows.clear();
  world.calls.length = 0;
  return {
    world,
    cluster,
    pass,
    counts: async (access?: SourceHooks) => (await pass(access)).clusters[0]?.counts,
    asked: () => world.calls.filter(({ verb }) => verb === 'get').map(({ ids }) => ids.length),
    exists: () => cluster.objects('things').map((object) => conditionOf(object, 'Exists')?.status),
    later: (minutes: number) => {
      cluster.time.now += minutes * 60_000;
    },
    fail: (what: (request: ClusterRequest) => boolean, error: unknown = new ApiError(403, 'Forbidden', 'no')) => {
      trouble = (request) => (what(request) ? Promise.reject(error) : undefined);
    },
  };
}

describe('what a listing does not hold', () => {
  test('is asked for: a sample of ten first, then the others', async () => {
    const { counts, asked } = await gone(40);
    expect(await counts()).toMatchObject({ marked: 40 });
    expect(asked()).toEqual([10, 25, 5]);
  });

  test('and is there after all means that the listing lied: nothing is marked, and nobody is asked for more', async () => {
    const { pass, asked, exists } = await gone(40);
    const found: SourceHooks['found'] = (id) => ({ id, state: 'available' });
    const report = await pass({ found });
    expect(report.incomplete).toMatchObject({
      reason: 'Untrusted',
      message: expect.stringContaining('does not hold arn:test'),
    });
    expect(asked()).toEqual([10]);
    expect(new Set(exists())).toEqual(new Set(['True']));
  });

  test('and is partly there after all marks not even those that are gone', async () => {
    const { pass, exists } = await gone(6);
    const found: SourceHooks['found'] = (id) => (id === idOf('n3') ? { id, state: 'stopped' } : undefined);
    const report = await pass({ found });
    expect(report.incomplete).toMatchObject({ reason: 'Untrusted' });
    expect(report.clusters[0]?.counts).toMatchObject({ marked: 0, updated: 1, kept: 5 });
    expect(exists()).not.toContain('False');
  });

  test('and is of another kind now is marked as not selected, and exists', async () => {
    const { pass, exists, cluster } = await gone(1);
    const report = await pass({ found: (id) => ({ id, excluded: 'a queue' }) });
    expect(report.incomplete).toBeUndefined();
    expect(report.clusters[0]?.counts).toMatchObject({ marked: 1 });
    expect(exists()).toEqual(['True']);
    const [object] = cluster.objects('things');
    expect(conditionOf(object ?? expect.fail(), 'Synced')).toMatchObject({
      reason: 'NotSelected',
      message: 'It is not of this kind: a queue.',
    });
  });

  test('and that nobody can answer for makes the scan incomplete, and the others are marked', async () => {
    const { pass, exists, later } = await gone(3);
    const found: SourceHooks['found'] = (id) => (id === idOf('n1') ? new Error('no answer') : undefined);
    const report = await pass({ found });
    expect(report.incomplete).toMatchObject({
      message: expect.stringContaining(`${idOf('n1')} is not in the listing`),
    });
    expect(report.clusters[0]?.counts).toMatchObject({ marked: 2, failed: 1 });
    later(16);
    await pass({ found });
    expect(exists()).toEqual(['Unknown']);
  });

  test('is not asked for while it is in its grace', async () => {
    const { pass, counts, asked, later } = await gone(3);
    await pass();
    later(5);
    expect(await counts()).toMatchObject({ kept: 3 });
    expect(asked()).toEqual([3]);
  });

  test('is marked and stays where the mirror retains', async () => {
    const { pass, counts, later, asked } = await gone(3, { removal: 'Retain' });
    await pass();
    later(60);
    expect(await counts()).toMatchObject({ kept: 3, deleted: 0 });
    expect(asked()).toEqual([3]);
  });
});

describe('a delete', () => {
  test('asks once more, and deletes what is not there then', async () => {
    const { pass, counts, asked, later, cluster } = await gone(3);
    await pass();
    later(10);
    expect(await counts()).toMatchObject({ deleted: 3 });
    expect(asked()).toEqual([3, 3]);
    expect(cluster.objects('things')).toEqual([]);
  });

  test('of more than one batch is entered batch by batch, and none is counted twice', async () => {
    const { pass, counts, later, cluster } = await gone(40);
    await pass();
    later(10);
    expect(await counts()).toMatchObject({ deleted: 40 });
    const history = cluster.objects('mirrorscans')[0]?.status?.history as { deleted: number }[];
    expect(history.reduce((sum, { deleted }) => sum + deleted, 0)).toBe(40);
  });

  test('does not happen where it cannot be entered before', async () => {
    const { pass, later, cluster, fail } = await gone(12);
    await pass();
    later(10);
    fail(({ verb, plural }) => verb === 'replaceStatus' && plural === 'mirrorscans');
    const report = await pass();
    const refused = report.clusters[0]?.failures.filter(({ message }) => message.includes('nothing is deleted'));
    expect(refused).toHaveLength(1);
    expect(cluster.objects('things')).toHaveLength(12);
  });

  test('that the cluster refuses ends its part of the pass', async () => {
    const { pass, later, cluster, fail } = await gone(40);
    await pass();
    later(10);
    fail(({ verb }) => verb === 'remove');
    expect(await pass()).toMatchObject({ ok: false });
    expect(cluster.objects('things')).toHaveLength(40);
  });

  test('is taken back by a resource that returned', async () => {
    const { pass, later, world, exists } = await gone(1);
    await pass();
    later(60);
    world.rows.set(idOf('n0'), { id: idOf('n0'), state: 'available' });
    await pass();
    expect(exists()).toEqual(['True']);
  });
});

test('objects do not say that nobody sees them where the scan cannot be read again', async () => {
  const { pass, later, cluster, exists, fail } = await gone(3);
  later(16);
  let reads = 0;
  fail(({ verb, plural }) => {
    reads += verb === 'get' && plural === 'mirrorscans' ? 1 : 0;
    return reads > 1;
  });
  const before = cluster.objects('things');
  const boom = () => Promise.reject(new Error('throttled'));
  expect(await pass({ before: boom })).toMatchObject({ ok: false });
  expect(cluster.objects('things')).toEqual(before);
  expect(exists()).toEqual(['True', 'True', 'True']);
});
