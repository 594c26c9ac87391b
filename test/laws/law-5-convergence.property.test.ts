import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Engine, engine } from '../memory/engine.ts';
import { idOf } from '../memory/memory-source.ts';
import { differenceFrom } from './difference.ts';
import { isNoticed } from './sabotage.ts';
import { names, overlaps, playOverlap, tries } from './schedule.ts';
import { type Simulation, simulation } from './simulation.ts';

/** What of the present resources differs from the outside. */
function differences(sim: Simulation): string[] {
  return names.flatMap((name) => {
    const row = sim.world.rows.get(idOf(name));
    return row?.id === undefined ? [] : (differenceFrom(sim, { ...row, id: row.id }) ?? []);
  });
}

/** Each change gives a new value, so that what is written tells when it was seen. */
const neverGoesBack = (of: Engine) =>
  fc.asyncProperty(overlaps, async (overlap) => {
    const sim = simulation({ engine: of, gated: true });
    await playOverlap(sim, overlap, true);
    sim.start();
    await sim.finish(overlap.order);
    for (const { before, after } of sim.writes()) {
      const [was = 0, is = 0] = [before, after].map((object) => Number(object?.status?.observed?.version ?? 0));
      if (after !== undefined) expect(is).toBeGreaterThanOrEqual(was);
    }
    expect(differences(sim)).toEqual([]);
  });

/** Convergence after any schedule, and the age of observations, are the simulator's (test/simulate). */
describe('law 5: convergence', () => {
  test('no observation replaces a later one, and one pass after the last change is enough, whatever is still under way', async () => {
    await fc.assert(neverGoesBack(engine), tries(400));
  });

  test('law 5 breaks where the object is read after the outside was asked', async () => {
    const late = {
      file: 'apply.ts',
      find: 'return { ...entry, object, observedAt,',
      replace:
        'return { ...entry, object: await cluster.get(target.source, target.mirror.namespace, entry.name, { signal }), observedAt,',
      seed: 45,
    };
    expect(await isNoticed(neverGoesBack, late)).toBe(true);
  });
  test('law 5 breaks where an overtaken write is given up', async () => {
    const givenUp = {
      file: 'cluster.ts',
      find: 'return error.status === 409 || (',
      replace: 'return (',
      seed: 45,
    };
    expect(await isNoticed(neverGoesBack, givenUp)).toBe(true);
  });
});
