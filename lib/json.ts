/** A value as it comes back from the API server. */
export type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/**
 * The value as it would come back from the API server: `undefined`, `null`, empty lists and empty maps are absent
 * (a server drops them, and the next comparison would differ), dates are strings, lone surrogates are replaced.
 */
export function normalise(value: unknown): Json | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value.toWellFormed();
  // Plus zero, because minus zero does not survive JSON.
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : undefined;
  if (typeof value === 'boolean') return value;
  if (value instanceof Date) return value.toISOString().replace(/\.\d+Z$/, 'Z');
  if (Array.isArray(value)) {
    const items = value.map(normalise).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value === 'object') return normaliseObject(value);
  throw new TypeError(`a ${typeof value} has no place in a Kubernetes object`);
}

/** As `normalise`, for the keys of an object; an object that ends up empty is absent. */
export function normaliseObject(value: object): JsonObject | undefined {
  const entries = Object.entries(value).flatMap(([key, item]) => {
    const json = normalise(item);
    return json === undefined ? [] : [[key.toWellFormed(), json] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
