import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { failedRecords, recordOf, type SqsEvent } from './event-source-records.ts';
import type { Invoked } from './lambda-process.ts';

/** An event source mapping as Lambda knows it, of a queue. */
export interface EventSourceMapping {
  readonly queueUrl: string;
  readonly queueArn: string;
  readonly batchSize: number;
  /** Seconds. */
  readonly batchingWindow: number;
  /** Batches worked on at once. */
  readonly maximumConcurrency: number;
  /** Whether the function says by itself which messages failed. */
  readonly reportsFailures: boolean;
}

/** What polls, and what for. */
export interface MappingSettings {
  /** With the credentials of the function's role, as which Lambda polls. */
  readonly sqs: SQSClient;
  invoke(event: SqsEvent): Promise<Pick<Invoked, 'failed' | 'payload'>>;
  /** What the emulator gets wrong in a body can be put right here. */
  readonly mend?: (body: string) => string;
  /**
   * Seconds until failed messages come back, and who may say so: no role of a function needs that right. Left out, as in
   * Lambda: when the queue's visibility timeout is over.
   */
  readonly retry?: { readonly after: number; readonly sqs: SQSClient };
  /** Told why polling does not work, once for each reason. */
  readonly onProblem?: (problem: string) => void;
}

/** A mapping at work. */
export interface RunningMapping {
  readonly queueArn: string;
  /** Ends the polling; resolves when what is under way has ended. */
  stop(): Promise<void>;
}

/** SQS Developer Guide, "Amazon SQS message quotas": a request takes at most ten messages. */
const perRequest = 10;
/** Lambda Developer Guide, "Invocation payload": the messages of a batch have at most 6 MB together. */
const maxPayload = 6 * 1024 * 1024;

/**
 * Polls a queue as Lambda does (AWS Lambda Developer Guide, "Using Lambda with Amazon SQS", "Handling errors for an SQS
 * event source in Lambda"): collects a batch, invokes, deletes what did not fail. Failed messages are left for the
 * queue to bring back. Order and exclusiveness within a FIFO group are the queue's work. Unlike Lambda it neither
 * starts with five pollers nor backs off when the function fails.
 */
export function startEventSourceMapping(mapping: EventSourceMapping, settings: MappingSettings): RunningMapping {
  const { sqs, onProblem = () => {} } = settings;
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  const told = new Set<string>();

  async function poll(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (underWay.size >= mapping.maximumConcurrency) await Promise.race(underWay);
      try {
        const messages = await collect(sqs, mapping, stopping.signal);
        if (messages.length === 0) continue;
        const batch = work(messages).catch(problem);
        underWay.add(batch);
        batch.finally(() => underWay.delete(batch));
      } catch (error) {
        problem(error);
        await pause(1000, stopping.signal);
      }
    }
    await Promise.all(underWay);
  }

  async function work(messages: readonly Message[]): Promise<void> {
    const event = { Records: messages.map((message) => recordOf(message, mapping.queueArn, settings.mend)) };
    const failed = failedRecords(event, await settings.invoke(event), mapping.reportsFailures);
    await remove(
      sqs,
      mapping.queueUrl,
      messages.filter(({ MessageId }) => !failed.has(MessageId ?? '')),
    );
    const { retry } = settings;
    if (retry === undefined) return;
    for (const { MessageId, ReceiptHandle } of messages) {
      if (!failed.has(MessageId ?? '')) continue;
      const change = { QueueUrl: mapping.queueUrl, ReceiptHandle, VisibilityTimeout: retry.after };
      await retry.sqs.send(new ChangeMessageVisibilityCommand(change));
    }
  }

  function problem(error: unknown): void {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (!told.has(text)) onProblem(text);
    told.add(text);
  }

  const ended = poll();
  return {
    queueArn: mapping.queueArn,
    stop() {
      stopping.abort();
      return ended;
    },
  };
}

/** One batch: what one request gives, or, with a batching window, what comes until it is over or the batch is full. */
async function collect(
  sqs: SQSClient,
  { queueUrl, batchSize, batchingWindow }: EventSourceMapping,
  stopping: AbortSignal,
): Promise<Message[]> {
  const batch: Message[] = [];
  let until = Number.POSITIVE_INFINITY;
  const size = () => batch.reduce((sum, { Body = '' }) => sum + Buffer.byteLength(Body), 0);
  do {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: Math.min(perRequest, batchSize - batch.length),
        // A poll that is cut off may have taken messages with it: it is short, and always waited for.
        WaitTimeSeconds: 1,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
    );
    batch.push(...Messages);
    if (batch.length > 0) until = Math.min(until, performance.now() + batchingWindow * 1000);
  } while (
    batch.length > 0 &&
    batch.length < batchSize &&
    performance.now() < until &&
    size() < maxPayload &&
    !stopping.aborted
  );
  return batch;
}

async function remove(sqs: SQSClient, QueueUrl: string, messages: readonly Message[]): Promise<void> {
  for (let start = 0; start < messages.length; start += perRequest) {
    const Entries = messages
      .slice(start, start + perRequest)
      .map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    resolve();
  });
  return promise;
}
