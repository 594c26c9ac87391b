import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BrakeInput, brake, dueKey, type HistoryHour, named, remembered } from '../lib/removal.ts';

const hour = 3_600_000;
const now = Date.parse('2026-05-04T12:34:56Z');
const due = fc.uniqueArray(
  fc.record({
    name: fc.string({ maxLength: 4 }),
    uid: fc.string({ minLength: 1, maxLength: 6 }),
    since: fc.constantFrom('2026-05-04T12:00:00Z', '2026-05-03T12:00:00Z'),
  }),
  { selector: ({ uid }) => uid, maxLength: 60 },
);
const history = fc.array(
  fc.record({
    hour: fc.integer({ min: -30, max: 0 }).map((hours) => now + hours * hour),
    held: fc.nat({ max: 200 }),
    deleted: fc.nat({ max: 20 }),
  }),
  { maxLength: 10 },
);
const input = fc
  .record({
    due,
    named: due,
    history,
    maxPercent: fc.nat({ max: 100 }),
    approves: fc.boolean(),
  })
  .map(({ named: members, approves, ...rest }): BrakeInput => {
    const blocked = members.length === 0 ? undefined : named(members);
    return { ...rest, now, blocked, approval: approves ? blocked?.approval : undefined };
  });

test('nobody goes without being due, and everybody due goes or waits', () => {
  fc.assert(
    fc.property(input, (wish) => {
      const { released, waiting } = brake(wish);
      const keys = new Set(wish.due.map(dueKey));
      expect([...released].every((key) => keys.has(key))).toBe(true);
      expect(released.size + waiting).toBe(wish.due.length);
    }),
  );
});

test('more than the limit goes only by name', () => {
  fc.assert(
    fc.property(input, (wish) => {
      const { released, limit, deletedBefore } = brake(wish);
      const approved = wish.approval === undefined ? [] : (wish.blocked?.members ?? []);
      const unnamed = [...released].filter((key) => !approved.some((member) => dueKey(member) === key));
      if (unnamed.length > 0) expect(deletedBefore + released.size).toBeLessThanOrEqual(limit);
    }),
  );
});

test('whoever waits is named, or a set is that was named before', () => {
  fc.assert(
    fc.property(input, (wish) => {
      const { waiting, blocked } = brake(wish);
      if (waiting === 0) return;
      expect(blocked?.members.length).toBeGreaterThan(0);
      const names = wish.blocked?.members.some((member) => wish.due.some((one) => dueKey(one) === dueKey(member)));
      if (names) expect(blocked).toEqual(wish.blocked);
    }),
  );
});

test('once the set that it named is approved and nothing else changed, the brake lets it go', () => {
  fc.assert(
    fc.property(input, (wish) => {
      const { blocked } = brake({ ...wish, blocked: undefined, approval: undefined });
      if (blocked === undefined) return;
      const { waiting } = brake({ ...wish, blocked, approval: blocked.approval });
      expect(waiting).toBe(0);
    }),
  );
});

test('deletes stay in the history for at least 24 hours, and no pass takes any away', () => {
  const passes = fc.array(
    fc.record({ minutes: fc.nat({ max: 120 }), held: fc.nat({ max: 50 }), deleted: fc.nat({ max: 5 }) }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(passes, (steps) => {
      let entries: HistoryHour[] = [];
      let at = now;
      const done: { at: number; deleted: number }[] = [];
      for (const { minutes, held, deleted } of steps) {
        at += minutes * 60_000;
        entries = remembered(entries, at, { held, deleted });
        done.push({ at, deleted });
      }
      const least = done.filter((one) => one.at > at - 24 * hour).reduce((sum, one) => sum + one.deleted, 0);
      const wish = {
        due: [],
        history: entries,
        maxPercent: 30,
        now: at,
        blocked: undefined,
        approval: undefined,
      };
      expect(brake(wish).deletedBefore).toBeGreaterThanOrEqual(least);
    }),
  );
});
