import fc from 'fast-check';
import { idOf, type Row } from '../memory/memory-source.ts';
import type { Run, RunOptions, Simulation } from './simulation.ts';

/** How often a property is tried; LAWS_TIMES=20 is for a night. */
export const tries = (runs: number) => ({ numRuns: runs * Number(process.env.LAWS_TIMES ?? 1) });

/** One thing that happens. Steps are data, so that fast-check can print and shrink a schedule. */
export type Step =
  | { readonly do: 'poll'; readonly fault?: Fault }
  | { readonly do: 'narrow'; readonly names: readonly string[] }
  | { readonly do: 'set'; readonly name: string; readonly value: number }
  | { readonly do: 'remove'; readonly name: string }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'go'; readonly count: number; readonly pick: number }
  | { readonly do: 'crash' | 'abort'; readonly run: number }
  | { readonly do: 'tamper'; readonly name: string; readonly how: 'labels' | 'status' | 'annotate' }
  | { readonly do: 'drop'; readonly name: string };

/** What goes wrong with a run, at its n-th request to the cluster or call to the outside. */
export interface Fault {
  readonly what: 'refused' | 'overloaded' | 'reset' | 'outside' | 'lie';
  readonly at: number;
}

/** The names that schedules are about; few, so that things happen to the same object. */
export const names = ['a', 'b', 'c'] as const;

const name = fc.constantFrom(...names);
const fault = fc.record({
  what: fc.constantFrom('refused', 'overloaded', 'reset', 'outside', 'lie' as const),
  at: fc.nat(12),
});

/** Schedules of polls, narrowed runs, changes and accidents. `values`: how many states a resource can be in. */
export function schedules(options: { readonly faults: boolean; readonly values: number; readonly length?: number }) {
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constant('go' as const),
        count: fc.integer({ min: 1, max: 25 }),
        pick: fc.nat(20),
      }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('set' as const), name, value: fc.nat(options.values - 1) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), name }) },
    {
      weight: 4,
      arbitrary: options.faults
        ? fc.record({ do: fc.constant('poll' as const), fault }, { requiredKeys: ['do'] })
        : fc.constant({ do: 'poll' as const }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('narrow' as const), names: fc.subarray([...names], { minLength: 1 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1, 20, 60, 700) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'abort' as const), run: fc.nat(5) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('tamper' as const),
        name,
        how: fc.constantFrom('labels', 'status', 'annotate' as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), name }) },
  );
  return fc.array(step, { minLength: 3, maxLength: options.length ?? 25, size: 'max' });
}

/** Plays a schedule; what is still under way at its end stays so. `next` gives each `set` a version of its own. */
export async function play(sim: Simulation, steps: readonly Step[], unique = false): Promise<void> {
  let version = 0;
  for (const step of steps) {
    if (step.do === 'set') sim.set(thing(step.name, unique ? ++version : step.value));
    else if (step.do === 'remove') sim.remove(idOf(step.name));
    else if (step.do === 'wait') sim.wait(step.seconds);
    else if (step.do === 'go') await sim.go(step.count, step.pick);
    else if (step.do === 'poll') startOne(sim, step.fault ? faulty(sim, step.fault) : {});
    else if (step.do === 'narrow') startOne(sim, { ids: step.names.map((one) => idOf(one)) });
    else if (step.do === 'tamper') tamper(sim, idOf(step.name), step.how);
    else if (step.do === 'drop') sim.cluster.drop('things', sim.nameOf(idOf(step.name)));
    else if (step.do === 'crash') sim.crash(pick(sim, step.run));
    else pick(sim, step.run)?.abort.abort();
  }
}

/** Runs that overlap at the same resource: each begins after a change and stops at a chosen request. */
export const overlaps = fc.record({
  existing: fc.boolean(),
  rounds: fc.array(
    fc.record({
      to: fc.option(fc.nat(1)),
      /** Another run begins, or an earlier one goes on. */
      run: fc.constantFrom('poll', 'poll', 'narrow', 'narrow', 0, 0, 1),
      stop: fc.constantFrom(
        'end',
        'end',
        'ask page',
        'told page',
        'told get',
        'create',
        'replaceStatus',
        'remove',
        'answer',
      ),
      crash: fc.constantFrom(false, false, false, false, false, true),
      seconds: fc.constantFrom(0, 0, 0, 10, 700),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  last: fc.option(fc.nat(1)),
  order: fc.oneof(fc.constant('newest' as const), fc.nat(20)),
});

/** What `overlaps` gives. */
export type Overlap = typeof overlaps extends fc.Arbitrary<infer Value> ? Value : never;

/** Plays the overlap up to its last change; the runs that began before it are still under way. */
export async function playOverlap(sim: Simulation, overlap: Overlap, unique = false): Promise<void> {
  let version = 0;
  const change = (to: number | null) => {
    if (to === null) sim.remove(idOf('a'));
    else sim.set(thing('a', unique ? ++version : to));
  };
  sim.set(thing('b', 0));
  if (overlap.existing) {
    change(0);
    await sim.pass();
  }
  const begun: Run[] = [];
  for (const { to, run, stop, crash, seconds } of overlap.rounds) {
    change(to);
    const goesOn = typeof run === 'number' ? begun[run] : undefined;
    const current = goesOn ?? sim.start(run === 'poll' ? {} : { ids: [idOf('a')] });
    if (goesOn === undefined) begun.push(current);
    await sim.advance(current, stop);
    if (crash) sim.crash(current);
    sim.wait(seconds);
  }
  change(overlap.last);
}

/** A row in one of its states. */
export function thing(of: string, version: number): Row & { readonly id: string } {
  return { id: idOf(of), state: 'available', resourceId: `r-${of}`, fields: { version } };
}

const running = (sim: Simulation) => sim.runs.filter(({ crashed, report }) => !crashed && report === undefined);

const pick = (sim: Simulation, number: number): Run | undefined =>
  running(sim)[number % Math.max(1, running(sim).length)];

/** At most three at once: an entry gives up after being overtaken five times. */
function startOne(sim: Simulation, options: RunOptions): void {
  if (running(sim).length < 3) sim.start(options);
}

/** The options of a run that meets this fault. */
export function faulty(sim: Simulation, { what, at }: Fault): RunOptions {
  let count = 0;
  const isNow = () => count++ === at;
  const { ApiError, UnseenError } = sim.engine;
  switch (what) {
    case 'refused':
    case 'overloaded': {
      const error = () => (what === 'refused' ? new ApiError(422, 'Invalid', 'no') : new ApiError(429, '', 'slowly'));
      return { cluster: { before: () => (isNow() ? Promise.reject(error()) : undefined) } };
    }
    case 'reset':
      return { cluster: { resets: ({ verb }) => !['get', 'list', 'revision', 'namespace'].includes(verb) && isNow() } };
    case 'outside':
      return {
        source: { before: () => (isNow() ? Promise.reject(new UnseenError('Throttled', 'slowly')) : undefined) },
      };
    case 'lie':
      return { source: { page: (rows) => rows.slice(at % 2) } };
  }
}

function tamper(sim: Simulation, id: string, how: 'labels' | 'status' | 'annotate'): void {
  sim.cluster.tamper('kubectl', 'things', sim.nameOf(id), (object) => {
    if (how === 'labels') return { ...object, metadata: { ...object.metadata, labels: { mine: 'yes' } } };
    if (how === 'status') return { ...object, status: { ...object.status, observed: { state: 'forged' } } };
    return { ...object, metadata: { ...object.metadata, annotations: { mine: 'yes' } } };
  });
}
