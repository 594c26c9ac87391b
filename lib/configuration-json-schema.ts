import * as z from 'zod';
import { configurationShape } from './configuration-schema.ts';

/** A node of a JSON Schema, as far as skymirror's own uses it. */
export interface JsonSchema {
  readonly [key: string]: unknown;
  readonly type?: string | undefined;
  readonly description?: string | undefined;
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: JsonSchema | false | undefined;
  readonly items?: JsonSchema | undefined;
  readonly anyOf?: readonly JsonSchema[] | undefined;
  readonly enum?: readonly unknown[] | undefined;
}

const node: z.ZodType<JsonSchema> = z.lazy(() =>
  z.looseObject({
    type: z.string().optional(),
    description: z.string().optional(),
    properties: z.record(z.string(), node).optional(),
    required: z.array(z.string()).optional(),
    additionalProperties: z.union([z.literal(false), node]).optional(),
    items: node.optional(),
    anyOf: z.array(node).optional(),
    enum: z.array(z.unknown()).optional(),
  }),
);

/**
 * The configuration as a JSON Schema for editors. Draft 7, because that is what yaml-language-server says it supports
 * ("Supports JSON Schema 7 and below", its README).
 */
export function configurationSchema(sources: readonly { readonly kind: string }[]): JsonSchema {
  const kinds = sources.map(({ kind }) => kind);
  const schema = z.toJSONSchema(configurationShape(kinds), {
    target: 'draft-7',
    io: 'input',
    override({ jsonSchema, path }) {
      // Before it is replaced, a variable fits no pattern; in keys none is replaced. zod calls this more than once.
      const { pattern } = jsonSchema;
      if (pattern === undefined || pattern.startsWith(variable) || path.at(-1) === 'propertyNames') return;
      jsonSchema.pattern = `${variable}|${pattern}`;
    },
  });
  const { $schema, ...rest } = schema;
  return { $schema, title: 'skymirror.yaml', ...node.parse(rest) };
}

/** Fits a text that holds a variable. */
const variable = '\\$\\{';

/** The node that a path leads to, seen as a map: of alternatives the one that is a map. */
export function schemaAt(schema: JsonSchema, path: readonly (string | number)[]): JsonSchema | undefined {
  const map = schema.anyOf?.find(({ type }) => type === 'object') ?? schema;
  const [key, ...rest] = path;
  if (key === undefined) return map;
  const free = map.additionalProperties === false ? undefined : map.additionalProperties;
  const below = typeof key === 'number' ? map.items : (map.properties?.[key] ?? free);
  return below === undefined ? undefined : schemaAt(below, rest);
}
