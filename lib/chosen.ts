import type { Cluster, ClusterReader } from './cluster.ts';
import { type JsonObject, normaliseObject } from './json.ts';
import type { Report } from './report.ts';
import { scopeFields } from './resource.ts';
import type { Identity, Observation, Outside } from './source.ts';
import { type SyncOptions, sync } from './sync.ts';
import type { Task } from './task.ts';

/** Which resources are meant; what is left out means all. */
export interface Choice {
  readonly name?: (readable: string) => boolean;
  /** Asked of the observed fields; what cannot be read fits nothing. */
  readonly fields?: (fields: JsonObject) => boolean;
}

/** Ids that are asked for together. */
const batchSize = 100;

/**
 * The ids of a task's scope that are chosen: by name and fields of what is listed outside, and of what the clusters hold as
 * they saw it last, so that what is gone is among them. Throws what the outside throws; a cluster that cannot be read adds
 * nothing.
 */
export async function idsChosen(
  task: Task,
  clusters: readonly ClusterReader[],
  choice: Choice,
  signal: AbortSignal,
): Promise<string[]> {
  const { source, scope, access, parts = [task.mirror] } = task;
  const isNamed = (identity: Identity) => choice.name?.(source.readable(identity)) ?? true;
  const ids = new Set<string>();
  const outside = source.open(scope, access);
  try {
    await outside.prove(signal);
    for await (const page of outside.list(signal)) {
      const named = page.filter((seen) => seen.outcome !== 'broken').filter(({ identity }) => isNamed(identity));
      for (const seen of await withFields(named, outside, choice, signal)) ids.add(seen.id);
    }
  } finally {
    outside.close();
  }
  const places = clusters.flatMap((cluster) => parts.map(({ namespace }) => ({ cluster, namespace })));
  await Promise.all(
    places.map(async ({ cluster, namespace }) => {
      const objects = await cluster.list(source, namespace, scopeFields(scope), { signal }).catch(() => []);
      for (const { spec, status } of objects) {
        const found = source.identityOf(spec);
        if (found === undefined || !isNamed(found.identity)) continue;
        if (choice.fields?.(normaliseObject(status?.observed ?? {}) ?? {}) ?? true) ids.add(found.id);
      }
    }),
  );
  return [...ids].toSorted();
}

type Seen = Exclude<Observation, { outcome: 'broken' }>;

/** Those that fit by their fields; what was listed by its id alone is asked for. */
async function withFields(page: readonly Seen[], outside: Outside, { fields }: Choice, signal: AbortSignal) {
  if (fields === undefined) return page;
  const bare = page.filter(({ outcome }) => outcome === 'listed').map(({ id }) => id);
  const read = new Map<string, Observation | Error | undefined>(page.map((seen) => [seen.id, seen]));
  for (let start = 0; start < bare.length; start += batchSize) {
    const answers = await outside.get(bare.slice(start, start + batchSize), signal);
    for (const [id, answer] of answers) read.set(id, answer);
  }
  return page.filter(({ id }) => {
    const seen = read.get(id);
    // One that could not be read may fit; the pass asks for it again, and says why it cannot be told.
    if (seen instanceof Error) return true;
    return seen?.outcome === 'observed' && fields(seen.fields);
  });
}

/** A pass over what is chosen. Where the choice cannot be looked up, it is the report of a pass that saw nothing. */
export async function syncChosen(
  task: Task,
  clusters: readonly Cluster[],
  choice: Choice,
  options: SyncOptions & { readonly signal: AbortSignal },
): Promise<Report> {
  if (choice.name === undefined && choice.fields === undefined) return sync(task, clusters, options);
  const began = performance.now();
  let ids: string[];
  try {
    ids = await idsChosen(task, clusters, choice, options.signal);
  } catch (error) {
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
  return sync(task, clusters, { ...options, ids });
}
