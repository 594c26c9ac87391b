/** One part of the long form: a program that tries one thing very often. */
export interface Part {
  readonly name: string;
  /** From the root of the project. */
  readonly program: string;
  /** What one reads in docs/reliability.md. */
  readonly what: string;
  /** The counts that tell most, for the summary; left out: all of them. */
  readonly foremost?: readonly string[];
}

/** In the order in which they run. */
export const parts: readonly Part[] = [
  {
    name: 'simulator',
    program: 'test/simulate/main.ts',
    what: 'random schedules of polls, events, backfills and CLI runs that overlap, fail and die, against the laws',
    foremost: ['schedules', 'points of I/O', 'crashes', 'overlaps', 'deleted'],
  },
  {
    name: 'model',
    program: 'test/memory/long.ts',
    what: "random sequences of requests to the simulator's API server and to the real one: the same answers",
    foremost: ['sequences', 'requests'],
  },
  {
    name: 'fuzzing',
    program: 'test/fuzz/long.ts',
    what: 'hostile input at every border: no crash, hang, write, pollution, or secret that comes out',
  },
  {
    name: 'faults',
    program: 'test/e2e/faults-long.ts',
    what: 'proxies that break the connections to a real API server and to AWS (emulated), a world that changes meanwhile',
    foremost: ['rounds', 'passes', 'requests', 'changes outside'],
  },
  {
    name: 'kills',
    program: 'test/e2e/kills-long.ts',
    what: '`kill -9` of the sync, of the functions worker and event, of kube-apiserver and of etcd, in the middle of a pass',
    foremost: ['rounds', 'kills', 'passes', 'writes'],
  },
  {
    name: 'versions',
    program: 'test/e2e/versions-long.ts',
    what: 'the end-to-end tests on the oldest and on the newest Kubernetes',
  },
  {
    name: 'mutation',
    program: 'test/mutation/long.ts',
    what: 'changes to the code of plan, names, removal and routing: does a test notice?',
  },
];
