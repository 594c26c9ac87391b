import { expect, test } from 'vitest';
import { failureLines } from '../../cli/failure-lines.ts';

function clusterOf(cluster: string, messages: readonly string[]) {
  const failures = messages.map((message) => ({ name: 'x', message }));
  return { cluster, namespace: 'external', blocked: 0, failures };
}

const many = (word: string, count: number) => Array.from({ length: count }, (_, index) => `${word}: object ${index}`);

test('of what is alike three are shown, and the others are counted', () => {
  const clusters = [clusterOf('main', [...many('OtherMirror', 22), 'no namespace'])];
  expect(failureLines({ clusters })).toEqual([
    ...many('OtherMirror', 3).map((message) => `main: ${message}`),
    'and 19 more like it',
    'main: no namespace',
  ]);
  expect(failureLines({ clusters: [clusterOf('main', many('OtherMirror', 3))] })).toHaveLength(3);
});

test('what kept the pass from being whole comes first, and clusters are told apart', () => {
  const incomplete = { reason: 'AccessDenied', message: 'AWS refused' } as const;
  const clusters = ['a', 'b'].map((cluster) => clusterOf(cluster, many('Foreign', 4)));
  expect(failureLines({ incomplete, clusters })).toEqual([
    'AWS refused',
    ...['a', 'b'].flatMap((name) => [...many('Foreign', 3).map((text) => `${name}: ${text}`), 'and 1 more like it']),
  ]);
});

test('there are never more than twenty lines', () => {
  const words = Array.from({ length: 21 }, (_, index) => `kind${index}: it`);
  expect(failureLines({ clusters: [clusterOf('main', words.slice(0, 20))] })).toHaveLength(20);
  const lines = failureLines({ clusters: [clusterOf('main', words)] });
  expect(lines).toHaveLength(20);
  expect(lines.at(-1)).toBe('and others: --log-format json shows all');
});
