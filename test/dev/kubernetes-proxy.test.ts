import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type KubernetesProxy, startKubernetesProxy } from '../../dev/kubernetes-proxy.ts';
import {
  brokenServer,
  expiredContinue,
  lastPage,
  tooManyRequests,
  unauthorized,
} from '../../dev/kubernetes-proxy-faults.ts';
import { parseCall } from '../../dev/kubernetes-proxy-request.ts';
import { makeCertificate } from '../../dev/proxy-certificate.ts';
import type { DoorTrouble } from '../../dev/proxy-door.ts';
import {
  cut,
  delay,
  drip,
  type Effect,
  empty,
  html,
  lose,
  malformed,
  mislabelled,
  mixedUp,
  redirect,
  reset,
  shut,
  stray,
  truncated,
} from '../../dev/proxy-rules.ts';
import { loadConnection } from '../../lib/kubeconfig.ts';

const objects = '/apis/aws.skymirror.dev/v1alpha1/namespaces/external/rdsinstances';

/** What stands behind the proxy here: it answers with what it was asked, and counts. */
const reached: string[] = [];
const folder = mkdtempSync(join(tmpdir(), 'skymirror-proxy-'));
const certificate = makeCertificate({ name: 'behind', host: '127.0.0.1', until: new Date(Date.now() + 3_600_000) });
const behind = createServer(certificate, async (asked, response) => {
  reached.push(`${asked.method} ${asked.url}`);
  const metadata = { name: asked.url, continue: 'more', remainingItemCount: 5 };
  const body = JSON.stringify({ metadata, token: asked.headers.authorization });
  response.writeHead(200, { 'content-type': 'application/json', audit: 'id-1' }).end(body);
});
let proxy: KubernetesProxy;
let agent: Agent;

