import { type Choice, syncChosen } from '../lib/chosen.ts';
import type { Cluster } from '../lib/cluster.ts';
import { mapConcurrent } from '../lib/concurrent.ts';
import type { Report } from '../lib/report.ts';
import { selectsName } from '../lib/selection.ts';
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
  const choice: Choice = name === undefined ? {} : { name: (readable) => selectsName({ include: [name] }, readable) };
  const active = tasks.filter(({ paused }) => !paused);
  const reports = await mapConcurrent(active, inFlight, async (task) => {
    if (around.signal.aborted) return undefined;
    const clusters = clustersOf(task);
    const report = await syncChosen(task, clusters, choice, {
      signal: around.signal,
      progress: ({ seen }) => progress?.(task, seen),
    });
    done?.(task, clusters, report);
    return report;
  });
  return reports.filter((report) => report !== undefined);
}
