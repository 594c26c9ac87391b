import fc from 'fast-check';
import { type Fault, faults } from './activity.ts';
import { troubles } from './outside.ts';

/** What is fixed for one schedule. */
const worlds = fc.record({
  clusters: fc.constantFrom(1, 1, 1, 2, 2),
  regions: fc.constantFrom(1, 1, 1, 2),
  graceSeconds: fc.constantFrom(0, 600, 600),
  removal: fc.constantFrom('Delete', 'Delete', 'Delete', 'Delete', 'Retain' as const),
  maxPercent: fc.constantFrom(0, 30, 50),
  listing: fc.constantFrom('rows', 'rows', 'rows', 'rows', 'ids', 'ids', 'turns' as const),
  /** Twelve resources more, of which some go at once: enough for the brake. */
  crowd: fc.constantFrom(false, false, false, true),
  /** Each change has a version of its own; else states come back. */
  isStamped: fc.boolean(),
  /** What there is has been mirrored when the schedule begins, and by which release. */
  begun: fc.constantFrom(0, 1, 1, 2, 2),
  /** Milliseconds after which a write arrives that its sender has given up. */
  landing: fc.option(fc.constantFrom(0, 5_000, 25_000), { nil: undefined }),
  /** The schedule ends in the middle of an outage, which lasts longer than staleAfter. */
  endsInOutage: fc.constantFrom(false, false, false, false, true),
  /** In which order what is still under way comes to its end. */
  order: fc.nat(20),
});

/** What is fixed for one schedule. */
export type World = typeof worlds extends fc.Arbitrary<infer Value> ? Value : never;

/** The names in the first region; few, so that things happen to the same object. */
export const names = ['a', 'b', 'c'] as const;
/** The names in the second region. */
export const farNames = ['x', 'y'] as const;

/** Points at which an activity may be held while others go on. */
const stops = [
  'end',
  'end',
  'end',
  'ask page',
  'told page',
  'told page',
  'ask get',
  'told get',
  'list',
  'create',
  'replace',
  'replaceStatus',
  'replaceStatus',
  'remove',
  'scan get',
  'scan replaceStatus',
  'run replaceStatus',
  'cluster-1',
  'answer',
] as const;

const stop = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...stops) }, { weight: 1, arbitrary: fc.nat(30) });

/** Where an activity is held: before a kind of request or answer, or after so many points. */
export type Stop = (typeof stops)[number] | number;

const name = fc.oneof(
  { weight: 6, arbitrary: fc.constant('a' as const) },
  { weight: 3, arbitrary: fc.constantFrom(...names) },
  { weight: 1, arbitrary: fc.constantFrom(...farNames) },
);
const lag = fc.constantFrom(0, 0, 0, 4_000, 25_000);
const cluster = fc.nat(1);

const changeParts = {
  do: fc.constant('change' as const),
  name,
  to: fc.constantFrom('new', 'new', 'new', 'gone', 'gone', 'replaced', 'invalid', 'hidden', 'excluded' as const),
  value: fc.nat(1),
  list: lag,
  get: lag,
  /** How often its event is sent; it may come late, and in any order. */
  events: fc.constantFrom(0, 1, 1, 1, 2),
};
const change = fc.record(changeParts);

const kinds = [
  'poll',
  'poll',
  'poll',
  'poll',
  'events',
  'events',
  'events',
  'worker',
  'sync',
  'narrow',
  'plan',
  'backfill',
] as const;
const fault = fc.record({ at: fc.nat(14), what: fc.constantFrom(...faults) });

const startParts = {
  do: fc.constant('start' as const),
  what: fc.constantFrom(...kinds),
  /** Of what it may look at: the region, the named resources, the message. */
  of: fc.nat(3),
  release: fc.constantFrom(1, 2, 2),
  until: stop,
  faults: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.array(fault, { minLength: 1, maxLength: 2 }) },
  ),
  /** What is wrong with the outside for as long as it looks. */
  trouble: fc.oneof(
    { weight: 4, arbitrary: fc.constant('none' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...troubles) },
  ),
  /** Seconds until its time is over. */
  budget: fc.constantFrom(900, 900, 900, 60, 3),
};
const start = fc.record(startParts);

