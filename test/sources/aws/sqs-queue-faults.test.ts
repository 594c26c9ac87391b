import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  cut,
  delay,
  deny,
  type Effect,
  expiredToken,
  fail,
  hold,
  invalidToken,
  malformed,
  reset,
  rewrite,
  signatureMismatch,
  unavailable,
} from '../../../dev/proxy-faults.ts';
import type { Outside } from '../../../lib/source.ts';
import { sqsQueue } from '../../../lib/sources/aws/sqs-queue.ts';
import { account, arnOf, region, startWorld, urlOf } from './sqs-queue-world.ts';

const { signal } = new AbortController();
const actions = ['GetQueueAttributes', 'ListQueueTags', 'ListDeadLetterSourceQueues'];
/** What SQS says to those who lack access (developer guide, "Troubleshoot Amazon SQS API errors"). */
const lie = fail('QueueDoesNotExist', 'The specified queue does not exist or you do not have access to it.');
const throttle = fail('RequestThrottled', 'Rate exceeded', 403);

let world: Awaited<ReturnType<typeof startWorld>>;
const opened: Outside[] = [];
beforeAll(async () => {
  world = await startWorld();
  for (const name of ['orders', 'orders-2', 'ORDERS', 'dead']) await world.create(name);
});
afterAll(() => world.stop());
beforeEach(() => world.stubEnvironment());
afterEach(() => {
  for (const outside of opened.splice(0)) outside.close();
  world.fake.faults.clear();
  world.fake.requests.clear();
});

function open(): Outside {
  const outside = sqsQueue.open({ account, region }, {});
  opened.push(outside);
  return outside;
}

const list = (until = signal) => Array.fromAsync(open().list(until));
const get = async (name: string) => (await open().get([arnOf(name)], signal)).get(arnOf(name));
const whenAction = (action: string) => ({ service: 'sqs', action });

async function explained(work: Promise<unknown>) {
  try {
    return expect.fail(`it was answered: ${JSON.stringify(await work)}`);
  } catch (error) {
    return sqsQueue.explain(error);
  }
}

const cases: [string, Effect, string, RegExp][] = [
  ['AccessDenied', deny(), 'AccessDenied', /not authorized to perform: sqs:.*grant the missing/],
  ['AccessDeniedException', fail('AccessDeniedException', 'no', 400), 'AccessDenied', /grant the missing/],
  ['ExpiredToken', expiredToken(), 'AccessDenied', /renew the credentials/],
  ['InvalidClientTokenId', invalidToken(), 'AccessDenied', /the access key does not exist/],
  ['SignatureDoesNotMatch', signatureMismatch(), 'AccessDenied', /the clock is off/],
  ['InvalidSecurity', fail('InvalidSecurity', 'use HTTPS', 403), 'AccessDenied', /InvalidSecurity/],
  ['RequestThrottled', throttle, 'Throttled', /Rate exceeded/],
  ['ServiceUnavailable', unavailable(), 'Unreachable', /ServiceUnavailable/],
  ['an error that nobody knows', fail('Brandnew', 'what', 418), 'Unreachable', /Brandnew: what/],
  ['QueueDeletedRecently', fail('QueueDeletedRecently', 'wait'), 'Unreachable', /QueueDeletedRecently/],
  ['ResourceNotFoundException', fail('ResourceNotFoundException', 'gone?', 404), 'Unreachable', /ResourceNotFound/],
  ['InvalidAddress', fail('InvalidAddress', 'no such address', 404), 'Unreachable', /InvalidAddress/],
  ['a reset', reset(), 'Unreachable', /ECONNRESET|hang up/i],
  ['half an answer', cut(), 'Unreachable', /./],
  ['no JSON', malformed(), 'BadAnswer', /./],
];

describe('a listing that AWS answers with', () => {
  test.each(cases)('%s is unseen, for the reason that it is', async (_, effect, reason, message) => {
    world.fake.faults.add({ when: whenAction('ListQueues'), do: effect });
    const told = await explained(list());
    expect(told.message).toMatch(message);
    expect(told.reason).toBe(reason);
  });

  test('the same NextToken twice is unseen, and does not go on for ever', async () => {
    const again = rewrite(() => ({ status: 200, body: JSON.stringify({ QueueUrls: [], NextToken: 'n' }) }));
    world.fake.faults.add({ when: whenAction('ListQueues'), do: again });
    const message = 'ListQueues gave the same NextToken twice';
    expect(await explained(list())).toMatchObject({ reason: 'BadAnswer', message });
    expect(world.fake.requests.count(whenAction('ListQueues'))).toBe(2);
  });

  test('an error on its second page is not a shorter listing', async () => {
    const more = rewrite(() => JSON.stringify({ QueueUrls: [urlOf('orders')], NextToken: 'n' }));
    world.fake.faults.add({ when: whenAction('ListQueues'), do: more, times: 1 });
    world.fake.faults.add({ when: whenAction('ListQueues'), do: deny(), after: 1 });
    expect(await explained(list())).toMatchObject({ reason: 'AccessDenied' });
  });

  test('a late answer is waited for, and one reset is asked again', async () => {
    world.fake.faults.add({ when: whenAction('ListQueues'), do: delay(60) });
    world.fake.faults.add({ when: whenAction('ListQueues'), do: reset(), times: 1 });
    expect((await list()).flat()).toHaveLength(4);
  });

  test('nothing ends with its signal', async () => {
    const gate = hold();
    world.fake.faults.add({ when: whenAction('ListQueues'), do: gate.effect });
    const stop = new AbortController();
    const refused = expect(list(stop.signal)).rejects.toThrow();
    await gate.reached;
    stop.abort();
    await refused;
    gate.release();
  });
});