beforeAll(async () => {
  await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(behind.address() as AddressInfo).port}`;
  const file = join(folder, 'viewer.kubeconfig');
  const context = { name: 'viewer', context: { cluster: 'one', user: 'viewer' } };
  const kubeconfig = {
    clusters: [{ name: 'one', cluster: { server: url } }],
    users: [{ name: 'viewer', user: { token: 'secret' } }],
    contexts: [context],
    'current-context': 'viewer',
  };
  await writeFile(file, stringify(kubeconfig));
  proxy = await startKubernetesProxy({ url, folder, certificateAuthority: certificate.cert, kubeconfig: () => file });
  const { tls } = await loadConnection({ kubeconfig: await proxy.kubeconfig('viewer') });
  agent = new Agent({ connect: { ...tls } });
});
afterAll(async () => {
  await agent.destroy();
  await proxy.stop();
  behind.closeAllConnections();
  behind.close();
  await rm(folder, { recursive: true });
});
afterEach(() => {
  proxy.faults.clear();
  proxy.calls.clear();
  reached.length = 0;
});

async function ask(path = `${objects}/orders`, method: 'GET' | 'PUT' = 'GET') {
  const { statusCode, headers, body } = await request(`${proxy.url}${path}`, { dispatcher: agent, method });
  return { status: statusCode, headers, text: await body.text() };
}

/** The code by which the network says that there was no answer. */
async function failure(): Promise<unknown> {
  return ask().then(
    () => expect.fail('there was an answer'),
    (error: unknown) => (error as { code?: string }).code,
  );
}

test('requests go through, by a kubeconfig that keeps the user and trusts the proxy', async () => {
  const connection = await loadConnection({ kubeconfig: await proxy.kubeconfig('viewer') });
  expect(connection).toMatchObject({ name: 'viewer', server: new URL(proxy.url) });
  expect(await connection.headers()).toEqual({ Authorization: 'Bearer secret' });
  const answer = await ask();
  expect(answer).toMatchObject({ status: 200, headers: { audit: 'id-1' } });
  expect(JSON.parse(answer.text).metadata.name).toBe(`${objects}/orders`);
});

test.each([
  ['GET', '/readyz', { verb: 'list', resource: '', name: '' }],
  ['GET', '/api/v1/namespaces/external', { verb: 'get', resource: 'namespaces', namespace: '', name: 'external' }],
  [
    'GET',
    `${objects}?limit=500`,
    { verb: 'list', resource: 'rdsinstances', namespace: 'external', isContinued: false },
  ],
  ['GET', `${objects}?limit=500&continue=abc`, { verb: 'list', isContinued: true }],
  ['GET', `${objects}?watch=1`, { verb: 'watch', resource: 'rdsinstances' }],
  ['POST', objects, { verb: 'create', name: '', subresource: '' }],
  ['PUT', `${objects}/orders/status?fieldManager=x`, { verb: 'update', name: 'orders', subresource: 'status' }],
  ['PATCH', `${objects}/orders`, { verb: 'patch', subresource: '' }],
  ['DELETE', `${objects}/orders`, { verb: 'delete', name: 'orders' }],
  ['DELETE', objects, { verb: 'deletecollection' }],
  ['GET', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/a.b', { verb: 'get', namespace: '', name: 'a.b' }],
])('%s %s is understood', (method, path, call) => {
  expect(parseCall(method, path)).toMatchObject(call);
});

test('a fault hits what it names, as often as told, and each request is recorded', async () => {
  const when = { verb: 'update', subresource: 'status', name: 'orders' } as const;
  const fault = proxy.faults.add({ when, after: 1, times: 1, do: unauthorized() });
  const statuses: number[] = [];
  for (const path of ['orders', 'orders/status', 'ledger/status', 'orders/status', 'orders/status'])
    statuses.push((await ask(`${objects}/${path}`, 'PUT')).status);
  expect(statuses).toEqual([200, 200, 200, 401, 200]);
  expect(fault.hits).toBe(1);
  expect([proxy.calls.count(), proxy.calls.count({ name: 'orders' }), proxy.calls.count(when)]).toEqual([5, 4, 3]);
  expect(reached).toHaveLength(4);
});

test('a date in Retry-After is one of HTTP', async () => {
  proxy.faults.add({ when: {}, do: tooManyRequests(new Date('2026-05-04T12:00:00Z')) });
  expect((await ask()).headers['retry-after']).toBe('Mon, 04 May 2026 12:00:00 GMT');
});

test.each<[what: string, effect: Effect, status: number, text: RegExp, goesThrough: boolean]>([
  ['429', tooManyRequests(), 429, /^Too many requests/, false],
  ['500', brokenServer(500), 500, /"reason":"InternalError"/, false],
  ['502', brokenServer(502), 502, /<h1>502 Bad Gateway/, false],
  ['503', brokenServer(503), 503, /<h1>503 Service Unavailable/, false],
  ['504', brokenServer(504), 504, /"reason":"Timeout"/, false],
  ['410', expiredContinue(), 410, /"reason":"Expired"/, false],
  ['a web page', html(), 200, /^<!doctype html>/, false],
  ['a redirect', redirect(), 302, /^$/, false],
  ['nothing', empty(), 200, /^$/, true],
  ['what is no JSON', malformed(), 200, /^\{"a"<<$/, true],
  ['half of it as the whole', truncated(), 200, /^\{"metadata":[^}]*$/, true],
  ['a wrong content type', mislabelled(), 200, /"metadata"/, true],
  ['a last page that is none', lastPage(), 200, /^\{"metadata":\{"name":"[^"]*"\}\}$/, true],
  ['a late answer', delay(1), 200, /"metadata"/, true],
  ['a slow answer', drip(20), 200, /"metadata".*\}$/, true],
])('the answer is %s', async (_, effect, status, text, goesThrough) => {
  proxy.faults.add({ when: {}, do: effect });
  const answer = await ask();
  expect(answer.status).toBe(status);
  expect(answer.text).toMatch(text);
  expect(reached).toHaveLength(goesThrough ? 1 : 0);
});

test.each<[what: string, effect: Effect, goesThrough: boolean]>([
  ['before the request got through', reset(), false],
  ['after it was done', lose(), true],
  ['in the middle of the answer', cut(), true],
])('a connection ends %s', async (_, effect, goesThrough) => {
  proxy.faults.add({ when: {}, do: effect });
  expect(await failure()).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
  expect(reached).toHaveLength(goesThrough ? 1 : 0);
});

test('a request gets through when nobody waits for it any more', async () => {
  const fault = proxy.faults.add({ when: {}, do: stray(30) });
  expect(await failure()).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
  expect(fault.hits).toBe(1);
  await proxy.settled();
  expect(reached).toEqual([`GET ${objects}/orders`]);
});

test('answers are mixed up: each request gets the one before', async () => {
  proxy.faults.add({ when: {}, do: mixedUp() });
  const names: string[] = [];
  for (const path of ['/a', '/b', '/c']) names.push(JSON.parse((await ask(path)).text).metadata.name);
  expect(names).toEqual(['/a', '/a', '/b']);
});

describe('the door', () => {
  test.each<[trouble: DoorTrouble, code: RegExp]>([
    ['refused', /ECONNREFUSED/],
    ['handshake cut', /ECONNRESET|UND_ERR_SOCKET/],
    ['wrong host', /ERR_TLS_CERT_ALTNAME_INVALID/],
    ['expired', /CERT_HAS_EXPIRED/],
    ['self-signed', /DEPTH_ZERO_SELF_SIGNED_CERT/],
  ])('%s: who comes meets it, until it is open again', async (trouble, code) => {
    proxy.faults.add({ when: { name: 'orders' }, do: shut(trouble) });
    expect(await failure()).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
    expect(await failure()).toMatch(code);
    expect(await failure()).toMatch(code);
    proxy.faults.clear();
    expect((await ask()).status).toBe(200);
    expect(proxy.calls.count()).toBe(2);
  });

  test('lets in again after as many connections as told', async () => {
    proxy.faults.add({ when: {}, times: 1, do: shut('expired', 2) });
    const codes = [await failure(), await failure(), await failure()];
    expect(codes.slice(1)).toEqual(['CERT_HAS_EXPIRED', 'CERT_HAS_EXPIRED']);
    expect((await ask()).status).toBe(200);
  });
});
