import { describe, expect, test } from 'vitest';
import { conditionOf } from '../lib/object.ts';
import { thing } from './laws/schedule.ts';
import { type RunOptions, type Simulation, simulation } from './laws/simulation.ts';
import { idOf } from './memory/memory-source.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
/** The listing comes to its end, but one of its rows cannot be read. */
const broken: RunOptions = { source: { page: (rows, last) => (last ? [...rows, { id: undefined }] : rows) } };
const throttled: RunOptions = {
  source: {
    before: ({ verb }) => {
      if (verb === 'page') throw new Error('throttled');
    },
  },
};

async function mirrored(): Promise<Simulation> {
  const sim = simulation({ pageSize: 100, mirror: { staleAfterSeconds: 900 } });
  for (const name of names) sim.set(thing(name, 0));
  await sim.pass();
  return sim;
}

async function every(minutes: number, sim: Simulation, run: RunOptions): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) {
    sim.wait(60);
    await sim.pass(run);
  }
}

const existing = (sim: Simulation) =>
  names.map((name) => conditionOf(sim.object(idOf(name)) ?? expect.fail(), 'Exists')?.status);

describe('an object that was seen a minute ago', () => {
  test('is not called stale for one throttled pass among incomplete ones that listed all', async () => {
    const sim = await mirrored();
    await every(30, sim, broken);
    const writes = sim.writes().length;
    await every(1, sim, throttled);
    expect(sim.writes()).toHaveLength(writes);
    expect(new Set(existing(sim))).toEqual(new Set(['True']));
  });

  test('is called stale once no listing comes to its end for longer than staleAfter', async () => {
    const sim = await mirrored();
    await every(30, sim, broken);
    // The scan knows it to a third of staleAfter, because it is not written more often.
    await every(9, sim, throttled);
    expect(new Set(existing(sim))).toEqual(new Set(['True']));
    await every(7, sim, throttled);
    expect(new Set(existing(sim))).toEqual(new Set(['Unknown']));
  });

  test('and that incomplete listings leave out is called stale all the same', async () => {
    const sim = await mirrored();
    sim.remove(idOf('c'));
    await every(16, sim, broken);
    expect(existing(sim)).toEqual(['True', 'True', 'Unknown', 'True', 'True']);
  });
});

test('only so many objects are called stale in one pass, and the others in the next ones', async () => {
  const sim = await mirrored();
  sim.wait(16 * 60);
  const counts: unknown[] = [];
  for (const _ of names) {
    const { report } = await sim.pass({ ...throttled, limits: { staleWrites: 2 } });
    const { updated, kept } = report.clusters[0]?.counts ?? {};
    counts.push([updated, kept]);
  }
  expect(counts).toEqual([
    [2, 3],
    [2, 3],
    [1, 4],
    [0, 5],
    [0, 5],
  ]);
});

describe('the sentence of a scan', () => {
  /** Five seconds apart; the order in which ids are asked for differs from pass to pass. */
  async function sentences(sim: Simulation, run: RunOptions): Promise<unknown[]> {
    const said = new Set<unknown>();
    for (let round = 0; round < 20; round += 1) {
      sim.wait(5);
      await sim.pass(run);
      said.add(sim.scan()?.status?.error);
    }
    return [...said];
  }

  test('about what nobody answers for names the alphabetically first, pass after pass', async () => {
    const sim = await mirrored();
    for (const name of names) sim.remove(idOf(name));
    const said = await sentences(sim, { source: { found: (id) => new Error(`denied: ${id}`) } });
    expect(said).toEqual([expect.stringContaining(`denied: ${idOf('a')}`)]);
  });

  test('about a listing that lied names the alphabetically first, pass after pass', async () => {
    const sim = await mirrored();
    const said = await sentences(sim, { source: { page: () => [] } });
    expect(said).toEqual([expect.stringContaining(`does not hold ${idOf('a')}`)]);
  });
});
