import * as z from 'zod';

declare module 'zod' {
  interface GlobalMeta {
    /** Shown by `kubectl get` under this heading; `wide` only with `-o wide`. */
    column?: string | { readonly name: string; readonly wide: true };
    /** Offered as a `--field-selector`. The API server takes at most eight in a kind. */
    selectable?: boolean;
  }
}

/** A node of a structural schema, as a CRD holds it. */
export interface StructuralSchema {
  type?: string;
  description?: string;
  format?: string;
  enum?: unknown[];
  pattern?: string;
  required?: string[];
  properties?: Record<string, StructuralSchema>;
  items?: StructuralSchema;
  additionalProperties?: StructuralSchema;
  [extension: `x-kubernetes-${string}`]: unknown;
}

/** A column or a selectable field: its path below the object and, for a column, how it is shown. */
export interface SchemaField {
  readonly path: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly column?: { readonly name: string; readonly wide: boolean };
  readonly selectable: boolean;
}

/** The fields that a schema names, nested where it nests: what this code knows, and may therefore overwrite. */
export interface KnownFields {
  readonly [key: string]: KnownFields | true;
}

const node = z.looseObject({
  type: z.string().optional(),
  description: z.string().optional(),
  format: z.string().optional(),
  column: z.union([z.string(), z.object({ name: z.string(), wide: z.literal(true) })]).optional(),
  selectable: z.boolean().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  additionalProperties: z.unknown().optional(),
  required: z.array(z.string()).optional(),
  enum: z.array(z.unknown()).optional(),
});

const limits = ['minLength', 'maxLength', 'minItems', 'maxItems', 'maxProperties', 'minimum', 'maximum'];

/**
 * A zod object as a structural schema (rules: apiextensions' structural-schema validation). Throws on what has none:
 * unions, tuples, references.
 */
export function structuralSchema(schema: z.ZodObject): StructuralSchema {
  return structural(jsonSchema(schema), '$');
}

/** The columns and selectable fields of a schema, in the order in which the schema names them. */
export function schemaFields(schema: z.ZodObject, path: string): SchemaField[] {
  return fieldsBelow(jsonSchema(schema), path);
}

/** The names in a schema, nested; lists and free maps count as one field each. */
export function knownFields(schema: z.ZodObject): KnownFields {
  return namesBelow(jsonSchema(schema));
}

function jsonSchema(schema: z.ZodType): unknown {
  return z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input', reused: 'inline' });
}

function structural(value: unknown, path: string): StructuralSchema {
  const json = node.parse(value);
  if (json.type === undefined) throw new Error(`${path}: a CRD needs one plain type here (no union, any or reference)`);
  const text = typeof json.description === 'string' ? { description: json.description } : {};
  if (json.type === 'object') return { type: 'object', ...text, ...objectParts(json, path) };
  if (json.type === 'array') {
    return {
      type: 'array',
      ...text,
      ...limitsOf(json),
      items: structural(json.items, `${path}[]`),
      'x-kubernetes-list-type': 'atomic',
    };
  }
  // Of the formats only date-time: the server checks the others by rules of its own (`duration` is Go's, not ISO 8601's).
  const format = json.type === 'integer' ? 'int64' : json.format === 'date-time' ? json.format : undefined;
  return {
    type: json.type,
    ...text,
    ...(format === undefined ? {} : { format }),
    ...(json.enum === undefined ? {} : { enum: json.enum }),
    ...(json.type === 'string' ? limitsOf(json) : {}),
  };
}

function objectParts(json: z.infer<typeof node>, path: string): Partial<StructuralSchema> {
  if (json.properties !== undefined) {
    const entries = Object.entries(json.properties).map(
      ([key, child]) => [key, structural(child, `${path}.${key}`)] as const,
    );
    return {
      ...(json.required === undefined ? {} : { required: json.required }),
      properties: Object.fromEntries(entries),
    };
  }
  return { ...limitsOf(json), additionalProperties: structural(json.additionalProperties, `${path}.*`) };
}

function limitsOf(json: z.infer<typeof node>): Record<string, unknown> {
  return Object.fromEntries(limits.flatMap((key) => (json[key] === undefined ? [] : [[key, json[key]]])));
}

function fieldsBelow(value: unknown, path: string): SchemaField[] {
  const json = node.parse(value);
  const { column } = json;
  const own: SchemaField[] =
    column === undefined && json.selectable !== true
      ? []
      : [
          {
            path,
            type: json.type ?? 'string',
            ...(json.format === undefined ? {} : { format: json.format }),
            ...(json.description === undefined ? {} : { description: json.description }),
            ...(column === undefined
              ? {}
              : { column: typeof column === 'string' ? { name: column, wide: false } : column }),
            selectable: json.selectable === true,
          },
        ];
  const below = Object.entries(json.properties ?? {}).flatMap(([key, child]) => fieldsBelow(child, `${path}.${key}`));
  return [...own, ...below];
}

function namesBelow(value: unknown): KnownFields {
  const entries = Object.entries(node.parse(value).properties ?? {}).map(([key, child]) => {
    const below = namesBelow(child);
    return [key, Object.keys(below).length === 0 ? (true as const) : below] as const;
  });
  return Object.fromEntries(entries);
}
