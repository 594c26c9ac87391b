import { type Alias, isAlias, isMap, isNode, isScalar, isSeq, type Node, visit } from 'yaml';

/** The way to a value: keys of maps and indices of lists. */
export type Path = readonly (string | number)[];

/** Something that is wrong at a path; `at`: with the key itself and not with its value, or the offset in the text. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly at?: 'key' | number;
}

/** Where a path is, in offsets into the text, and a scalar as it is written: of `012` the value has lost the zero. */
export interface Place {
  readonly value: number;
  readonly key?: number;
  readonly written?: string;
}

/** The variables that a configuration may refer to. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a tree of YAML nodes stands for. `limit`: it is too much, and the rest is not to be relied on. */
export interface Content {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  readonly places: ReadonlyMap<string, Place>;
  readonly limit: string | undefined;
}

/** A thousand accounts with a role each take 6,000 values. */
const maxValues = 100_000;
const maxDepth = 20;

/** In words, for what the parser itself runs out of stack with. */
export const tooDeep = `lists and maps are nested deeper than ${maxDepth} levels, or an alias stands within its own anchor`;

/** The key of a path in `Content.places`. */
export function placeKey(path: Path): string {
  return JSON.stringify(path);
}

/**
 * The plain value of a tree of nodes: aliases followed, `${SKYMIRROR_...}` in texts replaced. What YAML 1.2 does not know
 * (merge keys, tags of one's own) and what a map cannot hold (a key twice) are findings.
 */
export function contentOf(root: Node, environment: Environment): Content {
  const reading: Reading = { environment, targets: aliasTargets(root), places: new Map(), findings: [], values: 0 };
  const value = readAt(reading, root, [], undefined);
  return { value, findings: reading.findings, places: reading.places, limit: reading.limit };
}

interface Reading {
  readonly environment: Environment;
  readonly targets: ReadonlyMap<Alias, Node>;
  readonly places: Map<string, Place>;
  readonly findings: Finding[];
  values: number;
  limit?: string;
}

/** An alias means the last anchor of its name above it; the library's own search takes a walk for each alias. */
function aliasTargets(root: Node): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(root, {
    Node(_, node) {
      const target = isAlias(node) ? anchors.get(node.source) : undefined;
      if (isAlias(node) && target !== undefined) targets.set(node, target);
      if (!isAlias(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

function readAt(reading: Reading, node: unknown, path: Path, key: number | undefined): unknown {
  const written = isScalar(node) ? node.source : undefined;
  reading.places.set(placeKey(path), {
    value: offsetOf(node) ?? key ?? 0,
    ...(key === undefined ? {} : { key }),
    ...(written === undefined ? {} : { written }),
  });
  return read(reading, node, path);
}

function read(reading: Reading, node: unknown, path: Path): unknown {
  reading.values += 1;
  if (reading.values > maxValues) {
    reading.limit ??= `the file comes to more than ${maxValues} values, what its aliases repeat included`;
  }
  if (path.length > maxDepth) reading.limit ??= tooDeep;
  if (reading.limit !== undefined || !isNode(node)) return null;
  if (isAlias(node)) {
    const target = reading.targets.get(node);
    if (target !== undefined) return read(reading, target, path);
    reading.findings.push({ path, message: `*${node.source} needs an anchor &${node.source} above it` });
    return null;
  }
  if (node.tag !== undefined && !coreTags.has(node.tag)) {
    reading.findings.push({ path, message: `the tag ${node.tag} is unknown: remove it` });
  }
  if (isSeq(node)) return node.items.map((item, index) => readAt(reading, item, [...path, index], undefined));
  if (isMap(node)) return readMap(reading, node.items, path);
  return isScalar(node) && typeof node.value === 'string' ? expand(reading, node.value, path) : scalarOf(node);
}

/** The tags of YAML 1.2's core schema; the library would also read binary data, sets and the like. */
const coreTags = new Set([
  '!',
  ...['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`),
]);

function scalarOf(node: Node): unknown {
  return isScalar(node) && (typeof node.value === 'number' || typeof node.value === 'boolean') ? node.value : null;
}

type Pairs = readonly { readonly key: unknown; readonly value: unknown }[];

function readMap(reading: Reading, pairs: Pairs, path: Path): unknown {
  const entries = new Map<string, unknown>();
  for (const { key, value } of pairs) {
    const offset = offsetOf(key);
    const name = nameOf(isAlias(key) ? reading.targets.get(key) : key);
    const wrong = name === undefined ? 'a key must be text' : wrongWith(name, entries);
    if (name !== undefined && wrong === undefined) entries.set(name, readAt(reading, value, [...path, name], offset));
    else reading.findings.push({ path: [...path, name ?? '?'], message: wrong ?? '', at: offset ?? 0 });
  }
  return Object.fromEntries(entries);
}

/** A key as it is written, so that `111122223333: ...` names what it seems to name. */
function nameOf(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  return typeof key.value === 'string' ? key.value : (key.source ?? '');
}

function wrongWith(name: string, entries: ReadonlyMap<string, unknown>): string | undefined {
  if (entries.has(name)) return 'this key is there twice: keep one';
  if (name === '<<') return 'YAML 1.2 has no merge keys: write the entries out, or use an alias for a whole value';
  if (name === '__proto__') return 'this key cannot be used';
  return undefined;
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

/** Only variables that are named for it: a file that can be given any variable could be made to show a secret. */
const prefix = 'SKYMIRROR_';

function expand(reading: Reading, text: string, path: Path): string {
  return text.replace(/(\$?)\$\{(?:(\w+)\})?/g, (match, dollar: string, name: string | undefined) => {
    if (dollar !== '') return match.slice(1);
    const replaced = name?.startsWith(prefix) === true ? reading.environment[name] : undefined;
    if (replaced === undefined) reading.findings.push({ path, message: notReplaced(name) });
    return replaced ?? '';
  });
}

function notReplaced(name: string | undefined): string {
  const literal = 'for the characters themselves write $${';
  if (name === undefined) return `"\${" begins the name of a variable, as in "\${${prefix}NAME}": ${literal}`;
  if (name.startsWith(prefix)) return `the variable ${name} is not set: set it, or ${literal}`;
  const rule = `only variables that begin with ${prefix} are replaced, so that no secret gets into the configuration`;
  return `\${${name}}: ${rule}; ${literal}`;
}
