import { describe, expect, test } from 'vitest';
import { sync } from '../lib/sync.ts';
import { entered, idAt, isBlocked, left, markAndWait, mirrored, take } from './absences-world.ts';
import type { Simulation } from './laws/simulation.ts';

const grace = 600;
const patient = { mirror: { graceSeconds: grace } };
/** What another process does at the same time. */
const elsewhere = (sim: Simulation, change: object = {}) =>
  sync({ ...sim.target, mirror: { ...sim.target.mirror, ...change }, access: {} }, [sim.cluster], {
    clock: () => sim.time.now,
  });

describe('the books of a scope', () => {
  test.each([
    ['that nobody can prove', () => new Error('no answer')],
    ['of what is there after all', () => ({ id: idAt(0), state: 'available' })],
  ])('get no entry for a removal %s, and the scan is not written for it', async (_, found) => {
    const sim = await mirrored(12, patient);
    take(sim, 0, 1);
    await sim.pass();
    sim.wait(grace);
    let written = 0;
    const before = ({ verb, plural }: { verb: string; plural: string }) => {
      if (plural === 'mirrorscans' && verb === 'replaceStatus') written += 1;
    };
    await sim.pass({ source: { found }, cluster: { before } });
    expect([entered(sim), written]).toEqual([0, 1]);
  });

  test('keep what another pass entered that deletes the same objects first', async () => {
    const sim = await mirrored(11, patient);
    take(sim, 0, 4);
    await sim.pass();
    sim.wait(grace);
    let others = 0;
    await sim.pass({
      source: {
        after: async ({ verb }) => {
          if (verb !== 'get') return;
          others += 1;
          expect((await elsewhere(sim)).clusters[0]?.counts?.deleted).toBe(4);
        },
      },
    });
    expect(others).toBe(1);
    await sim.pass();
    expect([left(sim), entered(sim)]).toEqual([7, 4]);
  });

  test('keep a delete that somebody else had begun meanwhile', async () => {
    const sim = await mirrored(3, patient);
    take(sim, 0, 1);
    await sim.pass();
    sim.wait(grace);
    await sim.pass({
      cluster: {
        before: ({ verb, name }) => {
          if (verb !== 'remove') return;
          sim.cluster.tamper('kubectl', 'things', name, ({ metadata, ...object }) => ({
            ...object,
            metadata: { ...metadata, deletionTimestamp: '2026-01-05T00:00:00Z' },
          }));
        },
      },
    });
    expect(sim.object(idAt(0))?.metadata.deletionTimestamp).toBeDefined();
    expect(entered(sim)).toBe(1);
  });
});

test('where the mirror retains, nothing waits for a person, also when the brake would hold it', async () => {
  const sim = await mirrored(20, patient);
  take(sim, 0, 6);
  await markAndWait(sim, grace);
  expect([left(sim), entered(sim)]).toEqual([14, 6]);
  take(sim, 6, 8);
  await sim.pass();
  sim.wait(grace);
  const { clusters } = await elsewhere(sim, { removal: 'Retain' });
  expect(clusters[0]).toMatchObject({ blocked: 0, counts: { kept: 2, deleted: 0 } });
  expect(isBlocked(sim)).toBe('False');
});
