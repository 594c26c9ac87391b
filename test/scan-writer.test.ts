import { describe, expect, test } from 'vitest';
import type { Writer } from '../lib/apply.ts';
import { ApiError } from '../lib/cluster.ts';
import type { Inside } from '../lib/inside.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { conditionOf } from '../lib/object.ts';
import { readInside } from '../lib/read-inside.ts';
import type { BrakeResult } from '../lib/removal.ts';
import { remember, scanName } from '../lib/scan.ts';
import { reportPass, reread, reserve } from '../lib/scan-writer.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { type ClusterHooks, memoryCluster } from './memory/memory-cluster.ts';

const mirror = mirrorOf({ name: 'production', namespace: 'external' });
const target = { mirror, source: rdsInstance, scope: { account: '111122223333', region: 'eu-west-1' } };
const seen = { seen: 7, invalid: 0, unselected: 0, excluded: 1, labelsLeftOut: 0 };
const releases = (...uids: string[]): BrakeResult => ({
  released: new Set(uids),
  due: [],
  waiting: 0,
  limit: 5,
  deletedBefore: 0,
});

async function setUp(hooks: ClusterHooks = {}) {
  const memory = memoryCluster();
  const cluster = memory.client(hooks);
  const stop = new AbortController();
  const options = { signal: stop.signal, clock: () => 0 };
  const inside: Inside = await readInside(target, cluster, undefined, options);
  const outside: Writer['outside'] = {
    prove: async () => undefined,
    list: async function* () {},
    get: async () => new Map(),
    calls: () => 0,
    close: () => undefined,
  };
  const writer: Writer = { target, cluster, outside, whole: true, maxObservationAge: 0, ...options };
  const scan = () => memory.objects('mirrorscans')[0];
  const report = (more: object = {}) =>
    reportPass(inside, { seen, incomplete: undefined, listed: true, calls: 2, turns: undefined, ...more });
  return { memory, inside, writer, stop, scan, report, served: { inside, writer } };
}

describe('a pass that is reported', () => {
  test('makes the scan, with what it saw and did', async () => {
    const { report, scan, inside } = await setUp();
    inside.counts.created = 3;
    await report();
    expect(scan()).toMatchObject({
      metadata: { name: scanName(target) },
      status: { seen: 7, excluded: 1, created: 3, calls: 2 },
    });
    expect(scan()?.status).not.toHaveProperty('unchanged');
    expect(inside.failures).toEqual([]);
  });

  test('again, with nothing new, writes nothing', async () => {
    const { report, memory } = await setUp();
    await report();
    const writes = memory.writes.length;
    await report();
    expect(memory.writes).toHaveLength(writes);
  });

  test.each([
    [1, 'a: refused'],
    [3, 'a: refused (and 2 more)'],
  ])('with %d failures shows the first of them', async (count, message) => {
    const { report, scan, inside } = await setUp();
    inside.failures.push(...Array.from({ length: count }, () => ({ name: 'a', message: 'a: refused' })));
    await report();
    expect(conditionOf(scan() ?? expect.fail(), 'Applied')).toMatchObject({ status: 'False', message });
  });

  test('shows the failure whose name is the alphabetically first, in whatever order they came', async () => {
    const { report, scan, inside } = await setUp();
    for (const name of ['c', 'a', 'b']) inside.failures.push({ name, message: `${name}: refused` });
    await report();
    const applied = conditionOf(scan() ?? expect.fail(), 'Applied');
    expect(applied?.message).toBe('a: refused (and 2 more)');
  });

  test('that ended early shows why, whatever failed before', async () => {
    const { report, scan, inside } = await setUp();
    inside.failures.push({ name: 'a', message: 'a: refused' });
    inside.broken = 'RBAC does not allow it';
    await report({ incomplete: { reason: 'Throttled', message: 'AWS throttles' } });
    expect(conditionOf(scan() ?? expect.fail(), 'Applied')?.message).toBe('RBAC does not allow it');
    expect(conditionOf(scan() ?? expect.fail(), 'Complete')).toMatchObject({ status: 'False', reason: 'Throttled' });
  });

  test('is written over what somebody else wrote meanwhile', async () => {
    const { report, scan, memory, inside } = await setUp();
    await report();
    memory.tamper('kubectl', 'mirrorscans', scanName(target), (object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { a: 'b' } },
    }));
    inside.counts.created = 1;
    await report();
    expect(scan()).toMatchObject({ metadata: { annotations: { a: 'b' } }, status: { created: 1 } });
  });

  test('is made anew where somebody deleted the scan meanwhile', async () => {
    const { report, scan, memory, inside } = await setUp();
    await report();
    memory.drop('mirrorscans', scanName(target));
    inside.counts.created = 1;
    await report();
    expect(scan()).toMatchObject({ status: { created: 1 } });
  });

  test('into a namespace that is not there is one more failure', async () => {
    const { report, memory, inside } = await setUp();
    memory.namespaceState = 'missing';
    await report();
    expect(inside.failures).toEqual([
      { name: 'MirrorScan', message: expect.stringContaining('namespaces "external"') },
    ]);
  });
});

