import { describe, expect, test } from 'vitest';
import { type Judging, type Look, leftBehind, renaming } from '../../cli/left-behind.ts';
import { type Item, itemOf, scanItemOf } from '../../cli/left-behind-item.ts';
import { mirrorOf } from '../../lib/mirror.ts';
import type { KubernetesObject } from '../../lib/object.ts';
import { desiredResource, nameOf } from '../../lib/resource.ts';
import { withDeletes } from '../../lib/scan.ts';
import type { Scope } from '../../lib/source.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { sources } from '../../lib/sources.ts';
import type { ConfiguredTask } from '../../lib/targets.ts';

const now = Date.parse('2026-03-01T12:00:00Z');
const here = { account: '111122223333', region: 'us-east-1' };

interface Where {
  readonly mirror?: string;
  readonly namespace?: string;
  readonly scope?: Scope;
  readonly cluster?: string;
}

function targetOf({ mirror = 'production', namespace = 'external', scope = here }: Where) {
  return { mirror: mirrorOf({ name: mirror, namespace }), source: rdsInstance, scope };
}

function taskOf(where: Where & Omit<Partial<ConfiguredTask>, 'mirror'> = {}): ConfiguredTask {
  const { cluster = 'main', mirror: _, scope: __, ...more } = where;
  const shared = { access: {}, clusters: [cluster], accountName: 'home', every: 60, paused: false };
  return { ...targetOf(where), ...shared, ...more };
}

/** As it comes from the API server. */
function objectOf(identifier: string, where: Where = {}): KubernetesObject {
  const target = targetOf(where);
  const arn = `arn:aws:rds:${target.scope.region}:${target.scope.account}:db:${identifier}`;
  const identity = { arn, ...target.scope, identifier };
  const name = nameOf(rdsInstance, arn, identity);
  const object = desiredResource({ target, name, identity, judgements: {}, now }, undefined);
  const own = { uid: `${identifier} ${where.namespace}`, managedFields: [{ manager: 'skymirror' }] };
  return { ...object, metadata: { ...object.metadata, ...own } };
}

function scanOf(where: Where = {}, lastStarted = '2026-03-01T11:59:00Z'): KubernetesObject {
  const scan = withDeletes(targetOf(where), undefined, 0, 0, now);
  const own = { uid: `scan ${JSON.stringify(where)}`, managedFields: [{ manager: 'skymirror' }] };
  return { ...scan, metadata: { ...scan.metadata, ...own }, status: { ...scan.status, lastStarted } };
}

function lookOf(objects: readonly KubernetesObject[], change: Partial<Look> = {}): Look {
  const cluster = change.cluster ?? 'main';
  const items = objects.flatMap((object): Item[] => {
    const isScan = object.kind === 'MirrorScan';
    const item = isScan ? scanItemOf(cluster, sources, object) : itemOf(cluster, rdsInstance, object);
    return item === undefined ? [] : [item];
  });
  const others = objects.length - items.length;
  return { cluster, now, items, others, scansKnown: true, terminating: [], ...change };
}

const judging = (tasks: readonly ConfiguredTask[], change: Partial<Judging> = {}): Judging => ({
  tasks,
  unseen: [],
  silence: 900,
  ...change,
});

const found = (...given: Parameters<typeof leftBehind>) => leftBehind(...given).groups.map(({ shown }) => shown);

describe('what counts as ours', () => {
  test('needs a spec that fits the name, and our field manager', () => {
    const object = objectOf('orders');
    const { managedFields, ...metadata } = object.metadata;
    expect(lookOf([object, scanOf()])).toMatchObject({ items: { length: 2 }, others: 0 });
    const edited = { ...object, spec: { ...object.spec, arn: 'arn:aws:rds:us-east-1:111122223333:db:other' } };
    expect(lookOf([{ ...object, metadata }, edited, { ...object, spec: {} }])).toMatchObject({ items: [], others: 3 });
    const { metadata: own, ...scan } = scanOf();
    const unknown = { ...scanOf(), spec: { mirror: 'production', source: 'Toaster', scope: here } };
    const renamed = { ...scan, metadata: { ...own, name: 'mine' } };
    const byHand = { ...scan, metadata: { ...own, managedFields: [{ manager: 'kubectl' }] } };
    expect(lookOf([unknown, renamed, byHand, { ...scan, metadata: own, spec: {} }])).toMatchObject({ others: 4 });
  });
});

