import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { connectionTo } from '../../lib/open-clusters.ts';
import { withoutInvalidNames } from '../name-server.ts';
import { type EksStack, production, startEks } from './eks.ts';
import { complaints } from './world.ts';

let stack: EksStack;
beforeAll(async () => {
  stack = await startEks();
});
afterAll(() => stack?.stop());
beforeEach(withoutInvalidNames);
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  stack.shiftAws(0);
});

const minutes = 60_000;
/** Only the wall clock: the monotonic one of a frozen function stands still. */
const setClock = (ahead: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ahead });
const phase = (cluster: Awaited<ReturnType<EksStack['enter']>>) =>
  cluster.namespacePhase('default', { signal: AbortSignal.timeout(60_000) });
const fromRole = () => ({ ...production, role: stack.role, externalId: stack.aws.externalId });
const assumed = () => stack.aws.requests.count({ service: 'sts', action: 'AssumeRole' });

test('a pass writes into an EKS cluster of which only name, region and role are known', async () => {
  const world = await stack.world({ instances: ['orders', 'ledger'] });
  const before = {
    described: stack.clusters.described.length,
    tokens: stack.verifier.accepted.size,
    assumed: assumed(),
  };
  const cluster = await stack.enter();
  const report = await world.pass({ clusters: [cluster] });
  expect(complaints(report)).toBe('');
  expect(report).toMatchObject({ ok: true, clusters: [{ cluster: 'here', counts: { created: 2 } }] });
  const path = world.pathOf('orders');
  expect(await stack.kubernetes.request(path)).toMatchObject({ status: 200 });
  expect(stack.clusters.described.slice(before.described)).toEqual([production.name]);
  expect(stack.verifier.accepted.size).toBe(before.tokens + 1);
});

test('the role of the function is assumed where the configuration names none', async () => {
  const cluster = await stack.enter(production, { clusterRole: stack.role });
  // The role of the stack asks for an external id, which is the configuration's to give: AWS refuses the rest.
  await expect(phase(cluster)).rejects.toThrow(/sts:AssumeRole.*let the role trust this identity/);
});

test('a cluster whose endpoint and certificate authority are configured costs no question to EKS', async () => {
  const before = stack.clusters.described.length;
  expect(await phase(await stack.enter({ ...fromRole(), ...stack.place() }))).toBe('Active');
  expect(stack.clusters.described).toHaveLength(before);
});

test('a name that is no longer there is looked up again', async () => {
  const before = stack.clusters.described.length;
  const eks = { ...fromRole(), ...stack.place(), endpoint: 'https://gone.invalid' };
  const cluster = await stack.enter(eks);
  expect(await phase(cluster)).toBe('Active');
  expect(await phase(cluster)).toBe('Active');
  expect(stack.clusters.described.slice(before)).toEqual([production.name]);
});

test('a certificate authority that was replaced is looked up again, once for all requests', async () => {
  const eks = { ...fromRole(), ...stack.place() };
  const cluster = await stack.enter(eks);
  expect(await phase(cluster)).toBe('Active');
  const before = stack.clusters.described.length;
  await stack.kubernetes.rotateCertificate();
  const { url, certificateAuthority } = stack.kubernetes;
  stack.clusters.place(production.name, { endpoint: url, certificateAuthority });
  expect(await Promise.all([phase(cluster), phase(cluster), phase(cluster)])).toEqual(Array(3).fill('Active'));
  expect(stack.clusters.described.slice(before)).toEqual([production.name]);
});

test('a server that is another than EKS says is not trusted, and not looked up with each request', async () => {
  const { url, certificateAuthority } = stack.kubernetes;
  const cluster = await stack.enter({ ...fromRole(), ...stack.place() });
  await stack.kubernetes.rotateCertificate();
  const before = stack.clusters.described.length;
  const asked = () => cluster.namespacePhase('default', { signal: AbortSignal.timeout(2_000) });
  await expect(asked()).rejects.toThrow(/self-signed certificate in certificate chain \(SELF_SIGNED_CERT_IN_CHAIN\)/);
  await expect(asked()).rejects.toThrow(/SELF_SIGNED_CERT_IN_CHAIN/);
  expect(stack.clusters.described.slice(before)).toEqual([production.name]);
  expect({ url, certificateAuthority }).not.toEqual({
    url,
    certificateAuthority: stack.kubernetes.certificateAuthority,
  });
  stack.clusters.place(production.name, { endpoint: url, certificateAuthority: stack.kubernetes.certificateAuthority });
  setClock(2 * minutes);
  stack.shiftAws(2 * minutes);
  expect(await phase(cluster)).toBe('Active');
});

test('a cluster that does not exist is told in one sentence, when it is opened and when it has gone', async () => {
  const nowhere = { ...fromRole(), name: 'prodution' };
  await expect(phase(await stack.enter(nowhere))).rejects.toThrow(
    'cluster here: EKS cluster "prodution" in us-east-1 does not exist. Correct name and region in the configuration',
  );
  const gone = await stack.enter({ ...nowhere, ...stack.place(), endpoint: 'https://gone.invalid' });
  await expect(gone.namespacePhase('default', { signal: AbortSignal.timeout(3_000) })).rejects.toThrow(
    /^cluster here \(gone.invalid\): GET .*ENOTFOUND.*; EKS cluster "prodution" in us-east-1 does not exist/,
  );
});

