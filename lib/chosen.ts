import type { ClusterReader } from './cluster.ts';
import { scopeFields } from './resource.ts';
import type { Task } from './task.ts';

/**
 * The ids of a task's scope whose readable name fits: of what is listed outside and of what the clusters hold, so that
 * what is gone is among them. Throws what the outside throws; a cluster that cannot be read adds nothing.
 */
export async function idsNamed(
  task: Task,
  clusters: readonly ClusterReader[],
  fits: (name: string) => boolean,
  signal: AbortSignal,
): Promise<string[]> {
  const { source, scope, access, parts = [task.mirror] } = task;
  const ids = new Set<string>();
  const outside = source.open(scope, access);
  try {
    await outside.prove(signal);
    for await (const page of outside.list(signal)) {
      for (const seen of page) {
        if (seen.outcome !== 'broken' && fits(source.readable(seen.identity))) ids.add(seen.id);
      }
    }
  } finally {
    outside.close();
  }
  const places = clusters.flatMap((cluster) => parts.map(({ namespace }) => ({ cluster, namespace })));
  await Promise.all(
    places.map(async ({ cluster, namespace }) => {
      const objects = await cluster.list(source, namespace, scopeFields(scope), { signal }).catch(() => []);
      for (const { spec } of objects) {
        const found = source.identityOf(spec);
        if (found !== undefined && fits(source.readable(found.identity))) ids.add(found.id);
      }
    }),
  );
  return [...ids].toSorted();
}
