import { CreateQueueCommand, DeleteQueueCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Aws, startAws } from '../../dev/aws.ts';
import { regions } from '../../lib/configuration-regions.ts';
import { parseMessage } from '../../lib/messages.ts';
import { configurationWith, contextOf, surroundings } from './functions.ts';

const { said, configure } = surroundings();
const slot = { every: 60, scheduledAt: '2026-11-22T21:39:00Z' };

let aws: Aws;
let sqs: SQSClient;
let queue: string;
let queues = 0;

beforeAll(async () => {
  aws = await startAws({ seed: false });
  sqs = aws.sqs(aws.home, 'us-east-1');
}, 180_000);
afterAll(() => aws.stop());

beforeEach(async () => {
  for (const [name, value] of Object.entries(aws.environment())) vi.stubEnv(name, value);
  queues += 1;
  const made = await sqs.send(
    new CreateQueueCommand({ QueueName: `schedule-${queues}.fifo`, Attributes: { FifoQueue: 'true' } }),
  );
  queue = made.QueueUrl ?? '';
  vi.stubEnv('SKYMIRROR_SCHEDULE_QUEUE_URL', queue);
});

async function scheduled(event: unknown) {
  const { handler } = await import('../../handlers/scheduled.ts');
  return handler(event, contextOf(60_000));
}

async function received() {
  const bodies: string[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queue, MaxNumberOfMessages: 10 }));
    if (Messages.length === 0) return bodies.map((body) => parseMessage(body));
    bodies.push(...Messages.map(({ Body = '' }) => Body));
  }
}

test('each target that is due gets one message, also where the schedule fires twice for the same slot', async () => {
  const [first] = configurationWith().mirrors;
  const mirrors = [first, { ...first, name: 'two', every: '5m' }, { ...first, name: 'three', paused: true }];
  configure(configurationWith({}, { mirrors }));
  await expect(scheduled(slot)).resolves.toEqual({ sent: 1 });
  await expect(scheduled(slot)).resolves.toEqual({ sent: 1 });
  expect(await received()).toMatchObject([{ message: { mirror: 'one', run: 'schedule-60-2026-11-22T21:39:00Z' } }]);
  expect(said()).toEqual(['INFO 1 targets are due', 'INFO 1 targets are due']);
});

// The emulator takes twenty messages a second; 10,000 are sent in test/queue.test.ts.
test('a hundred targets are all in the queue afterwards', async () => {
  const [first] = configurationWith().mirrors;
  const mirrors = Array.from({ length: 4 }, (_, index) => ({
    ...first,
    name: `m-${index}`,
    regions: regions.slice(0, 25),
  }));
  configure(configurationWith({}, { mirrors }));
  await expect(scheduled(slot)).resolves.toEqual({ sent: 100 });
  expect(await received()).toHaveLength(100);
});

test('what cannot be sent fails the invocation, so that the schedule tries again', async () => {
  configure(configurationWith());
  await sqs.send(new DeleteQueueCommand({ QueueUrl: queue }));
  await expect(scheduled(slot)).rejects.toThrow(
    /^1 of 1 messages could not be sent, the first because: .*QueueDoesNotExist/,
  );
  expect(said()).toEqual(['INFO 0 targets are due', 'ERROR the invocation failed']);
});

test.each([
  ['nothing', {}],
  ['no object', 'now'],
  ['a time that is none', { every: 60, scheduledAt: '<aws.scheduler.scheduled-time>' }],
  ['a distance that is none', { every: 0, scheduledAt: slot.scheduledAt }],
  ['more than the schedule says', { ...slot, mirror: 'one' }],
])('a call with %s is refused, and nothing is sent', async (_, event) => {
  configure(configurationWith());
  await expect(scheduled(event)).rejects.toThrow('the function was called with what it does not take');
  expect(await received()).toEqual([]);
});
