import * as rds from '@aws-sdk/client-rds';
import * as sqs from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import type { EventPattern } from '../lib/cloud-events.ts';
import { type CloudEvent, eventIn } from '../lib/cloud-events.ts';
import { fits, routerOf } from '../lib/route.ts';
import { rdsCluster } from '../lib/sources/aws/rds-cluster.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { sqsQueue } from '../lib/sources/aws/sqs-queue.ts';
import { sources } from '../lib/sources.ts';
import { sampleOf, samples, taskOf } from './event-samples.ts';
import { idOf as memoryIdOf, memorySource } from './memory/memory-source.ts';

const account = '123456789012';
const place = { account, region: 'us-east-1' };
const places = ['us-east-1', 'us-east-2', 'ap-southeast-2'].map((region) => ({ account, region }));
const everywhere = sources.flatMap((source) => places.map((scope) => taskOf(source, scope)));
const event = (name: string, change: Partial<CloudEvent> = {}): CloudEvent => {
  const found = eventIn(JSON.stringify(sampleOf(name).body)) ?? expect.fail(`no event: ${name}`);
  return { ...found, ...change };
};
const idsOf = (route: ReturnType<ReturnType<typeof routerOf>>) =>
  'ignored' in route ? route.ignored : route.targets.map(({ task, ids }) => [task.source.kind, ids]);

describe('the samples of AWS', () => {
  for (const { name, body, attributes, ids = {}, ignored } of samples) {
    test(`${name} leads ${ignored === undefined ? `to ${Object.keys(ids)}` : `nowhere: ${ignored}`}`, () => {
      const found = eventIn(JSON.stringify(body), attributes);
      const route = found === undefined ? 'NotAnEvent' : idsOf(routerOf(everywhere)(found));
      expect(route).toEqual(ignored ?? Object.entries(ids));
    });
  }
});

test('each event that is declared has a sample that fits it', () => {
  const events = samples.flatMap(({ body, attributes }) => eventIn(JSON.stringify(body), attributes) ?? []);
  for (const source of sources) {
    expect(new Set(source.events.map(({ name }) => name)).size).toBe(source.events.length);
    for (const { name, pattern, ids } of source.events) {
      const named = events.filter((one) => fits(pattern, one)).flatMap((one) => ids(one));
      expect(named, `${source.kind} ${name}`).not.toEqual([]);
    }
  }
});

test('each API call that is declared is one of the API', () => {
  const known = new Set([...Object.keys(rds), ...Object.keys(sqs)]);
  for (const { events } of sources) {
    const calls = events.flatMap(({ pattern }) => Object(pattern.detail).eventName ?? []);
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.filter((call: string) => !known.has(`${call}Command`))).toEqual([]);
    // EventBridge User Guide, "Amazon EventBridge quotas": 2,048 characters.
    for (const { pattern } of events) expect(JSON.stringify(pattern).length).toBeLessThan(2048);
  }
});

test('every mirror that looks at the place is told, and those that are paused are not', () => {
  const tasks = [
    taskOf(rdsInstance, place),
    taskOf(rdsInstance, place, { clusters: ['other'] }),
    taskOf(rdsInstance, place, { paused: true }),
    taskOf(rdsInstance, { ...place, region: 'eu-west-1' }),
    taskOf(sqsQueue, place),
  ];
  const ids = ['arn:aws:rds:us-east-1:123456789012:db:my-db-instance'];
  const expected = { targets: tasks.slice(0, 2).map((task) => ({ task, ids })) };
  expect(routerOf(tasks)(event('rds-instance-failover'))).toEqual(expected);
  expect(routerOf(tasks.slice(2))(event('rds-instance-failover'))).toEqual({ ignored: 'Paused' });
  expect(routerOf(tasks.slice(3))(event('rds-instance-failover'))).toEqual({ ignored: 'UnknownPlace' });
  expect(routerOf(tasks.slice(4))(event('rds-instance-failover'))).toEqual({ ignored: 'UnknownKind' });
});

test('the id decides where an event leads, not the account and region around it', () => {
  const route = routerOf([taskOf(rdsInstance, place)]);
  const forged = event('rds-instance-failover', { account: '999999999999', region: 'eu-west-1' });
  expect(idsOf(route(forged))).toEqual([['RDSInstance', ['arn:aws:rds:us-east-1:123456789012:db:my-db-instance']]]);
  const foreign = 'arn:aws:rds:us-east-1:999999999999:db:my-db-instance';
  expect(idsOf(route(event('rds-instance-failover', { resources: [foreign], detail: {} })))).toBe('UnknownPlace');
});

