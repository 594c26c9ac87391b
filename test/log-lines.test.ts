import { expect, test } from 'vitest';
import { objectsWritten, passLines } from '../lib/log-lines.ts';
import type { ClusterReport, Report } from '../lib/report.ts';

const none = { created: 0, updated: 0, marked: 0, deleted: 0, unchanged: 0, kept: 0, refused: 0, failed: 0 };

const cluster = (change: Partial<ClusterReport>): ClusterReport => ({
  cluster: 'main',
  namespace: 'external',
  counts: none,
  failures: [],
  blocked: 0,
  ...change,
});

const report = (change: Partial<Report> = {}): Report => ({
  mirror: 'one',
  source: 'RDSInstance',
  scope: { account: '111122223333', region: 'us-east-1' },
  ok: true,
  outside: { seen: 3, invalid: 0, unselected: 0, excluded: 0, labelsLeftOut: 0 },
  calls: 2,
  milliseconds: 1234.5,
  clusters: [cluster({ counts: { ...none, created: 2, unchanged: 1 } })],
  ...change,
});

test('a pass that went well is one line: a sentence, and numbers to search by', () => {
  expect(passLines(report())).toEqual([
    {
      level: 'info',
      message: 'one RDSInstance 111122223333/us-east-1: complete, 3 seen, 2 calls, 1.2 s; main: 2 created',
      fields: {
        mirror: 'one',
        source: 'RDSInstance',
        account: '111122223333',
        region: 'us-east-1',
        ok: true,
        calls: 2,
        seen: 3,
        milliseconds: 1235,
        created: 2,
        updated: 0,
        marked: 0,
        deleted: 0,
      },
    },
  ]);
});

test('each failure is a line of its own, with where it was', () => {
  const failures = [{ name: 'orders-1', message: 'quota exceeded' }];
  const incomplete = { reason: 'Throttled', message: 'AWS asks to wait' } as const;
  const lines = passLines(report({ ok: false, incomplete, clusters: [cluster({ failures })] }));
  expect(lines.map(({ level }) => level)).toEqual(['warn', 'warn', 'warn']);
  expect(lines.slice(1).map(({ message, fields }) => [message, fields.reason, fields.cluster, fields.name])).toEqual([
    ['AWS asks to wait', 'Throttled', undefined, undefined],
    ['quota exceeded', undefined, 'main', 'orders-1'],
  ]);
});

test('of many failures the first twenty are lines, and one says how many more there are', () => {
  const failures = Array.from({ length: 1_000 }, (_, index) => ({ name: `n-${index}`, message: 'no' }));
  const lines = passLines(
    report({ ok: false, clusters: [cluster({ failures }), cluster({ cluster: 'b', failures })] }),
  );
  expect(lines).toHaveLength(22);
  expect(lines.at(-1)?.message).toBe('and 1980 more failures');
});

test('what was written is counted over all clusters, and what was skipped is none', () => {
  const clusters = [
    cluster({ counts: { ...none, created: 1, updated: 2, unchanged: 9 } }),
    cluster({ counts: { ...none, marked: 3, deleted: 4, kept: 9 } }),
    { cluster: 'down', namespace: 'external', failures: [], blocked: 0, skipped: 'no answer' },
  ];
  expect(objectsWritten(report({ clusters }))).toBe(10);
});
