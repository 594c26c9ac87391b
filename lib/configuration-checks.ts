import { unknownRegion } from './configuration-aws.ts';
import { mirrorClashes } from './configuration-mirror-checks.ts';
import type { Path } from './configuration-nodes.ts';
import { type Clash, mapOf, type RawMap, textsOf } from './configuration-raw.ts';

/**
 * What is wrong between the parts of a configuration. Takes the file's value as it is and passes over whatever has not
 * the right form, so that these are found together with the errors of form and not after them. Lazy, because a file may
 * hold more of them than anybody reads.
 */
export function* clashesOf(value: unknown): Generator<Clash> {
  const file = mapOf(value);
  yield* repeated(file, []);
  yield* accountClashes(mapOf(file.accounts));
  yield* clusterClashes(mapOf(file.clusters), textsOf(file.moreRegions));
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

/** The ways into a cluster, each with the keys that belong to it. */
const ways: Readonly<Record<string, readonly string[]>> = {
  kubeconfig: ['context'],
  inCluster: [],
  eks: [],
  secret: ['context'],
  parameter: ['context'],
};

function* clusterClashes(clusters: RawMap, moreRegions: readonly string[]): Generator<Clash> {
  const first = new Map<string, string>();
  for (const [name, entry] of Object.entries(clusters)) {
    const own = mapOf(entry);
    const path = ['clusters', name];
    yield* wayClashes(path, own);
    const { region, role, externalId } = mapOf(own.eks);
    if (externalId !== undefined && role === undefined) {
      yield { path: [...path, 'eks', 'externalId'], message: 'goes with a role: add it, or take this out' };
    }
    const unknown = typeof region === 'string' ? unknownRegion(region, moreRegions) : undefined;
    if (unknown !== undefined) yield { path: [...path, 'eks', 'region'], message: unknown };
    const choice = identityOf(own);
    const before = first.get(choice);
    if (before !== undefined) {
      const message = `"${before}" and "${name}" are the same cluster: keep one`;
      yield { path, message, other: ['clusters', before] };
    }
    first.set(choice, before ?? name);
  }
}

function* wayClashes(path: Path, entry: RawMap): Generator<Clash> {
  const given = Object.keys(ways).filter((way) => entry[way] !== undefined);
  if (given.length > 1) {
    yield { path, message: `${given.join(' and ')} are two ways into a cluster: keep one of them` };
  }
  const [way, ...more] = given;
  if (way === undefined || more.length > 0 || entry.context === undefined) return;
  if (ways[way]?.includes('context') === true) return;
  yield { path, message: `${way} goes with no context: take out one of the two` };
}

/** An EKS cluster is one by name and region, whoever enters it and wherever it is found. */
function identityOf({ inCluster, kubeconfig, context, eks, secret, parameter }: RawMap): string {
  const { name, region } = mapOf(eks);
  return JSON.stringify([
    inCluster,
    kubeconfig,
    context,
    eks === undefined ? undefined : [name, region],
    secret,
    parameter,
  ]);
}
