import { describe, expect, test } from 'vitest';
import { mirrorOf } from '../lib/mirror.ts';
import { conditionOf } from '../lib/object.ts';
import { type SyncOptions, sync } from '../lib/sync.ts';
import { memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type Row, type SourceHooks, type World } from './memory/memory-source.ts';

const scope = { account: '1', region: 'r' };
const minute = 60_000;

function setUp(names: readonly string[] = []) {
  const world: World = { rows: new Map(), calls: [] };
  const put = (name: string, row: Partial<Row> = {}) =>
    world.rows.set(idOf(name), { id: idOf(name), state: 'available', ...row });
  for (const name of names) put(name);
  const cluster = memoryCluster();
  const wish = { selects: (_: object) => true };
  const mirror = mirrorOf({ name: 'production', namespace: 'external', selects: (fields) => wish.selects(fields) });
  const source = memorySource({ world });
  const pass = (access: SourceHooks = {}, options: SyncOptions = {}) =>
    sync({ mirror, source, scope, access }, [cluster], options);
  const named = (names: readonly string[], access: SourceHooks = {}) =>
    pass(access, { ids: names.map((name) => idOf(name)) });
  const object = (name: string) => cluster.objects('things').find(({ spec }) => spec?.name === name);
  const brief = (name: string) =>
    object(name)?.status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
  const scan = () => cluster.objects('mirrorscans')[0];
  const later = (minutes: number) => {
    cluster.time.now += minutes * minute;
  };
  return { world, put, cluster, pass, named, object, brief, scan, later, wish };
}

const counts = async (report: ReturnType<typeof sync>) => (await report).clusters[0]?.counts;

describe('a whole pass', () => {
  test('makes the cluster equal to the outside, and says what it came to', async () => {
    const { put, world, pass, object, scan } = setUp(['a', 'b', 'c']);
    expect(await pass()).toMatchObject({
      ok: true,
      outside: { seen: 3 },
      calls: 3,
      clusters: [{ counts: { created: 3 } }],
    });
    put('a', { state: 'stopped' });
    put('d', { excluded: 'a queue' });
    put('e', { state: 7 });
    world.rows.delete(idOf('c'));
    const report = await pass();
    expect(report).toMatchObject({ ok: false, outside: { seen: 3, excluded: 1, invalid: 1 } });
    expect(report.clusters[0]).toMatchObject({ counts: { updated: 1, unchanged: 1, marked: 1, refused: 1 } });
    expect(object('a')?.status?.observed).toEqual({ state: 'stopped' });
    expect(scan()?.status).toMatchObject({ seen: 3, marked: 1, refused: 1, error: expect.stringContaining('Invalid') });
  });

  test('takes what is gone in two passes, with the grace between them', async () => {
    const { world, pass, object, brief, later } = setUp(['a', 'b']);
    await pass();
    world.rows.delete(idOf('b'));
    await pass();
    expect(brief('b')).toContain('Exists False NotFound');
    later(9);
    expect(await counts(pass())).toMatchObject({ kept: 1, deleted: 0 });
    later(1);
    expect(await counts(pass())).toMatchObject({ deleted: 1 });
    expect(object('b')).toBeUndefined();
  });

  test('takes what is not selected any more the same two steps', async () => {
    const { pass, brief, wish, later, object } = setUp(['a']);
    await pass();
    wish.selects = () => false;
    expect(await pass()).toMatchObject({ outside: { unselected: 1 }, clusters: [{ counts: { marked: 1 } }] });
    expect(brief('a')).toContain('Synced False NotSelected');
    later(10);
    expect(await counts(pass())).toMatchObject({ deleted: 1 });
    expect(object('a')).toBeUndefined();
  });

  test('does not count what is neither selected nor there', async () => {
    const { pass, wish } = setUp(['a', 'b']);
    wish.selects = () => false;
    expect(await pass()).toMatchObject({ outside: { unselected: 2 }, clusters: [{ counts: { unchanged: 0 } }] });
  });

  test('asks for no more than its budget, and keeps the others', async () => {
    const { world, pass } = setUp(['a', 'b', 'c', 'd']);
    await pass();
    world.rows.clear();
    expect(await counts(pass({}, { limits: { confirmations: 3 } }))).toMatchObject({ marked: 3, kept: 1 });
  });

  test('holds many removals until a person lets exactly these go', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `n${index}`);
    const { world, pass, cluster, later, scan } = setUp(names);
    await pass();
    world.rows.clear();
    await pass();
    later(10);
    expect((await pass()).clusters[0]).toMatchObject({ blocked: 8, counts: { deleted: 0, kept: 8 } });
    const { approval } = (scan()?.status?.blockedRemoval ?? {}) as { approval?: string };
    cluster.tamper('kubectl', 'mirrorscans', scan()?.metadata.name ?? '', (object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { 'skymirror.dev/approve-removals': approval ?? '' } },
    }));
    expect((await pass()).clusters[0]).toMatchObject({ blocked: 0, counts: { deleted: 8 } });
  });
});

