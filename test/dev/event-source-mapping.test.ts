import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Aws, startAws } from '../../dev/aws.ts';
import {
  type EventSourceMapping,
  type RunningMapping,
  startEventSourceMapping,
} from '../../dev/event-source-mapping.ts';
import { failedRecords, type SqsEvent } from '../../dev/event-source-records.ts';
import { eventOf, startScheduler } from '../../dev/scheduler.ts';
import { until } from '../../dev/until.ts';

let aws: Aws;
let sqs: SQSClient;
beforeAll(async () => {
  aws = await startAws({ seed: false });
  sqs = aws.sqs(aws.home, 'us-east-1');
});
afterAll(() => aws?.stop());
const running: RunningMapping[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

let queues = 0;
async function queue(attributes: Record<string, string> = {}, isFifo = false): Promise<{ url: string; arn: string }> {
  queues += 1;
  const name = `mapping-${queues}${isFifo ? '.fifo' : ''}`;
  const Attributes = { VisibilityTimeout: '1', ...attributes, ...(isFifo ? { FifoQueue: 'true' } : {}) };
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
  return { url: QueueUrl, arn: `arn:aws:sqs:us-east-1:${aws.home}:${name}` };
}

async function send({ url }: { url: string }, body: string, group?: string): Promise<string> {
  const fifo = group === undefined ? {} : { MessageGroupId: group, MessageDeduplicationId: body };
  const attribute = { kind: { DataType: 'String', StringValue: 'test' } };
  const sent = await sqs.send(
    new SendMessageCommand({ QueueUrl: url, MessageBody: body, MessageAttributes: attribute, ...fifo }),
  );
  return sent.MessageId ?? '';
}

type Answer = { failed: boolean; payload: string };
const fine: Answer = { failed: false, payload: 'null' };
const failures = (...ids: string[]): Answer => ({
  failed: false,
  payload: JSON.stringify({ batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) }),
});

/** Polls with a function that is the test's; gives the batches as they came. */
function map(
  { url, arn }: { url: string; arn: string },
  answer: (event: SqsEvent) => Answer | Promise<Answer>,
  change: Partial<EventSourceMapping> & { retryAfter?: number } = {},
): { batches: string[][]; events: SqsEvent[] } {
  const seen: { batches: string[][]; events: SqsEvent[] } = { batches: [], events: [] };
  const { retryAfter, ...mapping } = change;
  const usual = { batchSize: 10, batchingWindow: 0, maximumConcurrency: 2, reportsFailures: true };
  const invoke = async (event: SqsEvent) => {
    seen.events.push(event);
    seen.batches.push(event.Records.map(({ body }) => body));
    return answer(event);
  };
  running.push(
    startEventSourceMapping(
      { queueUrl: url, queueArn: arn, ...usual, ...mapping },
      { sqs, invoke, ...(retryAfter === undefined ? {} : { retry: { after: retryAfter, sqs } }) },
    ),
  );
  return seen;
}

async function left({ url }: { url: string }): Promise<number> {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...names] }),
  );
  return names.reduce((sum, name) => sum + Number(Attributes[name]), 0);
}

const empty = (of: { url: string }) => until(async () => (await left(of)) === 0, { what: 'the end of the messages' });

