import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { engine } from '../memory/engine.ts';
import { sabotaged } from './sabotage.ts';

test('a rule whose text has moved is an error, not a rule that counts as switched off', async () => {
  const moved = { file: 'plan.ts', find: 'no such text', replace: '' };
  await expect(sabotaged(moved)).rejects.toThrow("lib/plan.ts: the rule's text has moved, it occurs 0 times");
});

test('a rule whose text stands in two places is an error', async () => {
  const ambiguous = { file: 'plan.ts', find: 'const mark = markOf(object, input);', replace: '' };
  await expect(sabotaged(ambiguous)).rejects.toThrow('it occurs 3 times');
});

test('a sabotaged engine is a copy of its own and leaves no files behind', async () => {
  const copy = await sabotaged({ file: 'plan.ts', find: 'if (!input.whole) return', replace: 'if (false) return' });
  expect(Object.keys(engine).filter((key) => !(key in copy))).toEqual([]);
  expect(copy.ApiError).not.toBe(engine.ApiError);
  expect(existsSync(new URL(`../../.skymirror/mutants/${process.pid}`, import.meta.url))).toBe(false);
});
