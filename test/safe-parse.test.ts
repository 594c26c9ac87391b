import { expect, test } from 'vitest';
import * as z from 'zod';
import { safeParse } from '../lib/safe-parse.ts';

test('what fits comes back, with its defaults', () => {
  const schema = z.object({ a: z.string(), b: z.int().default(3) });
  expect(safeParse(schema, { a: 'x' })).toEqual({ success: true, data: { a: 'x', b: 3 } });
});

test('what does not fit is an error with the words that are asked for', () => {
  const parsed = safeParse(z.string().min(3), 'a', { error: () => 'too short' });
  expect(parsed.success ? [] : parsed.error.issues).toMatchObject([{ code: 'too_small', message: 'too short' }]);
});

test('a value at which zod itself fails is an error too, and not thrown', () => {
  const schema = z.object({ name: z.string().min(1) });
  const value = { name: { length: { toString: 1 } } };
  expect(() => schema.safeParse(value), 'zod is mended: safeParse is not needed any more').toThrow(TypeError);
  const parsed = safeParse(schema, value);
  expect(parsed.success ? [] : parsed.error.issues).toMatchObject([
    { message: expect.stringMatching(/^cannot be read: a key such as "length"/) },
  ]);
});
