import dns from 'node:dns';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Connection, Trouble } from '../lib/connection.ts';
import { openTransport } from '../lib/transport.ts';
import { nameServer, withoutInvalidNames } from './name-server.ts';
import { ok, open, serve, status } from './transport-server.ts';

/** A connection whose renewals are these, in turn. */
function renewing(server: URL, ...next: (() => Promise<Connection | undefined>)[]) {
  const troubles: Trouble[] = [];
  const connection: Connection = {
    name: 'here',
    server,
    tls: {},
    headers: async () => ({ Authorization: `Bearer ${server.port}` }),
    mend: 'Ask for an entry.',
    renewed: async (trouble) => {
      troubles.push(trouble);
      return next[Math.min(troubles.length, next.length) - 1]?.();
    },
  };
  return { connection, troubles };
}

async function ask(connection: Connection, times = 1, deadline = 5_000): Promise<unknown[]> {
  const transport = openTransport(connection, { connections: 4, deadline });
  const { signal } = new AbortController();
  const asked = Array.from({ length: times }, () => transport.request({ method: 'GET', path: '/things', signal }));
  try {
    return await Promise.all(asked);
  } finally {
    await Promise.allSettled(asked);
    await transport.close();
  }
}

beforeEach(withoutInvalidNames);
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const nowhere = new URL('http://nowhere.invalid');
const refused = status(401, {}, { date: 'Sun, 22 Nov 2026 12:00:00 GMT' });

describe('a connection that can renew itself', () => {
  test('is told the time of the server that refuses it', async () => {
    const { url } = await serve(refused, ok);
    const { connection, troubles } = renewing(url, async () => undefined);
    expect(await ask(connection)).toEqual([{ ok: true }]);
    expect(troubles).toEqual([{ kind: 'refused', serverTime: Date.parse('2026-11-22T12:00:00Z') }]);
  });

  test('is gone on with as another, with its own address and credentials, under the same name', async () => {
    const first = await serve(refused);
    const second = await serve(ok);
    const other = renewing(second.url).connection;
    const { connection } = renewing(first.url, async () => ({ ...other, name: 'other' }));
    expect(await ask(connection)).toEqual([{ ok: true }]);
    expect(second.calls.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${second.url.port}`]);
  });

  test('is renewed once for many requests that find its host gone', async () => {
    const { url, calls } = await serve(ok);
    const { connection, troubles } = renewing(nowhere, async () => renewing(url).connection);
    expect(await ask(connection, 3)).toHaveLength(3);
    expect(troubles).toEqual([{ kind: 'astray' }]);
    expect(calls).toHaveLength(3);
  });

  test('is tried again as it is where it has no other address', async () => {
    const { connection, troubles } = renewing(nowhere, async () => undefined);
    const transport = openTransport(connection, { connections: 1, deadline: 400 });
    const asked = transport.request({ method: 'GET', path: '/things', signal: new AbortController().signal });
    await expect(asked).rejects.toThrow(/^cluster here \(nowhere.invalid\): .*ENOTFOUND.*Is the API server up/);
    expect(troubles).toEqual([{ kind: 'astray' }]);
    await transport.close();
  });

  test('that cannot find out where to go ends the request with both reasons, when the time is over', async () => {
    const { connection, troubles } = renewing(nowhere, () => Promise.reject(new Error('there is no such cluster')));
    await expect(ask(connection, 1, 400)).rejects.toThrow(/\(ENOTFOUND\); there is no such cluster$/);
    expect(troubles).toHaveLength(1);
  });

  test.each([
    ['is refused', () => Promise.reject(new Error('this identity may not look the cluster up'))],
    ['is not answered', () => new Promise<never>(() => undefined)],
  ])('goes on with the same address where the question for another %s', async (_, renewed) => {
    const { url } = await serve(ok);
    const { connection } = renewing(new URL(`http://api.test:${url.port}`), renewed);
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(nameServer('EAI_AGAIN', '127.0.0.1'));
    expect(await ask(connection)).toEqual([{ ok: true }]);
    expect(lookup.mock.calls.filter(([name]) => name === 'api.test')).toHaveLength(2);
  });

  test('tells what went wrong in the end, where that is not the address', async () => {
    const { url } = await serve(status(403, { message: 'no' }));
    const { connection } = renewing(new URL(`http://api.test:${url.port}`), () => Promise.reject(new Error('unknown')));
    vi.spyOn(dns, 'lookup').mockImplementation(nameServer('EAI_AGAIN', '127.0.0.1'));
    await expect(ask(connection)).rejects.toMatchObject({
      status: 403,
      message: expect.not.stringContaining('unknown'),
    });
  });

  test('is renewed where its server no longer takes connections, because it may have moved', async () => {
    const gone = await serve(ok);
    await gone.stop();
    const { url } = await serve(ok);
    const { connection, troubles } = renewing(gone.url, async () => renewing(url).connection);
    expect(await ask(connection)).toEqual([{ ok: true }]);
    expect(troubles).toEqual([{ kind: 'astray' }]);
  });

  test.each(['EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'CERT_NOT_YET_VALID'])(
    'is renewed where its server cannot be reached by %s',
    async (code) => {
      const { url } = await serve(ok);
      const old = new URL('http://api.test');
      const { connection, troubles } = renewing(old, async () => renewing(url).connection);
      vi.spyOn(dns, 'lookup').mockImplementation(nameServer(code));
      expect(await ask(connection)).toEqual([{ ok: true }]);
      expect(troubles).toEqual([{ kind: 'astray' }]);
    },
  );

  test('is not waited for after the end of the request', async () => {
    const { connection } = renewing(nowhere, () => new Promise<never>(() => undefined));
    const transport = openTransport(connection, { connections: 1, deadline: 300 });
    const asked = transport.request({ method: 'GET', path: '/things', signal: new AbortController().signal });
    await expect(asked).rejects.toThrow('ENOTFOUND');
    await transport.close();
  });

  test('that has no credentials in time is not told to look for a plugin', async () => {
    const { url } = await serve(ok);
    const connection = { ...renewing(url).connection, headers: () => new Promise<never>(() => undefined) };
    const transport = openTransport(connection, { connections: 1, deadline: 100 });
    const asked = transport.request({ method: 'GET', path: '/things', signal: new AbortController().signal });
    await expect(asked).rejects.toThrow(/: there were no credentials in time. Is AWS within reach from here\?$/);
    await transport.close();
  });

  test('that is refused again says what helps, in its own words', async () => {
    const { url, calls } = await serve(refused);
    const { connection } = renewing(url, async () => undefined);
    await expect(ask(connection)).rejects.toThrow(/ Ask for an entry\.$/);
    expect(calls).toHaveLength(2);
  });
});

test('credentials that are found missing late do not put away those that came in the meantime', async () => {
  const { url, calls } = await serve(ok);
  const first = Promise.withResolvers<Record<string, string>>();
  let asked = 0;
  const headers = async () => {
    asked += 1;
    return asked === 1 ? first.promise : { Authorization: `Bearer ${asked}` };
  };
  const { get } = open(url, { headers });
  const slow = get();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
  expect(await get()).toEqual({ ok: true });
  first.reject(new Error('the plugin was killed'));
  expect(await slow).toEqual({ ok: true });
  expect(calls.map((call) => call.headers.authorization)).toEqual(['Bearer 2', 'Bearer 2']);
});

test('a connection that cannot renew itself only gets new credentials', async () => {
  const { url, calls } = await serve(refused, ok);
  expect(await open(url).get()).toEqual({ ok: true });
  expect(calls).toHaveLength(2);
});
