import { describe, expect, test } from 'vitest';
import { ApiError, type RequestOptions } from '../lib/cluster.ts';
import { mirrorOf } from '../lib/mirror.ts';
import type { ResourceType } from '../lib/object.ts';
import { conditionOf } from '../lib/object.ts';
import { type SyncOptions, sync } from '../lib/sync.ts';
import { type ClusterHooks, type MemoryCluster, memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type SourceHooks, type World } from './memory/memory-source.ts';

const scope = { account: '1', region: 'r' };
const manyNames = (many: number) => Array.from({ length: many }, (_, index) => `n${String(index).padStart(2, '0')}`);

function setUp(names: readonly string[], pageSize = 2) {
  const world: World = { rows: new Map(), calls: [] };
  const put = (name: string, state = 'available') => world.rows.set(idOf(name), { id: idOf(name), state });
  for (const name of names) put(name);
  const mirror = mirrorOf({ name: 'production', namespace: 'external' });
  const source = memorySource({ world, pageSize });
  const pass = (clusters: readonly MemoryCluster[], access: SourceHooks = {}, options: SyncOptions = {}) =>
    sync({ mirror, source, scope, access }, clusters, options);
  const called = (verb: string) => world.calls.filter((call) => call.verb === verb).length;
  return { world, put, pass, called };
}

const objectIn = (cluster: MemoryCluster, name: string) =>
  cluster.objects('things').find(({ spec }) => spec?.name === name);
const existsIn = (cluster: MemoryCluster, name: string) =>
  conditionOf(objectIn(cluster, name) ?? expect.fail(name), 'Exists')?.status;

/** A cluster whose trouble begins when the test says so. */
function troubled(name = 'troubled') {
  const trouble: { before: ClusterHooks['before'] } = { before: undefined };
  const cluster = memoryCluster({ name, hooks: { before: (request) => trouble.before?.(request) } });
  return { cluster, trouble };
}

