import { setImmediate as macrotask } from 'node:timers/promises';
import { type Mirror, mirrorOf } from '../../lib/mirror.ts';
import { fieldManager, type KubernetesObject } from '../../lib/object.ts';
import type { Report } from '../../lib/report.ts';
import { nameOf, type Target } from '../../lib/resource.ts';
import { scanName } from '../../lib/scan.ts';
import { mirrorScan } from '../../lib/scan-schema.ts';
import type { Limits } from '../../lib/sync.ts';
import { type Engine, engine as realEngine } from '../memory/engine.ts';
import {
  type ClusterHooks,
  type MemoryCluster,
  memoryCluster,
  type Time,
  type Write,
} from '../memory/memory-cluster.ts';
import { memorySource, type Row, type SourceCall, type SourceHooks, type World } from '../memory/memory-source.ts';

/** The one scope of a simulation. */
export const scope = { account: '1', region: 'r' };

/** What one run read, asked and wrote, in the order of `at`: the truth that the laws are checked against. */
export interface Trace {
  readonly reads: { readonly at: number; readonly object: KubernetesObject }[];
  readonly answers: { readonly asked: number; readonly id: string; readonly answer: Row | Error | undefined }[];
  readonly writes: (Write & { readonly order: number })[];
  /** What a listing that ended without an error held. */
  listed: readonly (string | undefined)[] | undefined;
}

/** One call of `sync`, which may still be under way. */
export interface Run {
  readonly whole: boolean;
  readonly trace: Trace;
  readonly abort: AbortController;
  report: Report | undefined;
  error: unknown;
  crashed: boolean;
}

/** Which of the waiting requests goes on: by number, or the first of the run that began last. */
export type Pick = number | 'newest';

/** How one run differs from a plain poll. */
export interface RunOptions {
  readonly ids?: readonly string[];
  readonly source?: SourceHooks;
  readonly cluster?: ClusterHooks;
  /** Hooks that differ by cluster, by its number. */
  readonly perCluster?: (cluster: number) => ClusterHooks;
  readonly limits?: Partial<Limits>;
}

/** Everything of one simulated installation. */
export interface SimulationOptions {
  readonly engine?: Engine;
  readonly mirror?: Partial<Mirror>;
  readonly pageSize?: number;
  /** True: requests wait until `go` or `finish` lets them through, so that runs can overlap. */
  readonly gated?: boolean;
  readonly clusters?: number;
  /** Set: the outside lists bare ids, and what is behind them has its turn within so many seconds. */
  readonly refreshSeconds?: number;
}

