import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { approvalAnnotation } from '../../lib/removal.ts';
import { remember } from '../../lib/scan.ts';
import { type Engine, engine } from '../memory/engine.ts';
import type { ClusterRequest } from '../memory/memory-cluster.ts';
import { idOf, type Row } from '../memory/memory-source.ts';
import { condition } from './difference.ts';
import { isNoticed } from './sabotage.ts';
import { thing, tries } from './schedule.ts';
import { type Simulation, simulation } from './simulation.ts';

const day = 24 * 3_600_000;
const held = 12;
const nameAt = (index: number) => `n${String(index).padStart(2, '0')}`;
/** What a policy in the cluster answers to the delete of some. */
const refuses = (sim: Simulation, names: readonly string[]) => {
  const refused = names.map((name) => sim.nameOf(idOf(name)));
  return ({ verb, name }: ClusterRequest) => {
    if (verb === 'remove' && refused.includes(name)) throw new sim.engine.ApiError(403, 'Forbidden', 'no');
  };
};

const stops = fc.constantFrom('list', 'list', 'get', 'ask get', 'told get', 'replaceStatus', 'remove', 'answer', 'end');

async function filled(of: Engine, maxRemovalPercent: number): Promise<Simulation> {
  const sim = simulation({ engine: of, gated: true, pageSize: 5, mirror: { maxRemovalPercent } });
  for (let index = 0; index < held; index += 1) sim.set(thing(nameAt(index), 0));
  await sim.pass();
  return sim;
}

function removeSome(sim: Simulation, from: number, to: number): void {
  for (let index = from; index < to; index += 1) sim.remove(idOf(nameAt(index)));
}

/** The most deletes that any 24 hours saw. */
function worstDay(sim: Simulation): number {
  const times = sim.writes().flatMap(({ verb, at }) => (verb === 'remove' ? [at] : []));
  return Math.max(0, ...times.map((end) => times.filter((at) => at <= end && at > end - day).length));
}

/**
 * Two sets go, ten seconds apart; each comes due under a run of its own, which stops, dies or overlaps anywhere. Of the
 * first run some deletes are refused, and the answers to its writes may be lost.
 */
const brakes = (of: Engine) =>
  fc.asyncProperty(
    fc.record({
      first: fc.integer({ min: 1, max: 6 }),
      second: fc.integer({ min: 0, max: 6 }),
      percent: fc.constantFrom(0, 30, 50),
      stops: fc.tuple(stops, stops),
      crash: fc.boolean(),
      refused: fc.constantFrom(0, 0, 1, 2, 3),
      /** The answer to which of the first run's writes of the scan is lost: the entering, or the report. */
      lost: fc.constantFrom('none', 'first', 'second'),
      /** With 2993 the first run begins five seconds before a full hour, with 86 397 the next one almost a day later. */
      start: fc.constantFrom(0, 2993),
      later: fc.constantFrom(0, 3600, 86_397, 90_000),
    }),
    async ({ first, second, percent, stops: [stopFirst, stopSecond], crash, start, later, refused, lost }) => {
      const sim = await filled(of, percent);
      sim.wait(start);
      removeSome(sim, 0, first);
      await sim.pass();
      sim.wait(10);
      removeSome(sim, first, first + second);
      await sim.pass();
      sim.wait(592);
      const before = refuses(
        sim,
        Array.from({ length: refused }, (_, index) => nameAt(index)),
      );
      let written = 0;
      const resets = ({ verb, plural }: ClusterRequest) =>
        verb === 'replaceStatus' && plural === 'mirrorscans' && ['first', 'second'][written++] === lost;
      const early = sim.start({ cluster: { before, resets } });
      await sim.advance(early, stopFirst);
      sim.wait(10);
      const late = sim.start();
      await sim.advance(late, stopSecond);
      if (crash) sim.crash(early);
      await sim.advance(early, 'end');
      await sim.finish();
      for (let pass = 0; pass < 2; pass += 1) {
        sim.wait(later);
        await sim.pass();
      }
      const limit = Math.max(5, Math.floor((held * percent) / 100));
      expect(worstDay(sim)).toBeLessThanOrEqual(limit);
      const left = sim.cluster.objects('things').length - (held - first - second);
      if (left > 0) expect(condition(sim.scan(), 'RemovalBlocked')).toBe('True');
      if (first + second <= limit && !crash && refused === 0 && lost === 'none') expect(left).toBe(0);
    },
  );

/** Deletes that are refused use nothing up: once nothing refuses them, they go. */
const takesBack = (of: Engine) =>
  fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 5 }), async (gone, refused) => {
    const sim = await filled(of, 0);
    removeSome(sim, 0, gone);
    await sim.pass();
    sim.wait(700);
    const names = Array.from({ length: refused }, (_, index) => nameAt(index));
    await sim.pass({ cluster: { before: refuses(sim, names) } });
    expect(sim.cluster.objects('things')).toHaveLength(held - Math.max(0, gone - refused));
    await sim.pass();
    expect(sim.cluster.objects('things')).toHaveLength(held - gone);
  });

