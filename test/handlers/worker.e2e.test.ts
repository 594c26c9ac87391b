import { readFile } from 'node:fs/promises';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { recordOf } from '../../dev/event-source-records.ts';
import { deny, hold } from '../../dev/proxy-faults.ts';
import { syncRunCrd } from '../../lib/crd.ts';
import type { TargetMessage } from '../../lib/messages.ts';
import { outgoing, sendAll } from '../../lib/queue.ts';
import { type Stack, startStack } from '../e2e/stack.ts';
import type { World } from '../e2e/world.ts';
import { configurationWith, contextOf, surroundings } from './functions.ts';

const { lines, said, metrics, configure } = surroundings();

let stack: Stack;
let sqs: SQSClient;
let secret: string;
let queue: string;
let deadLetters: string;
let world: World;
let queues = 0;

beforeAll(async () => {
  stack = await startStack();
  const { aws, kubernetes } = stack;
  await kubernetes.apply([syncRunCrd()]);
  sqs = aws.sqs(aws.home, 'us-east-1');
  const secrets = new SecretsManagerClient({
    endpoint: aws.motoEndpoint,
    region: 'us-east-1',
    credentials: aws.baseKeys,
  });
  const SecretString = await readFile(kubernetes.kubeconfig('skymirror'), 'utf8');
  const { ARN = '' } = await secrets.send(new CreateSecretCommand({ Name: 'cluster', SecretString }));
  secrets.destroy();
  secret = ARN;
});
afterAll(() => stack.stop());
afterEach(() => stack.aws.faults.clear());

beforeEach(async () => {
  for (const [name, value] of Object.entries(stack.aws.environment())) vi.stubEnv(name, value);
  queues += 1;
  const make = async (name: string) => {
    const QueueName = `worker-${queues}-${name}.fifo`;
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { FifoQueue: 'true' } }));
    return QueueUrl;
  };
  queue = await make('schedule');
  deadLetters = await make('dead-letters');
  vi.stubEnv('SKYMIRROR_SCHEDULE_QUEUE_URL', queue);
  vi.stubEnv('SKYMIRROR_BACKFILL_QUEUE_URL', await make('backfill'));
  vi.stubEnv('SKYMIRROR_SCHEDULE_DEAD_LETTER_QUEUE_URL', deadLetters);
  vi.stubEnv('SKYMIRROR_BACKFILL_DEAD_LETTER_QUEUE_URL', deadLetters);
  world = await stack.world({ instances: ['orders', 'users', 'carts'] });
  const { account, region, namespace } = world;
  const main = { id: account, role: stack.aws.roleArn(account), externalId: stack.aws.externalId };
  configure(
    configurationWith(
      { name: 'production', regions: [region], namespace },
      { clusters: { main: { secret } }, accounts: { main } },
    ),
  );
});

const message = (change: Partial<TargetMessage> = {}): TargetMessage => ({
  version: 1,
  run: 'schedule-60-2026-11-22T21:39:00Z',
  mirror: 'production',
  source: 'RDSInstance',
  scope: { account: world.account, region: world.region },
  scheduledAt: '2026-11-22T21:39:00Z',
  hop: 0,
  ...change,
});

async function send(...bodies: (TargetMessage | string)[]): Promise<void> {
  const messages = bodies.map((body, index) =>
    typeof body === 'string' ? { body, group: `group-${index}`, deduplication: `${index}` } : outgoing(body),
  );
  expect(await sendAll(sqs, queue, messages, new AbortController().signal)).toEqual([]);
}

async function received(from = queue): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: from,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    }),
  );
  return Messages;
}

const eventOf = (messages: readonly Message[], name = queue.split('/').at(-1)) => ({
  Records: messages.map((one) => recordOf(one, `arn:aws:sqs:us-east-1:${stack.aws.home}:${name}`)),
});

/** One worker in an environment of its own, as a cold start makes it. */
async function worker() {
  vi.resetModules();
  return (await import('../../handlers/worker.ts')).handler;
}

