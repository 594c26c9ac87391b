import { describe, expect, test } from 'vitest';
import { timestamp } from '../lib/conditions.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { conditionOf, type KubernetesObject } from '../lib/object.ts';
import { type PassResult, remember, scanAfter, withDeletes } from '../lib/scan.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { thing } from './laws/schedule.ts';
import { simulation } from './laws/simulation.ts';

const start = Date.parse('2026-05-04T12:00:00Z');
const minute = 60_000;
const mirror = mirrorOf({ name: 'production', namespace: 'external' });
const target = { mirror, source: rdsInstance, scope: { account: '111122223333', region: 'eu-west-1' } };
const denied = { reason: 'AccessDenied', message: 'AWS refused' } as const;
const passAt = (minutes: number, more: Partial<PassResult> = {}): PassResult => ({
  began: start + minutes * minute,
  counts: { seen: 7 },
  calls: 2,
  held: 7,
  listed: true,
  unbooked: 0,
  ...more,
});

function written(scan: KubernetesObject | undefined, pass: PassResult, now = pass.began): KubernetesObject {
  return scanAfter(target, scan, pass, now) ?? expect.fail('nothing was written');
}

const first = written(undefined, passAt(0));

describe('when the listing came to its end', () => {
  test('is kept apart from when the scope was seen in full', () => {
    const listed = written(first, passAt(1, { incomplete: denied }));
    expect(remember(listed)).toMatchObject({ completed: start, lastListed: start + minute });
    const unlisted = written(listed, passAt(20, { incomplete: denied, listed: false }));
    expect(remember(unlisted)).toMatchObject({ completed: start, lastListed: start + minute });
  });

  test('is not known where it never did', () => {
    const never = written(undefined, passAt(0, { incomplete: denied, listed: false }));
    expect(remember(never).lastListed).toBeUndefined();
  });

  test('alone is no reason to write', () => {
    const unlisted = written(first, passAt(1, { incomplete: denied, listed: false }));
    expect(scanAfter(target, unlisted, passAt(2, { incomplete: denied }), start + 2 * minute)).toBeUndefined();
  });
});

describe('a scan that began in the future', () => {
  const later = (seconds: number) => written(first, passAt(0, { began: start + minute + seconds * 1000 }), start);
  const next = passAt(1, { incomplete: denied });

  test('by more than a minute is a wrong clock, and is written over', () => {
    expect(later(300).status?.lastStarted).toBe('2026-05-04T12:06:00Z');
    const scan = written(later(300), next);
    expect(scan.status?.lastStarted).toBe('2026-05-04T12:01:00Z');
    expect(conditionOf(scan, 'Complete')?.status).toBe('False');
  });

  test('is written over also where nothing else changed', () => {
    expect(written(later(3 * 86_400), passAt(1)).status?.lastStarted).toBe('2026-05-04T12:01:00Z');
  });

  test.each([
    [60, false],
    [61, true],
  ])('by %d seconds: written over is %s', (seconds, overwritten) => {
    const scan = { ...first, status: { ...first.status, lastStarted: timestamp(next.began + seconds * 1000) } };
    expect(scanAfter(target, scan, next, next.began) !== undefined).toBe(overwritten);
  });

  test('does not keep the passes after it from reporting', async () => {
    const sim = simulation();
    sim.set(thing('a', 0));
    sim.wait(3 * 86_400);
    await sim.pass();
    sim.wait(-3 * 86_400);
    await sim.pass({ source: { before: () => Promise.reject(new Error('denied')) } });
    expect(conditionOf(sim.scan() ?? expect.fail(), 'Complete')).toMatchObject({ status: 'False', message: 'denied' });
    expect(sim.scan()?.status?.lastStarted).toBe(timestamp(sim.time.now));
  });
});

describe('passes within one second', () => {
  test('are equally late: the one that began earlier may report after the other', () => {
    const later = written(undefined, passAt(0, { began: start + 900 }));
    const earlier = passAt(0, { began: start + 100, counts: { seen: 1 } });
    expect(written(later, earlier, start + 990).status).toMatchObject({ seen: 1 });
  });

  test('never report over one of a later second', () => {
    const later = written(undefined, passAt(0, { began: start + 1000 }));
    const earlier = passAt(0, { began: start + 999, counts: { seen: 1 } });
    expect(scanAfter(target, later, earlier, start + 1990)).toBeUndefined();
  });
});

describe('deletes that were entered and then refused', () => {
  const entered = withDeletes(target, first, 7, 3, start + minute);
  const total = (scan: KubernetesObject) => remember(scan).history.reduce((sum, { deleted }) => sum + deleted, 0);

  test('are taken back by the report of their pass, at once', () => {
    expect(total(entered)).toBe(3);
    expect(total(written(entered, passAt(1, { unbooked: 2 })))).toBe(1);
    expect(total(written(entered, passAt(1, { unbooked: 3 })))).toBe(0);
  });

  test('are not taken back from another hour, where they were not entered', () => {
    const later = withDeletes(target, first, 7, 2, start + 60 * minute);
    expect(total(written(later, passAt(59, { unbooked: 2 }), start + 60 * minute))).toBe(2);
  });
});
