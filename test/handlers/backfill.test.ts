import { readFile } from 'node:fs/promises';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { recordOf } from '../../dev/event-source-records.ts';
import { syncRunCrd } from '../../lib/crd.ts';
import { parseMessage } from '../../lib/messages.ts';
import { type Stack, startStack } from '../e2e/stack.ts';
import type { World } from '../e2e/world.ts';
import { configurationWith, contextOf, surroundings } from './functions.ts';

const { said, configure } = surroundings();

let stack: Stack;
let sqs: SQSClient;
let secret: string;
let queue: string;
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
}, 180_000);
afterAll(() => stack?.stop());

beforeEach(async () => {
  for (const [name, value] of Object.entries(stack.aws.environment())) vi.stubEnv(name, value);
  queues += 1;
  const QueueName = `backfill-${queues}.fifo`;
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { FifoQueue: 'true' } }));
  queue = QueueUrl;
  for (const name of ['SCHEDULE', 'BACKFILL', 'SCHEDULE_DEAD_LETTER', 'BACKFILL_DEAD_LETTER']) {
    vi.stubEnv(`SKYMIRROR_${name}_QUEUE_URL`, queue);
  }
  world = await stack.world({ instances: ['orders', 'users'] });
  const { account, region, namespace } = world;
  const main = { id: account, role: stack.aws.roleArn(account), externalId: stack.aws.externalId };
  configure(
    configurationWith(
      { name: 'production', regions: [region, 'us-east-1'], namespace },
      { clusters: { main: { secret } }, accounts: { main } },
    ),
  );
});

/** Calls the function with an environment of its own, as a cold start does. */
async function backfill(request: unknown, requestId = 'Request-1') {
  vi.resetModules();
  const { handler } = await import('../../handlers/backfill.ts');
  return handler(request, { ...contextOf(60_000), awsRequestId: requestId });
}

async function received(): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'] }),
  );
  return Messages;
}

/** Gives all messages to the worker, one by one, as the event source mapping does, and forgets what it acknowledges. */
async function work(messages: readonly Message[]): Promise<void> {
  const { handler } = await import('../../handlers/worker.ts');
  const arn = `arn:aws:sqs:us-east-1:${stack.aws.home}:backfill-${queues}.fifo`;
  for (const message of messages) {
    await expect(handler({ Records: [recordOf(message, arn)] }, contextOf())).resolves.toEqual({
      batchItemFailures: [],
    });
  }
  const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
  if (Entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: queue, Entries }));
}

async function run(name: string): Promise<unknown> {
  const path = `/apis/skymirror.dev/v1alpha1/namespaces/${world.namespace}/syncruns/${name}`;
  return (await stack.kubernetes.request(path)).body;
}

describe('the function backfill', () => {
  test('makes a run, sends a message for each target, and the worker does the rest', async () => {
    const answer = await backfill({ mirror: 'production', name: '*r*' });
    expect(answer).toEqual({
      run: 'backfill-request-1',
      syncRun: { cluster: 'main', namespace: world.namespace, name: 'backfill-request-1' },
      ...{ mode: 'Apply', state: 'Pending', targets: 2, sent: 2 },
    });
    const messages = await received();
    expect(messages.map(({ Body = '' }) => parseMessage(Body))).toMatchObject([
      { message: { run: 'backfill-request-1', syncRun: { cluster: 'main', name: 'backfill-request-1' } } },
      { message: { mirror: 'production', source: 'RDSInstance', hop: 0 } },
    ]);
    await work(messages);
    expect(await world.identifiers()).toEqual(['orders', 'users']);
    expect(await run('backfill-request-1')).toMatchObject({
      status: { state: 'Done', progress: '2/2', seen: 2, changed: 2, counts: { created: 2 } },
    });
    expect(said()).toContain('INFO 2 targets are to be looked at');
  });

  test('invoked again by Lambda, which keeps the request id, makes and sends nothing twice', async () => {
    await backfill({}, 'again');
    expect(await backfill({}, 'again')).toMatchObject({ run: 'backfill-again', targets: 2, sent: 2 });
    const messages = await received();
    expect(messages).toHaveLength(2);
    await work(messages);
    expect(await backfill({ run: 'backfill-again' })).toMatchObject({ state: 'Done', sent: 0 });
    expect(await received()).toEqual([]);
  });

  test('cancels a run: what is queued is dropped, and nothing is written', async () => {
    await backfill({ run: 'wrong' });
    expect(await backfill({ cancel: 'wrong' })).toMatchObject({ run: 'wrong', state: 'Cancelled', sent: 0 });
    await work(await received());
    expect(await world.identifiers()).toEqual([]);
    expect(await run('wrong')).toMatchObject({ spec: { cancelled: true }, status: { state: 'Cancelled' } });
  });

  test('plans where it is asked to', async () => {
    await backfill({ mode: 'plan', run: 'look' });
    await work(await received());
    expect(await world.identifiers()).toEqual([]);
    expect(await run('look')).toMatchObject({ spec: { mode: 'Plan' }, status: { state: 'Done', changed: 2 } });
  });

  test('says what could not be sent, and how to go on', async () => {
    await sqs.send(new DeleteQueueCommand({ QueueUrl: queue }));
    await expect(backfill({ run: 'unsent' })).rejects.toThrow(
      /^2 of 2 messages could not be sent, the first because: .*Invoke again with \{"run": "unsent"\}/,
    );
    await sqs.send(new CreateQueueCommand({ QueueName: `backfill-${queues}.fifo`, Attributes: { FifoQueue: 'true' } }));
    expect(await backfill({ run: 'unsent' })).toMatchObject({ targets: 2, sent: 2 });
    expect(await received()).toHaveLength(2);
  });

  test.each([
    [{ mirrors: 'production' }, 'the function was called with what it does not take'],
    [{ mirror: 'prodction' }, 'mirror prodction: the configuration has no such mirror: did you mean "production"?'],
    [{ cancel: 'nothing' }, 'cancel nothing: there is no such run'],
  ])('refuses %j, and leaves nothing', async (request, said) => {
    await expect(backfill(request)).rejects.toThrow(said);
    expect(await received()).toEqual([]);
    const { body } = await stack.kubernetes.request(
      `/apis/skymirror.dev/v1alpha1/namespaces/${world.namespace}/syncruns`,
    );
    expect(body).toMatchObject({ items: [] });
  });
});
