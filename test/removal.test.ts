import { describe, expect, test } from 'vitest';
import { type BrakeInput, brake, type Due, dueKey, named, remembered } from '../lib/removal.ts';

const hour = 3_600_000;
const now = Date.parse('2026-05-04T12:34:56Z');
const thisHour = Date.parse('2026-05-04T12:00:00Z');
/** A day, the hour that begins in it, and the longest run between an entry and its delete. */
const counts = 25.25 * hour;
const since = '2026-05-04T12:00:00Z';
const dueOf = (count: number, prefix = 'db'): Due[] =>
  Array.from({ length: count }, (_, index) => ({ name: `${prefix}-${index}`, uid: `uid-${prefix}-${index}`, since }));
const heldAt = (held: number, at = now - 25 * hour) => ({ hour: at, held, deleted: 0 });
const deletedAt = (deleted: number, at: number) => ({ hour: at, held: 0, deleted });

function judge(due: readonly Due[], more: Partial<BrakeInput> = {}) {
  const history = [heldAt(100)];
  return brake({ due, history, maxPercent: 30, now, blocked: undefined, approval: undefined, ...more });
}

describe('the brake', () => {
  test('lets go what is within 30 percent, and holds all of it at one more', () => {
    expect(judge(dueOf(30))).toMatchObject({ waiting: 0, limit: 30, deletedBefore: 0 });
    expect(judge(dueOf(30)).released.size).toBe(30);
    const held = judge(dueOf(31));
    expect(held.released.size).toBe(0);
    expect(held).toMatchObject({ waiting: 31, limit: 30, blocked: { members: { length: 31 } } });
  });

  test('lets five go, however few there are', () => {
    const few = { history: [heldAt(5)] };
    expect(judge(dueOf(5), few)).toMatchObject({ waiting: 0, limit: 5 });
    expect(judge(dueOf(6), few)).toMatchObject({ waiting: 6, limit: 5 });
  });

  test.each([
    [16, 30, 5],
    [20, 30, 6],
    [33, 30, 9],
    [1000, 0, 5],
    [1000, 100, 1000],
    [10_000, 1, 100],
  ])('of %d objects at %d percent lets %d go: whole objects, rounded down', (held, maxPercent, limit) => {
    expect(judge([], { history: [heldAt(held)], maxPercent }).limit).toBe(limit);
  });

  test('counts what went in the last 24 hours, by the hours that touch them and the length of a run', () => {
    const counted = (at: number) => judge([], { history: [heldAt(100), deletedAt(7, at)] }).deletedBefore;
    expect(counted(now)).toBe(7);
    expect(counted(now - 24 * hour)).toBe(7);
    expect(counted(now - counts + 1)).toBe(7);
    expect(counted(now - counts)).toBe(0);
  });

  test('adds up what went before and what is due', () => {
    const history = [heldAt(100), deletedAt(10, now - hour), deletedAt(5, now)];
    expect(judge(dueOf(15), { history })).toMatchObject({ deletedBefore: 15, waiting: 0 });
    expect(judge(dueOf(16), { history })).toMatchObject({ deletedBefore: 15, waiting: 16 });
  });

  test('goes by the newest count that is a day old', () => {
    const held = [heldAt(2000, now - 26 * hour), heldAt(1000, now - 25 * hour), heldAt(200, now - 24 * hour)];
    expect(judge([], { history: [...held, heldAt(10, now - 23 * hour)] }).limit).toBe(60);
  });

  test('goes by the oldest count where none is a day old', () => {
    const history = [heldAt(10, now - hour), heldAt(200, now - 5 * hour)];
    expect(judge([], { history }).limit).toBe(60);
  });

  test('knows nothing where there is no history, and lets five go', () => {
    expect(judge(dueOf(5), { history: [] })).toMatchObject({ waiting: 0, limit: 5 });
    expect(judge(dueOf(6), { history: [] })).toMatchObject({ waiting: 6, limit: 5 });
  });

  test('has nothing to say where nothing is due', () => {
    expect(judge([])).toEqual({ released: new Set(), due: [], waiting: 0, limit: 30, deletedBefore: 0 });
  });
});

