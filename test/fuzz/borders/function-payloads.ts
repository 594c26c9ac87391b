import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from 'aws-lambda';
import * as fc from 'fast-check';
import { ApiError } from '../../../lib/cluster.ts';
import { samples } from '../../event-samples.ts';
import { setAwsKeys } from '../aws-keys.ts';
import { answered, type WireRequest } from '../aws-wire.ts';
import { defineBorder } from '../border.ts';
import { canary } from '../canaries.ts';
import { damaged } from '../damage.ts';
import { ownFolder } from '../own-folder.ts';

const folder = ownFolder();

const queue = (name: string) => `https://sqs.us-east-1.amazonaws.com/111122223333/${name}`;
/** The only mirror is paused: what a payload leads to is the matter of other borders. */
const configuration = {
  clusters: { main: { secret: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:cluster-AbCdEf' } },
  accounts: { main: { id: '123456789012' } },
  mirrors: [
    {
      name: 'one',
      sources: ['RDSInstance'],
      accounts: ['main'],
      regions: ['us-east-1'],
      namespace: 'external',
      paused: true,
    },
  ],
};
writeFileSync(join(folder, 'configuration.json'), JSON.stringify(configuration));

setAwsKeys();
Object.assign(process.env, {
  POWERTOOLS_SERVICE_NAME: 'skymirror',
  POWERTOOLS_METRICS_NAMESPACE: 'Skymirror',
  AWS_LAMBDA_FUNCTION_NAME: 'skymirror-fuzz',
  SKYMIRROR_STAGE: 'fuzz',
  SKYMIRROR_CONFIGURATION: join(folder, 'configuration.json'),
  SKYMIRROR_SCHEDULE_QUEUE_URL: queue('schedule.fifo'),
  SKYMIRROR_BACKFILL_QUEUE_URL: queue('backfill.fifo'),
  SKYMIRROR_SCHEDULE_DEAD_LETTER_QUEUE_URL: queue('schedule-dead.fifo'),
  SKYMIRROR_BACKFILL_DEAD_LETTER_QUEUE_URL: queue('backfill-dead.fifo'),
});

type Handler = (event: unknown, context: Context) => Promise<unknown>;

/** The functions are imported behind what surrounds them, as Lambda does it. */
const handlers: Readonly<Record<string, Handler>> = {
  event: (await import('../../../handlers/event.ts')).handler,
  worker: (await import('../../../handlers/worker.ts')).handler,
  backfill: (await import('../../../handlers/backfill.ts')).handler,
  scheduled: (await import('../../../handlers/scheduled.ts')).handler,
};

const message = {
  version: 1,
  run: 'r',
  mirror: 'one',
  source: 'RDSInstance',
  scope: { account: '123456789012', region: 'us-east-1' },
  scheduledAt: '2026-11-22T21:39:00Z',
};
const bodies = [
  ...samples.slice(0, 12).map(({ body }) => JSON.stringify(body)),
  ...[message, { ...message, mirror: 'gone' }, { ...message, password: canary }, { version: 2 }].map((one) =>
    JSON.stringify(one),
  ),
];
const records = bodies.map((body, index) => ({
  messageId: `message-${index}`,
  receiptHandle: `receipt-${index}`,
  body,
  attributes: { ApproximateReceiveCount: String((index % 5) + 1), MessageGroupId: 'g', SentTimestamp: '1789000000000' },
  messageAttributes: {},
  md5OfBody: '0',
  eventSource: 'aws:sqs',
  eventSourceARN: `arn:aws:sqs:us-east-1:111122223333:${index % 2 === 0 ? 'schedule' : 'backfill'}.fifo`,
  awsRegion: 'us-east-1',
}));
const payloads = [
  ...records.map((record) => ({ Records: [record] })),
  { Records: records },
  { every: 60, scheduledAt: '2026-11-22T21:39:00Z' },
  { mirror: 'one', mode: 'plan' },
  { run: 'a', tag: { team: 'x' } },
  { cancel: 'a' },
  {},
];

/** What Lambda hands over to the functions: records of queues, slots of schedules, requests; and what they log. */
export const functionPayloads = defineBorder<{ readonly name: string; readonly payload: unknown }>({
  name: 'function payloads',
  arbitrary: fc.record({ name: fc.constantFrom(...Object.keys(handlers)), payload: damaged(payloads, 3).map(withIds) }),
  async run({ name, payload }) {
    const handler = handlers[name] ?? (() => Promise.reject(new Error(`no function ${name}`)));
    try {
      return { left: await answered(byAws, () => handler(payload, context())) };
    } catch (error) {
      if (error instanceof ApiError || (error instanceof Error && error.name === 'Error')) return { errors: [error] };
      throw error;
    }
  },
});

/** Senders write all of a message but its id, which SQS gives. */
function withIds(payload: unknown): unknown {
  const { Records: sent } = Object(payload);
  if (!Array.isArray(sent)) return payload;
  const own = (record: unknown, index: number) =>
    typeof Object(record).messageId === 'string' ? { ...Object(record), messageId: `message-${index}` } : record;
  return { ...Object(payload), Records: sent.map(own) };
}

/** Queues take everything, and the secret with the kubeconfig cannot be read: no cluster is reached. */
function byAws({ hostname }: WireRequest) {
  const isQueue = hostname.startsWith('sqs');
  const body = isQueue ? { Successful: [], Failed: [] } : { __type: 'AccessDeniedException', Message: 'no' };
  const headers = { 'content-type': 'application/x-amz-json-1.0' };
  return { status: isQueue ? 200 : 400, headers, chunks: [Buffer.from(JSON.stringify(body))], reset: false };
}

/** Far from the end of the time, so that the clock decides nothing. */
function context(): Context {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: 'skymirror-fuzz',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:111122223333:function:skymirror-fuzz',
    memoryLimitInMB: '512',
    awsRequestId: 'request-1',
    logGroupName: 'group',
    logStreamName: 'stream',
    getRemainingTimeInMillis: () => 300_000,
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
}
