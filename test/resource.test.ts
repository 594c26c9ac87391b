import { describe, expect, test } from 'vitest';
import { judgement } from '../lib/conditions.ts';
import type { JsonObject } from '../lib/json.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { isLabelName, isLabelValue } from '../lib/names.ts';
import type { KubernetesObject } from '../lib/object.ts';
import {
  baseLabels,
  carryUnknown,
  desiredResource,
  difference,
  nameOf,
  ownership,
  tagLabels,
} from '../lib/resource.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';

const id = 'arn:aws:rds:eu-west-1:111122223333:db:orders';
const identity = rdsInstance.identify(id) ?? {};
const mirror = mirrorOf({ name: 'production', namespace: 'external', tagLabels: ['team', 'env'] });
const target = { mirror, source: rdsInstance, scope: { account: '111122223333', region: 'eu-west-1' } };
const name = nameOf(rdsInstance, id, identity);
const now = Date.parse('2026-05-04T12:00:00Z');
const judgements = { Exists: judgement('True', 'Found') };
const fields: JsonObject = { engine: 'postgres', state: 'available', tags: { team: 'payments' } };

const desire = (current?: KubernetesObject, observed: JsonObject | undefined = fields) =>
  desiredResource(
    { target, name, identity, judgements, now, ...(observed === undefined ? {} : { fields: observed }) },
    current,
  );
const keep = (current: KubernetesObject) => desiredResource({ target, name, identity, judgements, now }, current);
const live = desire();
const managedBy = (manager: string, subresource?: string) => [{ manager, ...(subresource ? { subresource } : {}) }];
const withMetadata = (metadata: object): KubernetesObject => ({ ...live, metadata: { ...live.metadata, ...metadata } });

test('an object is named after what people call the resource', () => {
  expect(name).toMatch(/^orders-[0-9a-z]{13}$/);
});

describe('an object', () => {
  test.each([
    ['is ours with our field manager and the same identity', { managedFields: managedBy('skymirror') }, 'ours'],
    ['is ours without labels', { managedFields: managedBy('skymirror'), labels: undefined }, 'ours'],
    ['is ours where only our status is left', { managedFields: managedBy('skymirror', 'status') }, 'ours'],
    ['is ours among other managers', { managedFields: [...managedBy('kubectl'), ...managedBy('skymirror')] }, 'ours'],
    ['is foreign with another manager, whatever its labels', { managedFields: managedBy('kubectl') }, 'foreign'],
    [
      'of another mirror is neither ours nor foreign',
      { managedFields: managedBy('skymirror'), labels: { 'skymirror.dev/mirror': 'staging' } },
      'other mirror',
    ],
    [
      'is foreign with the label of another mirror and another manager',
      { managedFields: managedBy('kubectl'), labels: { 'skymirror.dev/mirror': 'staging' } },
      'foreign',
    ],
    ['is foreign without managers', {}, 'foreign'],
    ['is foreign where the manager only begins like ours', { managedFields: managedBy('skymirror2') }, 'foreign'],
  ])('%s', (_, metadata, owner) => {
    expect(ownership(withMetadata(metadata), identity, mirror)).toBe(owner);
  });

  test.each(Object.keys(identity))('with another %s is a collision, whoever manages it', (key) => {
    const ours = withMetadata({ managedFields: managedBy('skymirror') });
    expect(ownership({ ...ours, spec: { ...identity, [key]: 'other' } }, identity, mirror)).toBe('collision');
    const { [key]: _, ...rest } = identity;
    expect(ownership({ ...ours, spec: rest }, identity, mirror)).toBe('collision');
  });

  test('without a spec is a collision', () => {
    const { spec, ...bare } = live;
    expect(ownership(bare, identity, mirror)).toBe('collision');
  });

  test('with fields in spec that we do not know is ours all the same', () => {
    const ours = withMetadata({ managedFields: managedBy('skymirror') });
    expect(ownership({ ...ours, spec: { ...identity, partition: 'aws' } }, identity, mirror)).toBe('ours');
  });
});

describe('tags as labels', () => {
  test.each([
    ['chosen ones are shown under our prefix', { team: 'payments' }, { 'tags.skymirror.dev/team': 'payments' }, 0],
    ['others are not', { cost: '1' }, {}, 0],
    ['an empty value is legal', { team: '' }, { 'tags.skymirror.dev/team': '' }, 0],
    ['an illegal value is left out and counted', { team: 'a b' }, {}, 1],
    [
      'a long value is left out and counted',
      { team: 'x'.repeat(64), env: 'dev' },
      { 'tags.skymirror.dev/env': 'dev' },
      1,
    ],
    ['each one that is left out counts', { team: 'ü', env: '-' }, {}, 2],
  ])('%s', (_, tags, labels, leftOut) => {
    expect(tagLabels({ tags }, ['team', 'env'])).toEqual({ labels, leftOut });
  });

  test.each([
    ['no tags at all', {}],
    ['a list', { tags: ['team'] }],
    ['a text', { tags: 'team' }],
  ])('%s give none', (_, observed) => {
    expect(tagLabels(observed, ['team', '0'])).toEqual({ labels: {}, leftOut: 0 });
  });

  test('that are no text are left out and counted', () => {
    expect(tagLabels({ tags: { team: { a: 'b' } } }, ['team'])).toEqual({ labels: {}, leftOut: 1 });
  });

  test.each(['owner email', 'aws:cloudformation:stack-name', 'a/b', 'x'.repeat(64)])(
    'a key such as %j is counted',
    (key) => {
      expect(tagLabels({ tags: { [key]: 'x' } }, [key])).toEqual({ labels: {}, leftOut: 1 });
    },
  );

  test.each(['constructor', 'toString', '__proto__'])('%s is a key like others', (key) => {
    expect(tagLabels({ tags: { a: 'b' } }, [key])).toEqual({ labels: {}, leftOut: 0 });
  });

  test('of outsiders cannot forge other labels', () => {
    const forged = { 'app.kubernetes.io/managed-by': 'helm', 'skymirror.dev/mirror': 'mine', team: 'payments' };
    const chosen = { ...target, mirror: { ...mirror, tagLabels: Object.keys(forged) } };
    const wish = { target: chosen, name, identity, judgements, now, fields: { ...fields, tags: forged } };
    expect(desiredResource(wish, undefined).metadata.labels).toEqual({
      ...baseLabels(target),
      'tags.skymirror.dev/team': 'payments',
    });
  });
});

