import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { knownFields, schemaFields, structuralSchema } from '../lib/schema.ts';

/** The structural schema of one field that is called x. */
const fieldOf = (field: z.ZodType) => structuralSchema(z.object({ x: field })).properties?.x;

describe('a zod schema becomes the structural schema of a CRD', () => {
  const text = { type: 'string' };
  test.each<[string, z.ZodType, object]>([
    ['text', z.string(), text],
    ['text that may be absent', z.string().optional(), text],
    ['text that may be null, because nulls are never written', z.string().nullable(), text],
    ['text with a default', z.string().default('a'), text],
    ['text with bounds', z.string().min(1).max(5), { type: 'string', minLength: 1, maxLength: 5 }],
    ['text with a pattern, which Go may not read', z.string().regex(/^(?!a)/), text],
    ['text with a beginning and an end', z.string().startsWith('a').endsWith('b'), text],
    ['a flag', z.boolean(), { type: 'boolean' }],
    ['a whole number, without the bounds of JavaScript', z.int(), { type: 'integer', format: 'int64' }],
    ['a whole number with bounds of its own', z.int().min(0).max(9), { type: 'integer', format: 'int64' }],
    ['a number', z.number().gt(1), { type: 'number' }],
    ['a choice', z.enum(['a', 'b']), { type: 'string', enum: ['a', 'b'] }],
    ['one value', z.literal('a'), { type: 'string', enum: ['a'] }],
    ['a time', z.iso.datetime(), { type: 'string', format: 'date-time' }],
    ['a duration, which the server would read as one of Go', z.iso.duration(), text],
    ['a host name', z.hostname(), text],
    ['a network', z.cidrv4(), text],
    ['bytes', z.base64(), text],
    ['a description', z.string().describe('What it is.'), { type: 'string', description: 'What it is.' }],
    ['a column, which the schema does not show', z.string().meta({ column: 'X', selectable: true }), text],
    ['a list', z.array(z.string()), { type: 'array', items: text, 'x-kubernetes-list-type': 'atomic' }],
    [
      'a list with bounds',
      z.array(z.int()).min(1).max(2).describe('Few.'),
      {
        type: 'array',
        description: 'Few.',
        minItems: 1,
        maxItems: 2,
        items: { type: 'integer', format: 'int64' },
        'x-kubernetes-list-type': 'atomic',
      },
    ],
    ['a free map', z.record(z.string(), z.string()), { type: 'object', additionalProperties: text }],
    [
      'a map with keys that are known',
      z.object({ a: z.string() }),
      { type: 'object', required: ['a'], properties: { a: text } },
    ],
    ['a map without keys', z.object({}), { type: 'object', properties: {} }],
    [
      'a strict map, because pruning does the same',
      z.strictObject({ a: z.string().optional() }),
      { type: 'object', properties: { a: text } },
    ],
    [
      'an open map, whose other keys are pruned',
      z.looseObject({ a: z.string().optional() }),
      { type: 'object', properties: { a: text } },
    ],
    [
      'two maps in one',
      z.object({ a: z.string() }).extend({ b: z.string() }).partial(),
      { type: 'object', properties: { a: text, b: text } },
    ],
  ])('%s', (_, field, expected) => {
    expect(fieldOf(field)).toEqual(expected);
  });

  test('with descriptions and required fields at every depth', () => {
    const schema = z.object({ a: z.object({ b: z.int().describe('B.') }).describe('A.'), c: z.string().optional() });
    expect(structuralSchema(schema.describe('All.'))).toEqual({
      type: 'object',
      description: 'All.',
      required: ['a'],
      properties: {
        a: {
          type: 'object',
          description: 'A.',
          required: ['b'],
          properties: { b: { type: 'integer', format: 'int64', description: 'B.' } },
        },
        c: { type: 'string' },
      },
    });
  });
});

describe('what a CRD cannot say is refused, with its path', () => {
  test.each<[string, z.ZodType, string]>([
    ['a union', z.union([z.string(), z.number()]), '$.x'],
    [
      'a union of maps',
      z.discriminatedUnion('t', [z.object({ t: z.literal('a') }), z.object({ t: z.literal('b') })]),
      '$.x',
    ],
    ['a union in a list', z.array(z.union([z.string(), z.int()])), '$.x[]'],
    ['a union in a free map', z.record(z.string(), z.union([z.string(), z.int()])), '$.x.*'],
    ['a tuple', z.tuple([z.string(), z.int()]), '$.x[]'],
    ['anything', z.any(), '$.x'],
    ['anything in a map', z.object({ y: z.unknown() }), '$.x.y'],
    ['nothing', z.never(), '$.x'],
    ['a reference', z.object({ a: z.string() }).meta({ id: 'Shared' }), '$.x'],
  ])('%s', (_, field, path) => {
    expect(() => fieldOf(field)).toThrow(`${path}: a CRD needs one plain type here`);
  });

  test.each<[string, z.ZodType]>([
    ['a date', z.date()],
    ['a big integer', z.bigint()],
    ['a set', z.set(z.string())],
    ['undefined', z.undefined()],
  ])('%s', (_, field) => {
    expect(() => fieldOf(field)).toThrow('cannot be represented');
  });
});

describe('the fields of a schema', () => {
  const schema = z.object({
    second: z.string().describe('S.').meta({ column: 'Second', selectable: true }).optional(),
    plain: z.string(),
    nested: z
      .object({
        port: z.int().meta({ column: { name: 'Port', wide: true } }),
        at: z.iso.datetime().meta({ column: 'At' }),
      })
      .optional(),
    chosen: z.boolean().meta({ selectable: true }),
  });

  test('come in the order of the schema, with what a column needs', () => {
    expect(schemaFields(schema, '.status')).toEqual([
      {
        path: '.status.second',
        type: 'string',
        description: 'S.',
        column: { name: 'Second', wide: false },
        selectable: true,
      },
      { path: '.status.nested.port', type: 'integer', column: { name: 'Port', wide: true }, selectable: false },
      {
        path: '.status.nested.at',
        type: 'string',
        format: 'date-time',
        column: { name: 'At', wide: false },
        selectable: false,
      },
      { path: '.status.chosen', type: 'boolean', selectable: true },
    ]);
  });

  test('that are known are nested where the schema nests; lists and free maps are one field', () => {
    const free = schema.extend({ tags: z.record(z.string(), z.string()), list: z.array(z.object({ a: z.string() })) });
    expect(knownFields(free)).toEqual({
      second: true,
      plain: true,
      nested: { port: true, at: true },
      chosen: true,
      tags: true,
      list: true,
    });
  });
});
