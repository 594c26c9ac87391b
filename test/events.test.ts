import { describe, expect, test } from 'vitest';
import { ApiError } from '../lib/cluster.ts';
import { eventOf, happenings } from '../lib/events.ts';
import { mirrorOf } from '../lib/mirror.ts';
import type { KubernetesObject } from '../lib/object.ts';
import { sync } from '../lib/sync.ts';
import { type ClusterHooks, memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type Row, type World } from './memory/memory-source.ts';

function setUp(names: readonly string[], hooks: ClusterHooks = {}) {
  const world: World = { rows: new Map(), calls: [] };
  const put = (name: string, row: Partial<Row> = {}) =>
    world.rows.set(idOf(name), { id: idOf(name), state: 'available', ...row });
  for (const name of names) put(name);
  const cluster = memoryCluster({ hooks });
  const source = memorySource({ world, pageSize: 100 });
  const mirror = mirrorOf({ name: 'test', namespace: 'external', graceSeconds: 0, maxRemovalPercent: 100 });
  const pass = () => sync({ mirror, source, scope: { account: '1', region: 'r' }, access: {} }, [cluster]);
  const told = () =>
    [...cluster.events.values()].map(({ reason, note, type, count, regarding }) => {
      const name = regarding.kind === 'Thing' ? regarding.name.split('-')[0] : regarding.kind;
      return `${type} ${reason} ${name}: ${note} x${count}`;
    });
  return { world, put, cluster, pass, told };
}

describe('Events', () => {
  test('tell what happened outside, and nothing of what is seen for the first time', async () => {
    const { world, put, pass, told } = setUp(['a', 'b', 'c']);
    expect(await pass()).toMatchObject({ ok: true });
    await pass();
    expect(told()).toEqual([]);
    put('a', { state: 'stopped' });
    put('b', { resourceId: 'another' });
    world.rows.delete(idOf('c'));
    await pass();
    expect(told()).toEqual([
      'Warning StateChanged a: available -> stopped x1',
      'Normal Replaced b: another resource x1',
      'Warning Gone c: It is not there any more: asked for by its id, the answer was "not found". x1',
    ]);
  });

  test('tell that something is there again', async () => {
    const { world, put, pass, told } = setUp(['a', 'b']);
    await pass();
    world.rows.delete(idOf('b'));
    await pass();
    put('b');
    await pass();
    expect(told().at(-1)).toBe('Normal Returned b: It exists again. x1');
  });

  test('count up where the same thing happens again', async () => {
    const { put, pass, told } = setUp(['a']);
    await pass();
    for (let round = 0; round < 3; round += 1) {
      put('a', { state: 'stopped' });
      await pass();
      put('a');
      await pass();
    }
    expect(told()).toEqual([
      'Warning StateChanged a: available -> stopped x3',
      'Normal StateChanged a: stopped -> available x3',
    ]);
  });

  test('are no flood: what is beyond fifty in a pass is one Event on the scan', async () => {
    const names = Array.from({ length: 80 }, (_, index) => `n${index}`);
    const { put, pass, told } = setUp(names);
    await pass();
    for (const name of names) put(name, { state: 'stopped' });
    await pass();
    expect(told()).toHaveLength(51);
    expect(told().at(-1)).toBe(
      'Normal ManyChanges MirrorScan: 30 more changes in this pass have no Events of their own. x1',
    );
  });

  test('beyond the fifty are told of even where it is one', async () => {
    const names = Array.from({ length: 51 }, (_, index) => `n${index}`);
    const { put, pass, told } = setUp(names);
    await pass();
    for (const name of names) put(name, { state: 'stopped' });
    await pass();
    expect(told().at(-1)).toContain('1 more changes in this pass');
  });

  test('that cannot be written are no failure of the pass, and the report says why', async () => {
    const before: ClusterHooks['before'] = ({ verb }) => {
      if (verb === 'record') throw new Error('events are forbidden');
    };
    const { put, pass } = setUp(['a', 'b'], { before });
    await pass();
    put('a', { state: 'stopped' });
    put('b', { state: 'stopped' });
    expect(await pass()).toMatchObject({ ok: true, clusters: [{ untold: 'events are forbidden', failures: [] }] });
  });

  test('that the server refuses for what they say do not silence the others', async () => {
    let isFirst = true;
    const before: ClusterHooks['before'] = ({ verb }) => {
      if (verb !== 'record' || !isFirst) return;
      isFirst = false;
      throw new ApiError(422, 'Invalid', 'note: Invalid value');
    };
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const { put, pass, told } = setUp(names, { before });
    await pass();
    for (const name of names) put(name, { state: 'stopped' });
    expect(await pass()).toMatchObject({ ok: true, clusters: [{ untold: 'note: Invalid value' }] });
    expect(told()).toHaveLength(6);
  });

  test('that are forbidden are not tried one by one', async () => {
    let tried = 0;
    const before: ClusterHooks['before'] = ({ verb }) => {
      if (verb !== 'record') return;
      tried += 1;
      throw new ApiError(403, 'Forbidden', 'events are forbidden');
    };
    const names = Array.from({ length: 40 }, (_, index) => `n${index}`);
    const { put, pass } = setUp(names, { before });
    await pass();
    for (const name of names) put(name, { state: 'stopped' });
    await pass();
    expect(tried).toBeLessThanOrEqual(4);
  });

  test('that are told by a write that another run made are told once', async () => {
    const { put, pass, told } = setUp(['a']);
    await pass();
    put('a', { state: 'stopped' });
    await Promise.all([pass(), pass()]);
    expect(told()).toEqual(['Warning StateChanged a: available -> stopped x1']);
  });
});

test('an Event has a legal name and note, however long what it tells', () => {
  const object: KubernetesObject = {
    apiVersion: 'test/v1',
    kind: 'Thing',
    metadata: { name: 'n'.repeat(63), namespace: 'external', uid: 'u' },
  };
  const event = eventOf(object, { reason: 'StateChanged', type: 'Normal', message: '\u{1F600}'.repeat(2000) }, 0);
  expect(event.metadata.name).toMatch(/^n{63}\.[0-9a-z]{13}$/);
  expect(Buffer.byteLength(event.note)).toBe(1024);
  expect(event.note.isWellFormed()).toBe(true);
  expect(event.eventTime).toBe('1970-01-01T00:00:00.000000Z');
});

test('an object whose fields do not fit the schema tells nothing', () => {
  const source = memorySource({ world: { rows: new Map(), calls: [] } });
  const object = (observed: Record<string, unknown>): KubernetesObject => ({
    apiVersion: 'test/v1',
    kind: 'Thing',
    metadata: { name: 'a' },
    status: { observed },
  });
  expect(happenings(source, object({ state: 7 }), object({ state: 'stopped' }))).toEqual([]);
});

test('what is gone and written again tells nothing anew', () => {
  const source = memorySource({ world: { rows: new Map(), calls: [] } });
  const condition = {
    type: 'Exists',
    status: 'False',
    reason: 'NotFound',
    message: '',
    lastTransitionTime: '',
  } as const;
  const object = { apiVersion: 'test/v1', kind: 'Thing', metadata: { name: 'a' }, status: { conditions: [condition] } };
  expect(happenings(source, object, { ...object, metadata: { name: 'a', labels: { restored: 'yes' } } })).toEqual([]);
});
