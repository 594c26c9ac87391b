import type { Cluster } from '../lib/cluster.ts';
import { mapConcurrent } from '../lib/concurrent.ts';
import { idsNamed } from '../lib/named.ts';
import type { Report } from '../lib/report.ts';
import { selectsName } from '../lib/selection.ts';
import { sync } from '../lib/sync.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import type { Surroundings } from './surroundings.ts';

/** How the passes of a command are run. */
export interface PassesOptions<Inside extends Cluster> {
  readonly around: Pick<Surroundings, 'signal'>;
  /** Only resources with this name. */
  readonly name?: string | undefined;
  readonly clustersOf: (task: ConfiguredTask) => readonly Inside[];
  /** Called when a task is through, in any order. */
  readonly done?: (task: ConfiguredTask, clusters: readonly Inside[], report: Report) => void;
  readonly progress?: (task: ConfiguredTask, seen: number) => void;
}

/** Targets at once: one waits for AWS while another writes. */
const inFlight = 4;

/** One pass of each task that is not paused; what goes wrong with one is in its report. */
export async function passes<Inside extends Cluster>(
  tasks: readonly ConfiguredTask[],
  { around, name, clustersOf, done, progress }: PassesOptions<Inside>,
): Promise<Report[]> {
  const active = tasks.filter(({ paused }) => !paused);
  const reports = await mapConcurrent(active, inFlight, async (task) => {
    if (around.signal.aborted) return undefined;
    const clusters = clustersOf(task);
    const report = await onePass(task, clusters, name, {
      signal: around.signal,
      progress: ({ seen }) => progress?.(task, seen),
    });
    done?.(task, clusters, report);
    return report;
  });
  return reports.filter((report) => report !== undefined);
}

async function onePass(
  task: ConfiguredTask,
  clusters: readonly Cluster[],
  name: string | undefined,
  options: { readonly signal: AbortSignal; readonly progress: (counts: { readonly seen: number }) => void },
): Promise<Report> {
  if (name === undefined) return sync(task, clusters, options);
  const began = performance.now();
  try {
    const ids = await idsNamed(
      task,
      clusters,
      (readable) => selectsName({ include: [name] }, readable),
      options.signal,
    );
    return await sync(task, clusters, { ...options, ids });
  } catch (error) {
    // The names could not be looked up, so that there is nothing to sync: the report of a pass that saw nothing.
    const { reason, message } = task.source.explain(error);
    return {
      mirror: task.mirror.name,
      source: task.source.kind,
      scope: task.scope,
      ok: false,
      incomplete: { reason, message },
      outside: { seen: 0, invalid: 0, unselected: 0, excluded: 0, labelsLeftOut: 0 },
      calls: 0,
      milliseconds: performance.now() - began,
      clusters: [],
    };
  }
}
