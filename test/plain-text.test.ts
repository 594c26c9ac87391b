import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { issuesText, plainText } from '../lib/plain-text.ts';

describe('a text of a stranger', () => {
  test.each([
    ['as it is, where it is plain', 'orders: Größe 5 µ 🦉', 'orders: Größe 5 µ 🦉'],
    ['without what steers a terminal', 'a\u001b[2J\u009b31mb\u0007', 'a [2J 31mb '],
    ['in one line', 'a\r\n\tb\u2028c', 'a b c'],
    ['without halves of characters', 'a\ud800b', 'a\ufffdb'],
  ])('is shown %s', (_, text, shown) => {
    expect(plainText(text)).toBe(shown);
  });

  test('is cut where it is longer than people read, and says so', () => {
    expect(plainText('x'.repeat(1_000))).toBe('x'.repeat(1_000));
    expect(plainText('x'.repeat(1_001))).toBe(`${'x'.repeat(999)}…`);
    expect(plainText('abcd', 3)).toBe('ab…');
  });

  test('is cut between characters', () => {
    expect(plainText('🦉🦉', 2).isWellFormed()).toBe(true);
  });
});

describe('what zod found wrong', () => {
  const errorOf = (schema: z.ZodType, value: unknown) => {
    const { error } = schema.safeParse(value);
    return error ?? expect.fail('nothing was wrong');
  };

  test('is a line for each thing with its place', () => {
    const text = issuesText(errorOf(z.object({ a: z.string(), b: z.int() }), { a: 1 }));
    expect(text).toMatch(/^✖ .*string.*\n {2}→ at a\n✖ .*\n {2}→ at b$/);
  });

  test('has no characters of keys that steer a terminal, and not all of a long one', () => {
    const text = issuesText(errorOf(z.strictObject({}), { 'a\u001b[2J\nb': 1, ['x'.repeat(5_000)]: 1 }));
    expect(text).toMatch(/^[^\p{Cc}]+$/u);
    expect(text.length).toBeLessThan(400);
    const places = issuesText(errorOf(z.record(z.string(), z.int()), { ['\u001b'.repeat(5_000)]: 'x' }));
    expect(places.length).toBeLessThan(400);
  });

  test('is told of the first ten, and how many there are more', () => {
    const values = Object.fromEntries(Array.from({ length: 25 }, (_, index) => [`key-${index}`, 'x']));
    const text = issuesText(errorOf(z.record(z.string(), z.int()), values));
    expect(text.match(/✖/g)).toHaveLength(10);
    expect(text).toMatch(/\nand 15 more$/);
  });
});
