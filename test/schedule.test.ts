import { expect, test } from 'vitest';
import { deduplicationOf, groupOf, parseMessage } from '../lib/messages.ts';
import { messagesDue } from '../lib/schedule.ts';
import type { ConfiguredTarget } from '../lib/targets.ts';

const target = (mirror: string, change: Partial<ConfiguredTarget> = {}): ConfiguredTarget => ({
  mirror,
  source: 'RDSInstance',
  scope: { account: '111122223333', region: 'us-east-1' },
  every: 60,
  paused: false,
  ...change,
});

const slot = { every: 60, scheduledAt: '2026-11-22T21:39:00Z' };
const later = { every: 60, scheduledAt: '2026-11-22T21:40:00Z' };

test('a target that is due gets a message that the worker can read, and the run says which slot it is', () => {
  const [message] = messagesDue([target('one')], slot);
  expect(parseMessage(JSON.stringify(message))).toEqual({ message });
  expect(message).toMatchObject({ run: 'schedule-60-2026-11-22T21:39:00Z', mirror: 'one', hop: 0 });
});

test('targets of another distance, and those that are paused, are not due', () => {
  const targets = [target('one'), target('hourly', { every: 3600 }), target('paused', { paused: true })];
  expect(messagesDue(targets, slot).map(({ mirror }) => mirror)).toEqual(['one']);
  expect(messagesDue(targets, { ...slot, every: 61 })).toEqual([]);
});

test('of 10,000 targets each gets a message of its own, and no slot has the order of the one before', () => {
  const targets = Array.from({ length: 10_000 }, (_, index) => target(`mirror-${index}`));
  const [one, other] = [messagesDue(targets, slot), messagesDue(targets, later)];
  expect(new Set(one.map(groupOf)).size).toBe(10_000);
  expect(new Set([...one, ...other].map(deduplicationOf)).size).toBe(20_000);
  const last = new Set(one.slice(-1_000).map(({ mirror }) => mirror));
  const lastAgain = other.slice(-1_000).filter(({ mirror }) => last.has(mirror));
  expect(lastAgain.length).toBeLessThan(200);
});

test('a slot that fires twice sends the same, in the same order', () => {
  const targets = [target('a'), target('b'), target('c')];
  expect(messagesDue(targets.toReversed(), slot)).toEqual(messagesDue(targets, slot));
});
