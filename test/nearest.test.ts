import { expect, test } from 'vitest';
import { nearest, suggestion } from '../lib/nearest.ts';

const keys = ['name', 'sources', 'accounts', 'regions', 'id', 'role'];

test.each([
  ['regoins', ['regions']],
  ['regionss', ['regions']],
  ['Regions', ['regions']],
  ['sorces', ['sources']],
  ['account', ['accounts']],
  ['ids', ['id']],
  ['di', ['id']],
  ['', []],
  ['paused', []],
  ['x'.repeat(10_000), []],
])('near %s is %j', (word, expected) => {
  expect(nearest(word, keys)).toEqual(expected);
});

test('of many that are equally near, three are named', () => {
  const regions = ['eu-west-1', 'eu-west-2', 'eu-west-3', 'eu-west-4', 'us-east-1'];
  expect(nearest('eu-west-9', regions)).toEqual(['eu-west-1', 'eu-west-2', 'eu-west-3']);
  expect(suggestion('eu-west-9', regions)).toBe(': did you mean "eu-west-1" or "eu-west-2" or "eu-west-3"?');
  expect(suggestion('paused', keys)).toBe('');
});
