import { describe, expect, test } from 'vitest';
import type { Mirror } from '../lib/mirror.ts';
import { denied, setUp } from './listed-world.ts';
import { memoryCluster } from './memory/memory-cluster.ts';
import { idOf, type SourceHooks } from './memory/memory-source.ts';

const hundred = Array.from({ length: 100 }, (_, index) => `thing-${index}`);

describe('what is behind bare ids', () => {
  test('is read once for what is new, and then in turns that together read all within the period', async () => {
    const { pass, asked, later, scan } = setUp(hundred);
    expect(await pass()).toMatchObject({ ok: true, outside: { seen: 100 }, clusters: [{ counts: { created: 100 } }] });
    expect(asked()).toHaveLength(100);
    const read: (string | undefined)[] = [];
    for (let minute = 1; minute < 60; minute += 1) {
      later(1);
      const report = await pass();
      expect(report).toMatchObject({ ok: true, outside: { seen: 100 }, clusters: [{ counts: { unchanged: 100 } }] });
      const now = asked();
      expect(now.length).toBeLessThan(30);
      if (minute % 5 !== 0) expect(now).toEqual([]);
      read.push(...now);
    }
    expect(new Set(read).size).toBe(read.length);
    later(1);
    await pass();
    expect([...read, ...asked()].toSorted()).toEqual(hundred.toSorted());
    expect(scan()).toMatchObject({ attributesAsOf: expect.stringMatching(/T00:00:00Z$/) });
  });

  test('costs no write where nothing changed, but for the heartbeat', async () => {
    const { pass, cluster, later } = setUp(hundred);
    await pass();
    await pass();
    const before = cluster.writes.length;
    for (let minute = 0; minute < 15; minute += 1) {
      later(1);
      await pass();
    }
    expect(cluster.writes.slice(before).map(({ plural }) => plural)).toEqual(Array(3).fill('mirrorscans'));
  });

  test('is found changed within the period, and its existence at once', async () => {
    const { pass, put, object, world, later, brief } = setUp(hundred);
    await pass();
    for (const name of hundred) put(name, { resourceId: 'new' });
    put('late');
    world.rows.delete(idOf('thing-7'));
    await pass();
    expect(object('late')).toBeDefined();
    expect(brief('thing-7')).toContain('Exists False NotFound');
    for (let step = 0; step < 12; step += 1) {
      later(5);
      await pass();
    }
    const changed = hundred.filter((name) => object(name)?.status?.observed?.resourceId === 'new');
    expect(changed).toHaveLength(99);
  });

  test('is read out of turn where an object is out of order: a lost label, a mark, a stale sight', async () => {
    const { pass, asked, cluster, world, later, brief, object } = setUp(['a', 'b', 'c']);
    await pass();
    asked();
    cluster.tamper('kubectl', 'things', object('a')?.metadata.name ?? '', (found) => ({
      ...found,
      metadata: { ...found.metadata, labels: {} },
    }));
    const row = world.rows.get(idOf('b'));
    world.rows.delete(idOf('b'));
    await pass();
    expect(asked()).toEqual(['a', 'b']);
    if (row !== undefined) world.rows.set(idOf('b'), row);
    await pass();
    expect(asked()).toEqual(['b']);
    expect(brief('b')).toEqual(['Exists True Found', 'Synced True Observed', 'Ready True Available']);
    later(1);
    await pass();
    expect(asked()).toEqual([]);
  });

  test('is read anew when the selection changes', async () => {
    const { pass, asked, object } = setUp(['a', 'b']);
    const selects: Mirror['selects'] = ({ state }) => state === 'stopped';
    await pass({}, { selects, selection: 'stopped' });
    expect(object('a')).toBeUndefined();
    asked();
    await pass({}, { selection: 'all' });
    expect(asked()).toEqual(['a', 'b']);
    expect(object('a')).toBeDefined();
  });

  test('is not read where the name alone leaves it out, and its object goes the two steps', async () => {
    const { pass, asked, brief, object, later } = setUp(['a', 'tmp-b']);
    await pass();
    asked();
    const change: Partial<Mirror> = { selectsName: (name) => !name.startsWith('tmp-'), selection: 'no tmp' };
    expect(await pass({}, change)).toMatchObject({ ok: true, outside: { seen: 2, unselected: 1 } });
    expect(asked()).toEqual(['a']);
    expect(brief('tmp-b')).toContain('Synced False NotSelected');
    later(10);
    await pass({}, change);
    expect(object('tmp-b')).toBeUndefined();
    asked();
    expect(await pass({}, change)).toMatchObject({ ok: true, outside: { seen: 2, unselected: 1 } });
    expect(asked()).toEqual([]);
  });

  test('goes the two steps too where its fields leave it out, or say that it is of another kind', async () => {
    const selects: Mirror['selects'] = ({ state }) => state === 'available';
    const { pass, put, object, later } = setUp(['a', 'b', 'c'], { selects, selection: 'available' });
    await pass();
    put('b', { state: 'stopped' });
    put('c', { excluded: 'another kind' });
    later(61);
    expect(await pass()).toMatchObject({ ok: true, clusters: [{ counts: { marked: 2 } }] });
    later(10);
    expect(await pass()).toMatchObject({ ok: true, clusters: [{ counts: { deleted: 2 } }] });
    expect(['a', 'b', 'c'].filter((name) => object(name) === undefined)).toEqual(['b', 'c']);
  });

  test('that a selection by fields left out is asked for a few at a time, and all in their turn', async () => {
    const many = Array.from({ length: 600 }, (_, index) => `thing-${index}`);
    const selects: Mirror['selects'] = ({ state }) => state === 'stopped';
    const { pass, put, asked, object, later } = setUp(many, { selects, selection: 'stopped' });
    await pass();
    expect(asked()).toHaveLength(600);
    expect(await pass()).toMatchObject({ ok: true, outside: { seen: 600, unselected: 600 } });
    expect(asked()).toHaveLength(500);
    for (const name of many) put(name, { state: 'stopped' });
    for (let step = 0; step < 12; step += 1) {
      later(5);
      await pass();
    }
    expect(many.filter((name) => object(name) === undefined)).toEqual([]);
  });

  test('reports the same in a pass that read nothing as in one that read all', async () => {
    const tags = { 'a b': 'x' };
    const { pass, put, later, scan } = setUp(['a'], { tagLabels: ['a b'] });
    put('a', { fields: { tags } });
    await pass();
    const { labelsLeftOut, seen, unselected } = scan();
    later(1);
    expect(await pass()).toMatchObject({ outside: { labelsLeftOut: 1, seen: 1, unselected: 0 } });
    expect({ labelsLeftOut, seen, unselected }).toEqual({ labelsLeftOut: 1, seen: 1, unselected: 0 });
  });
});