describe('an event source mapping', () => {
  test('gives a message as Lambda does, and deletes it when the function has answered', async () => {
    const one = await queue();
    const id = await send(one, '{"n":1}');
    const { events } = map(one, () => fine);
    await empty(one);
    expect(events).toEqual([
      {
        Records: [
          {
            messageId: id,
            receiptHandle: expect.stringMatching(/./),
            body: '{"n":1}',
            attributes: expect.objectContaining({
              ApproximateReceiveCount: '1',
              SentTimestamp: expect.stringMatching(/^\d{13}$/),
              ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
              SenderId: expect.any(String),
            }),
            messageAttributes: {
              kind: { stringValue: 'test', stringListValues: [], binaryListValues: [], dataType: 'String' },
            },
            md5OfBody: expect.stringMatching(/^[0-9a-f]{32}$/),
            md5OfMessageAttributes: expect.stringMatching(/^[0-9a-f]{32}$/),
            eventSource: 'aws:sqs',
            eventSourceARN: one.arn,
            awsRegion: 'us-east-1',
          },
        ],
      },
    ]);
  });

  test('brings back what the function reports, and only that', async () => {
    const one = await queue();
    const ids = [await send(one, 'first'), await send(one, 'second')];
    const { batches, events } = map(one, ({ Records }) =>
      failures(
        ...Records.filter((r) => r.messageId === ids[1] && r.attributes.ApproximateReceiveCount === '1').map(
          (r) => r.messageId,
        ),
      ),
    );
    await empty(one);
    expect(batches.flat().toSorted()).toEqual(['first', 'second', 'second']);
    expect(events.at(-1)?.Records[0]?.attributes.ApproximateReceiveCount).toBe('2');
  });

  test('brings back the whole batch when the function fails', async () => {
    const one = await queue();
    for (const body of ['first', 'second']) await send(one, body);
    const { batches } = map(one, ({ Records }) => ({
      ...fine,
      failed: Records.some(({ attributes }) => attributes.ApproximateReceiveCount === '1'),
    }));
    await empty(one);
    expect(batches.flat().toSorted()).toEqual(['first', 'first', 'second', 'second']);
  });

  test('leaves a message that fails too often to the dead-letter queue', async () => {
    const dead = await queue();
    const one = await queue({ RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 2 }) });
    await send(one, 'poison');
    const { batches } = map(one, ({ Records }) => failures(...Records.map(({ messageId }) => messageId)), {
      retryAfter: 0,
    });
    await until(async () => (await left(dead)) === 1, { what: 'the arrival of the dead letter' });
    expect(batches).toEqual([['poison'], ['poison']]);
  });

  test('collects for as long as the batching window', async () => {
    const one = await queue({ VisibilityTimeout: '30' });
    const { batches } = map(one, () => fine, { batchSize: 100, batchingWindow: 2 });
    for (let n = 0; n < 25; n += 1) await send(one, String(n));
    await empty(one);
    expect(batches.length).toBeLessThanOrEqual(2);
    expect(batches.flat()).toHaveLength(25);
  });

  test('works on no more batches at once than it may', async () => {
    const one = await queue({ VisibilityTimeout: '30' });
    for (let n = 0; n < 6; n += 1) await send(one, String(n));
    const gate = Promise.withResolvers<void>();
    let [now, most] = [0, 0];
    const { batches } = map(
      one,
      async () => {
        now += 1;
        most = Math.max(most, now);
        if (batches.length === 2) gate.resolve();
        await gate.promise;
        now -= 1;
        return fine;
      },
      { batchSize: 1, maximumConcurrency: 2 },
    );
    await empty(one);
    expect(most).toBe(2);
    expect(batches).toHaveLength(6);
  });

  test('keeps the order of a FIFO group, also after a failure, and lets other groups pass', async () => {
    const one = await queue({}, true);
    for (const body of ['a1', 'a2', 'b1', 'a3']) await send(one, body, body[0]);
    let isFirst = true;
    const { batches } = map(
      one,
      ({ Records }) => {
        const [first] = Records;
        if (first?.body !== 'a1' || !isFirst) return fine;
        isFirst = false;
        return failures(first.messageId);
      },
      { batchSize: 1 },
    );
    await empty(one);
    expect(batches.flat().filter((body) => body.startsWith('a'))).toEqual(['a1', 'a1', 'a2', 'a3']);
    expect(batches.flat().indexOf('b1')).toBeLessThan(3);
  });

  test('does not see what was sent twice to a FIFO queue', async () => {
    const one = await queue({}, true);
    for (const body of ['a1', 'a1']) await send(one, body, 'a');
    const { batches } = map(one, () => fine);
    await empty(one);
    expect(batches).toEqual([['a1']]);
  });

  test('holds a group back while one of its messages is worked on', async () => {
    const one = await queue({ VisibilityTimeout: '30' }, true);
    for (const body of ['a1', 'a2']) await send(one, body, 'a');
    const gate = Promise.withResolvers<void>();
    const { batches } = map(one, () => gate.promise.then(() => fine), { batchSize: 1 });
    await until(() => batches.length === 1, { what: 'the first batch' });
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: one.url }));
    expect(Messages).toEqual([]);
    gate.resolve();
    await empty(one);
    expect(batches).toEqual([['a1'], ['a2']]);
  });

  test('says once why it cannot poll', async () => {
    const problems: string[] = [];
    const mapping = { queueUrl: `${aws.motoEndpoint}/${aws.home}/none`, queueArn: 'arn:aws:sqs:us-east-1:1:none' };
    const usual = { batchSize: 10, batchingWindow: 0, maximumConcurrency: 2, reportsFailures: true };
    const onProblem = (problem: string) => problems.push(problem);
    const one = startEventSourceMapping({ ...mapping, ...usual }, { sqs, invoke: async () => fine, onProblem });
    await until(() => problems.length > 0, { what: 'the complaint' });
    await one.stop();
    expect(problems).toEqual([expect.stringContaining('does not exist')]);
  });
});

