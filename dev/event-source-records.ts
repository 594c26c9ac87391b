import type { Message } from '@aws-sdk/client-sqs';
import { z } from 'zod';

/** What Lambda gives a function for a batch of messages. */
export interface SqsEvent {
  readonly Records: readonly SqsRecord[];
}

/** One message, in the names of Lambda (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS"). */
export interface SqsRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, unknown>>;
  readonly md5OfBody: string;
  readonly md5OfMessageAttributes?: string;
  readonly eventSource: 'aws:sqs';
  readonly eventSourceARN: string;
  readonly awsRegion: string;
}

/** A message as ReceiveMessage gives it, as a record. */
export function recordOf(message: Message, queueArn: string, mend = (body: string) => body): SqsRecord {
  const { MessageId = '', ReceiptHandle = '', Body = '', MD5OfBody = '', MD5OfMessageAttributes } = message;
  const attributes = Object.entries(message.MessageAttributes ?? {}).map(([name, { StringValue, DataType }]) => [
    name,
    { stringValue: StringValue, stringListValues: [], binaryListValues: [], dataType: DataType },
  ]);
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: mend(Body),
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(attributes),
    md5OfBody: MD5OfBody,
    ...(MD5OfMessageAttributes === undefined ? {} : { md5OfMessageAttributes: MD5OfMessageAttributes }),
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(':')[3] ?? '',
  };
}

const answerShape = z.object({ batchItemFailures: z.array(z.unknown()).nullish() }).nullable();
const failureShape = z.object({ itemIdentifier: z.string().min(1) });

/**
 * Ids of the messages that come back (AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda",
 * "Success and failure conditions"):
 *
 * | the function | comes back |
 * |---|---|
 * | threw, timed out or died | all |
 * | does not report failures | none |
 * | answers nothing, `{}`, or a list that is null or empty | none |
 * | names an id that is empty, null, misspelt or of no message; answers no object | all |
 * | names ids | those |
 */
export function failedRecords(
  { Records }: SqsEvent,
  { failed, payload }: { readonly failed: boolean; readonly payload: string },
  reportsFailures: boolean,
): ReadonlySet<string> {
  const all = new Set(Records.map(({ messageId }) => messageId));
  if (failed) return all;
  if (!reportsFailures) return new Set();
  const answer = answerShape.safeParse(JSON.parse(payload));
  if (!answer.success) return all;
  const named = (answer.data?.batchItemFailures ?? []).map((item) => failureShape.safeParse(item).data?.itemIdentifier);
  const ids = named.filter((id) => id !== undefined && all.has(id)).filter((id) => id !== undefined);
  return ids.length === named.length ? new Set(ids) : all;
}