/** The time begins to run when the environment is up. */
async function worked(event: unknown, milliseconds?: number) {
  const handler = await worker();
  return handler(event, contextOf(milliseconds));
}
const ids = (messages: readonly Message[]) => messages.map(({ MessageId }) => ({ itemIdentifier: MessageId }));
const passes = () => lines.filter(({ created }) => created !== undefined);
const createdInAll = () => passes().reduce((sum, { created }) => sum + Number(created), 0);

test('a message becomes objects, one line and a few metrics', async () => {
  await send(message());
  await expect(worked(eventOf(await received()))).resolves.toEqual({ batchItemFailures: [] });
  expect(await world.identifiers()).toEqual(['carts', 'orders', 'users']);
  expect(said()).toEqual([
    expect.stringMatching(/^INFO production RDSInstance .*complete, 3 seen, .*main: 3 created$/),
  ]);
  expect(lines[0]).toMatchObject({
    run: 'schedule-60-2026-11-22T21:39:00Z',
    requestId: 'request-1',
    created: 3,
    account: world.account,
  });
  expect(metrics()).toEqual({ Passes: 1, ApiCalls: expect.any(Number), ObjectsWritten: 3 });
});

test('in a warm environment the cluster stays open, and its secret is not read again', async () => {
  const handler = await worker();
  await send(message());
  const event = eventOf(await received());
  stack.aws.requests.clear();
  await handler(event, contextOf());
  await handler(event, contextOf());
  expect(stack.aws.requests.count({ service: 'secretsmanager' })).toBe(1);
  expect(passes().map(({ created }) => created)).toEqual([3, 0]);
});

test('a message that is redelivered while the first delivery still runs writes nothing twice', async () => {
  await send(message());
  const event = eventOf(await received());
  const [one, other] = [await worker(), await worker()];
  const listing = hold();
  stack.aws.faults.add({ when: { action: 'DescribeDBInstances' }, times: 1, do: listing.effect });
  const first = one(event, contextOf());
  await listing.reached;
  await world.create('late');
  const second = other(event, contextOf());
  await second;
  listing.release();
  await first;
  expect(await world.identifiers()).toEqual(['carts', 'late', 'orders', 'users']);
  expect(createdInAll()).toBe(4);
  expect(passes().map(({ updated, marked, deleted }) => [updated, marked, deleted])).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ]);
});

describe('near the end of the time', () => {
  test('the rest goes on as a new message with one hop more, which completes it', async () => {
    await send(message());
    const listing = hold();
    stack.aws.faults.add({ when: { action: 'DescribeDBInstances' }, times: 1, do: listing.effect });
    const [old] = await received();
    await expect(worked(eventOf(old === undefined ? [] : [old]), 4_000)).resolves.toEqual({
      batchItemFailures: [],
    });
    listing.release();
    await sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle: old?.ReceiptHandle }));
    expect(metrics()).toMatchObject({ SentOn: 1 });
    const next = await received();
    expect(next.map(({ Body = '' }) => JSON.parse(Body))).toEqual([message({ hop: 1 })]);
    await expect(worked(eventOf(next))).resolves.toEqual({ batchItemFailures: [] });
    expect(await world.identifiers()).toEqual(['carts', 'orders', 'users']);
  });

  test('nothing is lost where the queue does not take the rest', async () => {
    await send(message());
    const old = await received();
    const listing = hold();
    stack.aws.faults.add({ when: { action: 'DescribeDBInstances' }, times: 1, do: listing.effect });
    stack.aws.faults.add({ when: { action: 'SendMessageBatch' }, do: deny() });
    await expect(worked(eventOf(old), 4_000)).resolves.toEqual({ batchItemFailures: ids(old) });
    listing.release();
    expect(said()).toContainEqual(expect.stringMatching(/^ERROR returned: .*did not take the message: .*AccessDenied/));
  });
});

