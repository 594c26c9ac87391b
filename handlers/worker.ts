import * as z from 'zod';
import { work } from '../lib/work.ts';
import { handlerOf } from './shell.ts';
import { deskOf } from './worker-desk.ts';

/** Of an event of an SQS queue what is used (Lambda Developer Guide, "Using Lambda with Amazon SQS"). */
const record = z.object({
  messageId: z.string(),
  receiptHandle: z.string(),
  body: z.string(),
  eventSourceARN: z.string().regex(/^arn:[\w:.-]{1,250}$/, 'is not the ARN of a queue'),
  attributes: z.object({ ApproximateReceiveCount: z.coerce.number(), MessageGroupId: z.string() }),
});

/** All of one queue. */
const batch = z.object({ Records: z.tuple([record], record) });

/** Works on targets, those of schedules and those of backfills: each has a queue of its own. */
export const handler = handlerOf(batch, async ({ Records }, invocation) => {
  const records = Records.map(({ messageId, receiptHandle, body, attributes }) => ({
    id: messageId,
    body,
    group: attributes.MessageGroupId,
    receiveCount: attributes.ApproximateReceiveCount,
    receiptHandle,
  }));
  const returned = await work(records, deskOf(Records[0].eventSourceARN, invocation));
  return { batchItemFailures: returned.map(({ id }) => ({ itemIdentifier: id })) };
});
