import { describe, expect, test } from 'vitest';
import { timestamp } from '../lib/conditions.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { conditionOf, type KubernetesObject } from '../lib/object.ts';
import { brake, named } from '../lib/removal.ts';
import { type PassResult, remember, scanAfter, scanName, withDeletes } from '../lib/scan.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';

const start = Date.parse('2026-05-04T12:00:00Z');
const minute = 60_000;
const mirror = mirrorOf({ name: 'production', namespace: 'external' });
const target = { mirror, source: rdsInstance, scope: { account: '111122223333', region: 'eu-west-1' } };
const quiet: PassResult = { began: start, counts: { seen: 7 }, calls: 2, held: 7, listed: true, unbooked: 0 };
const passAt = (minutes: number, more: Partial<PassResult> = {}) => ({
  ...quiet,
  began: start + minutes * minute,
  ...more,
});

function written(scan: KubernetesObject | undefined, pass: PassResult, now = pass.began): KubernetesObject {
  return scanAfter(target, scan, pass, now) ?? expect.fail('nothing was written');
}

const first = written(undefined, quiet);
const denied = { reason: 'AccessDenied', message: 'AWS refused' } as const;

describe('the name of a scan', () => {
  test('is readable and never changes', () => {
    expect(scanName(target)).toBe('production-rdsinstances-5d6sn19xtsmv0');
  });

  test('differs by mirror, source and scope, and fits a label', () => {
    const long = { ...target, mirror: mirrorOf({ name: 'a'.repeat(60), namespace: 'external' }) };
    const names = [
      scanName(target),
      scanName(long),
      scanName({ ...target, scope: { account: '111122223333', region: 'eu-west-2' } }),
      scanName({ ...target, source: { ...rdsInstance, kind: 'Other' } }),
      scanName({ ...target, mirror: mirrorOf({ name: 'production-2', namespace: 'external' }) }),
    ];
    expect(new Set(names).size).toBe(5);
    for (const name of names) expect(name).toMatch(/^[a-z0-9][-a-z0-9]{1,61}[a-z0-9]$/);
  });
});

describe('a first pass', () => {
  test('says what it stands for and what it came to', () => {
    expect(first).toMatchObject({
      apiVersion: 'skymirror.dev/v1alpha1',
      kind: 'MirrorScan',
      metadata: { name: scanName(target), namespace: 'external', labels: { 'skymirror.dev/mirror': 'production' } },
      spec: { mirror: 'production', source: 'RDSInstance', scope: target.scope },
      status: {
        scope: '111122223333/eu-west-1',
        seen: 7,
        held: 7,
        calls: 2,
        lastStarted: '2026-05-04T12:00:00Z',
        lastCompleted: '2026-05-04T12:00:00Z',
        attributesAsOf: '2026-05-04T12:00:00Z',
        history: [{ hour: '2026-05-04T12:00:00Z', held: 7, deleted: 0 }],
      },
    });
    const conditions = first.status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
    expect(conditions).toEqual(['Complete True Listed', 'Applied True Written', 'RemovalBlocked False NothingBlocked']);
  });

  test('that saw nothing says why, and that it never was complete', () => {
    const scan = written(undefined, { ...quiet, incomplete: denied });
    expect(conditionOf(scan, 'Complete')).toMatchObject({
      status: 'False',
      reason: 'AccessDenied',
      message: 'AWS refused',
    });
    expect(scan.status).toMatchObject({ error: 'AWS refused' });
    expect(scan.status).not.toHaveProperty('lastCompleted');
  });
});