describe('several clusters', () => {
  test('are served by one look at the outside, but for one that cannot be served', async () => {
    const { pass, world } = setUp(['a']);
    const old = memoryCluster({ name: 'old' });
    old.revisions.set('things', 0);
    const report = await pass([memoryCluster(), old, memoryCluster({ name: 'other' })]);
    expect(report.clusters).toMatchObject([
      { cluster: 'memory', counts: { created: 1 } },
      { cluster: 'old', skipped: expect.stringContaining('SchemaTooOld') },
      { cluster: 'other', counts: { created: 1 } },
    ]);
    expect(report.ok).toBe(false);
    expect(world.calls).toHaveLength(2);
  });

  test('none of which can be read leave the outside alone, and the pass is not complete', async () => {
    const { pass, world } = setUp(['a']);
    const silent = {
      ...memoryCluster({ name: 'silent' }),
      schemaRevision: (_: ResourceType, { signal }: RequestOptions) =>
        new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('late')))),
    };
    const locked = memoryCluster({
      hooks: { before: () => Promise.reject(new ApiError(401, 'Unauthorized', 'no token')) },
    });
    const report = await pass([silent, locked], {}, { limits: { readDeadline: 5 } });
    expect(report).toMatchObject({
      ok: false,
      incomplete: { reason: 'NoCluster', message: expect.stringContaining('No cluster could be read') },
      calls: 0,
      clusters: [{ skipped: 'not read within 0.005 s: late' }, { skipped: 'no token' }],
    });
    expect(world.calls).toEqual([]);
  });

  test('none of which can be written to end the pass', async () => {
    const { pass, called } = setUp(['a', 'b', 'c', 'd', 'e']);
    const { cluster, trouble } = troubled();
    trouble.before = ({ verb }) =>
      verb === 'create' ? Promise.reject(new ApiError(401, 'Unauthorized', 'no')) : undefined;
    expect(await pass([cluster])).toMatchObject({
      incomplete: { message: expect.stringContaining('No cluster can be written to: ') },
    });
    expect(called('page')).toBe(1);
  });

  test('do not wait for one that is slow: it is served by a pass of its own', async () => {
    const gate = Promise.withResolvers<void>();
    const { pass } = setUp(['a', 'b', 'c']);
    const { cluster: slow, trouble } = troubled('slow');
    trouble.before = ({ verb }) => (verb === 'create' ? gate.promise : undefined);
    let pages = 0;
    const before: SourceHooks['before'] = ({ verb }) => {
      pages += verb === 'page' ? 1 : 0;
      if (pages === 2) gate.resolve();
    };
    const report = await pass([memoryCluster(), slow], { before }, { limits: { patience: 1 } });
    expect(report).toMatchObject({ ok: true, clusters: [{ counts: { created: 3 } }, { cluster: 'slow' }] });
    expect(slow.objects('things')).toHaveLength(3);
  });

  test.each([
    ['is cut by the end of the time: the pass was not through', 'end', 'Interrupted'],
    ['meets an outside that no longer answers: the pass is not complete', 'outside', 'Unreachable'],
  ] as const)('one of which is late and then %s', async (_, how, reason) => {
    const { pass, called } = setUp(manyNames(6));
    const reported = Promise.withResolvers<void>();
    const prompt = memoryCluster({
      hooks: {
        after: ({ verb, plural }) =>
          plural === 'mirrorscans' && verb === 'replaceStatus' ? reported.resolve() : undefined,
      },
    });
    const { cluster: slow, trouble } = troubled('slow');
    trouble.before = ({ verb }) => (verb === 'create' ? reported.promise : undefined);
    const stop = new AbortController();
    const before: SourceHooks['before'] = ({ verb }) => {
      // The first pass has three pages; the further ones are those of the late cluster alone.
      if (verb !== 'page' || called('page') < 5) return;
      if (how === 'outside') throw new Error('no route to host');
      stop.abort();
    };
    const report = await pass([prompt, slow], { before }, { limits: { patience: 1 }, signal: stop.signal });
    expect(report).toMatchObject({ ok: false, incomplete: { reason }, clusters: [{ counts: { created: 6 } }, {}] });
    expect(slow.objects('things').length).toBeLessThan(6);
  });

  test('one of which is late and then cannot be read: the outside was seen, and that one is skipped', async () => {
    const { pass } = setUp(['a', 'b', 'c']);
    const { cluster: slow, trouble } = troubled('slow');
    const reported = Promise.withResolvers<void>();
    const prompt = memoryCluster({
      hooks: {
        after({ verb, plural }) {
          if (plural !== 'mirrorscans' || verb !== 'replaceStatus') return;
          trouble.before = () => Promise.reject(new ApiError(401, 'Unauthorized', 'no token'));
          reported.resolve();
        },
      },
    });
    trouble.before = ({ verb }) => (verb === 'create' ? reported.promise : undefined);
    const report = await pass([prompt, slow], {}, { limits: { patience: 1 } });
    expect(report).toMatchObject({ ok: false, clusters: [{ counts: { created: 3 } }, { skipped: 'no token' }] });
    expect(report).not.toHaveProperty('incomplete');
  });

  test('have their scans before the writes of one that is late have ended', async () => {
    const { pass } = setUp(['a', 'b', 'c']);
    const reported = Promise.withResolvers<void>();
    const prompt = memoryCluster({
      hooks: {
        after: ({ verb, plural }) =>
          plural === 'mirrorscans' && verb === 'replaceStatus' ? reported.resolve() : undefined,
      },
    });
    const { cluster: slow, trouble } = troubled('slow');
    trouble.before = ({ verb }) => (verb === 'create' ? reported.promise : undefined);
    const report = await pass([prompt, slow], {}, { limits: { patience: 1 } });
    expect(report).toMatchObject({ ok: true, clusters: [{ counts: { created: 3 } }, { cluster: 'slow' }] });
    expect(slow.objects('mirrorscans')).toHaveLength(1);
  });

  test('mark what is gone while another one hangs in its marks', async () => {
    const names = manyNames(12);
    const { pass, world } = setUp(names);
    const { cluster: hung, trouble } = troubled('hung');
    const marked = Promise.withResolvers<void>();
    let marks = 0;
    const healthy = memoryCluster({
      hooks: {
        after: ({ verb, plural }) => {
          if (world.rows.size === 0 && verb === 'replaceStatus' && plural === 'things') marks += 1;
          if (marks === 10) marked.resolve();
        },
      },
    });
    await pass([hung, healthy]);
    world.rows.clear();
    trouble.before = ({ verb, plural }) =>
      verb === 'replaceStatus' && plural === 'things' ? marked.promise : undefined;
    const report = await pass([hung, healthy]);
    expect(report.clusters).toMatchObject([{ counts: { marked: 12 } }, { counts: { marked: 12 } }]);
  });
});

