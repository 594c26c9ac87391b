import { expect, test } from 'vitest';
import { conditionOf, fieldManager, parseObject } from '../lib/object.ts';

const object = { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'a' } };

test('the field manager never changes: ownership depends on it', () => {
  expect(fieldManager).toBe('skymirror');
});

test('an answer keeps what the engine does not read', () => {
  const answer = {
    ...object,
    metadata: { name: 'a', generation: 3, managedFields: [{ manager: 'kubectl', operation: 'Update' }] },
    spec: { arn: 'x' },
    status: { other: [1], conditions: [] },
    extra: true,
  };
  expect(parseObject(answer)).toEqual(answer);
});

test.each([
  ['no object', 'text'],
  ['no name', { ...object, metadata: {} }],
  ['no kind', { apiVersion: 'v1', metadata: { name: 'a' } }],
  ['a condition without a status', { ...object, status: { conditions: [{ type: 'Ready' }] } }],
  ['labels that are no text', { ...object, metadata: { name: 'a', labels: { a: 1 } } }],
  ['a name that would lead elsewhere', { ...object, metadata: { name: 'a/../b' } }],
  ['a name that leads to the folder above', { ...object, metadata: { name: '..' } }],
  ['a name that leads to them all', { ...object, metadata: { name: '' } }],
  ['a name that adds a parameter', { ...object, metadata: { name: 'a?dryRun=All' } }],
  ['a name that steers a terminal', { ...object, metadata: { name: 'a\u001b[2J' } }],
  ['a namespace that would lead elsewhere', { ...object, metadata: { name: 'a', namespace: 'b%2fc' } }],
  ['a name that is longer than any', { ...object, metadata: { name: 'a'.repeat(254) } }],
])('an answer with %s is refused', (_, answer) => {
  expect(() => parseObject(answer)).toThrow();
});

test('a condition is found by its type', () => {
  const ready = { type: 'Ready', status: 'True', reason: 'Available', message: '', lastTransitionTime: 'now' };
  const parsed = parseObject({ ...object, status: { conditions: [ready] } });
  expect(conditionOf(parsed, 'Ready')).toEqual(ready);
  expect(conditionOf(parsed, 'Exists')).toBeUndefined();
  expect(conditionOf(parseObject(object), 'Ready')).toBeUndefined();
});