describe('a later pass', () => {
  test('in which nothing changed writes nothing', () => {
    expect(scanAfter(target, first, passAt(4), start + 4 * minute)).toBeUndefined();
  });

  test('in which nothing changed is the heartbeat, each third of staleAfter', () => {
    expect(scanAfter(target, first, { ...quiet, began: start + 5 * minute - 1 }, start)).toBeUndefined();
    expect(written(first, passAt(5)).status).toMatchObject({ lastStarted: '2026-05-04T12:05:00Z' });
  });

  test.each<[string, Partial<PassResult>]>([
    ['a count', { counts: { seen: 8 } }],
    ['how much is held', { held: 8 }],
    ['completeness', { incomplete: denied }],
    ['what was not written', { unapplied: 'cluster a: full' }],
  ])('in which %s changed is written at once', (_, change) => {
    expect(scanAfter(target, first, passAt(1, change), start + minute)).toBeDefined();
  });

  test('that began before the one that reported is never written', () => {
    const late = written(first, passAt(10));
    expect(scanAfter(target, late, passAt(9, { counts: { seen: 1 } }), start + 20 * minute)).toBeUndefined();
  });

  test('that failed keeps when the outside was seen last, and drops the error once it is over', () => {
    const failed = written(first, passAt(1, { incomplete: denied }));
    expect(failed.status).toMatchObject({ lastCompleted: '2026-05-04T12:00:00Z', lastStarted: '2026-05-04T12:01:00Z' });
    expect(remember(failed).completed).toBe(start);
    const mended = written(failed, passAt(2));
    expect(mended.status).not.toHaveProperty('error');
    expect(conditionOf(mended, 'Complete')).toMatchObject({
      status: 'True',
      lastTransitionTime: timestamp(start + 2 * minute),
    });
  });

  test('that could not write all says so', () => {
    const scan = written(first, passAt(1, { unapplied: 'cluster a: full' }));
    expect(conditionOf(scan, 'Applied')).toMatchObject({
      status: 'False',
      reason: 'NotWritten',
      message: 'cluster a: full',
    });
    expect(scan.status).toMatchObject({ error: 'cluster a: full' });
  });

  test('cuts an error that is too long', () => {
    const { status } = written(first, passAt(1, { unapplied: `${'x'.repeat(1023)}🦉` }));
    expect(status?.error).toBe(`${'x'.repeat(1023)}\ufffd`);
  });

  test('keeps conditions, labels and annotations of others, and what a newer release wrote', () => {
    const audited = { type: 'Audited', status: 'True', reason: 'Yes', message: '', lastTransitionTime: 'x' } as const;
    const theirs: KubernetesObject = {
      ...first,
      metadata: { ...first.metadata, labels: { ...first.metadata.labels, mine: 'yes' }, annotations: { note: 'keep' } },
      status: { ...first.status, conditions: [audited, ...(first.status?.conditions ?? [])], throughput: { rows: 3 } },
    };
    const next = written(theirs, passAt(5));
    expect(next.metadata).toEqual(theirs.metadata);
    expect(next.status).toMatchObject({ throughput: { rows: 3 } });
    expect(conditionOf(next, 'Audited')).toEqual(audited);
    expect(scanAfter(target, theirs, passAt(1), start + minute)).toBeUndefined();
  });

  test('writes anew what cannot be read', () => {
    const garbled = { ...first, status: { ...first.status, lastStarted: 'yesterday', history: 'none' } };
    expect(remember(garbled)).toMatchObject({ history: [], blocked: undefined });
    const partly = { ...first, status: { ...first.status, lastStarted: 'yesterday' } };
    expect(remember(partly).history).toEqual(remember(first).history);
    expect(remember(first).history).not.toEqual([]);
    expect(written(garbled, passAt(1)).status).toMatchObject({ lastStarted: '2026-05-04T12:01:00Z' });
  });

  test('does not believe hours that would let the brake count backwards', () => {
    const hour = '2026-05-04T12:00:00Z';
    const history = [
      { hour, held: 60, deleted: -1000 },
      { hour, held: -1, deleted: 0 },
      { hour, held: 60, deleted: 1 },
    ];
    expect(remember({ ...first, status: { ...first.status, history } }).history).toEqual([
      { hour: Date.parse(hour), held: 60, deleted: 1 },
    ]);
  });
});

