import { expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { parseConfiguration } from '../lib/configuration.ts';
import { configurationSchema, type JsonSchema } from '../lib/configuration-json-schema.ts';
import { sources } from '../lib/sources.ts';
import { configurationReference, fullExample, smallExample } from '../scripts/configuration-reference.ts';

const schema = configurationSchema(sources);
const examples = [
  ['small', smallExample],
  ['full', fullExample(sources)],
] as const;

test.each(examples)('the %s example of the reference is a configuration', (_, example) => {
  const environment = { SKYMIRROR_EXTERNAL_ID: 'abc' };
  expect(parseConfiguration(example, { sources, environment })).toHaveProperty('configuration');
});

test.each(examples)('the JSON Schema takes the %s example, before its variables are replaced', (_, example) => {
  const validator = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  expect(validator.safeParse(parse(example)).error).toBeUndefined();
  expect(validator.safeParse({ ...parse(example), mirror: [] }).success).toBe(false);
  expect(validator.safeParse({ ...parse(example), mirrors: 'x' }).success).toBe(false);
});

test('the JSON Schema is of draft 7, names the kinds, and has the defaults as a user writes them', () => {
  expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#');
  const mirror = schema.properties?.mirrors?.items?.properties;
  expect(mirror?.sources?.items?.enum).toEqual(sources.map(({ kind }) => kind));
  expect(mirror?.staleAfter).toMatchObject({ default: '15m' });
  expect(mirror?.removal?.properties?.maxPercent).toMatchObject({ default: 30, minimum: 0, maximum: 100 });
});

/** Every field with a name of its own, below any list or free map. */
function fields(node: JsonSchema, path: string): [string, JsonSchema][] {
  const named = Object.entries(node.properties ?? {}).flatMap(([key, child]): [string, JsonSchema][] => {
    const own = path === '' ? key : `${path}.${key}`;
    return [[own, child], ...fields(child, own)];
  });
  const free = typeof node.additionalProperties === 'object' ? fields(node.additionalProperties, `${path}.<name>`) : [];
  const items = node.items === undefined ? [] : fields(node.items, `${path}[]`);
  return [...named, ...free, ...items, ...(node.anyOf ?? []).flatMap((one) => fields(one, path))];
}

test('every field is described, and is in the reference', () => {
  const reference = configurationReference(sources);
  const all = fields(schema, '');
  expect(all.length).toBeGreaterThan(30);
  expect(all.filter(([, { description }]) => description === undefined).map(([path]) => path)).toEqual([]);
  expect(all.filter(([path]) => !reference.includes(`| \`${path}\` |`)).map(([path]) => path)).toEqual([]);
  expect(reference).toContain('| `mirrors[].removal.grace` | duration | `10m` | From the mark to the delete. |');
});
