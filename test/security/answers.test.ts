import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { openTransport } from '../../lib/transport.ts';

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

/** A server that counts what it is asked. */
async function serve(answer: RequestListener) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.headers.authorization ?? ''}`);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ending.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), asked };
}

/** A request with a token to an API server, which fails. */
async function failure(server: URL, deadline: number): Promise<string> {
  const headers = async () => ({ Authorization: 'Bearer of-the-mirror' });
  const transport = openTransport({ name: 'hostile', server, tls: {}, headers }, { connections: 1, deadline });
  ending.push(() => transport.close());
  const asking = transport.request({ method: 'GET', path: '/apis', signal: new AbortController().signal });
  return asking.then(
    () => 'no error',
    (error: unknown) => String(error),
  );
}

describe('an API server', () => {
  test('whose answer does not end is left after 64 MB, so that it does not take the memory of the others', async () => {
    const sent: number[] = [];
    const endless = async function* (connection: number) {
      for (;;) {
        sent[connection] = (sent[connection] ?? 0) + 1;
        yield Buffer.alloc(1_000_000, ' ');
      }
    };
    const { url } = await serve((_, response) => void pipeline(endless(sent.length), response).catch(() => {}));
    expect(await failure(url, 2_000)).toMatch(/cluster hostile .*exceeded max size/);
    // What is on its way in buffers was never read.
    for (const megabytes of sent) expect(megabytes).toBeLessThan(64 + 16);
  });

  test('that leads elsewhere gets the token alone', async () => {
    const elsewhere = await serve((_, response) => response.end('{}'));
    for (const status of [301, 302, 303, 307, 308]) {
      const { url } = await serve((_, response) =>
        response.writeHead(status, { location: elsewhere.url.href }).end('{}'),
      );
      expect(await failure(url, 1_000)).toContain('the answer leads elsewhere');
    }
    expect(elsewhere.asked).toEqual([]);
  });
});

describe('an endpoint of AWS', () => {
  test('that leads elsewhere gets the signature alone', async () => {
    const elsewhere = await serve((_, response) => response.end('{}'));
    const { url, asked } = await serve((_, response) =>
      response.writeHead(307, { location: elsewhere.url.href }).end(''),
    );
    vi.stubEnv('AWS_ENDPOINT_URL', url.href);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'of-the-mirror');
    const outside = rdsInstance.open({ account: '111122223333', region: 'us-east-1' }, {});
    await expect(outside.prove(AbortSignal.timeout(5_000))).rejects.toThrow();
    outside.close();
    expect(asked[0]).toMatch(/^POST AWS4-HMAC-SHA256 /);
    expect(elsewhere.asked).toEqual([]);
  });
});
test.each([
  ['as it is', JSON.stringify],
  [
    'in escapes',
    (value: unknown) => JSON.stringify(value).replace('of-the-mirror', [...'of-the-mirror'].map(escaped).join('')),
  ],
])('an API server that calls an object as the token, %s, does not put it into an error', async (_, text) => {
  for (const status of [200, 403]) {
    const { url } = await serve(({ headers: { authorization: name } }, response) =>
      response.writeHead(status).end(text({ kind: 'Status', message: `no ${name}`, reason: name, metadata: { name } })),
    );
    const said = await failure(url, 300);
    expect(said).toContain(status === 200 ? 'the answer is about Bearer …' : 'no Bearer …');
    expect(said).not.toContain('of-the-mirror');
  }
});

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

test('an API server that answers with the request that it got does not put the token into an error', async () => {
  for (const status of [200, 302, 400, 401, 403, 418, 500]) {
    const { url } = await serve(({ headers }, response) =>
      response.writeHead(status).end(`<pre>${JSON.stringify(headers)}</pre>`),
    );
    const said = await failure(url, 300);
    expect(said).toContain('cluster hostile');
    expect(said).not.toContain('of-the-mirror');
  }
});