describe('deletes', () => {
  test('are entered before they happen', async () => {
    const { served, scan, inside } = await setUp();
    expect(await reserve(served, 2, () => releases('a', 'b'))).toBe(true);
    expect(remember(scan()).history).toMatchObject([{ deleted: 2 }]);
    expect(inside.brake).toEqual(releases('a', 'b'));
  });

  test('that were refused are taken back once, also where the answer to that was lost', async () => {
    let resets = false;
    const { served, report, scan, inside } = await setUp({ resets: ({ verb }) => resets && verb === 'replaceStatus' });
    await reserve(served, 3, () => releases('a', 'b', 'c'));
    inside.unbooked = 1;
    resets = true;
    await report();
    expect(remember(scan()).history).toMatchObject([{ deleted: 2 }]);
  });

  test('that the brake holds need no entry', async () => {
    const { served, scan } = await setUp();
    expect(await reserve(served, 2, () => releases())).toBe(true);
    expect(scan()).toBeUndefined();
  });

  test('are put before the brake again where somebody else wrote the scan', async () => {
    const { served, report, memory, scan } = await setUp();
    await report();
    memory.tamper('other', 'mirrorscans', scanName(target), (object) => ({
      ...object,
      metadata: { ...object.metadata, labels: {} },
    }));
    const judgements = [releases('a', 'b'), releases()];
    expect(await reserve(served, 2, () => judgements.shift() ?? expect.fail())).toBe(true);
    expect(judgements).toEqual([]);
    expect(remember(scan()).history).toMatchObject([{ deleted: 0 }]);
  });

  test.each([
    ['others write it again and again', new ApiError(409, 'Conflict', 'modified')],
    ['no', new ApiError(403, 'Forbidden', 'no')],
  ])('do not happen where they cannot be entered: %s', async (why, error) => {
    const { served, inside } = await setUp({
      before: ({ verb }) => (verb === 'create' ? Promise.reject(error) : undefined),
    });
    expect(await reserve(served, 2, () => releases('a'))).toBe(false);
    const message = `nothing is deleted, the scan ${scanName(target)} could not be written: ${why}`;
    expect(inside).toMatchObject({ broken: message, failures: [{ name: 'MirrorScan', message }] });
  });
});

describe('a scan that is read again', () => {
  test('is what others made of it meanwhile', async () => {
    const { served, report, memory, inside } = await setUp();
    await report();
    memory.tamper('other', 'mirrorscans', scanName(target), (object) => ({
      ...object,
      status: { lastCompleted: '2026-05-04T12:00:00Z' },
    }));
    expect(await reread(served)).toBe(true);
    expect(remember(inside.scan).completed).toBe(Date.parse('2026-05-04T12:00:00Z'));
  });

  test('and cannot be read ends the part of the cluster', async () => {
    let fails = false;
    const { served, inside } = await setUp({ before: () => (fails ? Promise.reject('away') : undefined) });
    fails = true;
    expect(await reread(served)).toBe(false);
    expect(inside).toMatchObject({ broken: 'away', failures: [{ name: 'MirrorScan', message: 'away' }] });
  });

  test('is not read once the pass is over', async () => {
    const { served, stop, inside } = await setUp();
    stop.abort();
    expect(await reread(served)).toBe(false);
    expect(inside.failures).toEqual([]);
  });
});