describe('an approval', () => {
  const blocked = named(dueOf(40));
  const { approval } = blocked;

  test('releases exactly the named set', () => {
    const result = judge([...dueOf(40), ...dueOf(3, 'later')], { blocked, approval });
    expect(result.released).toEqual(new Set(dueOf(40).map(dueKey)));
    expect(result.waiting).toBe(3);
  });

  test.each([undefined, '', '40', `${named(dueOf(39)).approval}`, ' ', 'yes'])('%j releases nothing', (wrong) => {
    expect(judge(dueOf(40), { blocked, approval: wrong }).released.size).toBe(0);
  });

  test('without a named set releases nothing', () => {
    expect(judge(dueOf(40), { approval }).released.size).toBe(0);
  });

  test('does not release an object of the same name made since', () => {
    const again = dueOf(40).map((due) => ({ ...due, uid: `${due.uid}-new` }));
    expect(judge(again, { blocked, approval }).released.size).toBe(0);
  });

  test('does not release the same objects when they came back and vanished again', () => {
    const again = dueOf(40).map((due) => ({ ...due, since: '2026-06-04T12:00:00Z' }));
    const result = judge(again, { blocked, approval });
    expect(result).toMatchObject({ released: new Set(), waiting: 40 });
    expect(result.blocked).toEqual(named(again));
    expect(result.blocked?.approval).not.toBe(approval);
  });

  test('does not go stale while others become due: the set keeps its name until none of it is due', () => {
    const more = judge([...dueOf(40), ...dueOf(20, 'later')], { blocked });
    expect(more).toMatchObject({ waiting: 60, blocked });
    const one = judge([...dueOf(1), ...dueOf(40, 'later')], { blocked });
    expect(one.blocked).toEqual(blocked);
    const none = judge(dueOf(40, 'later'), { blocked });
    expect(none.blocked).toEqual(named(dueOf(40, 'later')));
  });

  test('is remembered with its set until the deletes are entered', () => {
    const result = judge(dueOf(40), { blocked, approval });
    expect(result).toMatchObject({ waiting: 0, blocked });
  });

  test('does not free others: what it lets go counts against the limit', () => {
    const result = judge([...dueOf(40), ...dueOf(1, 'later')], { blocked, approval, history: [heldAt(100)] });
    expect(result.released.size).toBe(40);
    expect(result.waiting).toBe(1);
  });

  test('leaves the set that nobody needs any more', () => {
    expect(judge(dueOf(3), { blocked })).toEqual({
      released: new Set(dueOf(3).map(dueKey)),
      due: dueOf(3),
      waiting: 0,
      limit: 30,
      deletedBefore: 0,
    });
  });
});

describe('the name of a set', () => {
  test('never changes', () => {
    expect(named([{ name: 'a', uid: '1', since }]).approval).toBe('1-r6gz3ndht3fk9');
  });

  test('does not depend on the order in which its members are found: they stand in that of the alphabet', () => {
    expect(named(dueOf(7).toReversed())).toEqual(named(dueOf(7)));
    expect(named(dueOf(7).toReversed()).members).toEqual(dueOf(7));
  });

  test('begins with the count', () => {
    expect(named(dueOf(12)).approval).toMatch(/^12-[0-9a-z]{13}$/);
  });

  test('is of a thousand objects at most; the others are named when these are gone', () => {
    const all = dueOf(1200);
    const first = judge(all, { history: [heldAt(1200)], blocked: undefined });
    expect(first.waiting).toBe(1200);
    expect(first.blocked?.members).toHaveLength(1000);
    const { blocked } = first;
    const released = judge(all, { blocked, approval: blocked?.approval });
    expect([released.released.size, released.waiting]).toEqual([1000, 200]);
    const rest = all.filter((one) => !released.released.has(dueKey(one)));
    expect(judge(rest, { blocked }).blocked?.members).toHaveLength(200);
  });

  test('holds names, uids and when the marks began, and nothing else', () => {
    const more = { name: 'a', uid: '1', since, spec: {} };
    expect(named([more]).members).toEqual([{ name: 'a', uid: '1', since }]);
  });
});

describe('the history', () => {
  test('begins with this hour', () => {
    expect(remembered([], now, { held: 7, deleted: 2 })).toEqual([{ hour: thisHour, held: 7, deleted: 2 }]);
  });

  test('keeps the most objects of an hour and adds up its deletes', () => {
    const once = remembered([], now, { held: 7, deleted: 2 });
    expect(remembered(once, now + 60_000, { held: 5, deleted: 3 })).toEqual([{ hour: thisHour, held: 7, deleted: 5 }]);
    expect(remembered(once, now + 60_000, { held: 9, deleted: 0 })).toEqual([{ hour: thisHour, held: 9, deleted: 2 }]);
  });

  test('tells the hours apart', () => {
    const earlier = { hour: thisHour - hour, held: 9, deleted: 4 };
    const current = { hour: thisHour, held: 7, deleted: 2 };
    expect(remembered([earlier], now, { held: 7, deleted: 2 })).toEqual([earlier, current]);
  });

  test('stays in order where the clock was put back', () => {
    const later = heldAt(9, thisHour + hour);
    expect(remembered([later], now, { held: 7, deleted: 0 })).toEqual([heldAt(7, thisHour), later]);
  });

  test('is in order, and drops what no rule looks at any more', () => {
    const old = [heldAt(1, now - counts), heldAt(2, now - counts + 1), heldAt(3, thisHour - hour)].toReversed();
    expect(remembered(old, now, { held: 4, deleted: 0 }).map(({ held }) => held)).toEqual([2, 3, 4]);
  });

  test('keeps the newest hour that is a day old, so that after a gap the brake knows what the scope held', () => {
    const gap = [heldAt(500, now - 31 * hour), heldAt(100, now - 30 * hour)];
    const history = remembered(gap, now, { held: 1000, deleted: 0 });
    expect(history.map(({ held }) => held)).toEqual([100, 1000]);
    expect(judge([], { history }).limit).toBe(30);
    const toTheSecond = [heldAt(500, thisHour - 30 * hour), heldAt(100, thisHour - 24 * hour)];
    expect(remembered(toTheSecond, thisHour, { held: 9, deleted: 0 }).map(({ held }) => held)).toEqual([100, 9]);
  });

  test('takes back what was entered and then refused, and never falls below nothing', () => {
    const entered = remembered([], now, { held: 7, deleted: 3 });
    expect(remembered(entered, now, { held: 7, deleted: -2 })).toMatchObject([{ deleted: 1 }]);
    expect(remembered(entered, now, { held: 7, deleted: -9 })).toMatchObject([{ deleted: 0 }]);
  });
});
