import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { brokenIn, keptOutcomes, outcomeIn } from './outcome.ts';
import { withFigures } from './page.ts';
import { parts } from './parts.ts';

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const kept = keptOutcomes.parse(JSON.parse(await read('docs/reliability.json')));

test('docs/reliability.md tells the figures of docs/reliability.json, which the long form writes', async () => {
  const page = await read('docs/reliability.md');
  expect(withFigures(page, kept)).toBe(page);
});

test('every part of the long form has been tried, and was not broken', () => {
  expect(Object.keys(kept).toSorted()).toEqual(parts.map(({ name }) => name).toSorted());
  expect(Object.values(kept).flatMap(brokenIn)).toEqual([]);
});

test('an outcome is the last line of what a part says', () => {
  const outcome = { part: 'kills', seed: 7, tried: { rounds: 200 }, broken: { lost: 0, stale: 2 } };
  expect(outcomeIn(`round 1\n${JSON.stringify(outcome)}\n`)).toEqual(outcome);
  expect(brokenIn(outcome)).toEqual(['2 stale']);
  expect(() => outcomeIn('round 1\n')).toThrow();
});

test('a page without marks is not written over', () => {
  expect(() => withFigures('# Reliability\n', {})).toThrow(/lacks the marks/);
});
