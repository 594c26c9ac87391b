import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, test } from 'vitest';
import { type Outgoing, outgoing, queueSettings, sendAll } from '../lib/queue.ts';

interface Entry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageGroupId: string;
  readonly MessageDeduplicationId: string;
  readonly MessageAttributes?: unknown;
}

/** What the queue answers to one batch: `error` to a request that failed as a whole, nothing at all to `silent`. */
type Answer = (
  entries: readonly Entry[],
  call: number,
) => { readonly Failed?: readonly object[]; readonly error?: string; readonly silent?: boolean };

let server: Server | undefined;
let client: SQSClient | undefined;

afterEach(() => {
  client?.destroy();
  server?.closeAllConnections();
  server?.close();
});

/** SendMessageBatch as the API reference has it, over HTTP: moto never refuses a part of a batch. */
async function queueThat(answer: Answer) {
  const batches: Entry[][] = [];
  const own = createServer(async (request, response) => {
    const { Entries } = (await json(request)) as { Entries: Entry[] };
    batches.push(Entries);
    const { error, silent = false, Failed = [] } = answer(Entries, batches.length);
    if (silent) return;
    const failed = new Set(Failed.map((one) => (one as Entry).Id));
    const Successful = Entries.filter(({ Id }) => !failed.has(Id)).map(({ Id, MessageBody }) => ({
      Id,
      MessageId: Id,
      MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex'),
    }));
    response.writeHead(error === undefined ? 200 : 500, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(error === undefined ? { Successful, Failed } : { __type: 'Failed', message: error }));
  });
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
  server = own;
  const sqs = new SQSClient({
    ...queueSettings,
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${(own.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  client = sqs;
  const url = 'https://sqs.us-east-1.amazonaws.com/111122223333/queue.fifo';
  const send = (messages: readonly Outgoing[], signal = new AbortController().signal) =>
    sendAll(sqs, url, messages, signal);
  return { batches, send };
}

const message = (name: string, further: Partial<Outgoing> = {}): Outgoing => ({
  body: `body ${name}`,
  group: `group-${name}`,
  deduplication: `deduplication-${name}`,
  ...further,
});
const many = (count: number) => Array.from({ length: count }, (_, index) => message(String(index)));

test('a message goes out with its group and its deduplication id, because they are what a FIFO queue works by', async () => {
  const { batches, send } = await queueThat(() => ({}));
  const scheduledAt = '2026-11-22T21:39:00Z';
  const target = { version: 1 as const, run: 'run-1', mirror: 'one', source: 'RDSInstance', scope: {}, scheduledAt };
  const sent = outgoing({ ...target, hop: 2 });
  expect(await send([sent, message('attributed', { attributes: { Reason: 'why' } })])).toEqual([]);
  expect(batches[0]?.map(({ Id, ...entry }) => entry)).toEqual([
    {
      MessageBody: JSON.stringify({ ...target, hop: 2 }),
      MessageGroupId: expect.stringMatching(/^one\.RDSInstance\./),
      MessageDeduplicationId: expect.stringMatching(/^run-1\..*\.2$/),
    },
    {
      MessageBody: 'body attributed',
      MessageGroupId: 'group-attributed',
      MessageDeduplicationId: 'deduplication-attributed',
      MessageAttributes: { Reason: { DataType: 'String', StringValue: 'why' } },
    },
  ]);
});

test('10,000 messages take 1,000 requests, and each is sent once', async () => {
  const { batches, send } = await queueThat(() => ({}));
  expect(await send(many(10_000))).toEqual([]);
  expect(batches).toHaveLength(1_000);
  expect(new Set(batches.flat().map(({ MessageBody }) => MessageBody)).size).toBe(10_000);
});

test('a batch holds no more bytes than any queue takes, and what is larger goes alone', async () => {
  const { batches, send } = await queueThat(() => ({}));
  const large = (bytes: number) => message(String(bytes), { body: 'é'.repeat(bytes / 2) });
  expect(await send([large(200_000), large(60_000), large(10_000), large(600_000), message('small')])).toEqual([]);
  expect(batches.map((batch) => batch.length).toSorted()).toEqual([1, 1, 1, 2]);
});

describe('what the queue does not take', () => {
  const failed = (entries: readonly Entry[], SenderFault: boolean) =>
    entries
      .filter(({ MessageBody }) => MessageBody.endsWith('7'))
      .map(({ Id }) => ({ Id, SenderFault, Code: 'InternalError', Message: 'try again' }));

  test('is sent again, and it alone', async () => {
    const { batches, send } = await queueThat((entries, call) => ({ Failed: call <= 2 ? failed(entries, false) : [] }));
    expect(await send(many(20))).toEqual([]);
    expect(batches.map((batch) => batch.length)).toEqual([10, 10, 2]);
    expect(batches[2]?.map(({ MessageBody }) => MessageBody).toSorted()).toEqual(['body 17', 'body 7']);
  });

  test('three times in a row comes back with what the queue said', async () => {
    const { batches, send } = await queueThat((entries) => ({ Failed: failed(entries, false) }));
    expect(await send(many(10))).toEqual([
      { message: message('7'), reason: 'InternalError: try again', isRefused: false },
    ]);
    expect(batches.map((batch) => batch.length)).toEqual([10, 1, 1]);
  });

  test('and never will comes back at once', async () => {
    const { batches, send } = await queueThat((entries) => ({ Failed: failed(entries, true) }));
    expect(await send(many(10))).toMatchObject([{ isRefused: true }]);
    expect(batches).toHaveLength(1);
  });

  test('and never will comes back beside what was taken in the end', async () => {
    const { batches, send } = await queueThat((entries, call) => ({
      Failed:
        call > 1 ? [] : [...failed(entries, false), { Id: '0', SenderFault: true, Code: 'InvalidMessageContents' }],
    }));
    expect(await send(many(10))).toEqual([
      { message: message('0'), reason: 'InvalidMessageContents', isRefused: true },
    ]);
    expect(batches.map((batch) => batch.length)).toEqual([10, 1]);
  });

  test('comes back also without a reason, and what was never in the batch does not', async () => {
    const { send } = await queueThat(() => ({
      Failed: [
        { Id: '0', SenderFault: true },
        { Id: '7', SenderFault: true, Code: 'InvalidMessageContents' },
      ],
    }));
    expect(await send(many(1))).toEqual([{ message: message('0'), reason: 'no reason given', isRefused: true }]);
  });

  test('because a whole request failed is sent again', async () => {
    const { batches, send } = await queueThat((_, call) => (call === 1 ? { error: 'no' } : {}));
    expect(await send(many(3))).toEqual([]);
    expect(batches).toHaveLength(2);
  });

  test('because there was no answer, as on a connection that died while the function was frozen, is sent again', async () => {
    const { batches, send } = await queueThat((_, call) => ({ silent: call === 1 }));
    expect(await send(many(3), AbortSignal.timeout(60_000))).toEqual([]);
    expect(batches).toHaveLength(2);
  });

  test('is told without the credentials that an answer of AWS may quote', async () => {
    const error =
      "the signature does not match. The Canonical String should have been\n'POST\nx-amz-security-token:TOKEN";
    const { send } = await queueThat(() => ({ error }));
    expect(await send(many(1))).toMatchObject([{ reason: 'Failed: the signature does not match.' }]);
  });

  test('is not sent again when the time is over', async () => {
    const time = new AbortController();
    const { batches, send } = await queueThat((entries) => {
      time.abort();
      return { Failed: failed(entries, false) };
    });
    const unsent = await send(many(10), time.signal);
    expect(unsent.length).toBeGreaterThan(0);
    expect(batches).toHaveLength(1);
  });
});