describe('labels that every object carries', () => {
  test('name the mirror, the scope and its parts', () => {
    expect(baseLabels(target)).toEqual({
      'app.kubernetes.io/managed-by': 'skymirror',
      'skymirror.dev/mirror': 'production',
      'skymirror.dev/scope': 't77pksdq6qqec',
      'aws.skymirror.dev/account': '111122223333',
      'aws.skymirror.dev/region': 'eu-west-1',
    });
  });

  test('leave out a part of the scope that is no legal label', () => {
    const labels = baseLabels({ ...target, scope: { account: 'host:9092', region: 'eu-west-1' } });
    expect(Object.keys(labels)).not.toContain('aws.skymirror.dev/account');
    expect(Object.values(labels).every(isLabelValue)).toBe(true);
    expect(Object.keys(labels).every((key) => isLabelName(key.split('/')[1] ?? ''))).toBe(true);
  });
});

describe('the desired object', () => {
  const users = withMetadata({
    resourceVersion: '7',
    labels: { ...live.metadata.labels, 'example.com/mine': 'yes' },
    annotations: { note: 'keep' },
    finalizers: ['example.com/hold'],
  });

  test('keeps labels, annotations and everything else that users put there', () => {
    const next = desire(users);
    expect(next.metadata).toEqual(users.metadata);
    expect(difference(users, next)).toEqual({ main: false, status: false });
  });

  test('has its own labels again where somebody changed them', () => {
    const changed = withMetadata({ labels: { 'skymirror.dev/mirror': 'other', mine: 'yes' } });
    expect(desire(changed).metadata.labels).toEqual({ ...live.metadata.labels, mine: 'yes' });
    expect(difference(changed, desire(changed))).toEqual({ main: true, status: false });
  });

  test('loses the label of a tag that is gone, and of one that somebody made up', () => {
    const forged = withMetadata({ labels: { ...live.metadata.labels, 'tags.skymirror.dev/vip': 'yes' } });
    const labels = desire(forged, { engine: 'postgres', state: 'available' }).metadata.labels;
    expect(labels).toEqual(baseLabels(target));
  });

  test('keeps the last fields and tag labels where nothing was observed', () => {
    const next = keep(live);
    expect(next.status?.observed).toEqual(fields);
    expect(next.metadata.labels).toEqual(live.metadata.labels);
  });

  test('keeps fields of spec that others or newer releases added', () => {
    const newer = { ...live, spec: { ...identity, partition: 'aws' } };
    expect(desire(newer).spec).toEqual(newer.spec);
    expect(difference(newer, desire(newer)).main).toBe(false);
  });

  test('gains fields of spec that older releases did not write', () => {
    const { region, ...older } = identity;
    expect(desire({ ...live, spec: older }).spec).toEqual(identity);
  });

  test('keeps conditions and status fields of other owners', () => {
    const audited = { type: 'Audited', status: 'True', reason: 'Yes', message: '', lastTransitionTime: 'x' } as const;
    const current = { ...live, status: { ...live.status, conditions: [audited], other: 1 } };
    const next = desire(current);
    expect(next.status).toMatchObject({ other: 1 });
    expect(next.status?.conditions?.[0]).toEqual(audited);
  });

  test('differs from an object without labels, spec and status in both parts', () => {
    const bare: KubernetesObject = { apiVersion: live.apiVersion, kind: live.kind, metadata: { name } };
    expect(difference(bare, live)).toEqual({ main: true, status: true });
  });
});

describe('fields that this release does not know', () => {
  const known = { engine: true, endpoint: { address: true, port: true }, tags: true } as const;

  test.each([
    ['are kept at the root', { engine: 'a', future: 1 }, { engine: 'b' }, { engine: 'b', future: 1 }],
    [
      'are kept below',
      { endpoint: { port: 1, ipv6: 'x' } },
      { endpoint: { port: 2 } },
      { endpoint: { port: 2, ipv6: 'x' } },
    ],
    ['are kept where the known part went', { endpoint: { port: 1, ipv6: 'x' } }, {}, { endpoint: { ipv6: 'x' } }],
    ['are not made of known ones that went', { engine: 'a', endpoint: { port: 1 } }, {}, {}],
    ['are not looked for in free maps', { tags: { a: '1' } }, { tags: { b: '2' } }, { tags: { b: '2' } }],
    ['are not kept where they are null', { future: null }, {}, {}],
    ['do not hide a map behind a text', { endpoint: 'x' }, { endpoint: { port: 2 } }, { endpoint: { port: 2 } }],
    ['do not count inherited names as known', { constructor: 'x' }, {}, { constructor: 'x' }],
  ])('%s', (_, current, next, result) => {
    expect(carryUnknown(known, current, next)).toEqual(result);
  });
});
