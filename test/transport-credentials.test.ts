import { setImmediate } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { type Answer, ok, open, serve, status } from './transport-server.ts';

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

  const said =
    /^cluster here \(.*\): GET \/things: the credential plugin has not answered\. Run the plugin of the kubeconfig by hand/;

  test('that never come end with the signal of the request', async () => {
    const { calls, url } = await serve(ok);
    const stop = new AbortController();
    const headers = () => {
      queueMicrotask(() => stop.abort(new Error('enough')));
      return new Promise<never>(() => undefined);
    };
    await expect(open(url, { headers }).get({ signal: stop.signal })).rejects.toThrow(said);
    expect(calls).toHaveLength(0);
  });

  test('that never come end with the deadline of the request', async () => {
    const { calls, url } = await serve(ok);
    const headers = () => new Promise<never>(() => undefined);
    await expect(open(url, { headers, deadline: 100 }).get()).rejects.toThrow(said);
    expect(calls).toHaveLength(0);
  });

  test('that are late serve the requests that still wait for them', async () => {
    const { url } = await serve(ok);
    const late = Promise.withResolvers<Record<string, string>>();
    const { get } = open(url, { headers: () => late.promise });
    const stop = new AbortController();
    const impatient = expect(get({ signal: stop.signal })).rejects.toThrow(said);
    const patient = get();
    stop.abort();
    await impatient;
    late.resolve({});
    expect(await patient).toEqual({ ok: true });
  });

  test('that were waited for leave no listener on the signal', async () => {
    const { url } = await serve(ok);
    const added = vi.spyOn(AbortSignal.prototype, 'addEventListener');
    const removed = vi.spyOn(AbortSignal.prototype, 'removeEventListener');
    let waiting: unknown[] = [];
    const headers = async () => {
      await setImmediate();
      waiting = added.mock.calls.map(([, listener]) => listener);
      return {};
    };
    await open(url, { headers }).get();
    expect(waiting).toHaveLength(1);
    expect(removed.mock.calls.map(([, listener]) => listener)).toContain(waiting[0]);
    vi.restoreAllMocks();
  });
});
