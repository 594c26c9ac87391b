import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapConcurrent } from '../lib/concurrent.ts';

const limit = fc.integer({ min: 1, max: 8 });

test('every order of ends gives the results in the order of the items, within the limit', async () => {
  const items = fc.array(fc.nat());
  await fc.assert(
    fc.asyncProperty(items, limit, fc.scheduler(), async (values, most, scheduler) => {
      let running = 0;
      let highest = 0;
      const results = mapConcurrent(values, most, async (value) => {
        running += 1;
        highest = Math.max(highest, running);
        await scheduler.schedule(Promise.resolve());
        running -= 1;
        return value + 1;
      });
      await scheduler.waitFor(results);
      expect(await results).toEqual(values.map((value) => value + 1));
      expect(highest).toBe(Math.min(most, values.length));
    }),
  );
});

test('after a rejection nothing is running and nothing new has begun', async () => {
  const items = fc.array(fc.boolean(), { minLength: 1 }).filter((oks) => oks.includes(false));
  await fc.assert(
    fc.asyncProperty(items, limit, fc.scheduler(), async (oks, most, scheduler) => {
      let running = 0;
      let failed = false;
      let begunAfter = 0;
      const results = mapConcurrent(oks, most, async (ok) => {
        if (failed) begunAfter += 1;
        running += 1;
        await scheduler.schedule(Promise.resolve());
        running -= 1;
        if (ok) return;
        failed = true;
        throw new Error('one of them');
      });
      const message = scheduler.waitFor(
        results.then(
          () => '',
          (error: Error) => error.message,
        ),
      );
      expect(await message).toBe('one of them');
      expect([running, begunAfter]).toEqual([0, 0]);
    }),
  );
});
