import { describe, expect, test } from 'vitest';
import type { Connection, Trouble } from '../lib/connection.ts';
import { openTransport } from '../lib/transport.ts';
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

async function ask(connection: Connection, times = 1): Promise<unknown[]> {
  const transport = openTransport(connection, { connections: 4, deadline: 5_000 });
  const { signal } = new AbortController();
  const asked = Array.from({ length: times }, () => transport.request({ method: 'GET', path: '/things', signal }));
  try {
    return await Promise.all(asked);
  } finally {
    await Promise.allSettled(asked);
    await transport.close();
  }
}

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
    await expect(asked).rejects.toThrow(
      /^cluster here \(nowhere.invalid\): .*(ENOTFOUND|EAI_AGAIN).*Is the API server up/,
    );
    expect(troubles).toEqual([{ kind: 'astray' }]);
    await transport.close();
  });

  test('that cannot find out where to go ends the request with both reasons', async () => {
    const { connection } = renewing(nowhere, () => Promise.reject(new Error('there is no such cluster. Make one')));
    await expect(ask(connection)).rejects.toThrow(/\((ENOTFOUND|EAI_AGAIN)\); there is no such cluster. Make one$/);
  });

  test('is not waited for after the end of the request', async () => {
    const { connection } = renewing(nowhere, () => new Promise<never>(() => undefined));
    const transport = openTransport(connection, { connections: 1, deadline: 300 });
    const asked = transport.request({ method: 'GET', path: '/things', signal: new AbortController().signal });
    await expect(asked).rejects.toThrow(/ENOTFOUND|EAI_AGAIN/);
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

test('a connection that cannot renew itself only gets new credentials', async () => {
  const { url, calls } = await serve(refused, ok);
  expect(await open(url).get()).toEqual({ ok: true });
  expect(calls).toHaveLength(2);
});
