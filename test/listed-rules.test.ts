import { describe, expect, test } from 'vitest';
import type { Mirror } from '../lib/mirror.ts';
import { denied, manyNames, setUp } from './listed-world.ts';
import { idOf, type SourceHooks } from './memory/memory-source.ts';

test('what is new is read at once, however many, where all are selected', async () => {
  const { pass, put, cluster } = setUp(['a']);
  await pass();
  for (const name of manyNames(600)) put(name);
  await pass();
  expect(cluster.objects('things')).toHaveLength(601);
});

describe('the times of turns', () => {
  test('come round in the period also where the heartbeat is rarer', async () => {
    const { pass, put, passEachMinute, object } = setUp(['a', 'b', 'c'], { staleAfterSeconds: 86_400 });
    await pass();
    for (const name of ['a', 'b', 'c']) put(name, { resourceId: 'new' });
    await passEachMinute(75);
    const shown = ['a', 'b', 'c'].map((name) => object(name)?.status?.observed?.resourceId);
    expect(shown).toEqual(['new', 'new', 'new']);
  });

  test('that a wrong clock set far ahead count for nothing: all is read anew', async () => {
    const { pass, cluster, asked, later, scan } = setUp(['a', 'b']);
    later(24 * 60);
    await pass();
    later(10 - 24 * 60);
    asked();
    await pass();
    expect(asked()).toEqual(['a', 'b']);
    expect(Date.parse(String(scan().attributesAsOf))).toBe(cluster.time.now);
  });

  test('say that the attributes are of now where a changed selection had all read anew', async () => {
    const { pass, cluster, later, scan } = setUp(['a']);
    await pass();
    later(10);
    await pass({}, { selection: 'another' });
    expect(Date.parse(String(scan().attributesAsOf))).toBe(cluster.time.now);
  });
});

test('a sentence that differs in every pass is written once', async () => {
  const { pass, passEachMinute, cluster } = setUp(['a', 'b']);
  let times = 0;
  const access: SourceHooks = { found: (id, row) => (id === idOf('a') ? denied(`${id}, request ${times++}`) : row) };
  await pass();
  await passEachMinute(90, access);
  const before = cluster.writes.length;
  await passEachMinute(10, access);
  expect(cluster.writes.slice(before).filter(({ plural }) => plural === 'things')).toEqual([]);
});

test('what somebody else deletes is reported in every pass', async () => {
  const { pass, cluster, object } = setUp(['a']);
  await pass();
  const deletionTimestamp = '2026-01-05T00:00:00Z';
  cluster.tamper('kubectl', 'things', object('a')?.metadata.name ?? '', (found) => ({
    ...found,
    metadata: { ...found.metadata, deletionTimestamp },
  }));
  expect(await pass()).toMatchObject({ ok: false, clusters: [{ counts: { refused: 1 } }] });
});

test('what is not selected and retained is not read before its turn', async () => {
  const { pass, asked, later, scan } = setUp(['a'], { removal: 'Retain' });
  await pass();
  const change: Partial<Mirror> = { selects: () => false, selection: 'nothing' };
  await pass({}, change);
  later(11);
  await pass({}, change);
  asked();
  later(1);
  await pass({}, change);
  expect(asked()).toEqual([]);
  expect(scan()).toMatchObject({ kept: 1, held: 1 });
});

test('a place where nothing was ever read and nothing can be is incomplete, after one question', async () => {
  const { pass, asked } = setUp(manyNames(300));
  expect(await pass({ found: denied })).toMatchObject({
    incomplete: { message: expect.stringContaining('no access') },
  });
  expect(asked()).toHaveLength(100);
});

test('an answer whose id cannot be read is a line in the report', async () => {
  const { pass } = setUp(['a', 'b']);
  const report = await pass({ found: (id, row) => (id === idOf('a') ? { id: undefined } : row) });
  expect(report).toMatchObject({ ok: false, clusters: [{ counts: { created: 1, failed: 1 } }] });
});

test('labels that are chosen anew are read at once', async () => {
  const { pass, put, object } = setUp(['a']);
  put('a', { fields: { tags: { team: 'x' } } });
  await pass();
  await pass({}, { tagLabels: ['team'] });
  expect(object('a')?.metadata.labels).toMatchObject({ 'tags.skymirror.dev/team': 'x' });
});

test('what somebody else wrote into the status is read at once, conditions of their own are left to them', async () => {
  const { pass, asked, cluster, object } = setUp(['a', 'b', 'c']);
  await pass();
  await pass();
  asked();
  const write = (name: string, fieldsV1: object) =>
    cluster.tamper('kubectl', 'things', object(name)?.metadata.name ?? '', (found) => ({ ...found, fieldsV1 }));
  const own = cluster.client({});
  for (const [name, status] of [
    ['a', { 'f:observed': {} }],
    ['b', { 'f:conditions': { 'k:{"type":"Ready"}': {} } }],
    ['c', { 'f:conditions': { 'k:{"type":"Theirs"}': {} } }],
  ] as const) {
    write(name, { 'f:status': status });
  }
  const managed = cluster.objects('things').map((one) => ({
    ...one,
    metadata: {
      ...one.metadata,
      managedFields: one.metadata.managedFields?.map((entry) =>
        entry.manager === 'kubectl' ? { ...entry, fieldsV1: one.fieldsV1 } : entry,
      ),
    },
  }));
  const shown = { ...own, list: async () => managed };
  await pass({}, {}, [{ ...cluster, ...shown }]);
  expect(asked().toSorted()).toEqual(['a', 'b']);
});
