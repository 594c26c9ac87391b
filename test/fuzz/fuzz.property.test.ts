import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { borders } from './borders.ts';
import { replayCommand } from './replay.ts';

/** Inputs for each border and seed; those of a border that takes long are fewer by its share. */
const inputs = 150;

/** So that a failure of yesterday is one of today, and one of nobody's yet may be found. */
const seeds = [1, randomInt(2 ** 31)];

for (const border of borders) {
  test.each(seeds)(`no input at the border "${border.name}" breaks a promise (seed %i)`, async (seed) => {
    const runs = Math.max(10, Math.round(inputs * border.share));
    const { tried, failure } = await border.fuzz({ seed, runs });
    const replay = failure && replayCommand(border.name, seed, failure.path);
    expect(failure && { ...failure, replay }).toBeUndefined();
    expect(tried).toBe(runs);
  });
}