/** A set is blocked and named; some of it return and some of these go again, others become due; then a person approves, or writes something else. */
const approves = (of: Engine) =>
  fc.asyncProperty(
    fc.record({
      named: fc.integer({ min: 8, max: 9 }),
      returned: fc.integer({ min: 0, max: 2 }),
      again: fc.integer({ min: 0, max: 2 }),
      others: fc.integer({ min: 0, max: 3 }),
      word: fc.constantFrom('right', 'right', 'right', 'wrong'),
    }),
    async ({ named, returned, again, others, word }) => {
      const sim = await filled(of, 30);
      removeSome(sim, 0, named);
      await sim.pass();
      sim.wait(700);
      await sim.pass();
      const approval = remember(sim.scan()).blocked?.approval ?? 'nothing was named';
      expect(approval).toMatch(new RegExp(`^${named}-`));
      for (let index = 0; index < returned; index += 1) sim.set(thing(nameAt(index), 0));
      removeSome(sim, named, named + others);
      await sim.pass();
      sim.wait(5);
      removeSome(sim, 0, Math.min(again, returned));
      await sim.pass();
      sim.wait(700);
      await sim.pass();
      sim.cluster.tamper('kubectl', 'mirrorscans', sim.scan()?.metadata.name ?? '', (scan) => ({
        ...scan,
        metadata: { ...scan.metadata, annotations: { [approvalAnnotation]: word === 'right' ? approval : '7-x' } },
      }));
      await sim.pass();
      await sim.pass();
      const gone = Array.from({ length: held }, (_, index) => nameAt(index)).filter(
        (name) => sim.object(idOf(name)) === undefined,
      );
      const expected =
        word === 'right' ? Array.from({ length: named - returned }, (_, index) => nameAt(index + returned)) : [];
      expect(gone).toEqual(expected);
      if (others > 0 || (again > 0 && returned > 0)) expect(condition(sim.scan(), 'RemovalBlocked')).toBe('True');
    },
  );

/** The listing leaves out most of what exists; a few are gone indeed. */
const distrusts = (of: Engine) =>
  fc.asyncProperty(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 3, max: 9 }), async (gone, hidden) => {
    const sim = await filled(of, 100);
    removeSome(sim, 0, gone);
    const page = (rows: readonly Row[]) => rows.filter(({ id }) => String(id) > idOf(nameAt(gone + hidden - 1)));
    await sim.pass({ source: { page } });
    expect(condition(sim.scan(), 'Complete')).toBe('False/Untrusted');
    const marked = sim.cluster.objects('things').filter((object) => condition(object, 'Exists') !== 'True');
    expect(marked).toEqual([]);
  });

const breaks = {
  'any number may go': { file: 'removal.ts', find: '<= limit;', replace: '<= Infinity;' },
  'deletes are not entered before they happen': {
    file: 'absences.ts',
    find: 'if (booked.size > 0 && !(await reserve(',
    replace: 'if (false && !(await reserve(',
  },
  'the brake is not asked again after another run entered its deletes': {
    file: 'scan-writer.ts',
    find: 'inside.brake = judge();',
    replace: 'inside.brake ??= judge();',
  },
  'deletes count only until a day after the hour of their entry': {
    file: 'removal.ts',
    find: 'dayMs + hourMs + hourMs / 4',
    replace: 'dayMs + hourMs',
    seed: 2,
  },
  'a run takes back what it has not entered': {
    file: 'absences.ts',
    find: 'if (!isEntered) return;',
    replace: '',
    seed: 2,
  },
  'a run takes back twice what was refused once': {
    file: 'scan-writer.ts',
    find: 'isOurs ? { ...pass, unbooked: 0 } : pass',
    replace: 'pass',
    seed: 2,
  },
};

describe('law 3: a brake on deletes', () => {
  test('no 24 hours see more deletes than the limit, wherever runs overlap or die, and what waits is said', async () => {
    await fc.assert(brakes(engine), tries(150));
  });
  test('an approval releases exactly the named set, as far as it is still gone and has not been back', async () => {
    await fc.assert(approves(engine), tries(60));
  });
  test('deletes that the cluster refuses use nothing up', async () => {
    await fc.assert(takesBack(engine), tries(30));
  });
  test('nothing is marked after a listing that lied', async () => {
    await fc.assert(distrusts(engine), tries(50));
  });
  for (const [what, rule] of Object.entries(breaks)) {
    test(`law 3 breaks where ${what}`, async () => {
      expect(await isNoticed(brakes, rule)).toBe(true);
    });
  }
  test('law 3 breaks where an approval releases all that is due', async () => {
    const generous = {
      file: 'removal.ts',
      find: 'blocked.approval === approval ? members :',
      replace: 'blocked.approval === approval ? new Set(input.due.map(dueKey)) :',
    };
    expect(await isNoticed(approves, generous)).toBe(true);
  });
  test('law 3 breaks where an approval holds for what came back and went again', async () => {
    const timeless = { file: 'removal.ts', find: 'dueKey({ uid, since }:', replace: 'dueKey({ uid, uid: since }:' };
    expect(await isNoticed(approves, timeless)).toBe(true);
  });
  test('law 3 breaks where refused deletes use up the limit', async () => {
    const stubborn = {
      file: 'absences.ts',
      find: '(isRefused(error) || stillStands(entry, settled))',
      replace: 'false',
    };
    expect(await isNoticed(takesBack, stubborn)).toBe(true);
  });
  test('law 3 breaks where any word is an approval', async () => {
    const careless = { file: 'removal.ts', find: 'blocked.approval === approval', replace: 'approval !== undefined' };
    expect(await isNoticed(approves, careless)).toBe(true);
  });
  test('law 3 breaks where the named set is renamed when others become due', async () => {
    const fickle = {
      file: 'removal.ts',
      find: 'blocked: stillNamed ? blocked : named(waiting)',
      replace: 'blocked: named(waiting)',
    };
    expect(await isNoticed(approves, fickle)).toBe(true);
  });
  test('law 3 breaks where a listing that lied is believed', async () => {
    const credulous = {
      file: 'absences.ts',
      find: 'batch.toSorted().filter((id) => !seen.has(id) && isThere(answers.get(id)))',
      replace: 'batch.filter(() => false)',
    };
    expect(await isNoticed(distrusts, credulous)).toBe(true);
  });
});