const goParts = { do: fc.constant('go' as const), who: fc.nat(3), until: stop };
const go = fc.record(goParts);
const wait = fc.record({
  do: fc.constant('wait' as const),
  seconds: fc.constantFrom(1, 10, 29, 45, 100, 605, 1000, 4000),
});
const crash = fc.record({ do: fc.constant('crash' as const), who: fc.nat(3) });
const trouble = fc.record({
  do: fc.constant('trouble' as const),
  what: fc.constantFrom('none', ...troubles),
  region: fc.nat(1),
});
const inside = fc.record({
  do: fc.constant('cluster' as const),
  cluster,
  to: fc.constantFrom('down', 'up', 'terminating', 'missing', 'refusing', 'upgraded' as const),
});
const person = fc.record({
  do: fc.constant('person' as const),
  cluster,
  name,
  what: fc.constantFrom(
    'labels',
    'status',
    'annotates',
    'condition',
    'deletes',
    'begins to delete',
    'makes a foreign one',
    'makes a collision',
    'gives it to another mirror',
  ),
});
const approve = fc.record({
  do: fc.constant('approve' as const),
  cluster,
  word: fc.constantFrom('right', 'right', 'right', 'wrong', 'earlier' as const),
});
const crowd = fc.record({
  do: fc.constant('crowd' as const),
  from: fc.nat(11),
  count: fc.integer({ min: 1, max: 9 }),
  to: fc.constantFrom('gone', 'gone', 'gone', 'back' as const),
});
const cancel = fc.record({ do: fc.constant('cancel' as const) });

const step = fc.oneof(
  { weight: 20, arbitrary: start },
  { weight: 16, arbitrary: change },
  { weight: 14, arbitrary: go },
  { weight: 8, arbitrary: wait },
  { weight: 2, arbitrary: crash },
  { weight: 3, arbitrary: trouble },
  { weight: 3, arbitrary: person },
  { weight: 2, arbitrary: inside },
  { weight: 4, arbitrary: crowd },
  { weight: 2, arbitrary: approve },
  { weight: 1, arbitrary: cancel },
);

/** One thing that happens. */
export type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const held = fc.constantFrom(
  'told page',
  'told page',
  'told get',
  'answer',
  'create',
  'replaceStatus',
  'remove',
  'cluster-1',
  'cluster-1' as const,
);
const here = fc.record({ ...changeParts, name: fc.constant('a' as const) });
const runs = fc.constantFrom('poll', 'poll', 'events', 'narrow', 'worker' as const);
const other = fc.record({ ...startParts, what: runs, until: fc.oneof(fc.constant('end' as const), held) });
/** One that may be left out; once in so many times it is. */
const maybe = (one: fc.Arbitrary<Step>, freq: number): fc.Arbitrary<Step | null> => fc.option(one, { freq });

/** What single steps make too rarely: a run is held while the resource that it has looked at changes under it. */
const overlap = fc.tuple(
  maybe(here, 3),
  maybe(fc.record({ ...startParts, what: runs, until: held }), 20),
  maybe(here, 3),
  maybe(other, 3),
  maybe(here, 1),
  maybe(wait, 2),
  maybe(fc.record({ ...goParts, until: fc.constant('end' as const) }), 4),
);

/** A whole history as data: fast-check makes it from a seed, and shrinks it. */
export interface Schedule {
  readonly world: World;
  readonly steps: readonly Step[];
}

/** Schedules of so many parts at most; a part is one step, or the few of an overlap. */
export function schedules(length = 16): fc.Arbitrary<Schedule> {
  const part: fc.Arbitrary<readonly (Step | null)[]> = fc.oneof(
    { weight: 3, arbitrary: fc.tuple(step) },
    { weight: 1, arbitrary: overlap },
  );
  const parts = fc.array(part, { minLength: 2, maxLength: length, size: 'max' });
  return fc.record({ world: worlds, steps: parts.map((all) => all.flat().filter((one) => one !== null)) });
}

/** The faults of a start, by the number of the request that meets them. */
export function faultsOf(listed: readonly { readonly at: number; readonly what: Fault }[]): ReadonlyMap<number, Fault> {
  return new Map(listed.map(({ at, what }) => [at, what]));
}
