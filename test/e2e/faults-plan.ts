import fc from 'fast-check';
import { awsKinds, awsPlaces, clusterKinds, clusterPlaces } from './faults-kinds.ts';

/** What happens outside: how many come, change, go, and come back. */
export interface Changes {
  readonly come: number;
  readonly change: number;
  readonly go: number;
  readonly back: number;
}

/** One fault of a round. */
export interface PlannedFault {
  readonly side: 'AWS' | 'first' | 'second';
  readonly kind: string;
  readonly place: string;
  /** How many requests get through before. */
  readonly after: number;
  /** `undefined`: from then on every one. */
  readonly times: number | undefined;
  /** How much of it, from 0 to 1. */
  readonly size: number;
}

/** One pass of a round. */
export interface PlannedPass {
  /** Of how many ids, where it is not over the whole scope. */
  readonly ids: number | undefined;
  /** Begins when the proxies have seen so many requests; the first one begins at once. */
  readonly at: number;
  /** Milliseconds until it is ended from outside. */
  readonly limit: number;
}

/** A write that is held while the outside changes once more and another pass sees and writes that. */
export interface Overtaking {
  readonly side: 'first' | 'second';
  readonly place: 'create' | 'status' | 'delete';
  readonly after: number;
  /** Every so many of what changed in this round goes, the rest changes again. */
  readonly every: number;
}

/** One round: what changes, who looks meanwhile, and what gets in between. */
export interface PlannedRound {
  readonly before: Changes;
  readonly during: readonly { readonly at: number; readonly changes: Changes }[];
  readonly passes: readonly PlannedPass[];
  readonly faults: readonly PlannedFault[];
  readonly overtaken: readonly Overtaking[];
}

/** To one cluster, where some tens of objects change. */
const requestsOfAPass = 60;

function upTo(most: number) {
  return fc.integer({ min: 0, max: most });
}

const moment = upTo(requestsOfAPass);
/** Most places see few requests in a pass. */
const after = fc.oneof(upTo(1), upTo(requestsOfAPass / 5));
const times = fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 10 }));
const size = fc.double({ min: 0, max: 1, noNaN: true });
const extent = { after, times, size };

const aws = fc.record({
  side: fc.constant('AWS' as const),
  kind: fc.constantFrom(...Object.keys(awsKinds)),
  place: fc.constantFrom(...Object.keys(awsPlaces)),
  ...extent,
});

const cluster = fc.record({
  side: fc.constantFrom('first' as const, 'second' as const),
  kind: fc.constantFrom(...Object.keys(clusterKinds)),
  place: fc.constantFrom(...Object.keys(clusterPlaces)),
  ...extent,
});

/** Writes on their way while others look and write: what is overtaken has to be seen anew. */
const lateWrites = fc.record({
  side: fc.constantFrom('first' as const, 'second' as const),
  kind: fc.constantFrom('very late', 'done when given up'),
  place: fc.constantFrom('create', 'status', 'delete'),
  ...extent,
});

const changes = (most: number) =>
  fc.record({ come: upTo(most), change: upTo(2 * most), go: upTo(2 * most), back: upTo(most) });

const overtaking = fc.record({
  side: fc.constantFrom('first' as const, 'second' as const),
  place: fc.constantFrom('create' as const, 'status' as const, 'delete' as const),
  after: upTo(5),
  every: fc.integer({ min: 1, max: 5 }),
});

/** Many begin while the one before is about to write. */
const pass = fc.record({
  ids: fc.oneof(fc.constant(undefined), fc.constant(undefined), fc.integer({ min: 1, max: 8 })),
  at: fc.oneof(moment, upTo(20)),
  limit: fc.integer({ min: 500, max: 8000 }),
});

const round: fc.Arbitrary<PlannedRound> = fc.record({
  before: changes(8),
  during: fc.array(fc.record({ at: moment, changes: changes(4) }), { maxLength: 6 }),
  passes: fc.array(pass, { minLength: 1, maxLength: 3 }),
  faults: fc.array(fc.oneof(aws, cluster, cluster, lateWrites), { minLength: 2, maxLength: 7 }),
  overtaken: fc.array(overtaking, { maxLength: 2 }),
});

/** The rounds of a seed; the same number of the same seed is always the same round. */
export function roundsOf(seed: number, count: number): PlannedRound[] {
  return fc.sample(round, { seed, numRuns: count });
}
