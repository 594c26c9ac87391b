import { expect, test } from 'vitest';
import { type Report, reportLine } from '../lib/report.ts';

const nothing = { created: 0, updated: 0, marked: 0, deleted: 0, unchanged: 0, kept: 0, refused: 0, failed: 0 };
const report: Report = {
  mirror: 'production',
  source: 'RDSInstance',
  scope: { account: '111122223333', region: 'eu-west-1' },
  ok: true,
  outside: { seen: 0, invalid: 0, unselected: 0, excluded: 0, labelsLeftOut: 0 },
  calls: 2,
  milliseconds: 1234,
  clusters: [{ cluster: 'one', namespace: 'external', counts: { ...nothing, unchanged: 7 }, failures: [], blocked: 0 }],
};

test('a quiet pass is a short line', () => {
  expect(reportLine(report)).toBe(
    'production RDSInstance 111122223333/eu-west-1: complete, nothing seen, 2 calls, 1.2 s; one: no change',
  );
});

test('a line has everything that is not zero', () => {
  const busy: Report = {
    ...report,
    outside: { seen: 12, invalid: 1, unselected: 2, excluded: 3, labelsLeftOut: 4 },
    clusters: [
      {
        cluster: 'one',
        namespace: 'external',
        counts: { ...nothing, created: 5, deleted: 1, failed: 2 },
        failures: [],
        blocked: 6,
      },
      { cluster: 'two', namespace: 'external', failures: [], blocked: 0, skipped: 'SchemaMissing' },
      { cluster: 'three', namespace: 'external', failures: [], blocked: 0 },
    ],
  };
  expect(reportLine(busy)).toBe(
    'production RDSInstance 111122223333/eu-west-1: complete, 12 seen, 1 invalid, 2 unselected, 3 excluded, 4 labelsLeftOut, 2 calls, 1.2 s; ' +
      'one: 5 created, 1 deleted, 2 failed, 6 blocked (see the MirrorScan); two skipped: SchemaMissing; three: no change',
  );
});

test('a line says why the outside was not seen', () => {
  const line = reportLine({ ...report, incomplete: { reason: 'Throttled', message: 'AWS throttles' } });
  expect(line).toContain(': incomplete (Throttled), nothing seen');
});

test('a line tells the parts of one cluster apart by their namespaces, and says where Events are missing', () => {
  const part = { cluster: 'one', failures: [], blocked: 0 };
  const line = reportLine({
    ...report,
    clusters: [
      { ...part, namespace: 'orders', counts: { ...nothing, created: 1 } },
      { ...part, namespace: 'payments', untold: 'forbidden' },
      { ...part, namespace: 'shop', skipped: 'NamespaceMissing' },
    ],
  });
  expect(line).toMatch(
    /1\.2 s; one\/orders: 1 created; one\/payments: no change, no Events \(forbidden\); one\/shop skipped: NamespaceMissing$/,
  );
});

test('a line of a pass that came to no cluster ends with its effort', () => {
  expect(reportLine({ ...report, clusters: [] })).toMatch(/nothing seen, 2 calls, 1\.2 s$/);
});
