import { isDeepStrictEqual } from 'node:util';
import { type Judgements, judged } from './conditions.ts';
import type { Json, JsonObject } from './json.ts';
import type { Mirror } from './mirror.ts';
import { isLabelName, isLabelValue, objectName, scopeHash } from './names.ts';
import { fieldManager, type KubernetesObject } from './object.ts';
import type { KnownFields } from './schema.ts';
import type { Identity, Scope, Source } from './source.ts';

/** What is fixed for all objects of one mirror, source and scope. */
export interface Target {
  readonly mirror: Mirror;
  readonly source: Source;
  readonly scope: Scope;
}

/** Whose an object is: only `ours` may be written (law 8). */
export type Ownership = 'ours' | 'foreign' | 'collision' | 'other mirror';

/** Whether a target's mirror chooses the resource. Throws what a selection of the user's throws. */
export function isSelected({ mirror, source }: Target, identity: Identity, fields: JsonObject): boolean {
  return mirror.selectsName(source.readable(identity)) && mirror.selects(fields);
}

/** The label that names the mirror of an object. */
export const mirrorLabel = 'skymirror.dev/mirror';

/** The label prefix under which chosen tags are shown, so that outsiders' tags cannot forge other labels. */
export const tagPrefix = 'tags.skymirror.dev/';

/** The name of the object that mirrors this identity, in every cluster. */
export function nameOf(source: Source, id: string, identity: Identity): string {
  return objectName(source.kind, source.readable(identity), id);
}

/**
 * Ours: the same identity *and* our field manager on it, and no label of another mirror. A lost label does not count,
 * because anybody may take it away. The same name with another identity is a collision, everything else is foreign.
 */
export function ownership(object: KubernetesObject, identity: Identity, mirror: Pick<Mirror, 'name'>): Ownership {
  const same = Object.entries(identity).every(([key, value]) => object.spec?.[key] === value);
  if (!same) return 'collision';
  const managed = object.metadata.managedFields?.some((entry) => entry.manager === fieldManager);
  if (managed !== true) return 'foreign';
  const label = object.metadata.labels?.[mirrorLabel];
  return label === undefined || label === mirror.name ? 'ours' : 'other mirror';
}

/** Chosen tags as labels; a tag that is no legal label is left out and counted. */
export function tagLabels(fields: JsonObject, chosen: readonly string[]): { labels: Labels; leftOut: number } {
  const { tags } = fields;
  const labels: Record<string, string> = {};
  let leftOut = 0;
  for (const key of chosen) {
    const value =
      typeof tags === 'object' && !Array.isArray(tags) ? Object.entries(tags).find(isKey(key))?.[1] : undefined;
    if (value === undefined) continue;
    if (typeof value === 'string' && isLabelName(key) && isLabelValue(value)) labels[`${tagPrefix}${key}`] = value;
    else leftOut += 1;
  }
  return { labels, leftOut };
}

type Labels = Readonly<Record<string, string>>;

const isKey = (key: string) => (entry: readonly [string, unknown]) => entry[0] === key;

/** The labels that every object of a target carries, whatever is known of it. */
export function baseLabels(target: Target): Labels {
  const { mirror, source, scope } = target;
  return {
    'app.kubernetes.io/managed-by': fieldManager,
    [mirrorLabel]: mirror.name,
    'skymirror.dev/scope': scopeHash(scope),
    ...Object.fromEntries(
      Object.entries(scope).flatMap(([key, value]) => (isLabelValue(value) ? [[`${source.group}/${key}`, value]] : [])),
    ),
  };
}

/** The field selector of the objects of a scope; its keys are selectable in every kind. */
export function scopeFields(scope: Scope): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(scope).map(([key, value]) => [`spec.${key}`, value]));
}

/** What is to be written into one object. `fields` left out: the last observed ones stay. */
export interface Wish {
  readonly target: Target;
  readonly name: string;
  readonly identity: Identity;
  readonly fields?: JsonObject;
  readonly judgements: Judgements;
  readonly now: number;
}

/** The object as it should be: everything that others put on it is kept, and `spec` only ever gains fields. */
export function desiredResource(wish: Wish, current: KubernetesObject | undefined): KubernetesObject {
  const { source, mirror } = wish.target;
  const conditions = judged(current?.status?.conditions ?? [], wish.judgements, wish.now);
  const observed =
    wish.fields === undefined
      ? current?.status?.observed
      : carryUnknown(source.known, current?.status?.observed ?? {}, wish.fields);
  return {
    ...current,
    apiVersion: `${source.group}/${source.version}`,
    kind: source.kind,
    metadata: {
      ...current?.metadata,
      name: wish.name,
      namespace: mirror.namespace,
      labels: desiredLabels(wish, current?.metadata.labels ?? {}),
    },
    spec: { ...current?.spec, ...wish.identity },
    status: { ...current?.status, ...(observed === undefined ? {} : { observed }), conditions },
  };
}

function desiredLabels(wish: Wish, current: Labels): Labels {
  const others = Object.entries(current).filter(([key]) => wish.fields === undefined || !key.startsWith(tagPrefix));
  const tags = wish.fields === undefined ? {} : tagLabels(wish.fields, wish.target.mirror.tagLabels).labels;
  return { ...Object.fromEntries(others), ...baseLabels(wish.target), ...tags };
}

/** Which of the two requests a change needs: `main` writes labels and spec, `status` what was observed. */
export interface Difference {
  readonly main: boolean;
  readonly status: boolean;
}

/** What differs between an object as it is and as it should be. */
export function difference(current: KubernetesObject, desired: KubernetesObject): Difference {
  return {
    main:
      !isDeepStrictEqual(current.metadata.labels ?? {}, desired.metadata.labels) ||
      !isDeepStrictEqual(current.spec ?? {}, desired.spec),
    status: !isDeepStrictEqual(current.status ?? {}, desired.status),
  };
}

/**
 * The observed fields, with those that this code does not know taken over from the object: a newer version of
 * skymirror wrote them, and to it they are no difference.
 */
export function carryUnknown(
  known: KnownFields,
  current: Readonly<Record<string, unknown>>,
  next: JsonObject,
): JsonObject {
  const result: Record<string, Json> = { ...next };
  for (const [key, value] of Object.entries(current)) {
    const below = Object.hasOwn(known, key) ? known[key] : undefined;
    if (below === undefined && isJson(value)) result[key] = value;
    if (typeof below !== 'object' || !isJsonObject(value)) continue;
    const child = next[key];
    const kept = carryUnknown(below, value, isJsonObject(child) ? child : {});
    if (Object.keys(kept).length > 0) result[key] = kept;
  }
  return result;
}

const isJson = (value: unknown): value is Json => value !== undefined && value !== null;

const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
