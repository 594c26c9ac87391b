import { describe, expect, test } from 'vitest';
import { blockedSet } from '../../cli/blocked-set.ts';
import { marked } from '../../cli/removals.ts';
import { judgement, timestamp } from '../../lib/conditions.ts';
import { type Mirror, mirrorOf } from '../../lib/mirror.ts';
import type { KubernetesObject } from '../../lib/object.ts';
import { approvalAnnotation, named } from '../../lib/removal.ts';
import { desiredResource, nameOf, type Target } from '../../lib/resource.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';

const scope = { account: '111122223333', region: 'us-east-1' };
const began = Date.parse('2026-03-01T12:00:00Z');

function targetOf(change: Partial<Mirror> = {}): Target {
  return { mirror: mirrorOf({ name: 'production', namespace: 'external', ...change }), source: rdsInstance, scope };
}

/** An object of ours that is marked at `began`, unless the judgement says otherwise. */
function objectOf(identifier: string, exists = judgement('False', 'NotFound', 'gone')): KubernetesObject {
  const arn = `arn:aws:rds:us-east-1:111122223333:db:${identifier}`;
  const identity = { arn, ...scope, identifier };
  const name = nameOf(rdsInstance, arn, identity);
  const wish = { target: targetOf(), name, identity, judgements: { Exists: exists }, now: began };
  const object = desiredResource(wish, undefined);
  return { ...object, metadata: { ...object.metadata, uid: identifier, managedFields: [{ manager: 'skymirror' }] } };
}

const many = (count: number) => Array.from({ length: count }, (_, index) => objectOf(`db-${index}`));
const states = (...[target, scan, objects, now]: Parameters<typeof marked>) =>
  marked(target, scan, objects, now).map(({ state }) => state);

function scanOf(objects: readonly KubernetesObject[], approved = false): KubernetesObject {
  const since = timestamp(began);
  const set = named(objects.map(({ metadata: { name, uid = '' } }) => ({ name, uid, since })));
  return {
    apiVersion: 'skymirror.dev/v1alpha1',
    kind: 'MirrorScan',
    metadata: { name: 'scan', ...(approved ? { annotations: { [approvalAnnotation]: set.approval } } : {}) },
    status: {
      blockedRemoval: set,
      conditions: [
        { type: 'RemovalBlocked', status: 'True', reason: 'TooMany', message: 'Due: 6.', lastTransitionTime: since },
      ],
    },
  };
}

describe('marked', () => {
  test('leaves out what carries no mark, what is not ours and what stands for something else', () => {
    const foreign = objectOf('foreign');
    const objects = [
      objectOf('here', judgement('True', 'Found', '')),
      { ...foreign, metadata: { ...foreign.metadata, managedFields: [] } },
      { ...objectOf('orders'), spec: objectOf('ledger').spec ?? {} },
    ];
    expect(marked(targetOf(), undefined, objects, began)).toEqual([]);
  });

  test('is in grace until the grace is over, to the second, then due', () => {
    expect(states(targetOf(), undefined, [objectOf('orders')], began + 599_000)).toEqual(['grace']);
    expect(states(targetOf(), undefined, [objectOf('orders')], began + 600_000)).toEqual(['due']);
    expect(marked(targetOf(), undefined, [objectOf('orders')], began + 60_000)).toMatchObject([
      { reason: 'NotFound', since: '2026-03-01T12:00:00Z', due: '2026-03-01T12:10:00Z', sinceMark: 60 },
    ]);
  });

  test('goes by the rule of the brake: five may go, six wait, until their set is approved', () => {
    const later = began + 700_000;
    expect(new Set(states(targetOf(), undefined, many(5), later))).toEqual(new Set(['due']));
    expect(new Set(states(targetOf(), undefined, many(6), later))).toEqual(new Set(['blocked']));
    expect(new Set(states(targetOf(), scanOf(many(6), true), many(6), later))).toEqual(new Set(['due']));
  });

  test('what became due beside an approved set still waits where there is no room for it', () => {
    const later = began + 700_000;
    const all = states(targetOf(), scanOf(many(6), true), many(8), later);
    expect(all).toEqual([...Array(6).fill('due'), 'blocked', 'blocked']);
  });

  test('Retain keeps what is marked, for good', () => {
    const [one] = marked(targetOf({ removal: 'Retain' }), undefined, [objectOf('orders')], began + 700_000);
    expect(one).toMatchObject({ state: 'retained' });
    expect(one).not.toHaveProperty('due');
  });
});

describe('blockedSet', () => {
  test('is there while the condition says so, and tells whether it is approved', () => {
    expect(blockedSet(undefined)).toBeUndefined();
    expect(blockedSet(scanOf(many(6)))).toMatchObject({ count: 6, approved: false, message: 'Due: 6.' });
    expect(blockedSet(scanOf(many(6), true))).toMatchObject({ approved: true });
    const scan = scanOf(many(6));
    expect(blockedSet({ ...scan, status: { ...scan.status, conditions: [] } })).toBeUndefined();
  });
});
