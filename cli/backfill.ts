import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { cancelBackfill, type Ground, openRun, type RunHome } from '../lib/backfill.ts';
import { carryOut } from '../lib/backfill-here.ts';
import type { BackfillRequest } from '../lib/backfill-request.ts';
import type { KubernetesCluster } from '../lib/kubernetes-cluster.ts';
import { openClusters } from '../lib/open-clusters.ts';
import { hasEnded, type Run } from '../lib/sync-run.ts';
import { removeExpiredRuns } from '../lib/sync-run-expiry.ts';
import { readRun } from '../lib/sync-run-writer.ts';
import { type BackfillOptions, requestOf } from './backfill-options.ts';
import { showRun, titleOf } from './backfill-result.ts';
import { exitCodes } from './exit-codes.ts';
import { progressOf } from './progress.ts';
import { asOption, entranceOf, openSession } from './session.ts';
import type { Surroundings } from './surroundings.ts';
import { counted, shown } from './table.ts';

/** Looks at what is chosen now and, with a SyncRun, in a way that can be followed, cancelled and carried on. */
export async function backfill(options: BackfillOptions, around: Surroundings): Promise<number> {
  const request = requestOf(options);
  if (options.follow === true && options.function === undefined) {
    throw new Error('--follow goes with --function: a run in this process is followed to its end anyway');
  }
  if (options.function !== undefined) return byFunction(options.function, request, options, around);
  return withGround(options, around, async (ground) => {
    if (request.cancel !== undefined) {
      const { at, run } = await cancelBackfill(request.cancel, ground);
      if (run.status.state !== 'Cancelled') around.error(`${at.name}: it had ended before, and nothing was cancelled`);
      ended(at, run, options, around);
      return exitCodes.done;
    }
    const open = await openRun(request, request.run ?? newName(), ground);
    const { cluster, namespace, name } = open.at;
    const count = Object.keys(open.run.targets).length;
    around.error(`${name} (${namespace} in ${cluster}): ${counted(count, 'target')}`);
    const progress = progressOf(count);
    const run = await carryOut(open, ground, {
      seen: (target, count) => progress.seen(titleOf(target), count),
      done: (target) => progress.done(titleOf(target)),
    });
    progress.pause();
    // Where there is a deployed function, it does so as well; what cannot be deleted now is so by the next run.
    await removeExpiredRuns(open.home, namespace, around).catch(() => 0);
    return ended(open.at, run, options, around);
  });
}

/** Sorts by time, and two that begin in the same second differ. */
function newName(): string {
  const time = new Date().toISOString().replace(/[-:]|\.\d+Z$/g, '');
  return `backfill-${time.toLowerCase()}-${randomBytes(3).toString('hex')}`;
}

async function byFunction(
  name: string,
  request: BackfillRequest,
  options: BackfillOptions,
  around: Surroundings,
): Promise<number> {
  const { invokeBackfill } = await import('./backfill-invoke.ts');
  // Named here, so that an invocation that is repeated because its answer was lost is the same run.
  const named = request.cancel === undefined ? { run: newName(), ...request } : request;
  const answer = await invokeBackfill(name, named, around.signal);
  if (options.follow !== true) {
    const { cluster, namespace } = answer.syncRun;
    const where = `to follow it: kubectl get syncrun -n ${namespace} ${answer.run} -w (cluster ${cluster})`;
    around.print(
      shown(
        options.output,
        answer,
        () => `${answer.run}: ${answer.state}, ${counted(answer.targets, 'target')}\n${where}`,
      ),
    );
    return exitCodes.done;
  }
  const everything = { config: options.config };
  return withGround(everything, around, async (ground) => {
    const run = await follow(answer.syncRun, ground);
    return ended(answer.syncRun, run, options, around);
  });
}

/** Milliseconds between two looks at a run. */
const lookEvery = 1_000;

/** The run as it stands when it has ended, or with Ctrl-C; it goes on then. */
async function follow(at: RunHome, { open, signal }: Ground): Promise<Run | undefined> {
  const home = (await open([at.cluster])).get(at.cluster);
  if (home === undefined) throw new Error(`the configuration has no cluster ${at.cluster}, where the SyncRun is`);
  let progress: ReturnType<typeof progressOf> | undefined;
  const told = new Set<string>();
  for (;;) {
    const run = await readRun(home, at, { signal: AbortSignal.timeout(30_000) });
    progress ??= progressOf(Object.keys(run?.targets ?? {}).length);
    for (const [key, target] of Object.entries(run?.targets ?? {})) {
      progress.seen(titleOf(target), target.seen ?? 0);
      if (!hasEnded(target) || told.has(key)) continue;
      told.add(key);
      progress.done(titleOf(target));
    }
    if (run === undefined || hasEnded(run.status) || signal.aborted) {
      progress.pause();
      return run;
    }
    // Ctrl-C ends the pause early.
    await setTimeout(lookEvery, undefined, { signal }).catch(() => {});
  }
}

function ended(
  at: RunHome,
  run: Run | undefined,
  { output, function: name }: BackfillOptions,
  around: Surroundings,
): number {
  if (run === undefined) throw new Error(`the SyncRun ${at.namespace}/${at.name} was deleted while it ran`);
  const left =
    name === undefined
      ? `to carry it on: skymirror backfill --run ${at.name}`
      : `it goes on; to end it: skymirror backfill --function ${name} --cancel ${at.name}`;
  return showRun(at, run, output, left, around);
}

async function withGround(
  options: Pick<BackfillOptions, 'config'>,
  around: Surroundings,
  work: (ground: Ground) => Promise<number>,
): Promise<number> {
  // The filters belong to the run, which may be another one than this call's.
  const session = await openSession({ config: options.config }, around);
  let opened: ReadonlyMap<string, KubernetesCluster> = new Map();
  try {
    return await work({
      tasks: session.tasks,
      signal: around.signal,
      spelt: asOption,
      async open(names) {
        opened = await openClusters(session.configuration.clusters, names, entranceOf(session), opened);
        return opened;
      },
    });
  } finally {
    await Promise.all([...opened.values()].map((cluster) => cluster.close()));
  }
}
