import { describe, expect, test } from 'vitest';
import { mapConcurrent } from '../lib/concurrent.ts';

/** Works that begin when they are asked for and end when the test says so. */
function gates(count: number) {
  const all = Array.from({ length: count }, () => Promise.withResolvers<string>());
  const begun: number[] = [];
  const work = (index: number) => {
    begun.push(index);
    return all[index]?.promise ?? Promise.resolve('');
  };
  return { all, begun, work };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('many works at once', () => {
  test('give their results in the order of the items, whatever ends first', async () => {
    const { all, work } = gates(3);
    const results = mapConcurrent([0, 1, 2], 3, work);
    for (const index of [2, 0, 1]) all[index]?.resolve(`r${index}`);
    expect(await results).toEqual(['r0', 'r1', 'r2']);
  });

  test('are never more than the limit', async () => {
    const { all, begun, work } = gates(4);
    const results = mapConcurrent([0, 1, 2, 3], 2, work);
    expect(begun).toEqual([0, 1]);
    all[1]?.resolve('');
    await settled();
    expect(begun).toEqual([0, 1, 2]);
    for (const gate of all) gate.resolve('');
    expect(await results).toHaveLength(4);
  });

  test('of nothing give nothing', async () => {
    expect(await mapConcurrent([], 4, () => Promise.reject(new Error('never')))).toEqual([]);
  });

  test('take any iterable', async () => {
    expect(await mapConcurrent(new Set([1, 2]), 1, async (item) => item * 2)).toEqual([2, 4]);
  });

  test('end before a rejection is thrown, and no other begins', async () => {
    const { all, begun, work } = gates(4);
    let ended = false;
    const results = mapConcurrent([0, 1, 2, 3], 2, work).finally(() => {
      ended = true;
    });
    const refused = expect(results).rejects.toThrow('first');
    all[0]?.reject(new Error('first'));
    await settled();
    expect(ended).toBe(false);
    all[1]?.reject(new Error('second'));
    await refused;
    expect(begun).toEqual([0, 1]);
  });

  test('that throw before they begin to wait are rejections too', async () => {
    const work = (): Promise<void> => {
      throw new Error('at once');
    };
    await expect(mapConcurrent([1, 2], 2, work)).rejects.toThrow('at once');
  });

  test('may reject with undefined', async () => {
    await expect(mapConcurrent([1], 1, () => Promise.reject(undefined))).rejects.toBeUndefined();
  });
});
