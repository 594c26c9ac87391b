import type { Cluster } from './cluster.ts';
import type { KubernetesObject } from './object.ts';
import { runStatus, syncRun } from './sync-run-schema.ts';

/** How long a run is kept after it ended; design: a week. */
const keptFor = 7 * 86_400_000;
/** SQS keeps no message for longer (SQS Developer Guide, "Message quotas"), so that nobody carries such a run on. */
const longestLife = 14 * 86_400_000;

/** Whether a run may be deleted. */
export function isExpired(object: KubernetesObject, now: number): boolean {
  const ended = runStatus.shape.ended.safeParse(object.status?.ended).data;
  const until =
    ended === undefined
      ? Date.parse(object.metadata.creationTimestamp ?? '') + longestLife + keptFor
      : Date.parse(ended) + keptFor;
  return until < now;
}

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