describe.each(actions)('a question for a queue to which %s answers with', (action) => {
  test.each(cases)('%s is an error of that queue, never "gone"', async (_, effect, reason, message) => {
    world.fake.faults.add({
      when: { ...whenAction(action), match: ({ parameters }) => parameters.QueueUrl === urlOf('orders') },
      do: effect,
    });
    const answers = await open().get([arnOf('orders'), arnOf('orders-2')], signal);
    const told = sqsQueue.explain(answers.get(arnOf('orders')));
    expect(answers.get(arnOf('orders'))).toBeInstanceOf(Error);
    expect(told.message).toMatch(message);
    expect(told.reason).toBe(reason);
    expect(answers.get(arnOf('orders-2'))).toMatchObject({ outcome: 'observed' });
  });

  test('"does not exist", while a listing holds the queue, is a lack of access, not "gone"', async () => {
    world.fake.faults.add({ when: whenAction(action), do: lie });
    const answer = await get('orders');
    expect(answer).toMatchObject({ name: 'UnseenError', reason: 'AccessDenied' });
    expect(answer).toMatchObject({ message: expect.stringContaining(`AWS lists ${arnOf('orders')}, but answers`) });
  });

  test('"does not exist" is "gone" where no listing holds the queue, though one holds longer and other names', async () => {
    world.fake.faults.add({ when: whenAction(action), do: lie });
    const others = rewrite(() => JSON.stringify({ QueueUrls: [urlOf('orders-2'), urlOf('orders.fifo')] }));
    world.fake.faults.add({ when: whenAction('ListQueues'), do: others });
    const answers = await open().get([arnOf('orders')], signal);
    expect([...answers]).toEqual([[arnOf('orders'), undefined]]);
  });

  test('"does not exist", while the listing is denied, is an error', async () => {
    world.fake.faults.add({ when: whenAction(action), do: lie });
    world.fake.faults.add({ when: whenAction('ListQueues'), do: deny() });
    expect(sqsQueue.explain(await get('orders')).reason).toBe('AccessDenied');
  });

  test('nothing before its signal is the end of all, not an error of one', async () => {
    const gate = hold();
    world.fake.faults.add({ when: whenAction(action), do: gate.effect });
    const stop = new AbortController();
    const refused = expect(open().get([arnOf('orders')], stop.signal)).rejects.toThrow();
    await gate.reached;
    stop.abort();
    await refused;
    gate.release();
  });
});

describe('a queue that does not exist', () => {
  test('is gone, asked by the whole name, and its longer namesakes are not', async () => {
    expect(await get('order')).toBeUndefined();
    const [asked] = world.fake.requests.all.filter(({ action }) => action === 'ListQueues');
    expect(asked?.parameters).toEqual({ QueueNamePrefix: 'order', MaxResults: '1000' });
    expect(await get('orders')).toMatchObject({ outcome: 'observed' });
  });

  test('is told from one that differs only in case', async () => {
    expect(await get('Orders')).toBeUndefined();
    expect(await get('ORDERS')).toMatchObject({ outcome: 'observed' });
  });

  test('is not gone while the last page of the listing that would hold it is missing', async () => {
    const page = rewrite(() => JSON.stringify({ QueueUrls: [urlOf('nowhere-1')], NextToken: 'n' }));
    world.fake.faults.add({ when: whenAction('ListQueues'), do: page, times: 1 });
    world.fake.faults.add({ when: whenAction('ListQueues'), do: throttle, after: 1 });
    expect(sqsQueue.explain(await get('nowhere')).reason).toBe('Throttled');
  });

  test('is not gone while the listing holds a URL that nobody can read', async () => {
    const odd = rewrite(() => JSON.stringify({ QueueUrls: ['arn:of:something'] }));
    world.fake.faults.add({ when: whenAction('ListQueues'), do: odd });
    const message = 'ListQueues answered with arn:of:something, which is no queue URL';
    expect(await get('nowhere')).toMatchObject({ reason: 'BadAnswer', message });
  });
});

test('an answer without an ARN, or of another queue, is an error', async () => {
  const answers = (body: object) =>
    world.fake.faults.add({
      when: whenAction('GetQueueAttributes'),
      do: rewrite(() => JSON.stringify(body)),
      times: 1,
    });
  answers({ Attributes: { QueueArn: arnOf('orders-2') } });
  const message = `asked for ${arnOf('orders')}, AWS answered with ${arnOf('orders-2')}`;
  expect(await get('orders')).toMatchObject({ reason: 'BadAnswer', message });
  answers({});
  expect(await get('orders')).toMatchObject({ message: expect.stringContaining('no QueueArn') });
});

test('a dead-letter source whose URL nobody can read is an error', async () => {
  const odd = rewrite(() => JSON.stringify({ queueUrls: ['x'] }));
  world.fake.faults.add({ when: whenAction('ListDeadLetterSourceQueues'), do: odd });
  const message = 'ListDeadLetterSourceQueues answered with x, which is no queue URL';
  expect(await get('dead')).toMatchObject({ reason: 'BadAnswer', message });
});

test('a hundred queues are asked for sixteen at a time', async () => {
  const gate = hold();
  world.fake.faults.add({ when: whenAction('GetQueueAttributes'), do: gate.effect });
  const ids = Array.from({ length: 100 }, (_, index) => arnOf(`none-${index}`));
  const answers = open().get(ids, signal);
  await gate.reached;
  await expect.poll(() => world.fake.requests.count(whenAction('GetQueueAttributes'))).toBe(16);
  // A whole call later there is still no seventeenth.
  await list();
  expect(world.fake.requests.count(whenAction('GetQueueAttributes'))).toBe(16);
  gate.release();
  expect([...(await answers).values()].filter((answer) => answer === undefined)).toHaveLength(100);
});
