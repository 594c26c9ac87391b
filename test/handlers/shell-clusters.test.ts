import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import * as z from 'zod';
import type { Invocation } from '../../handlers/shell.ts';
import { configurationWith, contextOf, surroundings } from './functions.ts';

const { configure } = surroundings();
const arn = (name: string) => `arn:aws:secretsmanager:us-east-1:111122223333:secret:${name}-AbCdEf`;
const SecretString = `
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: a, user: {token: t}}]
`;

/** What became of the reads of a secret in turn, the last one for all that follow; ended by `answer`. */
let held: (() => void)[] = [];
let reads: string[] = [];

// Secrets Manager, whose network has the good ones within reach and the others not yet.
const store = createServer(async (request, response) => {
  const { SecretId } = (await json(request)) as { SecretId: string };
  reads.push(SecretId);
  const answer = () => {
    response.setHeader('content-type', 'application/x-amz-json-1.1');
    response.end(JSON.stringify({ SecretString }));
  };
  if (SecretId === arn('good')) answer();
  else held.push(answer);
});
beforeAll(() => new Promise<void>((resolve) => store.listen(0, '127.0.0.1', resolve)));
afterAll(() => {
  store.closeAllConnections();
  store.close();
});

beforeEach(() => {
  held = [];
  reads = [];
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'a');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'b');
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', `http://127.0.0.1:${(store.address() as AddressInfo).port}`);
  configure(configurationWith({}, { clusters: { good: { secret: arn('good') }, bad: { secret: arn('bad') } } }));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A function in an environment of its own; each call is an invocation of it. */
async function environment() {
  const { handlerOf } = await import('../../handlers/shell.ts');
  let work: (invocation: Invocation) => Promise<unknown> = async () => {};
  const handler = handlerOf(z.unknown(), (_, invocation) => work(invocation));
  return async <Result>(next: (invocation: Invocation) => Promise<Result>, remaining = 300_000): Promise<Result> => {
    let result: { readonly value: Result } | undefined;
    work = async (invocation) => {
      result = { value: await next(invocation) };
    };
    await handler({}, contextOf(remaining));
    if (result === undefined) throw new Error('the function did not work');
    return result.value;
  };
}

/** Opens a cluster, and says whether it is one. */
async function opening({ clusters }: Invocation, name: string) {
  const cluster = (await clusters([name])).get(name);
  return { cluster, isOpen: cluster !== undefined && !('isUnusable' in cluster) };
}

/** Holds the time of `AbortSignal.timeout`, which no fake clock does; it passes for waits of one length at a time. */
function heldTime() {
  const waits: { readonly milliseconds: number; readonly end: AbortController }[] = [];
  vi.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) => {
    const end = new AbortController();
    waits.push({ milliseconds, end });
    return end.signal;
  });
  return {
    pass(milliseconds: number) {
      for (const wait of waits) if (wait.milliseconds === milliseconds) wait.end.abort();
    },
  };
}

test('a cluster that AWS does not answer for holds up no other one, and is given up after five seconds', async () => {
  const time = heldTime();
  const invoke = await environment();
  const { bad, good, same } = await invoke(async (invocation) => {
    const waiting = [opening(invocation, 'bad'), opening(invocation, 'bad')] as const;
    const open = await opening(invocation, 'good');
    time.pass(5_000);
    return { good: open, bad: await waiting[0], same: await waiting[1] };
  });
  expect([bad, good, same].map(({ isOpen }) => isOpen)).toEqual([false, true, false]);
  expect(same.cluster).toBe(bad.cluster);
  await expect(bad.cluster?.namespacePhase('external', { signal: new AbortController().signal })).rejects.toThrow(
    'cluster bad: AWS has not told within 5 s how to enter it. Is AWS within reach from here?',
  );
  const again = await invoke(
    async (invocation) =>
      [
        await opening(invocation, 'good'),
        await Promise.all([opening(invocation, 'bad'), invocation.clusters([]).then(() => held.shift()?.())]),
      ] as const,
  );
  expect(again[0]).toMatchObject({ cluster: good.cluster });
  expect(again[1][0]).toMatchObject({ isOpen: true });
  expect(reads.toSorted()).toEqual([arn('bad'), arn('good')]);
});

test('what was asked before the function was frozen is asked anew, and what answers then makes no second cluster', async () => {
  const invoke = await environment();
  const first = await invoke((invocation) => opening(invocation, 'bad'), 100);
  expect(first.isOpen).toBe(false);
  await expect.poll(() => reads).toHaveLength(1);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 });
  const second = await invoke(async (invocation) => {
    const asked = opening(invocation, 'bad');
    await expect.poll(() => reads).toHaveLength(2);
    for (const answer of held.toReversed()) answer();
    return asked;
  });
  expect(second.isOpen).toBe(true);
  const third = await invoke((invocation) => opening(invocation, 'bad'));
  expect(third.cluster).toBe(second.cluster);
  expect(reads).toHaveLength(2);
});

test('a cluster that may not be entered is tried again by the next invocation, and once in each', async () => {
  configure(configurationWith({}, { clusters: { bad: { secret: arn('bad') } } }));
  const invoke = await environment();
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  const [one, other] = await invoke(
    async (invocation) => [await opening(invocation, 'bad'), await opening(invocation, 'bad')] as const,
  );
  expect(one.isOpen).toBe(false);
  expect(other.cluster).toBe(one.cluster);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'a');
  const mended = invoke((invocation) => opening(invocation, 'bad'));
  await expect.poll(() => held).toHaveLength(1);
  held[0]?.();
  expect(await mended).toMatchObject({ isOpen: true });
});
