import { unknownRegion } from './configuration-aws.ts';
import type { Path } from './configuration-nodes.ts';
import { type Clash, listOf, mapOf, type RawMap, textsOf } from './configuration-raw.ts';
import { maxMirrors } from './configuration-schema.ts';
import { isLabelName } from './names.ts';
import { suggestion } from './nearest.ts';

/** What is wrong with the mirrors of a file: names that nothing declares, and mirrors that would meet. */
export function* mirrorClashes(file: RawMap): Generator<Clash> {
  const accounts = new Set(Object.keys(mapOf(file.accounts)));
  const clusters = new Set(file.clusters === undefined ? ['default'] : Object.keys(mapOf(file.clusters)));
  const moreRegions = textsOf(file.moreRegions);
  const entries = listOf(file.mirrors).slice(0, maxMirrors);
  const mirrors = entries.map((entry, index) => mirrorAt(['mirrors', index], mapOf(entry), clusters));
  for (const { path, entry } of mirrors) {
    yield* undeclared([...path, 'accounts'], textItems(entry.accounts), 'accounts', accounts);
    yield* undeclared([...path, 'clusters'], textItems(entry.clusters), 'clusters', clusters);
    yield* unknownRegions(path, entry, moreRegions);
    yield* illegalLabels(path, entry);
    if (typeof entry.namespace === 'object') yield* namespaceClashes(path, entry, accounts);
  }
  yield* meetings(mirrors);
}

interface RawMirror {
  readonly path: Path;
  readonly entry: RawMap;
  readonly kinds: ReadonlySet<string>;
  readonly clusters: ReadonlySet<string>;
  readonly namespaces: ReadonlySet<string>;
}

function mirrorAt(path: Path, entry: RawMap, clusters: ReadonlySet<string>): RawMirror {
  return {
    path,
    entry,
    kinds: new Set(textsOf(entry.sources)),
    clusters: entry.clusters === undefined ? clusters : new Set(textsOf(entry.clusters)),
    namespaces: new Set(namespacesOf(entry)),
  };
}

function namespacesOf({ namespace, accounts }: RawMap): string[] {
  if (typeof namespace === 'string') return [namespace];
  const { byAccount, byTag, fallback } = mapOf(namespace);
  const read = new Set(textsOf(accounts));
  const ofAccounts = Object.entries(mapOf(byAccount)).flatMap(([name, one]) => (read.has(name) ? [one] : []));
  return textsOf([...ofAccounts, ...Object.values(mapOf(mapOf(byTag).values)), fallback]);
}

function textItems(list: unknown): [number, string][] {
  return [...listOf(list).entries()].flatMap(([index, item]) => (typeof item === 'string' ? [[index, item]] : []));
}

function* undeclared(
  path: Path,
  items: readonly (readonly [number | string, string])[],
  section: string,
  declared: ReadonlySet<string>,
): Generator<Clash> {
  for (const [key, name] of items) {
    if (declared.has(name)) continue;
    const near = suggestion(name, [...declared]);
    const at = typeof key === 'string' ? ({ at: 'key' } as const) : {};
    yield { path: [...path, key], ...at, message: `"${name}" is not declared below "${section}"${near}` };
  }
}

function* unknownRegions(path: Path, entry: RawMap, more: readonly string[]): Generator<Clash> {
  for (const [index, region] of textItems(entry.regions)) {
    const message = unknownRegion(region, more);
    if (message !== undefined) yield { path: [...path, 'regions', index], message };
  }
}

function* illegalLabels(path: Path, entry: RawMap): Generator<Clash> {
  for (const [index, key] of textItems(entry.labels)) {
    if (isLabelName(key)) continue;
    const rule = 'at most 63 of A-Z a-z 0-9 - _ . with a letter or digit at both ends';
    const message = `the tag "${key}" cannot become a label (${rule}): take it out, status.observed.tags shows it`;
    yield { path: [...path, 'labels', index], message };
  }
}

function* namespaceClashes(mirror: Path, entry: RawMap, accounts: ReadonlySet<string>): Generator<Clash> {
  const path = [...mirror, 'namespace'];
  const { byAccount, byTag, fallback } = mapOf(entry.namespace);
  if ((byAccount === undefined) === (byTag === undefined)) {
    yield { path, message: 'needs either byAccount or byTag' };
  }
  if (byAccount === undefined) return;
  const named = Object.keys(mapOf(byAccount));
  const items = named.map((name): [string, string] => [name, name]);
  yield* undeclared([...path, 'byAccount'], items, 'accounts', accounts);
  const without = textsOf(entry.accounts).filter((name) => !named.includes(name));
  if (without.length === 0 || fallback !== undefined) return;
  const message = `names no namespace for ${without.join(', ')}: add one for each, or a fallback`;
  yield { path: [...path, 'byAccount'], at: 'key', message };
}

/** Law 8: each of two mirrors would take what the other wrote for foreign. */
function* meetings(mirrors: readonly RawMirror[]): Generator<Clash> {
  const nameOf = ({ entry, path }: RawMirror) => (typeof entry.name === 'string' ? entry.name : `#${path[1]}`);
  for (const [index, mirror] of mirrors.entries()) {
    for (const earlier of mirrors.slice(0, index)) {
      const [one, two] = [nameOf(earlier), nameOf(mirror)];
      const other = [...earlier.path, 'name'];
      const path = [...mirror.path, 'name'];
      if (one === two) yield { path, message: `two mirrors are named "${one}": rename one`, other };
      const kind = shared(earlier.kinds, mirror.kinds);
      const cluster = shared(earlier.clusters, mirror.clusters);
      const namespace = shared(earlier.namespaces, mirror.namespaces);
      if (kind === undefined || cluster === undefined || namespace === undefined) continue;
      const where = `namespace "${namespace}" of cluster "${cluster}"`;
      const mend = 'give one of them another namespace, or make them one mirror';
      yield { path, message: `mirrors "${one}" and "${two}" both show ${kind} in ${where}: ${mend}`, other };
    }
  }
}

function shared(one: ReadonlySet<string>, other: ReadonlySet<string>): string | undefined {
  for (const item of one) if (other.has(item)) return item;
  return undefined;
}
