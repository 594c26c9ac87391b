import { describe, expect, test } from 'vitest';
import { normalise, normaliseObject } from '../lib/json.ts';

describe('a value as the API server gives it back', () => {
  test.each([
    ['undefined is absent', undefined, undefined],
    ['null is absent', null, undefined],
    ['an empty list is absent', [], undefined],
    ['an empty map is absent', {}, undefined],
    ['a map of absent things is absent', { a: undefined, b: [null], c: { d: {} } }, undefined],
    ['not a number is absent', Number.NaN, undefined],
    ['infinity is absent', Number.POSITIVE_INFINITY, undefined],
    ['false stays', false, false],
    ['zero stays', 0, 0],
    ['minus zero is zero', -0, 0],
    ['an empty text stays', '', ''],
    ['a lone surrogate is replaced', 'a\udc00', 'a\ufffd'],
    ['a lone surrogate in a key is replaced', { 'a\udc00': 1 }, { 'a\ufffd': 1 }],
    ['a date is text without parts of seconds', new Date('2026-05-04T12:00:00.789Z'), '2026-05-04T12:00:00Z'],
    ['absent things leave lists', [1, undefined, null, [], 2], [1, 2]],
    ['absent things leave maps', { a: { b: undefined, c: 1 }, d: null }, { a: { c: 1 } }],
  ])('%s', (_, value, expected) => {
    expect(normalise(value)).toStrictEqual(expected);
  });

  test.each([
    ['function', () => 1],
    ['bigint', 1n],
    ['symbol', Symbol('a')],
  ])('a %s has no place in one', (type, value) => {
    expect(() => normalise({ value })).toThrow(`a ${type} has no place in a Kubernetes object`);
  });

  test('an object whose keys are all absent is absent', () => {
    expect(normaliseObject({ a: undefined })).toBeUndefined();
    expect(normaliseObject({ a: 1, b: undefined })).toStrictEqual({ a: 1 });
  });
});
