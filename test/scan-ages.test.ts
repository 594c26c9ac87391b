import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '../lib/object.ts';
import { scanName } from '../lib/scan.ts';
import { oldestScan, type ScanPlace, type ScanTarget } from '../lib/scan-ages.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';

const now = Date.UTC(2026, 10, 22, 12);
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

const target = (name: string, staleAfterSeconds = 900): ScanTarget => ({
  mirror: { name, staleAfterSeconds },
  source: rdsInstance,
  scope: { account: '111122223333', region: 'us-east-1' },
});

const scan = (
  of: ScanTarget,
  status: KubernetesObject['status'],
  creationTimestamp = ago(86_400),
): KubernetesObject => ({
  apiVersion: 'skymirror.dev/v1alpha1',
  kind: 'MirrorScan',
  metadata: { name: scanName(of), namespace: 'external', creationTimestamp },
  status,
});

const place = (change: Partial<ScanPlace>): ScanPlace => ({
  cluster: 'main',
  namespace: 'external',
  targets: [],
  scans: [],
  now,
  ...change,
});

test('the age of a scan is a percentage of what its own mirror takes for stale', () => {
  const one = target('one');
  const places = [place({ targets: [one], scans: [scan(one, { lastCompleted: ago(450) })] })];
  expect(oldestScan(places)).toMatchObject({ percent: 50, why: 'Seen', target: one });
});

test('of all clusters and mirrors the worst counts, not the oldest', () => {
  const [quick, slow] = [target('quick', 60), target('slow', 86_400)];
  const scans = [scan(slow, { lastCompleted: ago(43_200) }), scan(quick, { lastCompleted: ago(90) })];
  const better = place({ cluster: 'other', targets: [quick], scans: [scan(quick, { lastCompleted: ago(30) })] });
  expect(oldestScan([place({ targets: [slow, quick], scans }), better])).toMatchObject({
    percent: 150,
    target: quick,
    cluster: 'main',
  });
});

test('a target that was never seen in full is as old as its scan', () => {
  const one = target('one');
  const scans = [scan(one, { lastStarted: ago(1), error: 'AccessDenied' }, ago(1_800))];
  expect(oldestScan([place({ targets: [one], scans })])).toMatchObject({ percent: 200, why: 'Seen' });
});

describe('a target counts as overdue', () => {
  const one = target('one', 86_400);
  test.each([
    ['that no scan tells of', [], 'NoScan'],
    ['that only the scan of another tells of', [scan(target('other'), { lastCompleted: ago(1) })], 'NoScan'],
    ['whose cluster cannot be read', undefined, 'ClusterUnreadable'],
    ['whose scan is of a time to come', [scan(one, { lastCompleted: ago(-600) })], 'TimeToCome'],
    ['whose scan says no time', [scan(one, { lastCompleted: 'soon' }, 'never')], 'NoScan'],
  ])('%s', (_, scans, why) => {
    expect(oldestScan([place({ targets: [one], scans })])).toMatchObject({ percent: 200, why });
  });
});

test('a scan that is some seconds ahead of the clock it is read by is of now', () => {
  const one = target('one');
  const places = [place({ targets: [one], scans: [scan(one, { lastCompleted: ago(-5) })] })];
  expect(oldestScan(places)).toMatchObject({ percent: 0, why: 'Seen' });
});

test('without any target there is no oldest', () => {
  expect(oldestScan([place({ scans: [scan(target('left over'), { lastCompleted: ago(9_999) })] })])).toBeUndefined();
});
