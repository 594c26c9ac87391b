import type { Cluster } from './cluster.ts';
import { isExpired } from './sync-run.ts';
import { syncRun } from './sync-run-schema.ts';

/** Deletes the runs of a namespace that ended a week ago, and says how many. Throws ApiError. */
export async function removeExpiredRuns(
  cluster: Cluster,
  namespace: string,
  options: { readonly signal: AbortSignal },
): Promise<number> {
  const runs = await cluster.list(syncRun, namespace, {}, options);
  const expired = runs.filter((run) => isExpired(run, cluster.now()));
  for (const run of expired) await cluster.remove(syncRun, run, options);
  return expired.length;
}