describe('what is listed and cannot be read', () => {
  test('is a line in the report; its object says so when that lasts, and the others go on', async () => {
    const { pass, brief, later, put, object } = setUp(['a', 'b']);
    await pass();
    const access: SourceHooks = { found: (id, row) => (id === idOf('a') ? denied(id) : row) };
    put('b', { resourceId: 'new' });
    for (let minute = 0; minute < 100; minute += 1) {
      later(1);
      const report = await pass(access);
      expect(report.incomplete).toBeUndefined();
    }
    expect(brief('a')).toEqual(['Exists True Found', 'Synced False AccessDenied', 'Ready Unknown NotSynced']);
    expect(object('b')?.status?.observed?.resourceId).toBe('new');
    await pass();
    expect(brief('a')).toEqual(['Exists True Found', 'Synced True Observed', 'Ready True Available']);
  });

  test('has its turn again until it could be read or its object says that it could not', async () => {
    const { pass, asked, later } = setUp(['a']);
    await pass();
    later(60);
    const access: SourceHooks = { found: (id) => new Error(`${id} timed out`) };
    asked();
    await pass(access);
    later(1);
    await pass(access);
    expect(asked()).toEqual(['a', 'a']);
  });

  test("is the place's trouble where nothing at all can be read: the scan is incomplete, no object changes", async () => {
    const { pass, later, cluster, asked } = setUp(hundred);
    await pass();
    later(1);
    asked();
    const before = cluster.writes.length;
    const report = await pass({ found: denied }, { selection: 'another' });
    expect(report.incomplete).toMatchObject({ message: expect.stringContaining('no access') });
    expect(cluster.writes.slice(before).map(({ plural }) => plural)).toEqual(['mirrorscans']);
    expect(asked()).toHaveLength(100);
  });

  test('and what is new and denied does not keep the listing from being complete', async () => {
    const many = Array.from({ length: 20 }, (_, index) => `denied-${index}`);
    const { pass, put, world, brief } = setUp(['a', 'b']);
    await pass();
    for (const name of many) put(name);
    world.rows.delete(idOf('b'));
    const report = await pass({ found: (id, row) => (id.includes('denied') ? denied(id) : row) });
    expect(report.incomplete).toBeUndefined();
    expect(report.clusters[0]).toMatchObject({ counts: { failed: 20, marked: 1 } });
    expect(brief('b')).toContain('Exists False NotFound');
  });

  test('makes an object that was marked as gone exist again, because the listing holds it', async () => {
    const { pass, world, brief } = setUp(['a', 'b']);
    await pass();
    const row = world.rows.get(idOf('b'));
    world.rows.delete(idOf('b'));
    await pass();
    expect(brief('b')).toContain('Exists False NotFound');
    if (row !== undefined) world.rows.set(idOf('b'), row);
    await pass({ found: (id, found) => (id === idOf('b') ? denied(id) : found) });
    expect(brief('b')).toEqual(['Exists True Found', 'Synced False AccessDenied', 'Ready Unknown NotSynced']);
  });

  test('is left to the next listing where a direct question finds it gone meanwhile', async () => {
    const { pass, brief, later } = setUp(['a']);
    await pass();
    later(61);
    const report = await pass({ found: () => undefined });
    expect(report).toMatchObject({ ok: true, clusters: [{ counts: { unchanged: 1, marked: 0 } }] });
    expect(brief('a')).toContain('Exists True Found');
  });

  test('an id that is no id makes the listing incomplete, one of another place makes it void', async () => {
    const { pass, world } = setUp(['a']);
    world.rows.set(idOf('broken'), { id: 'nonsense' });
    expect(await pass()).toMatchObject({ incomplete: { reason: 'BadAnswer' } });
    const elsewhere = idOf('b', { account: '1', region: 'other' });
    expect(await pass({ page: () => [{ id: elsewhere }] })).toMatchObject({ incomplete: { reason: 'WrongPlace' } });
  });
});

test('a second cluster that joins later is filled at once, the first is not written to', async () => {
  const { pass, cluster, asked } = setUp(['a', 'b']);
  await pass();
  await pass();
  asked();
  const second = memoryCluster({ name: 'second', time: cluster.time });
  const before = cluster.writes.length;
  await pass({}, {}, [cluster, second]);
  expect(asked()).toEqual(['a', 'b']);
  expect(second.objects('things')).toHaveLength(2);
  expect(cluster.writes.length).toBe(before);
});
