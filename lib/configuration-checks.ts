import { mirrorClashes } from './configuration-mirror-checks.ts';
import type { Path } from './configuration-nodes.ts';
import { type Clash, mapOf, type RawMap } from './configuration-raw.ts';

/**
 * What is wrong between the parts of a configuration. Takes the file's value as it is and passes over whatever has not
 * the right form, so that these are found together with the errors of form and not after them. Lazy, because a file may
 * hold more of them than anybody reads.
 */
export function* clashesOf(value: unknown): Generator<Clash> {
  const file = mapOf(value);
  yield* repeated(file, []);
  yield* accountClashes(mapOf(file.accounts));
  yield* clusterClashes(mapOf(file.clusters));
  yield* mirrorClashes(file);
}

/** In this file every list of texts is a set. */
function* repeated(value: unknown, path: Path): Generator<Clash> {
  const first = new Map<unknown, Path>();
  const items = Array.isArray(value) ? [...value.entries()] : Object.entries(mapOf(value));
  for (const [key, item] of items) {
    const other = typeof key === 'number' && typeof item === 'string' ? first.get(item) : undefined;
    if (other !== undefined) yield { path: [...path, key], message: `"${item}" is listed twice: keep one`, other };
    first.set(item, [...path, key]);
    if (typeof item === 'object') yield* repeated(item, [...path, key]);
  }
}

function* accountClashes(accounts: RawMap): Generator<Clash> {
  const first = new Map<string, string>();
  for (const [name, entry] of Object.entries(accounts)) {
    const { id, role } = mapOf(entry);
    if (typeof id !== 'string') continue;
    const path = ['accounts', name];
    const before = first.get(id);
    if (before !== undefined) {
      const message = `account ${id} is listed twice, as "${before}" and as "${name}": keep one`;
      yield { path: [...path, 'id'], message, other: ['accounts', before, 'id'] };
    }
    first.set(id, before ?? name);
    const owner = /^arn:[^:]*:iam::(\d{12}):/.exec(typeof role === 'string' ? role : '')?.[1] ?? id;
    if (owner === id) continue;
    yield {
      path: [...path, 'role'],
      message: `this role lies in account ${owner}, and the id says ${id}: correct the one that is wrong`,
    };
  }
}

function* clusterClashes(clusters: RawMap): Generator<Clash> {
  const first = new Map<string, string>();
  for (const [name, entry] of Object.entries(clusters)) {
    const { inCluster, kubeconfig, context } = mapOf(entry);
    const path = ['clusters', name];
    if (inCluster !== undefined && (kubeconfig ?? context) !== undefined) {
      yield { path, message: 'inCluster goes with no kubeconfig and no context: take these out, or inCluster' };
    }
    const choice = JSON.stringify([inCluster, kubeconfig, context]);
    const before = first.get(choice);
    if (before !== undefined) {
      const message = `"${before}" and "${name}" are the same cluster: keep one`;
      yield { path, message, other: ['clusters', before] };
    }
    first.set(choice, before ?? name);
  }
}