describe('a cluster that refuses', () => {
  test('one create for a quota still gets updates, marks and the other creates', async () => {
    const { pass, put, world } = setUp(['a', 'b', 'c']);
    const { cluster, trouble } = troubled();
    await pass([cluster]);
    world.rows.delete(idOf('c'));
    put('aa-new');
    put('b', 'stopped');
    put('z');
    const message = 'things "aa-new" is forbidden: exceeded quota: q, used: 3, limited: 3';
    trouble.before = ({ verb, name }) =>
      verb === 'create' && name.startsWith('aa-new')
        ? Promise.reject(new ApiError(403, 'Forbidden', message))
        : undefined;
    const report = await pass([cluster]);
    expect(report.incomplete).toBeUndefined();
    expect(report.clusters[0]).toMatchObject({
      counts: { created: 1, updated: 1, marked: 1, failed: 1 },
      failures: [{ message }],
    });
    expect([existsIn(cluster, 'c'), existsIn(cluster, 'z')]).toEqual(['False', 'True']);
    expect(objectIn(cluster, 'b')?.status?.observed).toEqual({ state: 'stopped' });
    const [scan] = cluster.objects('mirrorscans');
    expect(conditionOf(scan ?? expect.fail(), 'Complete')?.status).toBe('True');
    expect(conditionOf(scan ?? expect.fail(), 'Applied')).toMatchObject({ status: 'False', message });
  });

  test('with a server error for a whole round of writes is left, and the outside is not listed any further', async () => {
    const { pass, called } = setUp(manyNames(80), 40);
    const { cluster, trouble } = troubled();
    trouble.before = ({ verb, plural }) =>
      verb === 'create' && plural === 'things' ? Promise.reject(new ApiError(500, 'InternalError', 'etcd')) : undefined;
    const report = await pass([cluster]);
    expect(report).toMatchObject({
      ok: false,
      incomplete: { message: expect.stringContaining('No cluster can be written to: ') },
    });
    expect(report.clusters[0]?.failures.length).toBeLessThanOrEqual(16);
    expect(called('page')).toBe(1);
  });

  test('with a server error for four objects still gets all the others', async () => {
    const { pass } = setUp(manyNames(40), 40);
    const { cluster, trouble } = troubled();
    trouble.before = ({ verb, name }) =>
      verb === 'create' && /^n0[0-3]-/.test(name)
        ? Promise.reject(new ApiError(500, 'InternalError', 'a webhook fails'))
        : undefined;
    const report = await pass([cluster]);
    expect(report.incomplete).toBeUndefined();
    expect(report.clusters[0]?.counts).toMatchObject({ created: 36, failed: 4 });
  });

  test('because its CRD went in mid-pass is left at once, and nobody asks the outside about each object', async () => {
    const { pass, world, called } = setUp(manyNames(50), 50);
    const { cluster, trouble } = troubled();
    trouble.before = ({ verb, plural }) =>
      verb === 'create' && plural === 'things'
        ? Promise.reject(new ApiError(404, '', '404 page not found'))
        : undefined;
    const report = await pass([cluster]);
    expect(report).toMatchObject({
      ok: false,
      incomplete: { message: expect.stringContaining('No cluster can be written to: ') },
    });
    expect(report.clusters[0]?.failures.length).toBeLessThanOrEqual(16);
    expect(called('get')).toBe(0);
    expect(world.calls).toHaveLength(2);
  });
});
