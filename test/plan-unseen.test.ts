import { describe, expect, test } from 'vitest';
import type { Unseen } from '../lib/conditions.ts';
import { conditionOf } from '../lib/object.ts';
import { decide, type Sight } from '../lib/plan.ts';
import {
  brief,
  caseOf,
  fields,
  live,
  minute,
  mirror,
  present,
  settled,
  start,
  target,
  unread,
  unseen,
} from './plan-world.ts';

/** The reasons that objects show; the scan is more exact. */
const shown: Record<Unseen, string> = {
  AccessDenied: 'AccessDenied',
  Throttled: 'Throttled',
  Unreachable: 'Unreachable',
  WrongPlace: 'Stale',
  BadAnswer: 'Stale',
  InternalError: 'Stale',
  Interrupted: 'Stale',
  NoCluster: 'Stale',
  Untrusted: 'Stale',
  Stale: 'Stale',
};

describe('what is written about what nobody sees or reads', () => {
  test('for a resource that is not listed is the reason, once', () => {
    const stale = settled(unseen(start), live, { now: start + 16 * minute });
    expect(brief(stale)).toEqual(['Exists Unknown NotSeen', 'Synced False Throttled', 'Ready True Available']);
    const again = { ...unseen(start), message: 'another sentence' };
    expect(decide(caseOf(again, stale, { now: start + 17 * minute }))).toEqual({ do: 'keep', why: 'Unseen' });
    const late = settled(unseen(start), stale, { now: start + 33 * minute });
    expect(conditionOf(late, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'NotSynced' });
  });

  test.each(Object.entries(shown))('for a pass that ended as %s is the reason %s', (reason, expected) => {
    const sight: Sight = { state: 'unseen', reason: reason as Unseen, message: 'why', since: start };
    const stale = settled(sight, live, { now: start + 16 * minute });
    expect(conditionOf(stale, 'Synced')).toMatchObject({ status: 'False', reason: expected, message: 'why' });
  });

  test('for what a run of named ids saw lately is nothing, however old the last scan is', () => {
    const lately = caseOf(unseen(start - 60 * minute), live, { now: start + 15 * minute });
    expect(decide(lately)).toEqual({ do: 'keep', why: 'Unseen' });
    expect(decide({ ...lately, now: start + 15 * minute + 1000 }).do).toBe('update');
  });

  test.each([
    ['seen', unseen],
    ['read', unread],
  ])('for what was not %s for staleAfter is nothing yet, a second later the reason', (_, sightOf) => {
    const old = settled(present, undefined, { now: start - 60 * minute });
    const at = (now: number) => decide(caseOf(sightOf(start), old, { now }));
    expect(at(start + 15 * minute)).toEqual({ do: 'keep', why: 'Unseen' });
    expect(at(start + 15 * minute + 1000).do).toBe('update');
  });

  test('for what is listed and cannot be read is the reason, once, until nobody knows its health any more', () => {
    const old = settled(unread(start), live, { now: start + 16 * minute });
    expect(brief(old)).toEqual(['Exists True Found', 'Synced False Throttled', 'Ready True Available']);
    expect(old.status?.observed).toEqual(fields);
    const again = { ...unread(start), message: 'another sentence' };
    expect(decide(caseOf(again, old, { now: start + 31 * minute }))).toEqual({ do: 'keep', why: 'Unseen' });
    const late = settled(again, old, { now: start + 32 * minute });
    expect(brief(late)).toEqual(['Exists True Found', 'Synced False Throttled', 'Ready Unknown NotSynced']);
    expect(conditionOf(late, 'Synced')?.message).toBe('AWS throttles');
  });

  test.each([
    ['Retain keeps', { target: { ...target, mirror: { ...mirror, removal: 'Retain' } } }, 'Retain'],
    ['a run of named ids keeps', { whole: false }, 'Narrowed'],
  ] as const)('for what is not selected and %s is that nobody knows its health any more, once', (_, more, why) => {
    const marked = settled({ state: 'unselected', by: 'list' }, live);
    const at = (now: number, object = marked) => caseOf({ state: 'unselected', by: 'list' }, object, { ...more, now });
    expect(decide(at(start + 15 * minute))).toEqual({ do: 'keep', why });
    expect(decide(at(start + 16 * minute)).do).toBe('update');
    const late = settled({ state: 'unselected', by: 'list' }, marked, { ...more, now: start + 16 * minute });
    expect(brief(late)).toEqual(['Exists True Found', 'Synced False NotSelected', 'Ready Unknown NotSynced']);
    expect(decide(at(start + 17 * minute, late))).toEqual({ do: 'keep', why });
  });

  test.each([
    [
      'the brake holds is nothing: it comes before it as it is',
      'list',
      { released: false },
      { do: 'keep', why: 'Brake' },
    ],
    ['is due is nothing: it is asked for', 'list', {}, { do: 'ask' }],
    ['is due and asked for is nothing: it goes', 'get', {}, { do: 'delete' }],
  ] as const)('for what is not selected and %s', (_, by, more, expected) => {
    const marked = settled({ state: 'unselected', by: 'list' }, live);
    const late = caseOf({ state: 'unselected', by }, marked, { ...more, now: start + 16 * minute });
    expect(decide(late)).toMatchObject(expected);
  });

  test('for what is not selected and the brake lets stay is that nobody knows its health any more, once', () => {
    const marked = settled({ state: 'unselected', by: 'list' }, live);
    const held = { do: 'keep', why: 'Brake' };
    const at = (now: number, object = marked) => caseOf({ state: 'held' }, object, { released: false, now });
    expect(decide(at(start + 15 * minute))).toEqual(held);
    const late = settled({ state: 'held' }, marked, { released: false, now: start + 16 * minute });
    expect(brief(late)).toEqual(['Exists True Found', 'Synced False NotSelected', 'Ready Unknown NotSynced']);
    expect(decide(at(start + 17 * minute, late))).toEqual(held);
  });

  test('for what the brake lets stay and nobody had seen for long is that it is there', () => {
    const marked = settled({ state: 'unselected', by: 'list' }, live);
    const conditions = marked.status?.conditions?.map((one) =>
      one.type === 'Exists' ? { ...one, status: 'Unknown' as const, reason: 'NotSeen' } : one,
    );
    const unknown = { ...marked, status: { ...marked.status, conditions: conditions ?? [] } };
    const late = settled({ state: 'held' }, unknown, { released: false, now: start + 11 * minute });
    expect(brief(late)).toEqual(['Exists True Found', 'Synced False NotSelected', 'Ready True Available']);
  });

  test('for what came back, or is not due, when the brake lets it stay, is nothing', () => {
    const marked = settled({ state: 'unselected', by: 'list' }, live);
    const long = { ...mirror, graceSeconds: 3600 };
    const held = { do: 'keep', why: 'Brake' };
    expect(decide(caseOf({ state: 'held' }, live, { now: start + 16 * minute }))).toEqual(held);
    const early = { now: start + 16 * minute, target: { ...target, mirror: long } };
    expect(decide(caseOf({ state: 'held' }, marked, early))).toEqual(held);
  });

  test('for what was marked as not selected and cannot be read is nothing: only its fields tell', () => {
    const marked = settled({ state: 'unselected', by: 'list' }, live);
    expect(decide(caseOf(unread(start), marked, { now: start + 60 * minute }))).toEqual({ do: 'keep', why: 'Unseen' });
  });
});
