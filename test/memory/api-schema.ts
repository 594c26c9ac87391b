import type { StructuralSchema } from '../../lib/schema.ts';
import type { Cause, CauseReason } from './api-answers.ts';

type Fields = Readonly<Record<string, unknown>>;

/** True for what JSON calls an object. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Equality of JSON; the order of fields does not count, and one without a value is none. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, at) => isSame(item, b[at]));
  if (!isObject(a) || !isObject(b)) return false;
  for (const key in a) if (!isSame(a[key], b[key])) return false;
  for (const key in b) if (a[key] === undefined && b[key] !== undefined) return false;
  return true;
}

/**
 * A copy without the fields that the schema does not have (their paths go into `unknown`) and without nulls: where no
 * field may be null and none has a default, the API server drops them.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable
 */
export function pruned(schema: StructuralSchema, value: unknown, path: string, unknown: string[]): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item, at) => pruned(items, item, `${path}[${at}]`, unknown));
  }
  if (!isObject(value)) return value;
  const kept: [string, unknown][] = [];
  for (const key in value) {
    const child = value[key];
    const known = schema.properties?.[key] ?? schema.additionalProperties;
    const at = below(path, key);
    if (child === undefined) continue;
    if (known === undefined) unknown.push(at);
    else if (child !== null) kept.push([key, pruned(known, child, at, unknown)]);
  }
  return Object.fromEntries(kept);
}

/**
 * What is wrong with a value. What is as it was in `old` may be wrong (CRD ratcheting): lists are compared item by item
 * only where a key tells which item is which.
 */
export function problems(schema: StructuralSchema, value: unknown, old: unknown, path: string): Cause[] {
  if (value === old) return [];
  const causes = allProblems(schema, value, old, path);
  return causes.length > 0 && old !== undefined && isSame(value, old) ? [] : causes;
}

function allProblems(schema: StructuralSchema, value: unknown, old: unknown, path: string): Cause[] {
  const one = (reason: CauseReason) => [{ field: path, reason }];
  const unlisted = schema.enum?.includes(value) === false ? one('FieldValueNotSupported') : [];
  if (!hasType(schema, value)) return [...one('FieldValueTypeInvalid'), ...unlisted];
  if (Array.isArray(value)) return listProblems(schema, value, old, path);
  if (isObject(value)) return objectProblems(schema, value, old, path);
  if (unlisted.length > 0) return unlisted;
  if (typeof value !== 'string') return [];
  if (schema.format === 'date-time' && !isDateTime(value)) return one('FieldValueTypeInvalid');
  const { maxLength } = limitsOf(schema);
  return maxLength !== undefined && [...value].length > maxLength ? one('FieldValueTooLong') : [];
}

/**
 * False for what no schema of that shape could hold: then structured-merge-diff, which keeps the field managers, gives
 * up on the object (UpdateNoErrors in k8s.io/apimachinery/pkg/util/managedfields clears them).
 */
export function isShaped(schema: StructuralSchema, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  // structured-merge-diff knows no formats: where one may be a number, any scalar will do.
  if (schema.format === 'date-time') return typeof value !== 'object';
  if (!hasType(schema, value)) return false;
  if (Array.isArray(value)) {
    const { items } = schema;
    const keys = keysOf(schema, value);
    if (keys?.includes(undefined)) return false;
    return items === undefined || value.every((item) => isShaped(items, item));
  }
  if (!isObject(value)) return true;
  return Object.entries(value).every(([key, child]) => {
    const known = schema.properties?.[key] ?? schema.additionalProperties;
    return known === undefined || isShaped(known, child);
  });
}

/** For a list that is a map: by which text each item goes in it. */
export function keysOf(schema: StructuralSchema, items: readonly unknown[]): (string | undefined)[] | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map') return undefined;
  const keys = schema['x-kubernetes-list-map-keys'];
  const names: unknown[] = Array.isArray(keys) ? keys : [];
  return items.map((item) => {
    if (!isObject(item)) return undefined;
    const parts = names.map((name) => [JSON.stringify(name), JSON.stringify(item[String(name)])]);
    return parts.some(([, value]) => value === undefined) ? undefined : `{${parts.map((part) => part.join(':'))}}`;
  });
}

function objectProblems(schema: StructuralSchema, value: Fields, old: unknown, path: string): Cause[] {
  const causes: Cause[] = [];
  const known = isObject(old) ? old : {};
  for (const key of schema.required ?? []) {
    if (value[key] === undefined) causes.push({ field: below(path, key), reason: 'FieldValueRequired' });
  }
  for (const key in value) {
    const inner = schema.properties?.[key] ?? schema.additionalProperties;
    const child = value[key];
    if (inner !== undefined && child !== undefined)
      causes.push(...problems(inner, child, known[key], below(path, key)));
  }
  return causes;
}

function listProblems(schema: StructuralSchema, value: readonly unknown[], old: unknown, path: string): Cause[] {
  const { items = {} } = schema;
  const { maxItems } = limitsOf(schema);
  if (maxItems !== undefined && value.length > maxItems) return [{ field: path, reason: 'FieldValueTooMany' }];
  const keys = keysOf(schema, value);
  return value.flatMap((item, at): Cause[] => {
    const field = `${path}[${at}]`;
    const key = keys?.[at];
    if (key !== undefined && keys?.indexOf(key) !== at) return [{ field, reason: 'FieldValueDuplicate' }];
    const odd: Cause[] = keys === undefined || isObject(item) ? [] : [{ field, reason: 'FieldValueInvalid' }];
    const causes = [...odd, ...problems(items, item, undefined, field)];
    if (causes.length === 0 || key === undefined || !Array.isArray(old)) return causes;
    return problems(items, item, old[keysOf(schema, old)?.indexOf(key) ?? -1], field);
  });
}

const below = (path: string, key: string) => (path === '' ? key : `${path}.${key}`);

/** lib/schema.ts writes them, though its type does not name them. */
function limitsOf(schema: StructuralSchema & { readonly maxLength?: number; readonly maxItems?: number }) {
  return schema;
}

function hasType({ type }: StructuralSchema, value: unknown): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

/** RFC 3339, which demands an offset (strfmt.IsDateTime of k8s.io/kube-openapi). */
function isDateTime(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))
  );
}
