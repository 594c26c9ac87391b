import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { judgement } from '../lib/conditions.ts';
import { defineSource } from '../lib/define-source.ts';
import type { Outside } from '../lib/source.ts';

interface Row {
  readonly id: string;
}
/** What the provider does; a test replaces what it is about. */
interface Session {
  prove(): Promise<void>;
  list(): AsyncIterable<readonly Row[]>;
  get(): Promise<ReadonlyMap<string, Row>>;
}

const row = { id: 'orders' };
const reason = new Error('the pass was ended');
const never = new Promise<never>(() => undefined);
const hang = (reached: () => void) => {
  reached();
  return never;
};

const calm: Session = {
  prove: async () => undefined,
  async *list() {
    yield [row];
    yield [row];
  },
  get: async () => new Map([['orders', row]]),
};

function open(doing: Partial<Session>): Outside {
  const identity = z.object({ topic: z.string() });
  return defineSource({
    kind: 'Topic',
    plural: 'topics',
    shortNames: [],
    categories: [],
    description: 'A topic.',
    revision: 1,
    provider: {
      group: 'broker.skymirror.dev',
      scope: [],
      access: z.object({}),
      permissions: [],
      connect: (): Session => ({ ...calm, ...doing }),
      prove: (session) => session.prove(),
      calls: () => 0,
      close: () => undefined,
      explain: (error) => ({ reason: 'Unreachable', message: String(error) }),
    },
    identity,
    observed: z.object({ name: z.string().describe('Name.') }),
    permissions: [],
    list: (session) => session.list(),
    get: (session) => session.get(),
    identify: (topic) => ({ topic }),
    idOf: ({ topic }) => topic,
    readable: ({ topic }) => topic,
    observe: ({ id }: Row) => ({ id, fields: { name: id } }),
    health: () => judgement('True', 'There'),
  }).open({}, {});
}

const verbs: Record<string, (outside: Outside, signal: AbortSignal) => Promise<unknown>> = {
  prove: (outside, signal) => outside.prove(signal),
  list: (outside, signal) => Array.fromAsync(outside.list(signal)),
  get: (outside, signal) => outside.get(['orders'], signal),
};

test.each<[string, (reached: () => void) => Partial<Session>]>([
  ['prove', (reached) => ({ prove: () => hang(reached) })],
  ['get', (reached) => ({ get: () => hang(reached) })],
  [
    'list',
    (reached) => ({
      async *list() {
        reached();
        yield never;
      },
    }),
  ],
  [
    'list',
    (reached) => ({
      async *list() {
        yield [row];
        reached();
        yield never;
      },
    }),
  ],
])('%s ends with the signal, also where the provider hangs and does not heed it', async (verb, hanging) => {
  const reached = Promise.withResolvers<void>();
  const stop = new AbortController();
  const work = verbs[verb]?.(open(hanging(reached.resolve)), stop.signal);
  await reached.promise;
  stop.abort(reason);
  await expect(work).rejects.toBe(reason);
  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
});

test.each(Object.keys(verbs))('%s leaves nothing behind on a signal that lives on', async (verb) => {
  const { signal } = new AbortController();
  await verbs[verb]?.(open({}), signal);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test.each(Object.keys(verbs))('%s asks nothing once the signal has aborted', async (verb) => {
  const asked = () => expect.fail('the provider was asked');
  const outside = open({ prove: asked, get: asked, list: () => ({ [Symbol.asyncIterator]: () => ({ next: asked }) }) });
  await expect(verbs[verb]?.(outside, AbortSignal.abort(reason))).rejects.toBe(reason);
});

test('a listing that hung is closed as soon as its call comes back', async () => {
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const outside = open({
    async *list() {
      try {
        reached.resolve();
        await gate.promise;
        yield [row];
      } finally {
        closed.resolve();
      }
    },
  });
  const stop = new AbortController();
  const work = Array.fromAsync(outside.list(stop.signal));
  await reached.promise;
  stop.abort(reason);
  await expect(work).rejects.toBe(reason);
  gate.resolve();
  await closed.promise;
});

test('a listing that is left early is closed before its reader goes on', async () => {
  let closed = false;
  const outside = open({
    async *list() {
      try {
        yield [row];
      } finally {
        closed = true;
      }
    },
  });
  for await (const page of outside.list(new AbortController().signal)) {
    expect(page).toHaveLength(1);
    break;
  }
  expect(closed).toBe(true);
});
