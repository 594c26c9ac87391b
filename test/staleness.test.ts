import { expect, test } from 'vitest';
import { conditionOf } from '../lib/object.ts';
import { estateOf } from './staleness-world.ts';

const names = Array.from({ length: 200 }, (_, number) => `n${String(number).padStart(3, '0')}`);
const few = ['a', 'b', 'c', 'd'];

/** How many conditions of that type have each status. */
function statuses(objects: ReadonlyMap<unknown, Parameters<typeof conditionOf>[0]>, type: string) {
  const found = [...objects.values()].map((object) => conditionOf(object, type)?.status ?? 'none');
  return Object.fromEntries(
    [...new Set(found)].map((status) => [status, found.filter((one) => one === status).length]),
  );
}

test('an outage of hours writes each object twice, a bounded number in each pass, whatever its reasons are', async () => {
  const estate = estateOf({ names, pageSize: 1000, limits: { staleWrites: names.length / 10 } });
  const [target = expect.fail()] = estate.targets;
  const [cluster = expect.fail()] = estate.clusters;
  await estate.pass(target);
  const perPass: number[] = [];
  for (let minute = 1; minute <= 60; minute += 1) {
    estate.wait(60);
    const before = cluster.writes.length;
    await estate.pass(target, { reason: minute % 2 === 0 ? 'AccessDenied' : 'Throttled', at: 'prove' });
    perPass.push(cluster.writes.slice(before).filter(({ plural }) => plural === 'things').length);
  }
  expect(perPass.slice(0, 15)).toEqual(Array(15).fill(0));
  expect(Math.max(...perPass)).toBe(names.length / 10);
  expect(perPass.reduce((sum, count) => sum + count)).toBe(2 * names.length);
  expect(perPass.slice(50)).toEqual(Array(10).fill(0));
  for (const type of ['Exists', 'Ready'])
    expect(statuses(estate.objectsOf(0), type)).toEqual({ Unknown: names.length });
  const before = cluster.writes.length;
  estate.wait(60);
  await estate.pass(target);
  const back = cluster.writes.slice(before).filter(({ plural }) => plural === 'things');
  expect(back).toHaveLength(names.length);
  for (const type of ['Exists', 'Synced', 'Ready'])
    expect(statuses(estate.objectsOf(0), type)).toEqual({ True: names.length });
});

test('an outage for one reason writes its scan once, then with the heartbeat and with what it tells of objects', async () => {
  const estate = estateOf({ names: few });
  const [target = expect.fail()] = estate.targets;
  const [cluster = expect.fail()] = estate.clusters;
  await estate.pass(target);
  const before = cluster.writes.length;
  for (let minute = 0; minute < 180; minute += 1) {
    estate.wait(60);
    await estate.pass(target, { reason: 'Throttled', at: 'page' });
  }
  const scans = cluster.writes.slice(before).filter(({ plural }) => plural === 'mirrorscans');
  // Three hours of heartbeats each five minutes, the beginning, and twice that objects were written and then were not.
  expect(scans.length).toBeLessThanOrEqual(3 * 12 + 1 + 4);
  expect(scans.length).toBeGreaterThanOrEqual(3 * 12);
});

test('an outage that ends and returns calls nothing stale that was seen in between', async () => {
  const estate = estateOf({ names: few });
  const [target = expect.fail()] = estate.targets;
  await estate.pass(target);
  for (let minute = 0; minute < 120; minute += 1) {
    estate.wait(60);
    await estate.pass(target, minute % 13 === 0 ? undefined : { reason: 'Unreachable', at: 'prove' });
    expect(statuses(estate.objectsOf(0), 'Exists')).toEqual({ True: few.length });
  }
});

test.each([
  ['rows', undefined],
  ['bare ids', 600],
])(
  'an outage of two resources alone, where %s are listed, is told by their objects alone',
  async (_, refreshSeconds) => {
    const estate = estateOf({ names: few, ...(refreshSeconds === undefined ? {} : { refreshSeconds }) });
    const [target = expect.fail()] = estate.targets;
    await estate.pass(target);
    const [one = '', other = '', ...rest] = target.ids;
    const before = estate.objectsOf(0);
    const hooks = {
      page: (rows: readonly { readonly id: string | undefined }[]) =>
        refreshSeconds === undefined ? rows.filter(({ id }) => id !== one && id !== other) : rows,
      found: <Row>(id: string, row: Row) => (id === one || id === other ? new Error('nobody may look') : row),
    };
    for (let minute = 0; minute < 90; minute += 1) {
      estate.wait(60);
      const { clusters } = await estate.pass(target, undefined, hooks);
      expect(clusters[0]?.counts).toMatchObject({ marked: 0, deleted: 0 });
    }
    const after = estate.objectsOf(0);
    for (const id of rest) expect(after.get(id)).toEqual(before.get(id));
    for (const id of [one, other]) {
      const object = after.get(id) ?? expect.fail();
      expect(conditionOf(object, 'Exists')?.status).toBe(refreshSeconds === undefined ? 'Unknown' : 'True');
      expect(conditionOf(object, 'Synced')).toMatchObject({ status: 'False', reason: 'Unreachable' });
      expect(conditionOf(object, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'NotSynced' });
    }
    estate.wait(60);
    await estate.pass(target);
    for (const type of ['Exists', 'Synced', 'Ready']) {
      expect(statuses(estate.objectsOf(0), type)).toEqual({ True: few.length });
    }
  },
);

test.each([
  // What lies ahead of the clock cannot be long ago: staleness waits until the clock has caught up.
  [-7200, 'True'],
  [-600, 'Unknown'],
  [600, 'Unknown'],
  [7200, 'Unknown'],
])(
  'a clock of the API server that jumps by %d s in an outage removes nothing, and is got over',
  async (jump, exists) => {
    const estate = estateOf({ names: few });
    const [target = expect.fail()] = estate.targets;
    const [cluster = expect.fail()] = estate.clusters;
    await estate.pass(target);
    const blind = { reason: 'Unreachable', at: 'page' } as const;
    for (let minute = 0; minute < 60; minute += 1) {
      if (minute === 5) cluster.time.now += jump * 1000;
      estate.wait(60);
      expect((await estate.pass(target, blind)).clusters[0]?.counts).toMatchObject({ marked: 0, deleted: 0 });
    }
    expect(statuses(estate.objectsOf(0), 'Exists')).toEqual({ [exists]: few.length });
    estate.wait(60);
    await estate.pass(target);
    const before = cluster.writes.length;
    for (const type of ['Exists', 'Synced', 'Ready']) {
      expect(statuses(estate.objectsOf(0), type)).toEqual({ True: few.length });
    }
    estate.wait(60);
    await estate.pass(target);
    expect(cluster.writes.slice(before).filter(({ plural }) => plural === 'things')).toEqual([]);
  },
);
