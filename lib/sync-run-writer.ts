import { type Cluster, isOvertaken, type RequestOptions } from './cluster.ts';
import { cancelled, endedBy, hasEnded, type Run, type RunTarget, runOf, withTargets } from './sync-run.ts';
import { syncRun } from './sync-run-schema.ts';

/** Where a SyncRun is. */
export interface RunPlace {
  readonly namespace: string;
  readonly name: string;
}

/** Of those who write one run at once, one always gets through; a run has as many writers as there are workers. */
const attempts = 50;

/** Reads a run; `undefined` where there is none. Throws an Error where it cannot be read. */
export async function readRun(
  home: Pick<Cluster, 'get'>,
  at: RunPlace,
  options: RequestOptions,
): Promise<Run | undefined> {
  const object = await home.get(syncRun, at.namespace, at.name, options);
  return object === undefined ? undefined : runOf(object);
}

/**
 * Changes targets of a run under the version that was read, and reads and changes again where somebody else was faster.
 * `change` answers nothing where there is nothing to write. Gives the run as it stands, `undefined` where it is gone.
 */
export async function updateTargets(
  home: Cluster,
  at: RunPlace,
  change: (run: Run) => Readonly<Record<string, RunTarget>> | undefined,
  options: RequestOptions,
): Promise<Run | undefined> {
  return again(home, at, options, async (run) => {
    const changed = change(run);
    return changed === undefined
      ? run
      : runOf(await home.replaceStatus(syncRun, withTargets(run, changed, home.now()), options));
  });
}

/** As `updateTargets`, of one target; the same target again means that there is nothing to write. */
export async function updateTarget(
  home: Cluster,
  at: RunPlace,
  key: string,
  change: (target: RunTarget, run: Run) => RunTarget,
  options: RequestOptions,
): Promise<Run | undefined> {
  return updateTargets(
    home,
    at,
    (run) => {
      const target = run.targets[key];
      const next = target === undefined ? undefined : change(target, run);
      return next === undefined || next === target ? undefined : { [key]: next };
    },
    options,
  );
}

/** Sets `cancelled` in the run and ends all targets that have not ended; passes under way stop within seconds. */
export async function cancelRun(home: Cluster, at: RunPlace, options: RequestOptions): Promise<Run | undefined> {
  const set = await again(home, at, options, async (run) => {
    if (run.spec.cancelled) return run;
    const spec = { ...run.object.spec, cancelled: true };
    return runOf(await home.replace(syncRun, { ...run.object, spec }, options));
  });
  if (set === undefined) return undefined;
  return updateTargets(
    home,
    at,
    ({ targets }) => {
      const open = Object.entries(targets).filter(([, target]) => !hasEnded(target));
      if (open.length === 0) return undefined;
      return Object.fromEntries(open.map(([key, target]) => [key, endedBy(target, cancelled, home.now())]));
    },
    options,
  );
}

/** Reads the run and writes it, and does so again where somebody else wrote it in between. */
async function again(
  home: Cluster,
  at: RunPlace,
  options: RequestOptions,
  write: (run: Run) => Promise<Run>,
): Promise<Run | undefined> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const run = await readRun(home, at, options);
    if (run === undefined) return undefined;
    try {
      return await write(run);
    } catch (error) {
      if (!isOvertaken(error)) throw error;
    }
  }
  throw new Error(`the SyncRun ${at.namespace}/${at.name} is written by others again and again`);
}

/** Ends a target that nobody can carry out, as failed; one that has ended stays as it is. */
export async function endTarget(
  home: Cluster,
  at: RunPlace,
  key: string,
  message: string,
  options: RequestOptions,
): Promise<void> {
  const failed = { state: 'Failed', next: 'done', message } as const;
  await updateTarget(home, at, key, (target) => endedBy(target, failed, home.now()), options);
}
