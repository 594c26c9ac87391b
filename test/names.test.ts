import { describe, expect, test } from 'vitest';
import { isLabelName, isLabelValue, objectName, scopeHash, shortHash, spread } from '../lib/names.ts';

describe('names that must never change: every object in every cluster carries one', () => {
  test.each([
    [['RDSInstance', 'orders', 'arn:aws:rds:eu-west-1:111122223333:db:orders'], 'orders-24g2w8e149p1b'],
    [['RDSInstance', 'A_b', 'arn:A_b'], 'a-b-cy37y3nd680rh'],
    [['RDSInstance', '', 'arn:'], 'rdsinstance-pgmtchfy21sj7'],
    [['RDSInstance', 'x'.repeat(80), 'arn:long'], 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-0wpa6kkeh9067'],
  ] as const)('%j', ([kind, readable, id], name) => {
    expect(objectName(kind, readable, id)).toBe(name);
  });

  test('hashes', () => {
    expect(shortHash()).toBe('9x9wv8cc5en0r');
    expect(shortHash('')).toBe('0nakkqta1e04r');
    expect(shortHash('a', 'b')).toBe('0hsyybe0tcjap');
    expect(scopeHash({ account: '111122223333', region: 'eu-west-1' })).toBe('t77pksdq6qqec');
  });
});

describe('an object name', () => {
  const slugOf = (readable: string) => objectName('RDSInstance', readable, 'id').slice(0, -14);

  test.each([
    ['is lower case', 'Orders', 'orders'],
    ['has dashes for everything that is no letter or digit', 'a_b.c d', 'a-b-c-d'],
    ['has one dash for many', 'a--__..b', 'a-b'],
    ['neither begins nor ends with a dash', '__a__', 'a'],
    ['does not end with a dash after it was cut', `${'a'.repeat(48)}_b`, 'a'.repeat(48)],
    ['drops letters that a name may not have', 'größe', 'gr-e'],
    ['falls back to the kind where nothing is left', '注文', 'rdsinstance'],
    ['falls back to the kind where there is nothing', '', 'rdsinstance'],
    ['may begin with a digit', '1st', '1st'],
    ['is cut at 49 characters', 'y'.repeat(80), 'y'.repeat(49)],
  ])('%s', (_, readable, slug) => {
    expect(slugOf(readable)).toBe(slug);
  });

  test('differs where the exact ids differ, although the slugs are equal', () => {
    expect(slugOf('A_b')).toBe(slugOf('a-b'));
    expect(objectName('RDSInstance', 'A_b', 'A_b')).not.toBe(objectName('RDSInstance', 'a-b', 'a-b'));
  });

  test('differs between kinds', () => {
    expect(objectName('RDSInstance', 'a', 'a')).not.toBe(objectName('RDSCluster', 'a', 'a'));
  });
});

test('a hash keeps its parts apart', () => {
  expect(shortHash('ab', 'c')).not.toBe(shortHash('a', 'bc'));
  expect(shortHash('a,b')).not.toBe(shortHash('a', 'b'));
});

test('a scope hash depends on keys, values and their order', () => {
  const scopes = [
    { account: '1', region: 'r' },
    { account: 'r', region: '1' },
    { region: 'r', account: '1' },
    { broker: '1', region: 'r' },
  ];
  expect(new Set(scopes.map((scope) => scopeHash(scope))).size).toBe(4);
});

test('numbers that stand for texts are spread evenly from 0 to below 1, and each text keeps its own', () => {
  const numbers = Array.from({ length: 10_000 }, (_, index) => spread(`arn:${index}`));
  const tenths = Map.groupBy(numbers, (number) => Math.floor(number * 10));
  expect([...tenths.keys()].toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (const { length } of tenths.values()) expect(Math.abs(length - 1000)).toBeLessThan(100);
  expect(spread('arn:7')).toBe(numbers[7]);
});

describe('a label value', () => {
  test.each(['', 'a', 'A1', 'a.b_c-d', 'x'.repeat(63)])('may be %j', (text) => {
    expect(isLabelValue(text)).toBe(true);
  });

  test.each(['-a', 'a-', '.a', 'a_', 'a b', 'ä', 'x'.repeat(64), 'a\n', 'a/b', 'a:b'])('may not be %j', (text) => {
    expect(isLabelValue(text)).toBe(false);
  });

  test('may be empty, a label name may not', () => {
    expect(isLabelName('')).toBe(false);
    expect(isLabelName('team')).toBe(true);
  });
});
