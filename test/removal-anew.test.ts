import { expect, test } from 'vitest';
import { mirrorOf } from '../lib/mirror.ts';
import { conditionOf } from '../lib/object.ts';
import { brake, type Due, named } from '../lib/removal.ts';
import { type PassResult, remember, scanAfter } from '../lib/scan.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';

const now = Date.parse('2026-05-04T12:00:00Z');
const since = '2026-05-04T11:00:00Z';
const dueOf = (many: number, prefix: string): Due[] =>
  Array.from({ length: many }, (_, index) => ({ name: `${prefix}-${index}`, uid: `${prefix}${index}`, since }));
const target = {
  source: rdsInstance,
  mirror: mirrorOf({ name: 'production', namespace: 'external' }),
  scope: { account: '111122223333', region: 'eu-west-1' },
};

test('an approved set of which nothing goes any more gives way to a name for all that is due', () => {
  const old = named(dueOf(20, 'old'));
  const due = [...dueOf(1, 'old'), ...dueOf(8, 'new')];
  const result = brake({ due, history: [], maxPercent: 30, now, blocked: old, approval: old.approval });
  const pass: PassResult = {
    began: now,
    counts: { deleted: 0 },
    calls: 1,
    held: 9,
    listed: true,
    unbooked: 0,
    brake: result,
  };
  const first = scanAfter(target, undefined, pass, now);
  const annotations = { 'skymirror.dev/approve-removals': old.approval };
  const scan = first && { ...first, metadata: { ...first.metadata, annotations } };
  const anew = scanAfter(target, scan, { ...pass, began: now + 60_000 }, now + 60_000);
  expect(remember(anew).blocked).toEqual(named(due));
  expect(conditionOf(anew ?? expect.fail(), 'RemovalBlocked')?.message).toContain(named(due).approval);
  const going = scanAfter(target, scan, { ...pass, began: now + 60_000, counts: { deleted: 1 } }, now + 60_000);
  expect(remember(going).blocked).toEqual(old);
});