test.each([
  ['of another partition', 'arn:aws-cn:rds:us-east-1:123456789012:db:orders'],
  ['with a line break', 'arn:aws:rds:us-east-1:123456789012:db:orders\n'],
  ['with a line break before it', '\narn:aws:rds:us-east-1:123456789012:db:orders'],
  ['with a slash', 'arn:aws:rds:us-east-1:123456789012:db:../orders'],
  ['with a colon', 'arn:aws:rds:us-east-1:123456789012:db:a:b'],
  ['in capitals', 'arn:aws:rds:us-east-1:123456789012:db:ORDERS'],
  ['that is too long', `arn:aws:rds:us-east-1:123456789012:db:${'a'.repeat(64)}`],
  ['that is much too long', `arn:aws:rds:us-east-1:123456789012:db:${'a'.repeat(300_000)}`],
  ['without a name', 'arn:aws:rds:us-east-1:123456789012:db:'],
  ['of a short account', 'arn:aws:rds:us-east-1:12345678901:db:orders'],
  ['of another kind', 'arn:aws:rds:us-east-1:123456789012:cluster:orders'],
  ['of another service', 'arn:aws:sqs:us-east-1:123456789012:orders'],
  ['that is a number', 5],
  ['that is a list', ['arn:aws:rds:us-east-1:123456789012:db:orders']],
  ['that is an object', { toString: 'x', valueOf: 'y' }],
  ['that is nothing', null],
])('an id %s is no id', (_, id) => {
  const route = routerOf([taskOf(rdsInstance, place), taskOf(rdsInstance, { ...place, account: '12345678901' })]);
  expect(route(event('rds-instance-failover', { resources: [id], detail: { SourceArn: id } }))).toEqual({
    ignored: 'NoId',
  });
});

test('a call that names what it should not is no reason to ask for it', () => {
  const route = routerOf(everywhere);
  const called = (sample: string, requestParameters: unknown, more: object = {}) => {
    const before = event(sample);
    return idsOf(
      route({ ...before, detail: { ...Object(before.detail), requestParameters, responseElements: null, ...more } }),
    );
  };
  expect(called('rds-create-db-instance', { dBInstanceIdentifier: 'Orders' })).toEqual([
    ['RDSInstance', ['arn:aws:rds:us-east-1:123456789012:db:orders']],
  ]);
  for (const odd of [null, 5, [], 'text', { dBInstanceIdentifier: { toString: 1 } }, { dBInstanceIdentifier: 'a b' }]) {
    expect(called('rds-create-db-instance', odd)).toBe('NoId');
  }
  expect(called('rds-create-db-instance', { dBInstanceIdentifier: 'x' }, { awsRegion: ['us-east-1'] })).not.toBe(
    'NoId',
  );
  expect(called('rds-create-db-instance', { dBInstanceIdentifier: 'x' }, { awsRegion: 'us-east-1\n' })).toBe('NoId');
  expect(called('sqs-delete-queue', { queueUrl: 'https://x/999999999999/MyQueue' })).toBe('UnknownPlace');
  for (const queueUrl of [
    '',
    '/',
    'https://x/123456789012/',
    'https://x/123456789012/a b',
    'MyQueue',
    'x'.repeat(300_000),
  ]) {
    expect(called('sqs-delete-queue', { queueUrl })).toBe('NoId');
  }
});

test('a call that was refused changed nothing, and only CloudTrail tells of calls', () => {
  const route = routerOf([taskOf(rdsInstance, place)]);
  const told = (name: string, errorCode: unknown) => {
    const before = event(name);
    return idsOf(route({ ...before, detail: { ...Object(before.detail), errorCode } }));
  };
  expect(told('rds-create-db-instance', 'Throttling')).toBe('FailedCall');
  for (const none of ['', null, undefined]) expect(told('rds-create-db-instance', none)).toHaveLength(1);
  expect(told('rds-instance-failover', 'Throttling')).toHaveLength(1);
});

test('a kind that declares no events is led to by none', () => {
  const route = routerOf([taskOf({ ...rdsInstance, events: [] }, place)]);
  expect(route(event('rds-instance-failover'))).toEqual({ ignored: 'UnknownKind' });
  expect(memorySource({ world: { rows: new Map(), calls: [] } }).events).toEqual([]);
});

