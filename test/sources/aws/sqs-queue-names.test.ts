import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rewrite } from '../../../dev/proxy-faults.ts';
import { objectName } from '../../../lib/names.ts';
import type { Outside } from '../../../lib/source.ts';
import { sqsQueue } from '../../../lib/sources/aws/sqs-queue.ts';
import { account, arnOf, fieldsOf, region, startWorld, urlOf } from './sqs-queue-world.ts';

const { signal } = new AbortController();

let world: Awaited<ReturnType<typeof startWorld>>;
let outside: Outside;
beforeEach(async () => {
  world = await startWorld();
  world.stubEnvironment();
  outside = sqsQueue.open({ account, region }, {});
});
afterEach(async () => {
  outside.close();
  await world.stop();
});

const listed = async () => (await Array.fromAsync(outside.list(signal))).flat();
const got = async (...names: string[]) => outside.get(names.map(arnOf), signal);
const attributesCall = { service: 'sqs', action: 'GetQueueAttributes' };

describe('a name', () => {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_';
  const names = [alphabet, '-', '_', '---', '___', '0', 'a-b', 'A_b', 'a_b', 'A-B', 'x'.repeat(80), '-'.repeat(80)];
  const fifoNames = ['a-b.fifo', `${'y'.repeat(75)}.fifo`, '-.fifo'];

  test('of every legal kind is listed and got as it is', async () => {
    for (const name of names) await world.create(name);
    for (const name of fifoNames) await world.create(name, { FifoQueue: 'true' });
    const all = [...names, ...fifoNames];
    expect((await listed()).map((one) => 'id' in one && one.id).toSorted()).toEqual(all.map(arnOf).toSorted());
    const answers = await got(...all);
    expect(all.map((name) => fieldsOf(answers.get(arnOf(name))).url)).toEqual(all.map(urlOf));
  });

  test('becomes an object name of its own, also where the slugs are equal', () => {
    const all = [...names, ...fifoNames];
    const objects = all.map((name) =>
      objectName('SQSQueue', sqsQueue.readable(sqsQueue.identify(arnOf(name)) ?? {}), arnOf(name)),
    );
    expect(new Set(objects).size).toBe(all.length);
    for (const object of objects) expect(object).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    expect(objects.filter((object) => /^a-b-[0-9a-z]{13}$/.test(object))).toHaveLength(4);
    expect(objects.filter((object) => object.startsWith('sqsqueue-'))).toHaveLength(5);
  });
});

describe('an id', () => {
  test.each([
    [arnOf('orders'), 'orders'],
    [arnOf('orders.fifo'), 'orders.fifo'],
    ['arn:aws-cn:sqs:cn-north-1:111122223333:a', 'a'],
    ['arn:aws-us-gov:sqs:us-gov-west-1:111122223333:_', '_'],
  ])('%s is that of %s', (arn, name) => {
    expect(sqsQueue.identify(arn)).toMatchObject({ arn, name });
    expect(sqsQueue.identityOf(sqsQueue.identify(arn))?.id).toBe(arn);
    expect(sqsQueue.readable(sqsQueue.identify(arn) ?? {})).toBe(name);
  });

  test.each([
    '',
    'orders',
    urlOf('orders'),
    arnOf(''),
    arnOf('a.b'),
    arnOf('a/b'),
    `${arnOf('a')}\n`,
    'arn:aws:sqs:us-east-1:1:a',
    arnOf('a').replace('sqs', 'sns'),
  ])('is not %j', (id) => {
    expect(sqsQueue.identify(id)).toBeUndefined();
  });
});

describe('a listing', () => {
  test('of no queues is complete and empty', async () => {
    expect(await listed()).toEqual([]);
  });

  test('of 2,500 queues holds every one, in three pages', async () => {
    const names = Array.from({ length: 2500 }, (_, index) => `queue-${index}`);
    for (const name of names) await world.create(name);
    const pages = await Array.fromAsync(outside.list(signal));
    expect(pages.map((page) => page.length)).toEqual([1000, 1000, 500]);
    const ids = pages.flat().map((one) => one.outcome === 'listed' && one.id);
    expect(new Set(ids)).toEqual(new Set(names.map(arnOf)));
    expect(outside.calls()).toBe(3);
  });

  test.each([
    'https://queue.amazonaws.com/111122223333/orders',
    'https://us-east-1.queue.amazonaws.com/111122223333/orders',
    'https://vpce-1.sqs.us-east-1.vpce.amazonaws.com/111122223333/orders',
    'http://localhost:4566/111122223333/orders',
    'http://localhost:4566/queue/us-east-1/111122223333/orders',
  ])('tells a queue by the path of %s', async (url) => {
    world.fake.faults.add({ when: { action: 'ListQueues' }, do: rewrite(() => JSON.stringify({ QueueUrls: [url] })) });
    expect(await listed()).toMatchObject([{ outcome: 'listed', id: arnOf('orders') }]);
  });

  test.each([
    '',
    'orders',
    'https://sqs/orders',
    'https://sqs/1/orders',
    'https://sqs/111122223333/a b',
    `${urlOf('a')}?x=1`,
  ])('with the URL %j is broken, not shorter', async (url) => {
    world.fake.faults.add({
      when: { action: 'ListQueues' },
      do: rewrite(() => JSON.stringify({ QueueUrls: [urlOf('good'), url] })),
    });
    expect((await listed()).map(({ outcome }) => outcome)).toEqual(['listed', 'broken']);
  });
});

test.each([
  ['us-east-1', 'aws', 'amazonaws.com'],
  ['cn-north-1', 'aws-cn', 'amazonaws.com.cn'],
  ['us-gov-west-1', 'aws-us-gov', 'amazonaws.com'],
  ['us-iso-east-1', 'aws-iso', 'c2s.ic.gov'],
  ['eusc-de-east-1', 'aws-eusc', 'amazonaws.eu'],
])('in %s queues lie in the partition %s, below %s', async (place, partition, suffix) => {
  const there = sqsQueue.open({ account, region: place }, {});
  world.fake.faults.add({
    when: attributesCall,
    do: rewrite((_, { parameters, region: asked }) => {
      const arn = `arn:${partition}:sqs:${asked}:${account}:a`;
      return { status: 200, body: JSON.stringify({ Attributes: { QueueArn: arn, FifoQueue: 'false' }, parameters }) };
    }),
  });
  world.fake.faults.add({ when: { action: 'ListQueueTags' }, do: rewrite(() => ({ status: 200, body: '{}' })) });
  world.fake.faults.add({
    when: { action: 'ListDeadLetterSourceQueues' },
    do: rewrite(() => ({ status: 200, body: '{}' })),
  });
  world.fake.faults.add({
    when: { action: 'ListQueues' },
    do: rewrite(() => JSON.stringify({ QueueUrls: [urlOf('a')] })),
  });
  const id = `arn:${partition}:sqs:${place}:${account}:a`;
  expect((await Array.fromAsync(there.list(signal))).flat()).toMatchObject([{ id }]);
  const url = `https://sqs.${place}.${suffix}/${account}/a`;
  expect(fieldsOf((await there.get([id], signal)).get(id)).url).toBe(url);
  const asked = world.fake.requests.all.filter(({ action }) => action !== 'ListQueues');
  expect(new Set(asked.map(({ parameters }) => parameters.QueueUrl))).toEqual(new Set([url]));
  there.close();
});
