import type { StructuralSchema } from '../../lib/schema.ts';
import { isObject, isSame, keysOf } from './api-schema.ts';

/** Which fields one field manager wrote last: an entry of `metadata.managedFields`. */
export interface FieldsOwner {
  readonly manager: string;
  readonly subresource?: 'status';
  readonly apiVersion: string;
  readonly time: string;
  /** Each from the root, by `separator`. */
  readonly paths: Paths;
}

/** Who writes, through which door, and when. */
export type Writer = Omit<FieldsOwner, 'paths'>;

const separator = '\n';

/** Kept by the server; nobody owns them (stripSet in k8s.io/apimachinery/pkg/util/managedfields/internal/stripmeta.go). */
const stripped = new Set([
  'f:apiVersion',
  'f:kind',
  'f:metadata',
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((field) => `f:metadata${separator}f:${field}`),
]);

/** ObjectMeta, as far as it has fields that somebody owns. */
export const metadataSchema: StructuralSchema = {
  type: 'object',
  properties: {
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    annotations: { type: 'object', additionalProperties: { type: 'string' } },
    finalizers: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
  },
};

interface Changes {
  /** New or different. */
  readonly written: string[];
  readonly removed: string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** A set of paths and what FieldsV1 makes of it. Equal sets are one value: objects of a kind have few different ones. */
interface Paths {
  readonly members: ReadonlySet<string>;
  readonly tree: Tree;
}

interface Tree {
  readonly [step: string]: Tree;
}

const interned = new Map<string, Paths>();

/**
 * The owners after somebody wrote `after` over `before`: what is new or different is the writer's now and nobody
 * else's, what is gone is nobody's, and who is left with nothing is forgotten. `ignored`: the parts that this door does
 * not write. (Updater.Update of sigs.k8s.io/structured-merge-diff; managedFieldsUpdater of apimachinery.)
 */
export function ownersAfter(
  owners: readonly FieldsOwner[],
  writer: Writer,
  schema: StructuralSchema,
  change: { readonly before: Fields; readonly after: Fields; readonly ignored: readonly string[] },
): FieldsOwner[] {
  const { before, after, ignored } = change;
  const changes: Changes = { written: [], removed: [] };
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const known = key === 'metadata' ? metadataSchema : schema.properties?.[key];
    if (!ignored.includes(key)) compare(known, before[key], after[key], `f:${key}`, changes);
  }
  const written = changes.written.filter((path) => !stripped.has(path));
  const own = owners.find((owner) => owner.manager === writer.manager && owner.subresource === writer.subresource);
  const left = owners.flatMap((owner) => {
    const paths = less(owner.paths, owner === own ? changes.removed : [...written, ...changes.removed]);
    if (owner === own && written.length > 0) return [];
    return paths === owner.paths ? [owner] : paths.members.size === 0 ? [] : [{ ...owner, paths }];
  });
  if (written.length === 0) return left;
  return [...left, { ...writer, paths: more(less(own?.paths ?? pathsOf([]), changes.removed), written) }];
}

/** The same where nothing of it is taken away. */
function less(paths: Paths, gone: readonly string[]): Paths {
  const isGone = gone.filter((path) => paths.members.has(path));
  return isGone.length === 0 ? paths : pathsOf([...paths.members].filter((path) => !isGone.includes(path)));
}

/** The same where nothing is new to it. */
function more(paths: Paths, added: readonly string[]): Paths {
  const fresh = added.filter((path) => !paths.members.has(path));
  return fresh.length === 0 ? paths : pathsOf([...paths.members, ...fresh]);
}

function pathsOf(members: readonly string[]): Paths {
  const key = members.toSorted().join(separator + separator);
  const known = interned.get(key) ?? { members: new Set(members), tree: treeOf(members) };
  interned.set(key, known);
  return known;
}

/** As `metadata.managedFields` has it, in the server's order. */
export function managedFieldsOf(owners: readonly FieldsOwner[]): object[] {
  const rank = ({ time, manager, subresource }: FieldsOwner) => [time, manager, subresource ?? ''].join(separator);
  return owners
    .toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1))
    .map(({ paths, ...owner }) => ({
      ...owner,
      operation: 'Update',
      fieldsType: 'FieldsV1',
      fieldsV1: paths.tree,
    }));
}

/** compareWalker of structured-merge-diff: an atomic value is one path, others count field by field. */
function compare(
  schema: StructuralSchema | undefined,
  before: unknown,
  after: unknown,
  path: string,
  into: Changes,
): void {
  if (isSame(before, after)) return;
  const [was, is] = [partsOf(schema, before), partsOf(schema, after)];
  if (was === undefined || is === undefined || (was.size === 0 && is.size === 0)) {
    if (before !== undefined && after === undefined) into.removed.push(path);
    else into.written.push(path);
    return;
  }
  for (const [step, part] of was) {
    compare(innerOf(schema, step), part, is.get(step), `${path}${separator}${step}`, into);
  }
  for (const [step, part] of is) {
    if (!was.has(step)) compare(innerOf(schema, step), undefined, part, `${path}${separator}${step}`, into);
  }
  if (before === undefined) into.written.push(path);
  else if (after === undefined) into.removed.push(path);
}

const nothing: ReadonlyMap<string, unknown> = new Map();

/** The parts of a value that have owners of their own, by their step in a path; undefined where it is one by itself. */
function partsOf(schema: StructuralSchema | undefined, value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (value === undefined) return nothing;
  if (isObject(value)) {
    if (schema?.['x-kubernetes-map-type'] === 'atomic') return undefined;
    const parts = new Map<string, unknown>();
    for (const key in value) if (value[key] !== undefined) parts.set(`f:${key}`, value[key]);
    return parts;
  }
  if (!Array.isArray(value) || schema === undefined) return undefined;
  if (schema['x-kubernetes-list-type'] === 'set') return new Map(value.map((one) => [`v:${JSON.stringify(one)}`, one]));
  const keys = keysOf(schema, value);
  return keys && new Map(keys.map((key, at) => [`k:${key}`, value[at]]));
}

function innerOf(schema: StructuralSchema | undefined, step: string): StructuralSchema | undefined {
  if (!step.startsWith('f:')) return schema?.items;
  return schema?.properties?.[step.slice(2)] ?? schema?.additionalProperties;
}

function treeOf(paths: readonly string[]): Tree {
  const root: Record<string, Tree> = {};
  const nodes = new Map([['', root]]);
  const nodeAt = (path: string): Record<string, Tree> => {
    const known = nodes.get(path);
    if (known !== undefined) return known;
    const cut = path.lastIndexOf(separator);
    const node: Record<string, Tree> = {};
    nodeAt(path.slice(0, Math.max(cut, 0)))[path.slice(cut + 1)] = node;
    nodes.set(path, node);
    return node;
  };
  for (const path of paths) nodeAt(path);
  for (const path of paths) {
    const node = nodeAt(path);
    if (Object.keys(node).length > 0) node['.'] = {};
  }
  return root;
}