describe('beside a target of the same batch that is slow', () => {
  /** A batch of a quick target and of one that is not listed before it is released. */
  async function beside() {
    const { account, region, namespace } = world;
    const slow = { account, region: stack.aws.regions.find((one) => one !== region) ?? '' };
    const main = { id: account, role: stack.aws.roleArn(account), externalId: stack.aws.externalId };
    const mirror = { name: 'production', regions: [region, slow.region], namespace };
    configure(configurationWith(mirror, { clusters: { main: { secret } }, accounts: { main } }));
    await send(message({ scope: slow }), message());
    const batch = await received();
    expect(batch).toHaveLength(2);
    const listing = hold();
    stack.aws.faults.add({ when: { action: 'DescribeDBInstances', region: slow.region }, do: listing.effect });
    return { batch, listing };
  }

  test('one that is done is free for its next message', async () => {
    const { batch, listing } = await beside();
    const next = message({ scheduledAt: '2026-11-22T21:40:00Z', run: 'schedule-60-2026-11-22T21:40:00Z' });
    await send(next);
    expect(await received()).toEqual([]);
    const working = worked(eventOf(batch));
    await listing.reached;
    // The emulated queue looks at its groups only when a request begins, so that one that waits would not see it.
    await expect.poll(() => received()).toMatchObject([{ Body: JSON.stringify(next) }]);
    listing.release();
    await expect(working).resolves.toEqual({ batchItemFailures: [] });
    expect(passes()).toHaveLength(2);
  });

  test('one that is done waits with it where the queue does not delete, which is said and harms nothing', async () => {
    const { batch, listing } = await beside();
    const deleting = hold();
    stack.aws.faults.add({ when: { action: 'DeleteMessageBatch' }, do: deleting.effect });
    stack.aws.faults.add({ when: { action: 'DeleteMessageBatch' }, do: deny() });
    const working = worked(eventOf(batch));
    await deleting.reached;
    deleting.release();
    listing.release();
    await expect(working).resolves.toEqual({ batchItemFailures: [] });
    expect(said()).toContainEqual(expect.stringMatching(/^WARN done with, and not deleted before .*AccessDenied/));
    expect(passes()).toHaveLength(2);
  });
});

test('what cannot be read goes to the dead-letter queue as it is, with why, and the rest of the batch is worked on', async () => {
  await send('not {json', message());
  await expect(worked(eventOf(await received()))).resolves.toEqual({ batchItemFailures: [] });
  const buried = await received(deadLetters);
  expect(buried.map(({ Body }) => Body)).toEqual(['not {json']);
  expect(buried[0]?.MessageAttributes).toMatchObject({
    Reason: { StringValue: 'the message is no JSON' },
    Function: { StringValue: 'skymirror-test-function' },
    RequestId: { StringValue: 'request-1' },
    ReceiveCount: { StringValue: '1' },
  });
  expect(metrics()).toMatchObject({ DeadLettered: 1, Passes: 1 });
  expect(JSON.stringify(lines)).not.toContain('{json');
});

test('a message of a later version goes back to the queue for later code', async () => {
  await send(JSON.stringify({ version: 2 }));
  const messages = await received();
  await expect(worked(eventOf(messages))).resolves.toEqual({ batchItemFailures: ids(messages) });
});

test('a pass that fails is done with: one line for it, one for why, and a metric', async () => {
  await send(message());
  stack.aws.faults.add({ when: { action: 'DescribeDBInstances' }, do: deny() });
  await expect(worked(eventOf(await received()))).resolves.toEqual({ batchItemFailures: [] });
  expect(said()).toEqual([
    expect.stringMatching(/^WARN production RDSInstance .*incomplete \(AccessDenied\)/),
    expect.stringMatching(/^WARN ./),
  ]);
  expect(metrics()).toMatchObject({ Passes: 1, PassesFailed: 1 });
});

test('a target that the configuration does not have is one line, and no look at anything', async () => {
  await send(message({ mirror: 'removed' }));
  stack.aws.requests.clear();
  await expect(worked(eventOf(await received()))).resolves.toEqual({ batchItemFailures: [] });
  expect(said()).toEqual(['INFO dropped: the configuration has no such target any more']);
  expect(stack.aws.requests.count({ service: 'rds' })).toBe(0);
});

