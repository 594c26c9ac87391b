import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type EksVerifier, startEksVerifier } from '../../dev/eks-verifier.ts';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { eksToken } from '../../lib/eks-token.ts';

const cluster = 'production';
const region = 'eu-west-1';
const session = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret/+', sessionToken: 'token+/==' };
const lasting = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'other' };
const role = 'arn:aws:iam::111122223333:role/reader';
const user = 'arn:aws:iam::111122223333:user/robot';

let verifier: EksVerifier;
let kubernetes: Kubernetes;
let dispatcher: Agent;
beforeAll(async () => {
  verifier = await startEksVerifier({ cluster, region });
  verifier.learn(session, 'arn:aws:sts::111122223333:assumed-role/reader/skymirror');
  verifier.learn(lasting, user);
  verifier.admit(role, ['skymirror-writers']);
  verifier.admit(user, ['others']);
  kubernetes = await startKubernetes({ tokenWebhook: verifier.url });
  dispatcher = new Agent({ connect: { ca: kubernetes.certificateAuthority } });
});
afterAll(async () => {
  await dispatcher?.close();
  await kubernetes?.stop();
  await verifier?.stop();
});

/** Whom the API server takes a token for. */
async function whoIs(token: string): Promise<{ status: number; username?: string; groups?: string[] }> {
  const { statusCode, body } = await request(`${kubernetes.url}/apis/authentication.k8s.io/v1/selfsubjectreviews`, {
    dispatcher,
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }),
  });
  const answer = (await body.json()) as { status?: { userInfo?: { username: string; groups: string[] } } };
  return { status: statusCode, ...answer.status?.userInfo };
}

const tokenOf = (more: Partial<Parameters<typeof eksToken>[0]> = {}) =>
  eksToken({ cluster, region, keys: session, at: Date.now(), ...more });

/** The same token with another URL in it. */
function changed(token: string, change: (url: string) => string): string {
  const [prefix = '', text = ''] = token.split('.');
  return `${prefix}.${Buffer.from(change(Buffer.from(text, 'base64url').toString())).toString('base64url')}`;
}

test('a token lets the session of a role in, with the groups of its access entry', async () => {
  expect(await whoIs(tokenOf())).toMatchObject({
    status: 201,
    username: 'arn:aws:sts::111122223333:assumed-role/reader/skymirror',
    groups: ['skymirror-writers', 'system:authenticated'],
  });
});

test('a token lets lasting keys in', async () => {
  expect(await whoIs(tokenOf({ keys: lasting }))).toMatchObject({ status: 201, username: user });
});

test('a token counts for 15 minutes', async () => {
  expect(await whoIs(tokenOf({ at: Date.now() - 14 * 60_000 }))).toMatchObject({ status: 201 });
});

describe('the API server refuses a token', () => {
  test.each<[string, () => string, RegExp]>([
    ['for another cluster', () => tokenOf({ cluster: 'staging' }), /SignatureDoesNotMatch/],
    ['with a parameter more', () => changed(tokenOf(), (url) => `${url}&x-id=GetCallerIdentity`), /non-whitelisted/],
    ['with a parameter twice', () => changed(tokenOf(), (url) => `${url}&Version=2011-06-15`), /multiple values/],
    ['that is older than 15 minutes', () => tokenOf({ at: Date.now() - 16 * 60_000 }), /is expired/],
    ['that is of the future', () => tokenOf({ at: Date.now() + 10 * 60_000 }), /not yet current/],
    ['with another date', () => changed(tokenOf(), (url) => url.replace(/(Date=\d{8}T\d{5})\d/, '$1x')), /X-Amz-Date/],
    [
      'with another signature',
      () => changed(tokenOf(), (url) => url.replace(/.$/, (one) => (one === '0' ? '1' : '0'))),
      /DoesNotMatch/,
    ],
    [
      'that lasts longer',
      () => changed(tokenOf(), (url) => url.replace('Expires=60', 'Expires=901')),
      /invalid X-Amz-Expires/,
    ],
    ['of an unknown key', () => tokenOf({ keys: { ...session, accessKeyId: 'ASIAOTHER' } }), /InvalidClientTokenId/],
    ['of another session', () => tokenOf({ keys: { ...session, sessionToken: 'other' } }), /InvalidClientTokenId/],
    ['signed with another secret', () => tokenOf({ keys: { ...session, secretAccessKey: 'x' } }), /DoesNotMatch/],
    ['for another path', () => changed(tokenOf(), (url) => url.replace('/?', '/x?')), /unexpected path/],
    ['for another host', () => changed(tokenOf(), (url) => url.replace('sts.', 'sts.evil.')), /unexpected hostname/],
    ['without TLS', () => changed(tokenOf(), (url) => url.replace('https:', 'http:')), /unexpected scheme/],
    [
      'that asks for something else',
      () => changed(tokenOf(), (url) => url.replace('GetCallerIdentity', 'AssumeRole')),
      /unexpected action/,
    ],
    [
      'without the name of the cluster',
      () => changed(tokenOf(), (url) => url.replace('%3Bx-k8s-aws-id', '')),
      /did not sign/,
    ],
    ['of another region', () => tokenOf({ region: 'us-east-1' }), /unexpected hostname/],
    ['that is too large', () => tokenOf({ keys: { ...session, sessionToken: 'x'.repeat(4000) } }), /too large/],
    ['of another make', () => 'k8s-aws-v2.x', /prefix/],
  ])('%s', async (_, token, reason) => {
    const before = verifier.refusals.length;
    expect(await whoIs(token())).toMatchObject({ status: 401 });
    expect(verifier.refusals.slice(before)).toEqual([expect.stringMatching(reason)]);
  });

  test('of an identity without an access entry', async () => {
    const stranger = { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'y' };
    verifier.learn(stranger, 'arn:aws:iam::111122223333:user/stranger');
    expect(await whoIs(tokenOf({ keys: stranger }))).toMatchObject({ status: 401 });
    expect(verifier.refusals.at(-1)).toMatch(/no access entry for .*user\/stranger/);
  });
});
