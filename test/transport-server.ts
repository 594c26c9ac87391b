import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach } from 'vitest';
import type { Connection } from '../lib/kubeconfig.ts';
import { type ApiRequest, openTransport } from '../lib/transport.ts';

/** Answers one request. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

/** An API server that gives these answers in turn, the last one again and again. */
export async function serve(...answers: Answer[]) {
  const calls: { method?: string; url?: string; headers: IncomingMessage['headers']; body: string; at: number }[] = [];
  let sockets = 0;
  const server = createServer(async (request, response) => {
    const answer = answers[Math.min(calls.length, answers.length - 1)];
    const { method = '', url = '', headers } = request;
    calls.push({ method, url, headers, body: await text(request), at: performance.now() });
    answer?.(response, request);
  });
  server.on('connection', () => {
    sockets += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  ending.push(stop);
  return { calls, url: new URL(`http://127.0.0.1:${port}`), sockets: () => sockets, stop };
}

/** A transport to a server, which the end of the test closes. */
export function open(
  server: URL,
  options: { deadline?: number; connections?: number; headers?: Connection['headers'] } = {},
) {
  const { deadline = 10_000, connections = 4, headers = async () => ({ Authorization: 'Bearer secret' }) } = options;
  const transport = openTransport({ name: 'here', server, tls: {}, headers }, { deadline, connections });
  ending.push(() => transport.close());
  const get = (more: Partial<ApiRequest> = {}) =>
    transport.request({ method: 'GET', path: '/things?limit=5', signal: new AbortController().signal, ...more });
  return { ...transport, get };
}

/** An answer with a body. */
export const ok: Answer = (response) => response.end('{"ok":true}');
/** An answer with a status. */
export const status = (code: number, body: object | string = {}, headers = {}): Answer => {
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  return (response) => response.writeHead(code, headers).end(sent);
};