test('messages of a queue that is none of the worker are not touched', async () => {
  await send(message());
  const event = eventOf(await received(), 'other.fifo');
  await expect(worked(event)).rejects.toThrow(/other\.fifo, which is neither of its queues$/);
});

describe('a message of a backfill', () => {
  const backfills = () => process.env.SKYMIRROR_BACKFILL_QUEUE_URL ?? '';
  const ofBackfill = (messages: readonly Message[]) => eventOf(messages, backfills().split('/').at(-1));

  test('is a pass of its SyncRun, which says in the end what was done', async () => {
    const { handler: backfill } = await import('../../handlers/backfill.ts');
    await expect(backfill({ run: 'by-hand' }, contextOf())).resolves.toMatchObject({ sent: 1 });
    const messages = await received(backfills());
    lines.length = 0;
    await expect(worked(ofBackfill(messages))).resolves.toEqual({ batchItemFailures: [] });
    expect(await world.identifiers()).toEqual(['carts', 'orders', 'users']);
    expect(passes()).toMatchObject([{ run: 'by-hand', created: 3 }]);
    const path = `/apis/skymirror.dev/v1alpha1/namespaces/${world.namespace}/syncruns/by-hand`;
    const { body } = await stack.kubernetes.request(path);
    expect(body).toMatchObject({ status: { state: 'Done', changed: 3 } });
  });

  test('whose SyncRun was deleted is done with, and nothing is looked at', async () => {
    const syncRun = { cluster: 'main', namespace: world.namespace, name: 'deleted' };
    await send(message({ syncRun }));
    stack.aws.requests.clear();
    await expect(worked(ofBackfill(await received()))).resolves.toEqual({ batchItemFailures: [] });
    expect(said()).toEqual([expect.stringMatching(/^WARN passed: .*it is gone$/)]);
    expect(stack.aws.requests.count({ service: 'rds' })).toBe(0);
  });

  test('whose SyncRun is in a cluster that the configuration does not have comes again', async () => {
    const syncRun = { cluster: 'removed', namespace: world.namespace, name: 'lost' };
    await send(message({ syncRun }));
    const messages = await received();
    await expect(worked(ofBackfill(messages))).resolves.toEqual({ batchItemFailures: ids(messages) });
    expect(said()).toEqual([
      expect.stringMatching(/^ERROR returned: .*does not have the cluster removed of the SyncRun$/),
    ]);
  });
});

describe('the watch', () => {
  async function watched() {
    vi.resetModules();
    return (await import('../../handlers/watch.ts')).handler({}, contextOf());
  }

  test('counts a target that was never looked at as overdue, and one that was just seen as young', async () => {
    await expect(watched()).resolves.toMatchObject({ oldestCompleteScanPercent: 200, clustersUnreadable: 0 });
    expect(said()).toEqual([
      expect.stringMatching(/^WARN the oldest complete scan is that of production .*\(NoScan\)$/),
    ]);
    await send(message());
    await worked(eventOf(await received()));
    lines.length = 0;
    await expect(watched()).resolves.toMatchObject({ clustersUnreadable: 0, syncRunsRemoved: 0 });
    expect(metrics().OldestCompleteScanPercent).toBeLessThan(10);
    expect(metrics().ClustersUnreadable).toBe(0);
  });

  test('says which cluster cannot be read, and counts its targets as overdue', async () => {
    const { account, region, namespace } = world;
    const clusters = { main: { secret }, gone: { secret: `${secret.slice(0, -6)}000000` } };
    configure(
      configurationWith(
        { name: 'production', regions: [region], namespace },
        { clusters, accounts: { main: { id: account } } },
      ),
    );
    await world.pass();
    await expect(watched()).resolves.toMatchObject({ oldestCompleteScanPercent: 200, clustersUnreadable: 1 });
    expect(said()).toContainEqual(expect.stringMatching(/^WARN cluster gone cannot be read: cluster gone: /));
  });
});
