import { describe, expect, test } from 'vitest';
import { ApiError } from '../lib/cluster.ts';
import { conditionOf } from '../lib/object.ts';
import { sync } from '../lib/sync.ts';
import { approve, entered, idAt, isBlocked, left, markAndWait, mirrored, nameAt, put, take } from './absences-world.ts';
import { thing } from './laws/schedule.ts';
import type { Simulation } from './laws/simulation.ts';
import { idOf } from './memory/memory-source.ts';

const grace = 60;
const hour = 3600;
const removed = (sim: Simulation) => sim.writes().filter(({ verb }) => verb === 'remove');
const hasty = { mirror: { graceSeconds: grace } };

describe('an approval', () => {
  test('does not release the same objects when they vanish again a month later', async () => {
    const sim = await mirrored(10, hasty);
    sim.world.rows.clear();
    await markAndWait(sim, grace);
    expect(isBlocked(sim)).toBe('True');
    approve(sim);
    put(sim, 0, 10);
    await sim.pass();
    sim.wait(30 * 24 * hour);
    await sim.pass();
    sim.world.rows.clear();
    await markAndWait(sim, grace);
    await sim.pass();
    expect([left(sim), isBlocked(sim)]).toEqual([10, 'True']);
    approve(sim);
    await sim.pass();
    expect(left(sim)).toBe(0);
  });

  test('does not release those of its set that came back and vanished again before the others went', async () => {
    const sim = await mirrored(10, hasty);
    sim.world.rows.clear();
    await markAndWait(sim, grace);
    put(sim, 0, 2);
    await sim.pass();
    take(sim, 0, 2);
    sim.wait(1);
    await markAndWait(sim, grace);
    approve(sim);
    await sim.pass();
    expect([left(sim), isBlocked(sim), entered(sim)]).toEqual([2, 'True', 8]);
  });
});

test('after a gap of 30 hours the brake still knows what the scope held before', async () => {
  const sim = await mirrored(10, hasty);
  sim.wait(30 * hour);
  put(sim, 10, 100);
  await sim.pass();
  take(sim, 80, 100);
  await markAndWait(sim, grace);
  expect([left(sim), isBlocked(sim)]).toEqual([100, 'True']);
});

test('what the brake holds and the mirror no longer selects is blocked in every pass, also when its health is forgotten', async () => {
  let isSelected = true;
  const mirror = { graceSeconds: grace, selects: () => isSelected };
  const sim = await mirrored(10, { mirror });
  isSelected = false;
  await markAndWait(sim, grace);
  const ready = () => conditionOf(sim.object(idAt(0)) ?? expect.fail(), 'Ready')?.status;
  expect([left(sim), isBlocked(sim), ready()]).toEqual([10, 'True', 'True']);
  sim.wait(16 * 60);
  const { report } = await sim.pass({ limits: { staleWrites: 8 } });
  expect(report.clusters[0]?.counts).toMatchObject({ updated: 8, kept: 2, deleted: 0 });
  expect((await sim.pass()).report.clusters[0]?.counts).toMatchObject({ updated: 2, kept: 8, deleted: 0 });
  expect([left(sim), isBlocked(sim), ready()]).toEqual([10, 'True', 'Unknown']);
  expect((await sim.pass()).report.clusters[0]?.counts).toMatchObject({ updated: 0, kept: 10, deleted: 0 });
  approve(sim);
  await sim.pass();
  expect(left(sim)).toBe(0);
});

describe('deletes that the cluster refuses', () => {
  test.each([400, 403, 422])('with %d do not count in the passes after them', async (status) => {
    const sim = await mirrored(12, hasty);
    take(sim, 0, 1);
    await sim.pass();
    sim.wait(grace);
    for (let round = 0; round < 7; round += 1) {
      const { report } = await sim.pass({
        cluster: {
          before: ({ verb }) => {
            if (verb === 'remove') throw new ApiError(status, 'Refused', 'a webhook says no');
          },
        },
      });
      expect(report.clusters[0]).toMatchObject({ blocked: 0, counts: { deleted: 0, failed: 1 } });
      expect([entered(sim), isBlocked(sim)]).toEqual([0, 'False']);
      sim.wait(60);
    }
    await sim.pass();
    expect([left(sim), entered(sim)]).toEqual([11, 1]);
  });

  test.each([0, 401, 408, 429, 500])('with %d stay in the books: they may have happened', async (status) => {
    const sim = await mirrored(12, hasty);
    take(sim, 0, 1);
    await sim.pass();
    sim.wait(grace);
    const { report } = await sim.pass({
      cluster: {
        after: ({ verb }) => {
          if (verb === 'remove') throw new ApiError(status, '', 'its answer was lost');
        },
      },
    });
    expect(report).toMatchObject({ clusters: [{ counts: { failed: 1 } }] });
    expect([report.incomplete, left(sim), entered(sim)]).toEqual([undefined, 11, 1]);
  });
});

describe('a delete is never sent unbooked', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'where reading %d of the clock after the proof goes back a second',
    async (at) => {
      const sim = await mirrored(3, hasty);
      take(sim, 0, 1);
      await sim.pass();
      sim.wait(grace);
      let readings: number | undefined;
      const now = () => {
        if (readings !== undefined) readings += 1;
        return readings === at ? sim.time.now - 1000 : sim.time.now;
      };
      const access = {
        after: ({ verb }: { verb: string }) => {
          if (verb === 'get') readings ??= 0;
        },
      };
      const cluster = { ...sim.cluster.client({}), now };
      const report = await sync({ ...sim.target, access }, [cluster], { clock: () => sim.time.now });
      expect(readings).toBeGreaterThan(0);
      expect(report.clusters[0]?.counts?.deleted).toBe(entered(sim));
      await sim.pass();
      expect([left(sim), entered(sim)]).toEqual([2, 1]);
    },
  );

  const id = idOf(nameAt(0));
  const named = (sim: Simulation) =>
    sync({ ...sim.target, access: {} }, [sim.cluster], { clock: () => sim.time.now, ids: [id] });

  test.each([
    ['another object of the name', true],
    ['another mark of the same object', false],
  ])('for %s than the one that was booked, also with grace 0', async (_, remade) => {
    const sim = await mirrored(3, { mirror: { graceSeconds: 0 } });
    sim.remove(id);
    await sim.pass();
    sim.wait(1);
    const booked = sim.object(id)?.metadata.uid;
    let overtaken = false;
    await sim.pass({
      cluster: {
        before: async ({ verb, name }) => {
          if (verb !== 'remove' || overtaken) return;
          overtaken = true;
          if (remade) sim.cluster.drop('things', name);
          sim.set(thing(nameAt(0), 1));
          await named(sim);
          sim.wait(1);
          sim.remove(id);
          await named(sim);
        },
      },
    });
    expect(overtaken).toBe(true);
    expect(sim.object(id)?.metadata.uid === booked).toBe(!remade);
    // That the very object still stands proves that it did not go; another one of its name proves nothing.
    expect([removed(sim), entered(sim)]).toEqual([[], remade ? 1 : 0]);
    await sim.pass();
    expect([left(sim), entered(sim)]).toEqual([2, remade ? 2 : 1]);
  });
});
