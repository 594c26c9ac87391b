import { once } from 'node:events';
import { Agent as HttpAgent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { Agent as HttpsAgent, request as secureRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Door, openDoor } from './proxy-door.ts';
import type { Answer, Effect, FaultsOf } from './proxy-rules.ts';

/** What is to become of one request: the faults that it gets, and the way to its real answer. */
export type Course = { readonly effects: readonly Effect[]; forward(): Promise<Answer> };

/** A proxy that carries out effects; who is behind it and what is spoken is told by its maker. */
export type FaultServer = {
  readonly door: Door;
  /** Waits until all requests that have arrived are at their end, also those whose senders gave up. */
  settled(): Promise<void>;
  stop(): Promise<void>;
};

/** Where the requests go, over which agent, and whom to trust there. */
export type Beyond = { readonly url: string; readonly authority?: string };

/** Asks the real server behind a proxy; `url` is that of the request, unless another is given. */
export type Forward = (incoming: IncomingMessage, body: Buffer, url?: string) => Promise<Answer>;

/** Starts a proxy; `plan` decides about each request when it has arrived in full. */
export async function startFaultServer(
  beyond: Beyond,
  { secure }: { readonly secure: boolean },
  plan: (incoming: IncomingMessage, body: Buffer, forward: Forward) => Course,
): Promise<FaultServer> {
  const { forward, end } = forwarder(beyond);
  const handling = new Set<Promise<void>>();
  const door = await openDoor(
    (incoming, response) => {
      const handled = handle(incoming, response)
        .catch((error: unknown) => {
          if (response.destroyed) return;
          if (response.headersSent) response.destroy();
          else response.writeHead(502).end(`dev/proxy-server.ts could not ask ${beyond.url}: ${error}. Is it up?`);
        })
        .finally(() => handling.delete(handled));
      handling.add(handled);
    },
    { secure },
  );

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const body = await buffer(incoming);
    const course = plan(incoming, body, forward);
    for (const effect of course.effects) {
      if (effect.kind === 'wait') await effect.wait(gone.signal);
      if (effect.kind === 'reset') return void incoming.socket.destroy();
      if (effect.kind === 'stray') {
        incoming.socket.destroy();
        await sleep(effect.milliseconds);
        return void (await course.forward());
      }
      if (effect.kind === 'shut') return door.shut(effect.trouble, effect.connections);
      if (effect.kind === 'instead') return send(response, effect.answer);
    }
    let answer = await course.forward();
    for (const effect of course.effects) if (effect.kind === 'change') answer = effect.change(answer);
    for (const effect of course.effects) {
      if (effect.kind === 'lose') return void incoming.socket.destroy();
      if (effect.kind === 'cut') return sendHalf(response, answer);
      if (effect.kind === 'drip') return sendSlowly(response, answer, effect.milliseconds, gone.signal);
    }
    send(response, answer);
  }

  return {
    door,
    async settled() {
      await Promise.all(handling);
    },
    async stop() {
      await door.stop();
      end();
    },
  };
}

/** The faults of the proxy behind a door, which opens when a fault ends that shut it. */
export function faultsAt<Request, When, Do extends { readonly kind: string }>(
  door: Door,
  faults: FaultsOf<Request, When, Do>,
): FaultsOf<Request, When, Do> {
  return {
    ...faults,
    add(rule) {
      const fault = faults.add(rule);
      return {
        get hits() {
          return fault.hits;
        },
        remove() {
          fault.remove();
          if (rule.do.kind === 'shut') door.open();
        },
      };
    },
    clear() {
      faults.clear();
      door.open();
    },
  };
}

/** A kept connection that the server closed meanwhile gives one reset, so that case is tried again. */
function forwarder({ url: base, authority }: Beyond): { readonly forward: Forward; readonly end: () => void } {
  const isSecure = base.startsWith('https:');
  const agent = isSecure ? new HttpsAgent({ keepAlive: true, ca: authority }) : new HttpAgent({ keepAlive: true });
  const send = isSecure ? secureRequest : request;
  const forward: Forward = async (incoming, body, url = incoming.url ?? '/') => {
    const { method, headers } = incoming;
    const asked = send(new URL(url, base), { method: method ?? 'POST', headers, agent });
    try {
      asked.end(body);
      const [answer]: IncomingMessage[] = await once(asked, 'response');
      if (answer === undefined) throw new Error('an answer without a message: this is a bug in dev/proxy-server.ts');
      return { status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) };
    } catch (error) {
      if (asked.reusedSocket) return forward(incoming, body, url);
      throw error;
    }
  };
  return { forward, end: () => agent.destroy() };
}

function begin(response: ServerResponse, { status, headers, body }: Answer): void {
  const { connection, 'transfer-encoding': encoding, ...kept } = headers;
  response.writeHead(status, { ...kept, 'content-length': body.length });
}

function send(response: ServerResponse, answer: Answer): void {
  begin(response, answer);
  response.end(answer.body);
}

function sendHalf(response: ServerResponse, answer: Answer): void {
  begin(response, answer);
  response.write(answer.body.subarray(0, answer.body.length / 2), () => response.destroy());
}

const pieces = 20;

async function sendSlowly(response: ServerResponse, answer: Answer, milliseconds: number, gone: AbortSignal) {
  begin(response, answer);
  const { body } = answer;
  for (let piece = 0; piece < pieces; piece += 1) {
    await sleep(milliseconds / pieces, undefined, { signal: gone });
    response.write(body.subarray((body.length * piece) / pieces, (body.length * (piece + 1)) / pieces));
  }
  response.end();
}