describe('when the scope was seen last', () => {
  test('is not known without a scan', () => {
    expect(remember(undefined).completed).toBeUndefined();
  });

  test('is at the earliest when the scan was made', () => {
    const failed = written(undefined, { ...quiet, incomplete: denied });
    const made = { ...failed, metadata: { ...failed.metadata, creationTimestamp: '2026-05-04T11:00:00Z' } };
    expect(remember(made).completed).toBe(Date.parse('2026-05-04T11:00:00Z'));
    const garbled = { ...failed, metadata: { ...failed.metadata, creationTimestamp: 'yesterday' } };
    expect(remember(garbled).completed).toBeUndefined();
  });
});

describe('removals that wait', () => {
  const due = Array.from({ length: 12 }, (_, index) => ({
    name: `db-${index}`,
    uid: `u${index}`,
    since: timestamp(start),
  }));
  const input = { due, history: [], maxPercent: 30, now: start, blocked: undefined, approval: undefined };
  const blocked = written(first, passAt(1, { brake: brake(input) }));

  test('say how many, why, and the command that lets them go', () => {
    const { approval } = named(due);
    expect(conditionOf(blocked, 'RemovalBlocked')).toMatchObject({
      status: 'True',
      reason: 'TooMany',
      message: `Due for removal: 12. Gone in the last 24 h: 0. Allowed without asking: 5. Named in status.blockedRemoval: 12. To let that set go: kubectl annotate mirrorscan -n external ${scanName(target)} --overwrite skymirror.dev/approve-removals=${approval}`,
    });
    expect(blocked.status).toMatchObject({ blockedRemoval: { approval, members: named(due).members } });
  });

  test('are remembered with what a person approved', () => {
    const approved = {
      ...blocked,
      metadata: { ...blocked.metadata, annotations: { 'skymirror.dev/approve-removals': 'x' } },
    };
    expect(remember(approved)).toMatchObject({ blocked: named(due), approval: 'x' });
  });

  test('stay while the outside cannot be seen', () => {
    const unseen = written(blocked, passAt(2, { incomplete: denied }));
    expect(conditionOf(unseen, 'RemovalBlocked')).toEqual(conditionOf(blocked, 'RemovalBlocked'));
    expect(remember(unseen).blocked).toEqual(named(due));
  });

  test('are over where nothing is due any more', () => {
    const over = written(blocked, passAt(2, { brake: brake({ ...input, due: [] }) }));
    expect(conditionOf(over, 'RemovalBlocked')).toMatchObject({ status: 'False', reason: 'NothingBlocked' });
    expect(over.status).not.toHaveProperty('blockedRemoval');
  });
});

describe('deletes', () => {
  test('are entered before they happen, into the hour, with nothing else changed', () => {
    const next = withDeletes(target, first, 7, 3, start + minute);
    const { history, ...rest } = next.status ?? {};
    const { history: before, ...restBefore } = first.status ?? {};
    expect(history).toEqual([{ hour: '2026-05-04T12:00:00Z', held: 7, deleted: 3 }]);
    expect(rest).toEqual(restBefore);
    expect(before).not.toEqual(history);
    expect(withDeletes(target, next, 4, 2, start + 2 * minute).status).toMatchObject({
      history: [{ held: 7, deleted: 5 }],
    });
  });

  test('survive the report of the pass that made them', () => {
    const entered = withDeletes(target, first, 7, 3, start + minute);
    expect(remember(written(entered, passAt(5, { held: 4 }))).history).toEqual([{ hour: start, held: 7, deleted: 3 }]);
  });

  test('may be entered where there is no scan yet', () => {
    expect(withDeletes(target, undefined, 7, 3, start)).toMatchObject({
      kind: 'MirrorScan',
      status: { history: [{ deleted: 3 }] },
    });
  });
});