/** An outside, clusters and a mirror between them, with a clock, and an interleaver for runs that overlap. */
export function simulation(options: SimulationOptions = {}) {
  const { engine = realEngine, pageSize = 2, gated = false, refreshSeconds } = options;
  const turns = refreshSeconds === undefined ? {} : { refreshSeconds };
  const time: Time = { now: Date.UTC(2026, 0, 5) };
  const world: World = { rows: new Map(), calls: [] };
  const source = memorySource({ world, engine, pageSize, ...turns });
  const mirror = mirrorOf({ name: 'test', namespace: 'external', ...options.mirror });
  const target: Target = { mirror, source, scope };
  const clusters = Array.from({ length: options.clusters ?? 1 }, (_, index) =>
    memoryCluster({ name: `cluster-${index}`, engine, time }),
  );
  const runs: Run[] = [];
  const pending: { readonly run: Run; readonly what: string; readonly open: () => void }[] = [];
  let order = 0;

  const gate = (run: Run, what: string): Promise<void> | undefined => {
    if (!gated) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    pending.push({ run, what, open: resolve });
    return promise;
  };

  function clientOf(cluster: MemoryCluster, run: Run, hooks: ClusterHooks) {
    let written = 0;
    return cluster.client({
      ...hooks,
      before: async (request) => {
        await gate(run, request.verb);
        await hooks.before?.(request);
        written = cluster.writes.length;
      },
      after: async (request) => {
        for (const write of cluster.writes.slice(written)) run.trace.writes.push({ ...write, order: ++order });
        await gate(run, 'answer');
        await hooks.after?.(request);
      },
      read: (object) => run.trace.reads.push({ at: ++order, object }),
    });
  }

  function outsideOf(run: Run, hooks: SourceHooks): SourceHooks {
    const asked = new Map<SourceCall, number>();
    return {
      ...hooks,
      before: async (call) => {
        asked.set(call, ++order);
        await gate(run, `ask ${call.verb}`);
        await hooks.before?.(call);
      },
      after: async (call) => {
        await gate(run, `told ${call.verb}`);
        await hooks.after?.(call);
      },
      listed: (ids) => {
        run.trace.listed = ids;
      },
      answered: (call, id, answer) => run.trace.answers.push({ asked: asked.get(call) ?? 0, id, answer }),
    };
  }

  function start({
    ids,
    source: outside = {},
    cluster: hooks = {},
    perCluster = () => hooks,
    limits = {},
  }: RunOptions = {}): Run {
    const trace: Trace = { reads: [], answers: [], writes: [], listed: undefined };
    const abort = new AbortController();
    const run: Run = { whole: ids === undefined, trace, abort, report: undefined, error: undefined, crashed: false };
    runs.push(run);
    const clients = clusters.map((cluster, index) => clientOf(cluster, run, perCluster(index)));
    const given = { signal: abort.signal, clock: () => time.now, limits: { patience: 2 ** 31 - 1, ...limits } };
    engine.sync({ ...target, access: outsideOf(run, outside) }, clients, { ...given, ...(ids && { ids }) }).then(
      (report) => {
        run.report = report;
      },
      (error: unknown) => {
        run.error = error;
      },
    );
    return run;
  }

  /** Lets so many requests through, one after the other; `pick` says which of those that wait. */
  async function go(count: number, pick: Pick): Promise<void> {
    for (let step = 0; step < count; step += 1) {
      await macrotask();
      const newest = pending.findIndex(({ run }) => run === pending.at(-1)?.run);
      const index = pick === 'newest' ? newest : (pick * (step + 1)) % Math.max(1, pending.length);
      const [next] = pending.splice(index, 1);
      if (next === undefined) return;
      if (!next.run.crashed) next.open();
    }
  }

  /** Lets the requests of one run through until nothing but `stop` is left of it, or it ends. */
  async function advance(run: Run, stop: string): Promise<void> {
    for (;;) {
      await macrotask();
      const next = pending.find((one) => one.run === run && one.what !== stop);
      if (next === undefined) return;
      pending.splice(pending.indexOf(next), 1);
      next.open();
    }
  }

  /** Lets every run end. */
  async function finish(pick: Pick = 0): Promise<void> {
    do await go(1, pick);
    while (pending.length > 0 || (await stillRunning()));
    const failed = runs.find(({ error }) => error !== undefined);
    if (failed !== undefined) throw new Error('a run threw', { cause: failed.error });
  }

  async function stillRunning(): Promise<boolean> {
    for (let turn = 0; turn < 3; turn += 1) await macrotask();
    if (pending.length > 0) return true;
    if (runs.some((run) => !run.crashed && run.report === undefined && run.error === undefined)) {
      throw new Error('a run neither ends nor waits for anything');
    }
    return false;
  }

  /** One run from its beginning to its end, with whatever else is under way. */
  async function pass(run: RunOptions = {}): Promise<Run & { readonly report: Report }> {
    const started = start(run);
    await finish();
    if (started.report === undefined) throw new Error('the pass gave no report', { cause: started.error });
    return { ...started, report: started.report };
  }

  const cluster = clusters[0] as MemoryCluster;
  return {
    engine,
    target,
    time,
    world,
    cluster,
    clusters,
    runs,
    start,
    go,
    advance,
    finish,
    pass,
    /** Seconds go by. */
    wait: (seconds: number) => {
      time.now += seconds * 1000;
    },
    set: (row: Row & { readonly id: string }) => world.rows.set(row.id, row),
    remove: (id: string) => world.rows.delete(id),
    /** A process dies: nothing of it happens any more. */
    crash: (run: Run | undefined) => {
      if (run !== undefined && run.report === undefined) run.crashed = true;
    },
    nameOf: (id: string) => nameOf(source, id, source.identify(id) ?? {}),
    object: (id: string, where = cluster) =>
      where.objects('things').find(({ metadata, spec }) => spec?.arn === id && managedByUs(metadata)),
    scan: (where = cluster) =>
      where.objects(mirrorScan.plural).find(({ metadata }) => metadata.name === scanName(target)),
    /** Our writes to mirrored objects. */
    writes: (where = cluster) =>
      where.writes.filter(({ manager, plural }) => manager === fieldManager && plural === 'things'),
  };
}

export type Simulation = ReturnType<typeof simulation>;

const managedByUs = ({ managedFields }: KubernetesObject['metadata']) =>
  managedFields?.some(({ manager }) => manager === fieldManager) === true;