describe('failedRecords', () => {
  const record = (messageId: string) => ({ messageId }) as SqsEvent['Records'][number];
  const event = { Records: [record('m1'), record('m2')] };
  const all = ['m1', 'm2'];
  test.each([
    ['null', []],
    ['{}', []],
    ['{"batchItemFailures":[]}', []],
    ['{"batchItemFailures":null}', []],
    ['{"batchItemFailures":[{"itemIdentifier":"m2"}]}', ['m2']],
    ['{"batchItemFailures":[{"itemIdentifier":""}]}', all],
    ['{"batchItemFailures":[{"itemIdentifier":null}]}', all],
    ['{"batchItemFailures":[{"itemIdentifer":"m2"}]}', all],
    ['{"batchItemFailures":[{"itemIdentifier":"m2"},{"itemIdentifier":"m3"}]}', all],
    ['{"batchItemFailures":"m2"}', all],
    ['"done"', all],
  ])('after the answer %s brings back %j', (payload, back) => {
    expect([...failedRecords(event, { failed: false, payload }, true)]).toEqual(back);
  });

  test('brings back nothing of what a function answers that does not report failures', () => {
    const answer = failures('m1');
    expect([...failedRecords(event, answer, false)]).toEqual([]);
    expect([...failedRecords(event, { ...answer, failed: true }, false)]).toEqual(all);
  });
});

describe('the scheduler', () => {
  const schedule = {
    name: 'every-minute',
    expression: 'rate(1 minute)',
    functionName: 'scheduled',
    input: '{"every":60,"scheduledAt":"<aws.scheduler.scheduled-time>"}',
  };

  test('fills the keywords of the input', () => {
    expect(eventOf(schedule, new Date('2026-11-22T10:00:00.123Z'))).toEqual({
      every: 60,
      scheduledAt: '2026-11-22T10:00:00Z',
    });
  });

  test('fires at once, and when it is asked', async () => {
    const fired: string[] = [];
    const invoke = async (name: string) => fired.push(name);
    const scheduler = startScheduler([schedule], { invoke });
    expect(fired).toEqual(['scheduled']);
    await scheduler.fire('every-minute');
    expect(fired).toEqual(['scheduled', 'scheduled']);
    await expect(scheduler.fire('hourly')).rejects.toThrow('no schedule hourly; there are every-minute');
    await scheduler.stop();
  });

  test('refuses an expression that it does not understand', () => {
    const start = () => startScheduler([{ ...schedule, expression: 'cron(0 * * * ? *)' }], { invoke: async () => {} });
    expect(start).toThrow('"cron(0 * * * ? *)" of every-minute is not understood');
  });
});
