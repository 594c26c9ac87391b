import * as z from 'zod';
import type { ScanAge } from '../lib/scan-ages.ts';
import { removeOldRuns, watch } from '../lib/watch.ts';
import { handlerOf } from './shell.ts';

/** Every five minutes: the dead-man's switch of all mirrors, and the end of SyncRuns that are old. */
export const handler = handlerOf(z.unknown(), async (_, { logger, metrics, signal, tasks, clusters }) => {
  const all = tasks();
  // The cluster of a mirror that is paused may be away on purpose.
  const names = all.filter(({ paused }) => !paused).flatMap((task) => task.clusters);
  const opened = await clusters([...new Set(names)]);
  const { oldest, unreadable } = await watch(all, opened, signal);
  metrics.addMetric('ClustersUnreadable', 'Count', unreadable.size);
  // 0 where all mirrors are paused: without a value it would look as if the watch itself were dead.
  metrics.addMetric('OldestCompleteScanPercent', 'Percent', oldest?.percent ?? 0);
  for (const [cluster, reason] of unreadable) logger.warn(`cluster ${cluster} cannot be read: ${reason}`, { cluster });
  if (oldest !== undefined) logger[oldest.percent < 100 ? 'info' : 'warn'](sentence(oldest));
  const readable = new Map([...opened].filter(([name]) => !unreadable.has(name)));
  const { removed, problems } = await removeOldRuns(all, readable, signal);
  for (const problem of problems) logger.warn(problem);
  return { oldestCompleteScanPercent: oldest?.percent, clustersUnreadable: unreadable.size, syncRunsRemoved: removed };
});

function sentence({ cluster, namespace, target, percent, why }: ScanAge): string {
  const { mirror, source, scope } = target;
  const where = `${mirror.name} ${source.kind} ${Object.values(scope).join('/')} in ${cluster}/${namespace}`;
  return `the oldest complete scan is that of ${where}: ${Math.round(percent)} % of staleAfter (${why})`;
}
