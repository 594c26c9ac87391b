import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Engine, engine } from '../memory/engine.ts';
import { idOf } from '../memory/memory-source.ts';
import { condition, differenceFrom } from './difference.ts';
import { isNoticed } from './sabotage.ts';
import { names, overlaps, play, playOverlap, schedules, tries } from './schedule.ts';
import { type Simulation, simulation } from './simulation.ts';

/** What differs from the outside, where grace and brake hold nothing any more. */
function differences(sim: Simulation, gone: 'deleted' | 'marked' | 'any'): string[] {
  return names.flatMap((name) => {
    const row = sim.world.rows.get(idOf(name));
    if (row?.id !== undefined) return differenceFrom(sim, { ...row, id: row.id }) ?? [];
    const object = sim.object(idOf(name));
    if (object === undefined || gone === 'any') return [];
    const marked = condition(object, 'Exists') === 'False/NotFound';
    return marked && gone === 'marked' ? [] : [`${name} is gone and ${condition(object, 'Exists')}`];
  });
}

/** Any schedule, then as many passes as grace and brake need. */
const converges = (of: Engine) =>
  fc.asyncProperty(schedules({ faults: true, values: 2 }), async (steps) => {
    const sim = simulation({ engine: of, gated: true });
    await play(sim, steps);
    await sim.finish();
    for (let pass = 0; pass < 3; pass += 1) {
      sim.wait(27 * 3600);
      await sim.pass();
    }
    expect(differences(sim, 'deleted')).toEqual([]);
  });

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
    expect(differences(sim, 'any')).toEqual([]);
  });

/** States come back, so a run that saw nothing to change leaves no trace: only the age of an observation tells. */
const oldLooksAreNotWritten = (of: Engine) =>
  fc.asyncProperty(overlaps, async (overlap) => {
    const sim = simulation({ engine: of, gated: true });
    await playOverlap(sim, overlap);
    sim.wait(31);
    sim.start();
    await sim.finish(overlap.order);
    expect(differences(sim, 'marked')).toEqual([]);
  });

describe('law 5: convergence', () => {
  test('after any interleaving of polls, events, crashes and faults, passes make every object equal to the outside', async () => {
    await fc.assert(converges(engine), tries(250));
  });
  test('no observation replaces a later one, and one pass after the last change is enough, whatever is still under way', async () => {
    await fc.assert(neverGoesBack(engine), tries(400));
  });
  test('a pass begun 30 s after the last change is not undone by anything that looked before', async () => {
    await fc.assert(oldLooksAreNotWritten(engine), tries(600));
  });

  test('law 5 breaks where an overtaken write is repeated without looking again', async () => {
    const blind = { file: 'apply.ts', find: 'sight: resighted(writer, entry, answer)', replace: 'sight: entry.sight' };
    expect(await isNoticed(neverGoesBack, blind)).toBe(true);
  });
  test('law 5 breaks where the object is read after the outside was asked', async () => {
    const late = {
      file: 'apply.ts',
      find: 'return { ...entry, object, observedAt,',
      replace:
        'return { ...entry, object: await cluster.get(target.source, target.mirror.namespace, entry.name, { signal }), observedAt,',
    };
    expect(await isNoticed(neverGoesBack, late)).toBe(true);
  });
  test('law 5 breaks where an overtaken write is given up', async () => {
    const givenUp = {
      file: 'cluster.ts',
      find: 'return error.status === 409 || (',
      replace: 'return (',
    };
    expect(await isNoticed(neverGoesBack, givenUp)).toBe(true);
  });
  test('law 5 breaks where an observation is sent however old it is', async () => {
    const ageless = {
      file: 'apply.ts',
      find: 'if (writer.clock() - observedAt > writer.maxObservationAge) throw new TooOld();',
      replace: 'if (false) throw new TooOld();',
    };
    expect(await isNoticed(oldLooksAreNotWritten, ageless)).toBe(true);
  });
  test('law 5 breaks where a resource that is seen again is not said to exist', async () => {
    const silent = {
      file: 'plan.ts',
      find: 'return { Exists: found, Synced: judgement',
      replace: 'return { Synced: judgement',
    };
    expect(await isNoticed(converges, silent)).toBe(true);
  });
});
