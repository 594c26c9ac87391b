import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Answer, ok, open, serve, status } from './transport-server.ts';

afterEach(() => {
  vi.useRealTimers();
});

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

  test('tells the time of the server', async () => {
    const { url } = await serve(status(200, {}, { date: 'Mon, 04 May 2026 12:00:00 GMT' }));
    const transport = open(url);
    expect(Math.abs(transport.now() - Date.now())).toBeLessThan(60_000);
    await transport.get();
    const told = Date.parse('2026-05-04T12:00:00Z');
    expect(transport.now()).toBeGreaterThanOrEqual(told);
    expect(transport.now()).toBeLessThan(told + 60_000);
  });

  const future = { date: 'Mon, 04 May 2099 12:00:00 GMT' };
  const strangers: [string, Answer][] = [
    ['a page of somebody in between', status(404, '<html>', future)],
    ['a redirect', status(302, {}, future)],
    ['a success with a date that is none', status(200, {}, { date: 'soon' })],
    ['a success at the end of time', status(200, {}, { date: '+275760-09-13' })],
    ['a success on a day that is none', status(200, {}, { date: 'Mon, 99 May 2026 12:00:00 GMT' })],
    ['a page with the status of a success', status(200, '<html>', future)],
  ];
  test.each(strangers)('does not take the time from %s', async (_, stranger) => {
    const { url } = await serve(stranger);
    const transport = open(url, { deadline: 300 });
    await Promise.allSettled([transport.get()]);
    expect(Math.abs(transport.now() - Date.now())).toBeLessThan(60_000);
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
    ['an answer without a word', status(200, '')],
    ['an answer about another object', status(200, { metadata: { name: 'ledger' } })],
  ];

  test.each(cases)('%s', async (_, answer) => {
    const { calls, url } = await serve(answer, answer, ok);
    expect(await open(url).get()).toEqual({ ok: true });
    expect(calls).toHaveLength(3);
  });

  test.each([
    ['another object', { metadata: { name: 'ledger', resourceVersion: '7' } }],
    ['a list', { items: [], metadata: {} }],
  ])('a write that is answered with %s, which would be taken for what was written', async (_, stranger) => {
    const { calls, url } = await serve(status(200, stranger), status(200, { metadata: { name: 'orders' } }));
    const body = { metadata: { name: 'orders' } };
    expect(await open(url).get({ method: 'POST', path: '/ledger', body })).toEqual(body);
    expect(calls).toHaveLength(2);
  });

  test('but not an answer that names what the path asks for, encoded there or not', async () => {
    const { calls, url } = await serve(status(200, { metadata: { name: 'a b' } }));
    expect(await open(url).get({ path: '/things/a%20b/status?x=1' })).toMatchObject({ metadata: { name: 'a b' } });
    expect(calls).toHaveLength(1);
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

test('one pool serves hundreds of requests over as many connections as it may have', async () => {
  const { calls, url, sockets } = await serve((response) => setImmediate(() => response.end('{}')));
  const { get } = open(url, { connections: 3 });
  await Promise.all(Array.from({ length: 300 }, () => get()));
  expect(calls).toHaveLength(300);
  expect(sockets()).toBeLessThanOrEqual(3);
});

test('connections from before a function was frozen are not used again, whatever became of them meanwhile', async () => {
  const before = new Set<unknown>();
  let isFrozen = false;
  const { url, sockets } = await serve((response, { socket }) => {
    if (!isFrozen) before.add(socket);
    if (!before.has(socket) || !isFrozen) response.end('{}');
  });
  const { get } = open(url, { deadline: 1_000 });
  await Promise.all([get(), get()]);
  isFrozen = true;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 });
  expect(await Promise.all([get(), get(), get()])).toHaveLength(3);
  expect(sockets()).toBeLessThanOrEqual(5);
});
