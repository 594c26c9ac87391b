import { setTimeout as pause } from 'node:timers/promises';
import { SendMessageBatchCommand, type SendMessageBatchRequestEntry, type SQSClient } from '@aws-sdk/client-sqs';
import { mapConcurrent } from './concurrent.ts';
import { deduplicationOf, groupOf, type TargetMessage } from './messages.ts';
import { publicText } from './public-text.ts';

/** What goes into a FIFO queue. */
export interface Outgoing {
  readonly body: string;
  readonly group: string;
  readonly deduplication: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** What the queue did not take, and what it said. */
export interface Unsent {
  readonly message: Outgoing;
  readonly reason: string;
  /** Sending it again cannot help. */
  readonly isRefused: boolean;
}

/**
 * How functions make their clients of SQS. The SDK's default is to wait for ever, also on a connection that died while the
 * function was frozen; a request that was only slow may be repeated, because the queue drops what it had before.
 */
export const queueSettings = {
  useQueueUrlAsEndpoint: false,
  requestHandler: {
    connectionTimeout: 2_000,
    requestTimeout: 3_000,
    socketTimeout: 3_000,
    throwOnRequestTimeout: true,
  },
};

/** API reference of SQS, SendMessageBatch. */
const mostInBatch = 10;

/** Bytes. SQS takes 1 MiB, older emulations and queues 256 KiB; a message that is larger goes alone. */
const mostBytes = 256 * 1024;

/** Requests at once: 300 a second are let through to a FIFO queue ("Amazon SQS message quotas"), each some 20 ms. */
const atOnce = 8;

/** Milliseconds before what was not taken is sent again. */
const pauses: readonly number[] = [200, 1_000];

/** A message as the queues of the worker take it. */
export function outgoing(message: TargetMessage): Outgoing {
  return { body: JSON.stringify(message), group: groupOf(message), deduplication: deduplicationOf(message) };
}

/** Sends all, in batches, and what was not taken again. Never throws: what is left comes back. */
export async function sendAll(
  client: SQSClient,
  url: string,
  messages: readonly Outgoing[],
  signal: AbortSignal,
): Promise<readonly Unsent[]> {
  let left = await sendOnce(client, url, messages, signal);
  for (const milliseconds of pauses) {
    const again = left.filter(({ isRefused }) => !isRefused).map(({ message }) => message);
    if (again.length === 0) break;
    // An abort ends the pause, and then each request before it is sent.
    await pause(milliseconds, undefined, { signal }).catch(() => {});
    left = [...left.filter(({ isRefused }) => isRefused), ...(await sendOnce(client, url, again, signal))];
  }
  return left;
}

async function sendOnce(client: SQSClient, url: string, messages: readonly Outgoing[], signal: AbortSignal) {
  const unsent = await mapConcurrent(batchesOf(messages), atOnce, (batch) => sendBatch(client, url, batch, signal));
  return unsent.flat();
}

async function sendBatch(
  client: SQSClient,
  url: string,
  batch: readonly Outgoing[],
  signal: AbortSignal,
): Promise<Unsent[]> {
  const command = new SendMessageBatchCommand({ QueueUrl: url, Entries: batch.map(entryOf) });
  try {
    const { Failed = [] } = await client.send(command, { abortSignal: signal });
    return Failed.flatMap(({ Id, Code, Message, SenderFault = false }) => {
      const message = batch[Number(Id)];
      const reason = `${Code ?? 'no reason given'}${Message === undefined ? '' : `: ${Message}`}`;
      return message === undefined ? [] : [{ message, reason, isRefused: SenderFault }];
    });
  } catch (error) {
    const reason = publicText(String(error));
    return batch.map((message) => ({ message, reason, isRefused: false }));
  }
}

function entryOf({ body, group, deduplication, attributes = {} }: Outgoing, index: number) {
  const values = Object.entries(attributes).map(([key, StringValue]) => [key, { DataType: 'String', StringValue }]);
  return {
    Id: String(index),
    MessageBody: body,
    MessageGroupId: group,
    MessageDeduplicationId: deduplication,
    ...(values.length === 0 ? {} : { MessageAttributes: Object.fromEntries(values) }),
  } satisfies SendMessageBatchRequestEntry;
}

function batchesOf(messages: readonly Outgoing[]): Outgoing[][] {
  const batches: Outgoing[][] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = sizeOf(message);
    const last = batches.at(-1);
    if (last === undefined || last.length === mostInBatch || bytes + size > mostBytes) {
      batches.push([message]);
      bytes = size;
    } else {
      last.push(message);
      bytes += size;
    }
  }
  return batches;
}

/** Attributes count with name, type and value (SQS Developer Guide, "Amazon SQS message metadata"). */
function sizeOf({ body, attributes = {} }: Outgoing): number {
  const further = Object.entries(attributes).flatMap(([key, value]) => [key, 'String', value]);
  return [body, ...further].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
