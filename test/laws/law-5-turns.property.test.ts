import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isDue } from '../../lib/refresh.ts';
import { type Engine, engine } from '../memory/engine.ts';
import { idOf } from '../memory/memory-source.ts';
import { condition, differenceFrom } from './difference.ts';
import { isNoticed, type Sabotage } from './sabotage.ts';
import { names, play, schedules, tries } from './schedule.ts';
import { type Simulation, simulation } from './simulation.ts';

const hour = 3600;
const thirty = Array.from({ length: 30 }, (_, index) => idOf(`thing-${index}`));

function differences(sim: Simulation): string[] {
  return names.flatMap((name) => {
    const row = sim.world.rows.get(idOf(name));
    if (row?.id !== undefined) return differenceFrom(sim, { ...row, id: row.id }) ?? [];
    const object = sim.object(idOf(name));
    const exists = condition(object, 'Exists');
    return object === undefined || exists === 'False/NotFound' ? [] : [`${name} is gone and ${exists}`];
  });
}

/** Any schedule over a source that lists bare ids, then as many passes as all turns take, unevenly apart. */
const convergesInTurns = (of: Engine) =>
  fc.asyncProperty(
    schedules({ faults: true, values: 2 }),
    fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 70, maxLength: 70 }),
    async (steps, minutes) => {
      const sim = simulation({ engine: of, gated: true, refreshSeconds: hour });
      await play(sim, steps);
      await sim.finish();
      let passed = 0;
      for (const wait of minutes) {
        sim.wait(wait * 60);
        await sim.pass();
        passed += wait;
        // One period, and the heartbeat in which the last turns are read.
        if (passed > 60 + 20) break;
      }
      expect(differences(sim)).toEqual([]);
    },
  );

/** Attributes are asked for at most so often: what is in order waits for its turn. */
const asksSparingly = (of: Engine) =>
  fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 12, maxLength: 12 }), async (minutes) => {
    const sim = simulation({ engine: of, refreshSeconds: hour, pageSize: 100 });
    for (const id of thirty) sim.set({ id, state: 'available' });
    await sim.pass();
    sim.world.calls.splice(0);
    let passed = 0;
    for (const wait of minutes) {
      if (passed + wait > 60) break;
      passed += wait;
      sim.wait(wait * 60);
      await sim.pass();
    }
    const asked = sim.world.calls.flatMap(({ verb, ids: of }) => (verb === 'get' ? of : []));
    expect(new Set(asked).size).toBe(asked.length);
    expect(sim.writes()).toHaveLength(60);
  });

/** What is marked as gone and is there again is so at once, not at its turn. */
const mendsAtOnce = (of: Engine) =>
  fc.asyncProperty(fc.subarray([...names], { minLength: 1 }), async (leaving) => {
    const sim = simulation({ engine: of, refreshSeconds: hour, pageSize: 100 });
    const all = () => {
      for (const name of names) sim.set({ id: idOf(name), state: 'available' });
    };
    all();
    await sim.pass();
    for (const name of leaving) sim.remove(idOf(name));
    await sim.pass();
    all();
    sim.wait(60);
    await sim.pass();
    expect(differences(sim)).toEqual([]);
  });

/** What could not be read in its turn is read in the next pass: only then its turn counts as taken. */
const triesAgain = (of: Engine) =>
  fc.asyncProperty(fc.subarray([...thirty], { minLength: 1 }), async (failing) => {
    const sim = simulation({ engine: of, refreshSeconds: hour, pageSize: 100 });
    const all = (state: string) => {
      for (const id of thirty) sim.set({ id, state });
    };
    all('available');
    await sim.pass();
    const since = sim.time.now;
    all('stopped');
    sim.wait(600);
    const due = thirty.filter((id) => isDue(id, { since, now: sim.time.now }, hour * 1000));
    await sim.pass({ source: { found: (id, row) => (failing.includes(id) ? new Error(`${id} timed out`) : row) } });
    await sim.pass();
    expect(due.filter((id) => sim.object(id)?.status?.observed?.state !== 'stopped')).toEqual([]);
  });

const rules: readonly (readonly [string, (of: Engine) => fc.IAsyncProperty<unknown>, Sabotage])[] = [
  [
    'nobody has a turn',
    convergesInTurns as never,
    { file: 'refresh.ts', find: 'if (now <= since) return false;', replace: 'return false;' },
  ],
  [
    'a turn that failed counts as taken',
    triesAgain as never,
    { file: 'listed.ts', find: '!missed.has(inside) && inside', replace: 'inside' },
  ],
  [
    'what is out of order waits for its turn',
    mendsAtOnce as never,
    {
      file: 'refresh.ts',
      find: "synced === undefined) return 'open'",
      replace: "synced === undefined) return 'settled'",
    },
  ],
  [
    'until when turns were read is not kept',
    asksSparingly as never,
    { file: 'scan.ts', find: '{ refreshed: timestamp(pass.began), selection', replace: '{ selection' },
  ],
  [
    'what is in order is read in every pass',
    asksSparingly as never,
    { file: 'listed.ts', find: 'else passed.push(one);', replace: 'else wanted.push(one);' },
  ],
];

describe('law 5, where the outside lists names alone', () => {
  test('passes make every object equal to the outside within the period, whatever happened before', async () => {
    await fc.assert(convergesInTurns(engine), tries(100));
  });
  test('what is there again after it was marked is so in the next pass', async () => {
    await fc.assert(mendsAtOnce(engine), tries(40));
  });
  test('what could not be read in its turn is read in the next pass', async () => {
    await fc.assert(triesAgain(engine), tries(40));
  });
  test('in that time each resource is asked for once, and what did not change is not written', async () => {
    await fc.assert(asksSparingly(engine), tries(40));
  });

  test.each(rules)('it breaks where %s', async (_, property, sabotage) => {
    expect(await isNoticed(property, sabotage)).toBe(true);
  });
});
