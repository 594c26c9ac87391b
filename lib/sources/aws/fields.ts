import * as z from 'zod';

/** An optional field of that type, with what it means. */
export const text = (what: string) => z.string().optional().describe(what);

/** As `text`, for what is on or off. */
export const flag = (what: string) => z.boolean().optional().describe(what);

/** As `text`, for whole numbers. */
export const whole = (what: string) => z.int().optional().describe(what);

/** As `text`, for times, in UTC. */
export const time = (what: string) => z.iso.datetime().optional().describe(what);

/** As `text`, for lists. */
export const texts = (what: string) => z.array(z.string()).optional().describe(what);

/** A column that only `kubectl get -o wide` shows. */
export const wide = (name: string) => ({ column: { name, wide: true } as const });

/** The part of a `spec` that says where the resource is. */
export const place = {
  account: z
    .string()
    .describe('AWS account that holds it.')
    .meta({ selectable: true, ...wide('Account') }),
  region: z
    .string()
    .describe('AWS region that holds it.')
    .meta({ selectable: true, ...wide('Region') }),
};

/** What a text of JSON holds; `undefined` for any other text. */
export function jsonOf(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** AWS gives these lists in no fixed order; sorted, an unchanged row stays equal. */
export function sorted(values: readonly (string | undefined)[] | undefined): string[] | undefined {
  return values?.filter((value) => value !== undefined).toSorted();
}

/** A list of pairs as a map; what has no key is left out. */
export function record<Item>(
  items: readonly Item[] | undefined,
  entry: (item: Item) => readonly [string | undefined, string | undefined],
): Record<string, string> {
  const entries = (items ?? []).map(entry).flatMap(([key, value]) => (key === undefined ? [] : [[key, value ?? '']]));
  return Object.fromEntries(entries);
}
