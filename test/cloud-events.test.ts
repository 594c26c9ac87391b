import { expect, test } from 'vitest';
import { eventIn, fieldOf } from '../lib/cloud-events.ts';
import { sampleOf } from './event-samples.ts';

const eventOf = (name: string, change: object = {}) =>
  eventIn(JSON.stringify({ ...sampleOf(name).body, ...change }), sampleOf(name).attributes);

test('an event of EventBridge is taken as it is', () => {
  expect(eventOf('rds-instance-failover')).toMatchObject({
    source: 'aws.rds',
    'detail-type': 'RDS DB Instance Event',
    account: '123456789012',
    region: 'us-east-1',
    time: '2026-09-27T22:36:43Z',
    resources: ['arn:aws:rds:us-east-1:123456789012:db:my-db-instance'],
    detail: { EventID: 'RDS-EVENT-0049' },
  });
});

test('what RDS sends to a topic has the same form, with account and region of the topic', () => {
  expect(eventOf('subscription-instance')).toEqual({
    source: 'aws.rds',
    'detail-type': 'RDS DB Instance Event',
    account: '123456789012',
    region: 'us-east-1',
    time: '2026-03-08T18:47:46.562Z',
    resources: ['arn:aws:rds:us-east-1:123456789012:db:foobar'],
    detail: {},
  });
});

test('of an event subscription the message attribute counts most, then the ARN in the message', () => {
  const topic = { TopicArn: 'arn:aws-cn:sns:cn-north-1:999999999999:databases' };
  expect(eventOf('subscription-resource', topic)?.resources).toEqual([
    'arn:aws:rds:ap-southeast-2:123456789012:db:database-1',
  ]);
  const message = JSON.stringify({ ...sampleOf('subscription-raw').body, 'Source ARN': 'arn:of:the:message' });
  expect(eventOf('subscription-resource', { Message: message })?.resources).toEqual([
    'arn:aws:rds:ap-southeast-2:123456789012:db:database-1',
  ]);
  expect(eventOf('subscription-cluster', topic)?.resources).toEqual([
    'arn:aws:rds:us-east-1:123456789012:cluster:orders',
  ]);
  expect(eventOf('subscription-instance', topic)?.resources).toEqual([
    'arn:aws-cn:rds:cn-north-1:999999999999:db:foobar',
  ]);
});

test('of an older message the ARN is put together from its topic, where that is one and the kind is known', () => {
  const older = (source: string, topic: string) => {
    const { 'Source ARN': _, ...message } = { ...sampleOf('subscription-raw').body, 'Source ARN': '' };
    const Message = JSON.stringify({ ...message, 'Event Source': source, 'Source ID': 'orders' });
    const event = eventOf('subscription-instance', { Message, TopicArn: topic });
    return [event?.['detail-type'], event?.resources, event?.account];
  };
  const topic = 'arn:aws:sns:us-east-1:123456789012:databases';
  const arn = 'arn:aws:rds:us-east-1:123456789012';
  expect(older('db-instance', topic)).toEqual(['RDS DB Instance Event', [`${arn}:db:orders`], '123456789012']);
  expect(older('db-cluster', topic)).toEqual(['RDS DB Cluster Event', [`${arn}:cluster:orders`], '123456789012']);
  expect(older('db-snapshot', topic)).toEqual(['RDS Event', [undefined], '123456789012']);
  for (const other of ['databases', `of ${topic}`, topic.replace('sns', 'sqs'), topic.replace('1234', '')]) {
    expect(older('db-instance', other)).toEqual(['RDS DB Instance Event', [undefined], undefined]);
  }
});

test('delivered raw, an event subscription is known by the attributes of the message', () => {
  expect(eventOf('subscription-raw')).toEqual({
    source: 'aws.rds',
    'detail-type': 'RDS DB Instance Event',
    time: '2026-03-08T18:47:46.562Z',
    resources: ['arn:aws:rds:us-east-1:123456789012:db:database-1'],
    detail: {},
  });
});

test('only what says what it is has to be there', () => {
  const bare = { source: 'aws.rds', 'detail-type': 'RDS DB Instance Event' };
  expect(eventIn(JSON.stringify(bare))).toEqual({ ...bare, resources: [] });
  expect(eventIn(JSON.stringify({ ...bare, time: 5, account: [], region: null, resources: 'x' }))).toEqual({
    ...bare,
    resources: [],
  });
});

test.each([
  ['no JSON', 'This is a message to notify the user of an event subscription'],
  ['nothing', ''],
  ['a number', '5'],
  ['null', 'null'],
  ['a list', '[]'],
  ['an object without a source', '{"detail-type":"RDS DB Instance Event"}'],
  ['a source that is no text', '{"source":["aws.rds"],"detail-type":"RDS DB Instance Event"}'],
  [
    'a notification of a notification',
    JSON.stringify({
      Type: 'Notification',
      TopicArn: 'x',
      Message: JSON.stringify(sampleOf('subscription-instance').body),
    }),
  ],
  [
    'the question whether to subscribe',
    '{"Type":"SubscriptionConfirmation","TopicArn":"x","Message":"You have chosen to subscribe"}',
  ],
  ['lists in lists', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ['256 KB of text', 'x'.repeat(256 * 1024)],
])('a message that is %s holds no event', (_, body) => {
  expect(eventIn(body)).toBeUndefined();
});

test('prototypes are neither read nor written', () => {
  const inherited = '{"__proto__":{"source":"aws.rds","detail-type":"RDS DB Instance Event"}}';
  expect(eventIn(inherited)).toBeUndefined();
  const hostile = `{"source":"aws.rds","detail-type":"x","detail":{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}}`;
  const detail = eventIn(hostile)?.detail;
  expect(fieldOf(detail, 'polluted')).toBeUndefined();
  expect(fieldOf({}, 'constructor')).toBeUndefined();
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
});
