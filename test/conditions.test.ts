import { describe, expect, test } from 'vitest';
import { heldFor, judged, judgement, timestamp } from '../lib/conditions.ts';
import type { Condition } from '../lib/object.ts';

const then = '2026-05-04T11:00:00Z';
const now = Date.parse('2026-05-04T12:00:00.789Z');
const condition = (type: string, status: Condition['status'], reason: string): Condition => ({
  type,
  status,
  reason,
  message: '',
  lastTransitionTime: then,
});

test('a timestamp has seconds and no more, as the API server writes it', () => {
  expect(timestamp(now)).toBe('2026-05-04T12:00:00Z');
});

test('a condition has been held since its transition', () => {
  expect(heldFor(condition('Ready', 'True', 'Available'), Date.parse(then) + 1500)).toBe(1500);
});

describe('a message', () => {
  const messageOf = (text: string) => judgement('False', 'Invalid', text).message;

  test('of 1024 characters stays as it is', () => {
    expect(messageOf('x'.repeat(1024))).toBe('x'.repeat(1024));
  });

  test('that is longer is cut and says so', () => {
    expect(messageOf('x'.repeat(1025))).toBe(`${'x'.repeat(1023)}…`);
  });

  test('has no lone surrogate: the server would replace it, and each pass would write it again', () => {
    expect(messageOf('a\ud800b')).toBe('a\ufffdb');
  });

  test('that is cut in the middle of a character has no lone surrogate either', () => {
    const cut = messageOf(`${'x'.repeat(1022)}${'🦉'.repeat(4)}`);
    expect(cut.isWellFormed()).toBe(true);
    expect(cut.length).toBeLessThanOrEqual(1024);
  });

  test('is empty where nothing is said', () => {
    expect(judgement('True', 'Found')).toEqual({ status: 'True', reason: 'Found', message: '' });
  });
});

describe('conditions that are judged', () => {
  test('keep their transition time while the status is the same', () => {
    const [one] = judged([condition('Ready', 'False', 'Stopped')], { Ready: judgement('False', 'Failed') }, now);
    expect(one).toMatchObject({ reason: 'Failed', lastTransitionTime: then });
  });

  test('get a new transition time with a new status', () => {
    const [one] = judged([condition('Ready', 'False', 'Stopped')], { Ready: judgement('Unknown', 'NotSynced') }, now);
    expect(one).toMatchObject({ status: 'Unknown', lastTransitionTime: timestamp(now) });
  });

  test('get a new transition time with NotSelected, from which the grace counts', () => {
    const invalid = [condition('Synced', 'False', 'Invalid')];
    const [one] = judged(invalid, { Synced: judgement('False', 'NotSelected') }, now);
    expect(one?.lastTransitionTime).toBe(timestamp(now));
    const [same] = judged(
      [condition('Synced', 'False', 'NotSelected')],
      { Synced: judgement('False', 'Invalid') },
      now,
    );
    expect(same?.lastTransitionTime).toBe(then);
  });

  test('of other owners keep their place and their fields', () => {
    const foreign = { ...condition('Audited', 'True', 'Yes'), observedGeneration: 7 };
    const current = [condition('Exists', 'True', 'Found'), foreign, condition('Ready', 'True', 'Available')];
    const next = judged(current, { Ready: judgement('False', 'Stopped'), Exists: judgement('True', 'Found') }, now);
    expect(next.map(({ type }) => type)).toEqual(['Exists', 'Audited', 'Ready']);
    expect(next[1]).toEqual(foreign);
  });

  test('that are new come last', () => {
    const next = judged([condition('Audited', 'True', 'Yes')], { Exists: judgement('True', 'Found') }, now);
    expect(next.map(({ type }) => type)).toEqual(['Audited', 'Exists']);
  });

  test('twice in the same way give an equal list', () => {
    const judgements = { Ready: judgement('True', 'Available'), Exists: judgement('True', 'Found') };
    const once = judged([condition('Ready', 'False', 'Stopped')], judgements, now);
    expect(judged(once, judgements, now + 60_000)).toEqual(once);
  });

  test('are a new list: the one read stays as it was', () => {
    const current = [condition('Ready', 'False', 'Stopped')];
    const before = structuredClone(current);
    judged(current, { Ready: judgement('True', 'Available') }, now);
    expect(current).toEqual(before);
  });
});
