import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { ApiError } from '../lib/cluster.ts';
import type { Connection } from '../lib/kubeconfig.ts';
import { type ApiRequest, openTransport } from '../lib/transport.ts';

type Answer = (response: ServerResponse, request: IncomingMessage) => unknown;

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

/** An API server that gives these answers in turn, the last one again and again. */
async function serve(...answers: Answer[]) {
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

function open(server: URL, options: { deadline?: number; connections?: number; headers?: Connection['headers'] } = {}) {
  const { deadline = 10_000, connections = 4, headers = async () => ({ Authorization: 'Bearer secret' }) } = options;
  const transport = openTransport({ name: 'here', server, tls: {}, headers }, { deadline, connections });
  ending.push(() => transport.close());
  const get = (more: Partial<ApiRequest> = {}) =>
    transport.request({ method: 'GET', path: '/things?limit=5', signal: new AbortController().signal, ...more });
  return { ...transport, get };
}

const ok: Answer = (response) => response.end('{"ok":true}');
const status = (code: number, body: object | string = {}, headers = {}): Answer => {
  const sent = typeof body === 'string' ? body : JSON.stringify(body);
  return (response) => response.writeHead(code, headers).end(sent);
};

describe('a request', () => {
  test('goes below the path of the server, with credentials and a name', async () => {
    const { calls, url } = await serve(ok);
    expect(await open(new URL('/prefix/', url)).get()).toEqual({ ok: true });
    expect(calls).toMatchObject([{ method: 'GET', url: '/prefix/things?limit=5', body: '' }]);
    const { headers } = calls[0] ?? expect.fail();
    expect(headers).toMatchObject({
      authorization: 'Bearer secret',
      accept: 'application/json',
      'user-agent': 'skymirror',
    });
    expect(headers).not.toHaveProperty('content-type');
  });

  test('sends its body as JSON and asks for what it accepts', async () => {
    const { calls, url } = await serve(ok);
    await open(url).get({ method: 'POST', body: { a: 1 }, accept: 'application/x' });
    expect(calls).toMatchObject([
      { body: '{"a":1}', headers: { 'content-type': 'application/json', accept: 'application/x' } },
    ]);
  });

  test('may be answered with nothing', async () => {
    const { url } = await serve(status(200, ''));
    expect(await open(url).get()).toEqual({});
  });

  test('tells the time of the server', async () => {
    const { url } = await serve(status(200, {}, { date: 'Mon, 04 May 2026 12:00:00 GMT' }));
    const transport = open(url);
    expect(Math.abs(transport.now() - Date.now())).toBeLessThan(60_000);
    await transport.get();
    const told = Date.parse('2026-05-04T12:00:00Z');
    expect(transport.now()).toBeGreaterThanOrEqual(told);
    expect(transport.now()).toBeLessThan(told + 60_000);
  });
});

describe('what is tried again', () => {
  const cases: [string, Answer][] = [
    ...[500, 502, 503, 504].map((code): [string, Answer] => [`status ${code}`, status(code)]),
    ['status 429', status(429)],
    ['status 429 until a date, which is not read', status(429, {}, { 'retry-after': 'Mon, 04 May 2026 12:00:00 GMT' })],
    ['a connection that is reset before the answer', (_, request) => request.socket.destroy()],
    [
      'a connection that is reset in the middle of the answer',
      (response) => response.writeHead(200, { 'content-length': 100 }).write('{"ok":', () => response.destroy()),
    ],
    ['an answer that is no JSON', status(200, '<html>')],
  ];

  test.each(cases)('%s', async (_, answer) => {
    const { calls, url } = await serve(answer, answer, ok);
    expect(await open(url).get()).toEqual({ ok: true });
    expect(calls).toHaveLength(3);
  });

  test('not before Retry-After is over', async () => {
    const { calls, url } = await serve(status(429, {}, { 'retry-after': '1' }), ok);
    await open(url).get();
    expect((calls[1]?.at ?? 0) - (calls[0]?.at ?? 0)).toBeGreaterThan(950);
  });

  test('not at all where Retry-After is behind the deadline', async () => {
    const { calls, url } = await serve(status(429, { message: 'slow down' }, { 'retry-after': '60' }));
    await expect(open(url).get()).rejects.toMatchObject({ status: 429, message: expect.stringContaining('slow down') });
    expect(calls).toHaveLength(1);
  });

  test('a connection that is reset after the answer: the next request takes another', async () => {
    const { calls, url } = await serve((response) => response.end('{}', () => response.socket?.destroy()));
    const transport = open(url);
    for (let round = 0; round < 5; round += 1) await transport.get();
    expect(calls.length).toBeGreaterThanOrEqual(5);
  });

  test.each([400, 403, 404, 409, 410, 422])('but not status %d', async (code) => {
    const { calls, url } = await serve(status(code, { reason: 'Because', message: 'it is so' }));
    await expect(open(url).get()).rejects.toMatchObject({ name: 'ApiError', status: code, reason: 'Because' });
    expect(calls).toHaveLength(1);
  });
});

describe('the end of a request', () => {
  test('is told in the last words of the server where the deadline cuts what came after', async () => {
    const { url } = await serve(status(503, { message: 'etcd is away' }), () => undefined);
    const waiting = open(url, { deadline: 1500 }).get();
    await expect(waiting).rejects.toMatchObject({ status: 503, message: expect.stringContaining('etcd is away') });
  });

  test('is its deadline', async () => {
    const { url } = await serve(() => undefined);
    const waiting = open(url, { deadline: 150 }).get();
    await expect(waiting).rejects.toMatchObject({ name: 'ApiError', status: 0, reason: 'Unreachable' });
  });

  test('is its deadline where every answer is unreadable', async () => {
    const { url } = await serve(status(200, '<html>'));
    await expect(open(url, { deadline: 1000 }).get()).rejects.toThrow('the answer is not JSON');
  });

  test('is the reason of its signal, while it waits for an answer and before it is sent', async () => {
    const sent = Promise.withResolvers<void>();
    const { calls, url } = await serve(() => sent.resolve());
    const stop = new AbortController();
    const { get } = open(url);
    const waiting = get({ signal: stop.signal });
    const refused = expect(waiting).rejects.toThrow('enough');
    await sent.promise;
    stop.abort(new Error('enough'));
    await refused;
    await expect(get({ signal: stop.signal })).rejects.toThrow('enough');
    expect(calls).toHaveLength(1);
  });

  test('is its signal while it waits to try again', async () => {
    const stop = new AbortController();
    const { url } = await serve((response) => {
      response.on('close', () => setImmediate(() => stop.abort(new Error('enough'))));
      status(429, {}, { 'retry-after': '5', connection: 'close' })(response, response.req);
    });
    const failure = await open(url)
      .get({ signal: stop.signal })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(ApiError);
  });

  test('is what beforeSend throws, which is asked before every send', async () => {
    const { calls, url } = await serve(status(503));
    const seen: number[] = [];
    const tooOld = new Error('too old');
    const beforeSend = () => {
      seen.push(calls.length);
      if (seen.length === 3) throw tooOld;
    };
    await expect(open(url).get({ beforeSend })).rejects.toBe(tooOld);
    expect(seen).toEqual([0, 1, 2]);
    expect(calls).toHaveLength(2);
  });
});

describe('credentials', () => {
  const tokens = () => {
    const asked: string[] = [];
    const headers = async () => {
      const Authorization = `Bearer ${asked.length + 1}`;
      asked.push(Authorization);
      return { Authorization };
    };
    return { asked, headers };
  };

  test('are asked for once for many requests', async () => {
    const { url } = await serve(ok);
    const { asked, headers } = tokens();
    const { get } = open(url, { headers });
    await Promise.all([get(), get(), get()]);
    expect(asked).toEqual(['Bearer 1']);
  });

  test('are renewed once when they are not accepted', async () => {
    const { calls, url } = await serve(status(401), ok, status(401));
    const { get } = open(url, { headers: tokens().headers });
    expect(await get()).toEqual({ ok: true });
    expect(calls.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
    await expect(get()).rejects.toThrow(/The credentials are not accepted: renew the token/);
    expect(calls).toHaveLength(4);
  });

  test('that many requests are refused with at once are renewed once', async () => {
    const gate = Promise.withResolvers<void>();
    const held = 3;
    let waiting = 0;
    const refuse: Answer = async (response, request) => {
      waiting += 1;
      if (waiting === held) gate.resolve();
      await gate.promise;
      status(401)(response, request);
    };
    const { url } = await serve(refuse, refuse, refuse, ok);
    const { asked, headers } = tokens();
    const { get } = open(url, { headers });
    await Promise.all([get(), get(), get()]);
    expect(asked).toEqual(['Bearer 1', 'Bearer 2']);
  });

  test('that could not be had are asked for again', async () => {
    const { url } = await serve(ok);
    let asked = 0;
    const headers = async () => {
      asked += 1;
      if (asked === 1) throw new Error('log in first');
      return {};
    };
    expect(await open(url, { headers }).get()).toEqual({ ok: true });
    expect(asked).toBe(2);
  });

  test('that cannot be had are told in the words of whoever gives them', async () => {
    const { calls, url } = await serve(ok);
    const headers = () => Promise.reject(new Error('log in first'));
    await expect(open(url, { headers, deadline: 100 }).get()).rejects.toThrow('log in first');
    expect(calls).toHaveLength(0);
  });
});

test('one pool serves hundreds of requests over as many connections as it may have', async () => {
  const { calls, url, sockets } = await serve((response) => setImmediate(() => response.end('{}')));
  const { get } = open(url, { connections: 3 });
  await Promise.all(Array.from({ length: 300 }, () => get()));
  expect(calls).toHaveLength(300);
  expect(sockets()).toBeLessThanOrEqual(3);
});
