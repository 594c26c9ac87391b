import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { ApiError } from '../lib/cluster.ts';
import { openTransport } from '../lib/transport.ts';

/** The error that a request gets where the API server answers so. */
async function errorOf(code: number, body: string): Promise<ApiError> {
  const server = createServer((_, response) => response.writeHead(code).end(body));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}`);
  const transport = openTransport(
    { name: 'prod', server: url, tls: {}, headers: async () => ({}) },
    { connections: 1, deadline: 1000 },
  );
  try {
    await transport.request({ method: 'POST', path: '/apis/g/v1/things?x=1', signal: new AbortController().signal });
    return expect.fail('it was accepted');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const message = error.message.replace(String(port), 'PORT');
    return new ApiError(error.status, error.reason, message, { cause: error.cause });
  } finally {
    await transport.close();
    server.close();
  }
}

const where = 'cluster prod (127.0.0.1:PORT): POST /apis/g/v1/things: ';
const forbidden = 'things.g is forbidden: User "me" cannot create resource "things" in API group "g"';
const terminating =
  'things.g "a" is forbidden: unable to create new content in namespace external because it is being terminated';

const cases: readonly [what: string, code: number, message: string, said: string][] = [
  [
    'missing permission',
    403,
    forbidden,
    `${forbidden}. RBAC does not allow it: "skymirror rbac" and deploy/rbac have the roles to bind to this user.`,
  ],
  [
    'a namespace that is going away',
    403,
    terminating,
    `${terminating}. The namespace is going away: nothing is written into it.`,
  ],
  [
    'a missing namespace',
    404,
    'namespaces "external" not found',
    'namespaces "external" not found. Create it: kubectl create namespace …',
  ],
  [
    'refused credentials',
    401,
    'Unauthorized',
    'Unauthorized. The credentials are not accepted: renew the token or certificate in the kubeconfig.',
  ],
  [
    'too many requests',
    429,
    'Too many requests.',
    'Too many requests. The API server is overloaded: lower the concurrency, or give this user a FlowSchema.',
  ],
  [
    'a server that is not well',
    503,
    'etcd is away',
    'etcd is away. The API server, or a proxy before it, is not well: ask it for /readyz?verbose.',
  ],
  ['an object that is not valid', 422, 'spec.arn: Required value', 'spec.arn: Required value'],
];

test.each(cases)('the error for %s says where, what and how to mend it', async (_, code, message, said) => {
  const error = await errorOf(code, JSON.stringify({ kind: 'Status', message, reason: 'Because' }));
  expect(error).toMatchObject({ status: code, reason: 'Because', message: where + said, cause: { message } });
});

test('an error is plain text, whatever the server says', async () => {
  const said = {
    kind: 'Status',
    reason: 'Odd\u0007',
    message: `a\u001b[2J\nskymirror: all is well${'x'.repeat(5_000)}`,
  };
  const error = await errorOf(400, JSON.stringify(said));
  expect(error.reason).toBe('Odd ');
  expect(error.message).toMatch(/^cluster prod .*: a \[2J skymirror: \P{Cc}+…$/u);
  expect(error.message.length).toBeLessThanOrEqual(1_000);
});

test('an error without a Status object shows the beginning of the answer, in one line', async () => {
  const error = await errorOf(418, `<html>\n  I am a teapot ${'x'.repeat(500)}`);
  expect(error.message).toBe(`${where}<html> I am a teapot ${'x'.repeat(177)}`);
});

test.each(['', '\n'])('an error without a word, %j, shows its HTTP status', async (body) => {
  const { message } = await errorOf(401, body);
  expect(message).toBe(
    `${where}HTTP 401. The credentials are not accepted: renew the token or certificate in the kubeconfig.`,
  );
});

test('a kind that is not there is no object that is not there: the error says how to install it', async () => {
  const { message } = await errorOf(404, '404 page not found');
  expect(message).toBe(`${where}404 page not found. The kind is not installed: skymirror crds --install`);
});

test('an answer that leads elsewhere is not followed, and not taken for one', async () => {
  const { message, reason } = await errorOf(302, '<html>Please log in</html>');
  expect(reason).toBe('Redirected');
  expect(message).toBe(`${where}the answer leads elsewhere. A proxy before the API server may want a login.`);
});

test('a server that cannot be reached is named, with the reason of the network', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const url = new URL(`http://127.0.0.1:${port}`);
  const transport = openTransport(
    { name: 'prod', server: url, tls: {}, headers: async () => ({}) },
    { connections: 1, deadline: 500 },
  );
  const asking = transport.request({ method: 'GET', path: '/version', signal: new AbortController().signal });
  await expect(asking).rejects.toThrow(
    /^cluster prod \(.*\): GET \/version: .*ECONNREFUSED.* Is the API server up, and may/,
  );
  await transport.close();
});

test('an error without a message is named by its code', async () => {
  const headers = () => Promise.reject(Object.assign(new Error(''), { code: 'EHOSTDOWN' }));
  const transport = openTransport(
    { name: 'prod', server: new URL('http://127.0.0.1:9'), tls: {}, headers },
    { connections: 1, deadline: 40 },
  );
  const ask = () => transport.request({ method: 'GET', path: '/version', signal: new AbortController().signal });
  await expect(ask()).rejects.toThrow('EHOSTDOWN');
  await transport.close();
});

test('credentials that no header may have are told at once, each time, and not shown', async () => {
  const headers = async () => ({ Authorization: 'Bearer sec\nret' });
  const transport = openTransport(
    { name: 'prod', server: new URL('http://127.0.0.1:9'), tls: {}, headers },
    { connections: 1, deadline: 600_000 },
  );
  const ask = () => transport.request({ method: 'GET', path: '/version', signal: new AbortController().signal });
  for (const asking of [ask(), ask(), ask()]) {
    await expect(asking).rejects.toThrow(
      'cluster prod (127.0.0.1:9): GET /version: its credentials hold characters that no HTTP header may have (Authorization). Write the token anew: is there a line end or a quotation mark in it?',
    );
  }
  await transport.close();
});

test('what is thrown and is no error is shown as it is', async () => {
  const headers = () => Promise.reject('no plugin');
  const transport = openTransport(
    { name: 'prod', server: new URL('http://127.0.0.1:9'), tls: {}, headers },
    { connections: 1, deadline: 40 },
  );
  const ask = () => transport.request({ method: 'GET', path: '/version', signal: new AbortController().signal });
  await expect(ask()).rejects.toThrow('no plugin');
  await transport.close();
});
