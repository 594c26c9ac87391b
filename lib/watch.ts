import { ApiError, type Cluster, type ClusterReader } from './cluster.ts';
import { mapConcurrent } from './concurrent.ts';
import { oldestScan, type ScanAge, type ScanPlace } from './scan-ages.ts';
import { mirrorScan } from './scan-schema.ts';
import { removeExpiredRuns } from './sync-run-expiry.ts';
import type { ConfiguredTask } from './targets.ts';

/** What one look at the scans of all clusters came to. */
export interface Watched {
  /** None where every mirror is paused. */
  readonly oldest: ScanAge | undefined;
  /** Why, by the name of the cluster. */
  readonly unreadable: ReadonlyMap<string, string>;
}

/** Namespaces at once, in each cluster. */
const atOnce = 8;

/** Milliseconds for the scans of a namespace: what takes longer must not cost the invocation, which sees all clusters. */
const readDeadline = 10_000;

/**
 * Reads what the passes have left in the clusters; never throws for what a cluster does. One that is down is not asked
 * for each of its namespaces, and delays no other.
 */
export async function watch(
  tasks: readonly ConfiguredTask[],
  clusters: ReadonlyMap<string, ClusterReader>,
  signal: AbortSignal,
  deadline = readDeadline,
): Promise<Watched> {
  const unreadable = new Map<string, string>();
  const down = new Set<string>();

  async function read(place: Place): Promise<ScanPlace> {
    const cluster = clusters.get(place.cluster);
    const unread = { ...place, scans: undefined, now: 0 };
    if (down.has(place.cluster)) return unread;
    try {
      if (cluster === undefined) throw new Error('the configuration does not name it');
      const bound = { signal: AbortSignal.any([signal, AbortSignal.timeout(deadline)]) };
      const scans = await cluster.list(mirrorScan, place.namespace, {}, bound);
      return { ...place, scans, now: cluster.now() };
    } catch (error) {
      if (!isOfNamespace(error)) down.add(place.cluster);
      unreadable.set(place.cluster, error instanceof Error ? error.message : String(error));
      return unread;
    }
  }

  const each = [...Map.groupBy(placesOf(tasks), ({ cluster }) => cluster).values()];
  const places = await Promise.all(each.map((own) => mapConcurrent(own, atOnce, read)));
  return { oldest: oldestScan(places.flat()), unreadable };
}

/** Whether the API server answers, and refuses this namespace alone. */
function isOfNamespace(error: unknown): boolean {
  return error instanceof ApiError && [403, 404].includes(error.status);
}

type Place = Omit<ScanPlace, 'scans' | 'now'>;

/** Every namespace of every cluster that a mirror writes into, with the targets that leave a scan there. */
function placesOf(tasks: readonly ConfiguredTask[]): Place[] {
  const targets = tasks
    .filter(({ paused }) => !paused)
    .flatMap(({ clusters, mirror, parts = [mirror], source, scope }) =>
      clusters.flatMap((cluster) =>
        parts.map((part) => ({ cluster, namespace: part.namespace, target: { mirror: part, source, scope } })),
      ),
    );
  const places = Map.groupBy(targets, ({ cluster, namespace }) => `${namespace} ${cluster}`);
  return [...places.values()].flatMap((members) => {
    const [first] = members;
    return first === undefined ? [] : [{ ...first, targets: members.map(({ target }) => target) }];
  });
}

/** What became of SyncRuns that ended long ago; a problem is a sentence, and the next look tries again. */
export interface RemovedRuns {
  readonly removed: number;
  readonly problems: readonly string[];
}

/** Removes old SyncRuns from where they are kept: the first cluster and namespace of each mirror. Never throws. */
export async function removeOldRuns(
  tasks: readonly ConfiguredTask[],
  clusters: ReadonlyMap<string, Cluster>,
  signal: AbortSignal,
): Promise<RemovedRuns> {
  const homes = tasks.flatMap(({ clusters: [name = ''], mirror, parts: [first = mirror] = [] }) => {
    const cluster = clusters.get(name);
    return cluster === undefined ? [] : [{ cluster, namespace: first.namespace }];
  });
  const once = new Map(homes.map((home) => [`${home.namespace} ${home.cluster.name}`, home]));
  const answers = await mapConcurrent(once.values(), atOnce, async ({ cluster, namespace }) => {
    try {
      return await removeExpiredRuns(cluster, namespace, { signal });
    } catch (error) {
      return `old SyncRuns in ${cluster.name}/${namespace} stay: ${error instanceof Error ? error.message : error}`;
    }
  });
  const counts = answers.filter((answer) => typeof answer === 'number');
  return {
    removed: counts.reduce((sum, count) => sum + count, 0),
    problems: answers.filter((answer) => typeof answer === 'string'),
  };
}