describe('leftBehind', () => {
  const objects = [objectOf('orders'), objectOf('ledger'), scanOf()];

  test('is nothing that a task covers, paused or not, in the mirror or in one of its parts', () => {
    expect(found([lookOf(objects)], judging([taskOf()]))).toEqual([]);
    expect(found([lookOf(objects)], judging([taskOf({ paused: true })]))).toEqual([]);
    const parts = ['one', 'external'].map((namespace) => mirrorOf({ name: 'production', namespace }));
    expect(found([lookOf(objects)], judging([taskOf({ namespace: 'one', parts })]))).toEqual([]);
  });

  test('is one group for each place, with the first thing that the configuration lacks', () => {
    const missing = (...tasks: ConfiguredTask[]) => found([lookOf(objects)], judging(tasks)).map((one) => one.missing);
    expect(missing(taskOf({ mirror: 'other' }))).toEqual(['mirror']);
    expect(missing(taskOf({ cluster: 'other' }))).toEqual(['cluster']);
    expect(missing(taskOf({ scope: { ...here, account: '444455556666' } }))).toEqual(['account']);
    expect(missing(taskOf({ scope: { ...here, region: 'eu-west-1' } }))).toEqual(['region']);
    expect(missing(taskOf({ namespace: 'other' }))).toEqual(['namespace']);
    expect(missing(taskOf({ source: sources[1] ?? rdsInstance }))).toEqual(['source']);
    // Each on its own is configured, but not both together.
    const one = taskOf({ namespace: 'other' });
    expect(missing(one, taskOf({ scope: { ...here, region: 'eu-west-1' } }))).toEqual(['namespace']);
    expect(found([lookOf(objects)], judging([]))).toMatchObject([{ objects: 2, scan: expect.any(String) }]);
  });

  test('an object without labels is covered by any mirror there, else a group of its own', () => {
    const { labels, ...metadata } = objectOf('orders').metadata;
    const bare = [{ ...objectOf('orders'), metadata }, scanOf()];
    expect(found([lookOf(bare)], judging([taskOf()]))).toEqual([]);
    const [lost, scan] = found([lookOf(bare)], judging([taskOf({ namespace: 'other' })]));
    expect(lost).toMatchObject({ objects: 1, missing: 'mirror', stays: { why: 'alive' } });
    expect(lost).not.toHaveProperty('mirror');
    expect(scan).toMatchObject({ objects: 0, mirror: 'production' });
  });

  test('stays while its mirror reports, to the second, unless a person claims it', () => {
    const why = (seconds: number, claimed?: string[]) => {
      const scan = scanOf({}, new Date(now - seconds * 1000).toISOString());
      const options = claimed === undefined ? {} : { claimed };
      return found([lookOf([objectOf('orders'), scan])], judging([], options))[0]?.stays?.why;
    };
    expect(why(900)).toBe('alive');
    expect(why(901)).toBe('unclaimed');
    expect(why(-3600)).toBe('alive');
    expect(why(0, ['production'])).toBeUndefined();
    expect(why(0, ['other'])).toBe('alive');
  });

  test('stays for as long as its own mirror may be silent, which its scan tells', () => {
    const scan = scanOf({}, new Date(now - 7_000 * 1000).toISOString());
    const patient = { ...scan, status: { ...scan.status, staleAfterSeconds: 7_200 } };
    const elsewhere = judging([taskOf({ namespace: 'other' })]);
    const why = (one: typeof scan) => found([lookOf([objectOf('orders'), one])], elsewhere)[0]?.stays?.why;
    expect([why(scan), why(patient)]).toEqual([undefined, 'alive']);
  });

  test('stays where scans, or a cluster that may be the same, could not be looked at', () => {
    const orders = [objectOf('orders')];
    const why = (look: Look, judge: Judging) => found([look], judge)[0]?.stays?.why;
    expect(why(lookOf(orders), judging([taskOf({ cluster: 'b' })]))).toBeUndefined();
    expect(why(lookOf(orders, { scansKnown: false }), judging([]))).toBe('unknown');
    expect(why(lookOf(orders), judging([taskOf({ cluster: 'b' })], { unseen: ['b'] }))).toBe('unknown');
    const claim = { unseen: ['b'], claimed: ['production'] };
    expect(why(lookOf(orders), judging([taskOf({ cluster: 'b' })], claim))).toBe('unknown');
    expect(why(lookOf(orders, { terminating: ['external'] }), judging([]))).toBe('terminating');
  });

  test('stays where another mirror shows the same, for that is what renaming looks like', () => {
    const orders = [objectOf('orders')];
    expect(found([lookOf(orders)], judging([taskOf({ mirror: 'new' })]))).toMatchObject([
      { successor: 'new', stays: { why: 'renamed' } },
    ]);
    const claim = { claimed: ['production'] };
    expect(found([lookOf(orders)], judging([taskOf({ mirror: 'new' })], claim))[0]?.stays).toBeUndefined();
    // A mirror that is configured elsewhere was not renamed.
    const moved = [taskOf({ mirror: 'new' }), taskOf({ namespace: 'other' })];
    expect(found([lookOf(orders)], judging(moved))[0]?.stays).toBeUndefined();
  });

  test('stays where the configuration has no such mirror, unless a person claims it', () => {
    const orders = [objectOf('orders')];
    const none = judging([taskOf({ mirror: 'new', namespace: 'other' })]);
    expect(found([lookOf(orders)], none)[0]?.stays).toEqual({
      why: 'unclaimed',
      message:
        "the configuration has no mirror production: it may be another configuration's; to remove them: --mirror production",
    });
    expect(found([lookOf(orders)], { ...none, claimed: ['production'] })[0]).not.toHaveProperty('stays');
    const named = judging([taskOf({ namespace: 'other' })]);
    expect(found([lookOf(orders)], named)[0]).not.toHaveProperty('stays');
  });

  test('two names of one API server are one cluster, by its address or by what is seen under both', () => {
    const looks = (change: Partial<Look>) => ['a', 'b'].map((cluster) => lookOf(objects, { ...change, cluster }));
    const only = judging([taskOf({ cluster: 'b' })]);
    expect(found(looks({ server: 'https://one/' }), only)).toEqual([]);
    expect(found(looks({}), only)).toEqual([]);
    const twins = [lookOf(objects, { cluster: 'a' }), lookOf([], { cluster: 'b' })];
    expect(found(twins, only)).toMatchObject([{ cluster: 'a', missing: 'cluster' }]);
    expect(found(looks({}), judging([]))).toMatchObject([{ cluster: 'a', objects: 2 }]);
    const [known, unknown] = looks({});
    const mixed = [known, { ...unknown, scansKnown: false }].filter((look) => look !== undefined) as Look[];
    expect(found(mixed, judging([]))).toMatchObject([{ stays: { why: 'unknown' } }]);
  });
});

test('renaming takes what the new mirror accounts for, and leaves the rest', () => {
  const west = { ...here, region: 'us-west-2' };
  const all = [objectOf('orders'), scanOf(), objectOf('ledger', { scope: west }), objectOf('x', { mirror: 'third' })];
  const { groups, places } = leftBehind([lookOf(all)], judging([taskOf({ mirror: 'new' })]));
  const { relabel, scans, stays } = renaming(groups, { from: 'production', to: 'new' }, places);
  expect(relabel.map(({ object }) => object.metadata.name)).toEqual([expect.stringMatching(/^orders-/)]);
  expect(scans).toHaveLength(1);
  expect(stays.map(({ object }) => object.metadata.name)).toEqual([expect.stringMatching(/^ledger-/)]);
});