describe('a pass that could not see all', () => {
  const boom = () => {
    throw new Error('throttled');
  };
  const cases: [string, SourceHooks, string][] = [
    ['the credentials are of another account', { account: '2' }, 'WrongPlace'],
    [
      'a row lies in another account',
      { page: (rows) => [...rows, { id: idOf('x', { account: '2', region: 'r' }), state: 'a' }] },
      'WrongPlace',
    ],
    ['a row has no id', { page: (rows) => rows.map((row) => ({ ...row, id: undefined })) }, 'BadAnswer'],
    ['the listing fails', { before: ({ verb }) => (verb === 'page' ? boom() : undefined) }, 'Unreachable'],
    ['the listing is empty, and a question is not', { page: () => [] }, 'Untrusted'],
  ];

  test.each(cases)('because %s takes nothing away', async (_, hooks, reason) => {
    const { pass, cluster, scan } = setUp(['a', 'b', 'c']);
    await pass();
    const before = cluster.objects('things');
    expect(await pass(hooks)).toMatchObject({ ok: false, incomplete: { reason } });
    expect(cluster.objects('things')).toEqual(before);
    expect(conditionOf(scan() ?? expect.fail(), 'Complete')).toMatchObject({ status: 'False', reason });
  });

  test('for longer than staleAfter says so on its objects, a few at a time', async () => {
    const { pass, brief, later } = setUp(['a', 'b', 'c']);
    await pass();
    later(16);
    const limits = { staleWrites: 2 };
    const hooks: SourceHooks = { before: () => boom() };
    expect(await counts(pass(hooks, { limits }))).toMatchObject({ updated: 2, kept: 1 });
    expect(await counts(pass(hooks, { limits }))).toMatchObject({ updated: 1, kept: 2 });
    expect(brief('a')).toEqual(['Exists Unknown NotSeen', 'Synced False Unreachable', 'Ready True Available']);
    expect(await counts(pass())).toMatchObject({ updated: 3 });
  });

  test('keeps what could not be asked for, one line each', async () => {
    const { world, pass, brief } = setUp(['a']);
    await pass();
    world.rows.clear();
    const report = await pass({ found: () => new Error('denied') });
    expect(report.clusters[0]?.failures).toMatchObject([{ message: 'could not be asked for: denied' }]);
    expect(brief('a')).toContain('Exists True Found');
  });

  test('because its time was over says that it was interrupted', async () => {
    const stop = new AbortController();
    const { pass, object } = setUp(['a', 'b', 'c']);
    const after: SourceHooks['after'] = ({ verb }) => (verb === 'page' ? stop.abort() : undefined);
    const report = await pass({ after }, { signal: stop.signal });
    expect(report).toMatchObject({
      ok: false,
      incomplete: { reason: 'Interrupted', message: expect.stringContaining('ended') },
    });
    expect(object('a')).toBeUndefined();
  });
});

describe('a pass over ids', () => {
  test('creates, updates and marks, and leaves the scan alone', async () => {
    const { put, named, brief, scan, world } = setUp(['a', 'b']);
    expect(await counts(named(['a', 'a']))).toMatchObject({ created: 1 });
    put('a', { state: 'stopped' });
    expect(await counts(named(['a']))).toMatchObject({ updated: 1 });
    world.rows.delete(idOf('a'));
    expect(await counts(named(['a']))).toMatchObject({ marked: 1 });
    expect(brief('a')).toContain('Exists False NotFound');
    expect(scan()).toBeUndefined();
  });

  test('never deletes, whatever is due', async () => {
    const { named, world, later } = setUp(['a']);
    await named(['a']);
    world.rows.clear();
    await named(['a']);
    later(60);
    expect(await counts(named(['a']))).toMatchObject({ deleted: 0, kept: 1 });
  });

  test('has a line for each id that is none, cannot be asked for, or cannot be read', async () => {
    const { pass, world } = setUp(['a', 'b', 'c']);
    const found: SourceHooks['found'] = (id, row) =>
      id === idOf('a') ? new Error('denied') : id === idOf('b') ? { id: undefined } : row;
    const elsewhere = idOf('x', { account: '2', region: 'r' });
    const ids = ['nonsense', elsewhere, idOf('a'), idOf('b'), idOf('c')];
    const report = await pass({ found }, { ids });
    expect(report.clusters[0]).toMatchObject({ counts: { created: 1, failed: 4 } });
    expect(report.clusters[0]?.failures).toEqual([
      { name: 'nonsense', message: 'not an id of Thing in 1/r' },
      { name: elsewhere, message: 'not an id of Thing in 1/r' },
      { name: idOf('a'), message: 'denied' },
      { name: idOf('b'), message: 'cannot be read: a row without an id' },
    ]);
    expect(world.calls.filter(({ verb }) => verb === 'page')).toEqual([]);
  });

  test('that could not look changes nothing', async () => {
    const { named, cluster } = setUp(['a']);
    const report = await named(['a'], { account: '2' });
    expect(report).toMatchObject({ ok: false, incomplete: { reason: 'WrongPlace' } });
    expect(cluster.writes).toEqual([]);
  });
});
