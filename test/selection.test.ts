import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitsGlob, selectsName, selectsTags, tagOf } from '../lib/selection.ts';

test.each([
  ['orders', 'orders', true],
  ['orders', 'Orders', false],
  ['orders', 'orders-1', false],
  ['orders-*', 'orders-', true],
  ['*-tmp', 'a-tmp-tmp', true],
  ['*a*b*', 'xxaxxbxx', true],
  ['*a*b*', 'xxbxxaxx', false],
  ['orders-?', 'orders-1', true],
  ['orders-?', 'orders-', false],
  ['?', '😀', true],
  ['*', '', true],
  ['', '', true],
  ['', 'a', false],
  ['a.c', 'abc', false],
  ['[ab]', '[ab]', true],
  ['*.fifo', 'orders.fifo', true],
])('the pattern %j on %j gives %s', (glob, text, fits) => {
  expect(fitsGlob(glob, text)).toBe(fits);
});

test('a pattern fits what the regular expression for it fits', () => {
  const short = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 7 }).map((parts) => parts.join(''));
  const word = fc.array(fc.constantFrom('a', 'b'), { maxLength: 9 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(short, word, (glob, text) => {
      const expression = new RegExp(`^${glob.replace(/\*+/g, '.*').replaceAll('?', '.')}$`);
      expect(fitsGlob(glob, text)).toBe(expression.test(text));
    }),
    { numRuns: 2000 },
  );
});

test('a pattern of stars takes no exponential time', () => {
  expect(fitsGlob('*a'.repeat(128), `${'a'.repeat(256)}b`)).toBe(false);
});

test('of names, what an exclusion fits is left out even where it is included', () => {
  const names = { include: ['orders-*', 'payments'], exclude: ['*-tmp'] };
  const all = ['orders-1', 'orders-tmp', 'payments', 'other'];
  expect(all.filter((name) => selectsName(names, name))).toEqual(['orders-1', 'payments']);
  expect(all.filter((name) => selectsName({ exclude: ['o*'] }, name))).toEqual(['payments']);
  expect(all.filter((name) => selectsName({}, name))).toEqual(all);
});

test('of tags, all that are included have to be there, and none that is excluded', () => {
  const tags = { include: { env: ['production', 'stag*'], team: ['*'] }, exclude: { mirror: ['no'] } };
  const selects = (own: Record<string, string>) => selectsTags(tags, { tags: own });
  expect(selects({ env: 'production', team: '' })).toBe(true);
  expect(selects({ env: 'staging', team: 'a', mirror: 'yes' })).toBe(true);
  expect(selects({ env: 'production', team: 'a', mirror: 'no' })).toBe(false);
  expect(selects({ env: 'production' })).toBe(false);
  expect(selects({ env: 'test', team: 'a' })).toBe(false);
  expect(selectsTags(tags, {})).toBe(false);
  expect(selectsTags({ exclude: tags.exclude }, {})).toBe(true);
});

test('a tag is an own key with a text, whatever a map inherits', () => {
  expect(tagOf({ tags: {} }, 'constructor')).toBeUndefined();
  expect(tagOf({ tags: ['a'] }, '0')).toBeUndefined();
  expect(tagOf({ tags: 'a' }, '0')).toBeUndefined();
  expect(tagOf({ tags: { a: 1 } }, 'a')).toBeUndefined();
  expect(tagOf({ tags: { constructor: 'x' } }, 'constructor')).toBe('x');
});
