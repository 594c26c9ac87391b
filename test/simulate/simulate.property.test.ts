import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { engine } from './engine.ts';
import { missing, tally } from './tally.ts';
import { trial } from './trial.ts';

const runs = 75;
/** What these hold is the same each time, so that what has to happen in them does. */
const kept = [1, 2, 4];
const fresh = randomInt(2 ** 31);
const counts = tally();

test.each(kept)(`no law breaks in ${runs} histories of seed %i`, async (seed) => {
  const failure = await trial(engine, { seed, runs }, counts);
  expect(failure?.text).toBeUndefined();
});

test(`no law breaks in ${runs} histories of a seed that is drawn for this run, ${fresh}`, async () => {
  const failure = await trial(engine, { seed: fresh, runs }, tally());
  expect(failure?.text).toBeUndefined();
});

test('in the histories of the kept seeds everything happens that the laws are about', () => {
  expect(missing(counts.counts)).toEqual([]);
});
