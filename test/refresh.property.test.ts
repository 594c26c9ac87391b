import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDue } from '../lib/refresh.ts';

const hour = 3_600_000;
const ids = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 200 });
const start = fc.integer({ min: 0, max: 2_000_000_000_000 });
const steps = fc.array(fc.integer({ min: 1, max: 20 * 60_000 }), { minLength: 1, maxLength: 200 });

test('whatever the passes are apart, every id has its turn exactly once in each period', () => {
  fc.assert(
    fc.property(ids, start, steps, (all, began, gaps) => {
      const times = new Map(all.map((id) => [id, 0]));
      let [since, end] = [began, began];
      for (const gap of gaps) {
        const now = Math.min(since + gap, began + hour);
        for (const id of all) if (isDue(id, { since, now }, hour)) times.set(id, (times.get(id) ?? 0) + 1);
        since = now;
        end = now;
      }
      const seen = new Set(times.values());
      if (end - began === hour) expect(seen).toEqual(new Set([1]));
      else expect(Math.max(...seen)).toBeLessThanOrEqual(1);
    }),
  );
});

test('a whole period, or a beginning without a memory, reads everything; no time at all reads nothing', () => {
  fc.assert(
    fc.property(fc.string(), start, fc.integer({ min: 0, max: hour }), (id, now, more) => {
      expect(isDue(id, { since: undefined, now }, hour)).toBe(true);
      expect(isDue(id, { since: now - hour - more, now }, hour)).toBe(true);
      expect(isDue(id, { since: now, now }, hour)).toBe(false);
      expect(isDue(id, { since: now + more, now }, hour)).toBe(false);
      expect(isDue(id, { since: now - more, now }, 0)).toBe(true);
    }),
  );
});

test('the turns are spread: of 10,000 ids a twelfth of the period reads about a twelfth', () => {
  const all = Array.from({ length: 10_000 }, (_, index) => `arn:aws:sqs:us-east-1:111122223333:queue-${index}`);
  const due = all.filter((id) => isDue(id, { since: 0, now: hour / 12 }, hour)).length;
  expect(due).toBeGreaterThan(700);
  expect(due).toBeLessThan(970);
});
