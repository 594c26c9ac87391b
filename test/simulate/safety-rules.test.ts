import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sabotagedEngine } from './engine.ts';
import { laws } from './property.ts';
import { rules } from './safety-rules.ts';

/** So many histories show it, whichever they are. */
const most = 1000;

test.each(Object.entries(rules))('the simulator notices where %s', async (_, { edits, law, seed }) => {
  const engine = await sabotagedEngine(...edits);
  const found = await fc.check(laws(engine), { seed, numRuns: most, endOnFailure: true });
  expect(found.errorInstance).toMatchObject({ law });
});
