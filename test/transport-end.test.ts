import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { open, serve, status } from './transport-server.ts';

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
    await expect(open(url, { deadline: 1000 }).get()).rejects.toThrow('the answer is no JSON object');
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

  test('is the last error where its signal ends the wait for another attempt', async () => {
    const stop = new AbortController();
    const { url } = await serve(status(429, { message: 'slow down' }, { 'retry-after': '5' }));
    // Nothing but the wait listens to this signal itself.
    const listen = vi.spyOn(stop.signal, 'addEventListener').mockImplementation((...listener) => {
      EventTarget.prototype.addEventListener.apply(stop.signal, listener);
      setImmediate(() => stop.abort(new Error('enough')));
    });
    await expect(open(url).get({ signal: stop.signal })).rejects.toMatchObject({
      name: 'ApiError',
      status: 429,
      message: expect.stringMatching(/^cluster here \(127.*: GET \/things: slow down\. The API server is overloaded/),
    });
    expect(listen).toHaveBeenCalledOnce();
  });

  test('is the last error where its signal cuts a later attempt', async () => {
    const stop = new AbortController();
    const { url } = await serve(status(503, { message: 'etcd is away' }), () => stop.abort(new Error('enough')));
    await expect(open(url).get({ signal: stop.signal })).rejects.toMatchObject({
      status: 503,
      message: expect.stringContaining('GET /things: etcd is away'),
    });
  });

  test('says why the server was not reached before its signal', async () => {
    const stop = new AbortController();
    let attempts = 0;
    const beforeSend = () => {
      attempts += 1;
      if (attempts === 3) stop.abort(new Error('enough'));
    };
    await expect(open(new URL('http://127.0.0.1:9')).get({ signal: stop.signal, beforeSend })).rejects.toThrow(
      /^cluster here \(127\.0\.0\.1:9\): GET \/things: .*ECONNREFUSED.* Is the API server up, and may/,
    );
  });

  test('says so where a server takes the connection and no more, within half the deadline', async () => {
    const stop = new AbortController();
    let connections = 0;
    const silent = createServer(() => {
      connections += 1;
      if (connections === 2) stop.abort(new Error('enough'));
    });
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = new URL(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    await expect(open(url, { deadline: 4000 }).get({ signal: stop.signal })).rejects.toThrow(/Connect Timeout Error/);
    expect(connections).toBe(2);
    silent.close();
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
