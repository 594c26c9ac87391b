import fc from 'fast-check';

/** The numbers of instances that changes name. */
export const numbers = 320;
/** Rounds that follow one another in the same world; the first of them meets an empty namespace. */
export const roundsInGroup = 10;

/**
 * What makes a pass: the command line as a process, or a function with a message in its queue; that of events looks only
 * at what changes in the round.
 */
export const runners = ['sync', 'worker', 'event'] as const;
export type Runner = (typeof runners)[number];
/**
 * What of a cluster dies. Both at once is like the end of their machine, except that what the kernel had not yet written
 * to the disk is not lost: no kill of a process does that.
 */
export type Server = 'kube-apiserver' | 'etcd' | 'both servers';

/**
 * When in the life of the request at which it strikes: before the server gets it, milliseconds after it was sent, after
 * it was answered, or (of a runner that sends a write) so that the write arrives after somebody else's next pass.
 */
export type Moment = 'before' | 'during' | 'after' | 'late';

/** A kill -9. */
export interface Death {
  readonly victim: Runner | Server;
  /** `step`: at that share of the requests that the pass will make; `time`: of the time that it will take. */
  readonly by: 'step' | 'time';
  readonly share: number;
  readonly moment: Moment;
  /** Milliseconds from the sending, where the moment is `during`. */
  readonly pause: number;
  /** Of a server: how many requests find nobody before it is started again; it is in any case when the pass has ended. */
  readonly absence: number;
}

/** What becomes of instances outside; one that is changed and not there comes back. */
export type Changes = readonly { readonly number: number; readonly what: 'change' | 'remove' }[];

/** One pass and its deaths; what runs again because of a runner's death meets the next one. */
export interface Round {
  readonly runner: Runner;
  readonly deaths: readonly Death[];
  readonly serverDeath: Death | undefined;
  /** Outside, before the pass and in the middle of it. */
  readonly between: Changes;
  readonly midway: { readonly share: number; readonly changes: Changes };
}

const share = fc.nat(999).map((thousandths) => thousandths / 1000);
const pause = fc.integer({ min: 0, max: 5 });
const by = fc.oneof(
  { weight: 5, arbitrary: fc.constant('step' as const) },
  { weight: 1, arbitrary: fc.constant('time' as const) },
);

function deathOf(runner: Runner): fc.Arbitrary<Death> {
  const moment = fc.constantFrom<Moment>('before', 'during', 'after', 'late');
  return fc.record({ victim: fc.constant(runner), by, share, moment, pause, absence: fc.constant(0) });
}

/** While only etcd is away, the API server keeps its clients waiting: none is sent away that could be counted. */
const serverDeath: fc.Arbitrary<Death> = fc
  .record({
    victim: fc.constantFrom<Server>('kube-apiserver', 'kube-apiserver', 'etcd', 'etcd', 'both servers'),
    by,
    share,
    moment: fc.constantFrom<Moment>('before', 'during', 'after'),
    pause,
    absence: fc.oneof(fc.constant(0), fc.nat(40)),
  })
  .map((death) => (death.victim === 'etcd' ? { ...death, absence: 0 } : death));

function changes(most: number): fc.Arbitrary<Changes> {
  const what = fc.constantFrom<'change' | 'remove'>('change', 'change', 'change', 'change', 'remove');
  return fc.array(fc.record({ number: fc.nat(numbers - 1), what }), { maxLength: most, size: 'max' });
}

/** Whose deaths a round has: the runner's, a server's, or both. */
const kinds = fc.constantFrom('runner', 'runner', 'server', 'server', 'both');

const round: fc.Arbitrary<Round> = fc.tuple(fc.constantFrom(...runners), kinds).chain(([runner, kind]) =>
  fc.record({
    runner: fc.constant(runner),
    deaths: fc.array(deathOf(runner), kind === 'server' ? { maxLength: 0 } : { minLength: 1, maxLength: 2 }),
    serverDeath: kind === 'runner' ? fc.constant(undefined) : serverDeath,
    between: changes(60),
    midway: fc.record({ share, changes: changes(20) }),
  }),
);

/** The rounds of a group; the same for the same seed. */
export function roundsOf(seed: number, group: number): readonly Round[] {
  return fc.sample(round, { seed: seed + group * 7919, numRuns: roundsInGroup, unbiased: true });
}