test.each(['rds-instance-failover', 'config-db-instance', 'config-oversized-db-instance'])(
  '%s is known by the ARN around its detail, or by the one in it',
  (name) => {
    const whole = event(name);
    const route = routerOf([taskOf(rdsInstance, place)]);
    expect(idsOf(route({ ...whole, resources: [] }))).toEqual(idsOf(route(whole)));
    const bare = JSON.parse(JSON.stringify(whole.detail).replaceAll(/"arn:[^"]*"/g, 'null'));
    expect(idsOf(route({ ...whole, detail: bare }))).toEqual(idsOf(route(whole)));
  },
);

test('an API call is of the account that CloudTrail told of it, or of the one around it', () => {
  const whole = event('rds-create-db-instance');
  const { recipientAccountId: _, ...detail } = Object(whole.detail);
  const named = (change: object) => {
    const requestParameters = { dBInstanceIdentifier: 'x' };
    const called = { ...detail, requestParameters, responseElements: null, ...change };
    return idsOf(routerOf(everywhere)({ ...whole, detail: called }));
  };
  expect(named({})).toEqual([['RDSInstance', ['arn:aws:rds:us-east-1:123456789012:db:x']]]);
  expect(named({ recipientAccountId: '999999999999' })).toBe('UnknownPlace');
});

describe('a rule that takes every resource of an event for an id', () => {
  const source = memorySource({ world: { rows: new Map(), calls: [] } });
  const ids = ({ resources }: CloudEvent) => resources.map(String);
  const events = [{ name: 'any', pattern: { source: ['test'] }, ids }];
  const route = routerOf([taskOf({ ...source, events }, { account: '1', region: 'r' })]);
  const named = (...resources: readonly string[]) => idsOf(route({ source: 'test', 'detail-type': 'x', resources }));

  test('leads to those that are ids, whatever else is among them', () => {
    expect(named('no id', memoryIdOf('a'), '')).toEqual([['Thing', [memoryIdOf('a')]]]);
  });

  test('does not lead to a text that is longer than any id', () => {
    const long = (length: number) => memoryIdOf('x'.repeat(length - memoryIdOf('').length));
    expect(named(long(2048))).toEqual([['Thing', [long(2048)]]]);
    expect(named(long(2049))).toBe('NoId');
  });
});

test('an event names at most a hundred ids', () => {
  const resources = Array.from({ length: 20_000 }, (_, n) => `arn:aws:rds:us-east-1:123456789012:db:d${n}`);
  const route = routerOf([taskOf(rdsInstance, place)])(event('rds-instance-failover', { resources }));
  expect('targets' in route && route.targets[0]?.ids.length).toBe(100);
});

test('a rule that throws on an event finds nothing in it, and the others go on', () => {
  const ids = () => {
    throw new Error('of the rule');
  };
  const broken = { ...rdsInstance, events: rdsInstance.events.map((rule) => ({ ...rule, ids })) };
  expect(routerOf([taskOf(broken, place)])(event('rds-instance-failover'))).toEqual({ ignored: 'NoId' });
  const both = routerOf([taskOf(broken, place), taskOf(rdsCluster, place)]);
  expect(idsOf(both(event('rds-create-cluster-member')))).toEqual([
    ['RDSCluster', ['arn:aws:rds:us-east-1:123456789012:cluster:orders']],
  ]);
});

test.each<[string, EventPattern, unknown, boolean]>([
  ['a value of the list', { source: ['a', 'b'] }, { source: 'b' }, true],
  ['another value', { source: ['a', 'b'] }, { source: 'c' }, false],
  ['the beginning of a value', { source: ['a'] }, { source: 'ab' }, false],
  ['a field that is not there', { source: ['a'] }, {}, false],
  ['one of the values of a list', { source: ['a'] }, { source: ['x', 'a'] }, true],
  ['a field further in', { detail: { name: ['a'] } }, { detail: { name: 'a', more: 1 } }, true],
  ['a text where an object is asked for', { detail: { name: ['a'] } }, { detail: 'a' }, false],
  ['an object where a text is asked for', { source: ['a'] }, { source: { a: 'a' } }, false],
  ['all of two fields', { source: ['a'], other: ['b'] }, { source: 'a' }, false],
  ['what every object inherits', { constructor: { name: ['Object'] } }, {}, false],
])('a pattern and %s', (_, pattern, value, expected) => {
  expect(fits(pattern, value)).toBe(expected);
});
