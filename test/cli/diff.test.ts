import { describe, expect, test } from 'vitest';
import { differences, isWorthALine, verbOf } from '../../cli/diff.ts';
import type { KubernetesObject } from '../../lib/object.ts';

const type = { group: 'g', version: 'v1', kind: 'Thing', plural: 'things' };

function object(change: {
  observed?: Record<string, unknown>;
  labels?: Record<string, string>;
  exists?: 'True' | 'False';
}) {
  const { observed = {}, labels = {}, exists = 'True' } = change;
  const reason = exists === 'True' ? 'Found' : 'NotFound';
  const made: KubernetesObject = {
    apiVersion: 'g/v1',
    kind: 'Thing',
    metadata: { name: 'a', labels },
    spec: { arn: 'x' },
    status: {
      observed,
      conditions: [{ type: 'Exists', status: exists, reason, message: `It is ${reason}.`, lastTransitionTime: 'now' }],
    },
  };
  return made;
}

describe('a change', () => {
  test('is named after what it does to the object', () => {
    const [there, gone] = [object({}), object({ exists: 'False' })];
    expect(verbOf({ type, before: undefined, after: there })).toBe('create');
    expect(verbOf({ type, before: there, after: undefined })).toBe('delete');
    expect(verbOf({ type, before: there, after: gone })).toBe('mark');
    expect(verbOf({ type, before: gone, after: there })).toBe('update');
    expect(verbOf({ type, before: gone, after: gone })).toBe('update');
  });

  test('is told leaf by leaf, in the order of paths, with what is absent left out', () => {
    const before = object({ observed: { size: 1, tags: { 'a b': 'x' }, list: [1] }, labels: { old: 'x' } });
    const after = object({ observed: { size: 2, tags: {}, list: [1, 2] }, labels: { new: 'y' } });
    expect(differences({ type, before, after })).toEqual([
      { path: 'metadata.labels[new]', after: 'y' },
      { path: 'metadata.labels[old]', before: 'x' },
      { path: 'status.observed.list', before: [1], after: [1, 2] },
      { path: 'status.observed.size', before: 1, after: 2 },
      { path: 'status.observed.tags[a b]', before: 'x' },
    ]);
  });

  test('of a condition is its status and reason; its sentence is there too, but takes no line', () => {
    const found = differences({ type, before: object({}), after: object({ exists: 'False' }) });
    expect(found.map(({ path }) => path)).toEqual(['status.conditions.Exists', 'status.conditions.Exists.message']);
    expect(found.filter(isWorthALine)).toEqual([
      { path: 'status.conditions.Exists', before: 'True Found', after: 'False NotFound' },
    ]);
  });

  test('of nothing is none', () => {
    expect(differences({ type, before: object({}), after: object({}) })).toEqual([]);
  });
});