test('an endpoint that is none is not spoken to: a token would go there', async () => {
  const certificateAuthority = { data: 'QUJD' };
  for (const endpoint of ['http://127.0.0.1:1', 'elsewhere', { toString: 'x' }]) {
    const cluster = { name: production.name, status: 'ACTIVE', endpoint, certificateAuthority };
    stack.clusters.answer(production.name, 200, { cluster });
    await expect(phase(await stack.enter())).rejects.toThrow(
      'what EKS says of its endpoint and authority has not the right form',
    );
  }
  stack.clusters.answer(production.name, 200, { cluster: { status: { toString: 'x' } } });
  await expect(phase(await stack.enter())).rejects.toThrow('has no endpoint: it is in no state');
});

test('a cluster that is still being made, and one that may not be looked up, are told with what to do', async () => {
  stack.clusters.answer(production.name, 200, { cluster: { name: production.name, status: 'CREATING' } });
  await expect(phase(await stack.enter())).rejects.toThrow(
    'cluster here: EKS cluster "production" in us-east-1 has no endpoint: it is CREATING. Wait until it is ACTIVE',
  );
  const message = 'User: x is not authorized to perform: eks:DescribeCluster on resource: y';
  stack.clusters.answer(production.name, 403, { __type: 'AccessDeniedException', message });
  await expect(phase(await stack.enter())).rejects.toThrow(
    /cannot be looked up: AWS refused \(AccessDeniedException: User: x .*, or give endpoint and certificateAuthority/,
  );
  const { url: endpoint, certificateAuthority } = stack.kubernetes;
  stack.clusters.place(production.name, { endpoint, certificateAuthority });
  expect(await phase(await stack.enter())).toBe('Active');
});

test('what of endpoint and certificate authority is configured is used, and the rest asked for', async () => {
  const { certificateAuthority } = stack.place();
  const before = stack.clusters.described.length;
  expect(await phase(await stack.enter({ ...fromRole(), certificateAuthority }))).toBe('Active');
  expect(stack.clusters.described).toHaveLength(before + 1);
});

test('without credentials it is told where they may come from', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  const cluster = await stack.enter({ ...production, ...stack.place() });
  await expect(phase(cluster)).rejects.toThrow(
    /EKS cluster "production" in us-east-1 cannot be entered: there are no AWS credentials .*AWS_PROFILE/,
  );
});

test.each([10, -20])('a clock that is %i minutes off is corrected by the first refusal', async (off) => {
  setClock(off * minutes);
  const refusals = stack.verifier.refusals.length;
  const cluster = await stack.enter({ ...fromRole(), ...stack.place() });
  expect(await phase(cluster)).toBe('Active');
  expect(await phase(cluster)).toBe('Active');
  expect(stack.verifier.refusals.slice(refusals)).toEqual([
    expect.stringMatching(off > 0 ? /not yet current/ : /is expired/),
  ]);
});

test('a token is used for ten minutes, and anew after the function was frozen for longer', async () => {
  const cluster = await stack.enter({ ...fromRole(), ...stack.place() });
  await phase(cluster);
  const before = stack.verifier.accepted.size;
  const pass = async (after: number) => {
    setClock(after);
    stack.shiftAws(Date.now() - (performance.timeOrigin + performance.now()));
    expect(await phase(cluster)).toBe('Active');
  };
  await pass(9 * minutes);
  expect(stack.verifier.accepted.size).toBe(before);
  await pass(2 * minutes);
  expect(stack.verifier.accepted.size).toBe(before + 1);
});

test('credentials that ended while the function was frozen are renewed before a token is made of them', async () => {
  const cluster = await stack.enter({ ...fromRole(), ...stack.place() });
  await phase(cluster);
  const before = { refusals: stack.verifier.refusals.length, assumed: assumed() };
  setClock(120 * minutes);
  stack.shiftAws(120 * minutes);
  expect(await phase(cluster)).toBe('Active');
  expect(stack.verifier.refusals).toHaveLength(before.refusals);
  expect(assumed()).toBe(before.assumed + 1);
});

test('credentials that have ended by the clock of the API server alone are renewed too', async () => {
  const signal = new AbortController().signal;
  const connection = await connectionTo({ here: { eks: { ...fromRole(), ...stack.place() } } }, 'here', { signal });
  const before = assumed();
  setClock(50 * minutes);
  await connection.headers();
  expect(assumed()).toBe(before);
  expect(await connection.renewed?.({ kind: 'refused', serverTime: Date.now() + 15 * minutes })).toBeUndefined();
  await connection.headers();
  expect(assumed()).toBe(before + 1);
});

test('an identity without an access entry is told how to make one', async () => {
  const cluster = await stack.enter({ ...production, ...stack.place() });
  await expect(phase(cluster)).rejects.toThrow(
    /Unauthorized.*access entry.*aws eks create-access-entry --cluster-name production --region us-east-1 --principal-arn '<ARN of the role>' --kubernetes-groups skymirror-writers/,
  );
});
