import { type Ground, keyOf, type OpenRun } from './backfill.ts';
import { mapConcurrent } from './concurrent.ts';
import { hasEnded, type Run, type RunTarget } from './sync-run.ts';
import { passOfRun, type RunPass } from './sync-run-pass.ts';
import { endTarget, readRun } from './sync-run-writer.ts';

/** Told of what becomes of a run that is carried out in this process. */
export interface RunProgress {
  seen(target: RunTarget, count: number): void;
  done(target: RunTarget, pass: RunPass): void;
}

/** Targets at once: one waits for AWS while another writes. */
const inFlight = 4;

/**
 * Carries out what is left of a run in this process, as the worker would, and gives the run as it stands then. Where the
 * signal ends it early, the same again goes on with the rest.
 */
export async function carryOut(open: OpenRun, ground: Ground, progress: RunProgress): Promise<Run | undefined> {
  const { at, home, run } = open;
  const { signal } = ground;
  const tasks = new Map(ground.tasks.map((task) => [keyOf(task), task]));
  const left = Object.entries(run.targets).filter(([, target]) => !hasEnded(target));
  const names = left.flatMap(([key]) => tasks.get(key)?.clusters ?? []);
  const opened = await ground.open([...new Set(names)]);
  await mapConcurrent(left, inFlight, async ([key, target]) => {
    if (signal.aborted) return;
    const task = tasks.get(key);
    if (task === undefined) {
      const reason = 'the configuration has no such target any more';
      await endTarget(home, at, key, reason, { signal });
      return progress.done(target, { next: 'done', reason });
    }
    const clusters = task.clusters.flatMap((name) => opened.get(name) ?? []);
    const pass = await passOfRun(task, clusters, home, at, {
      signal,
      isLast: true,
      run: at.name,
      progress: (seen) => progress.seen(target, seen),
    });
    progress.done(target, pass);
  });
  // What was done is told also where Ctrl-C ended it.
  return readRun(home, at, { signal: AbortSignal.timeout(10_000) });
}
