import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { connectionIn } from '../lib/kubeconfig-text.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const server = 'https://0123.gr7.eu-west-1.eks.amazonaws.com';

function config(user: object, cluster: object = {}, more: object = {}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'main', context: { cluster: 'c', user: 'u' } },
      { name: 'other', context: { cluster: 'c', user: 'nobody' } },
      { name: 'homeless', context: { cluster: 'nowhere', user: 'u' } },
    ],
    ...more,
  });
}

describe('a kubeconfig that has all in itself', () => {
  test('may give a token, with the authority and the name to check the server by', async () => {
    const authority = { 'certificate-authority-data': base64('ca'), 'tls-server-name': 'inner.example' };
    const connection = connectionIn(config({ token: 'secret\n' }, authority));
    expect(connection).toMatchObject({ name: 'main', tls: { ca: Buffer.from('ca'), servername: 'inner.example' } });
    expect(connection.server.href).toBe(`${server}/`);
    expect(await connection.headers()).toEqual({ Authorization: 'Bearer secret' });
  });

  test('may give a certificate', async () => {
    const user = { 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') };
    const connection = connectionIn(config(user));
    expect(connection.tls).toEqual({ cert: Buffer.from('cert'), key: Buffer.from('key') });
    expect(await connection.headers()).toEqual({});
  });

  test('may give a name and a password, to a server that nobody checks', async () => {
    const connection = connectionIn(config({ username: 'me', password: 'a:b' }, { 'insecure-skip-tls-verify': true }));
    expect(connection.tls).toEqual({ rejectUnauthorized: false });
    expect(await connection.headers()).toEqual({ Authorization: `Basic ${base64('me:a:b')}` });
  });

  test('may be asked for another context, whose user may be nobody', async () => {
    const connection = connectionIn(config({ token: 'x' }), 'other');
    expect(connection.name).toBe('other');
    expect(await connection.headers()).toEqual({});
  });
});

describe('a kubeconfig is refused', () => {
  const secret = 'SECRET';
  test.each<[string, string, string | undefined, RegExp]>([
    ['that is no YAML', `users: [{ user: { token: "${secret}\\q" } }]`, undefined, /^it is no YAML$/],
    ['that is a list', `[${secret}]`, undefined, /^it has not the form of a kubeconfig$/],
    [
      'without a current context',
      config({}, {}, { 'current-context': undefined }),
      undefined,
      /give this cluster a "context"/,
    ],
    ['without the context that is asked for', config({}), 'mian', /^it has no context "mian"$/],
    [
      'whose current context is the secret in the wrong place',
      config({}, {}, { 'current-context': secret }),
      undefined,
      /^it has no context of the name that it says is current$/,
    ],
    [
      'whose token has become a key',
      config({ [secret]: null }),
      undefined,
      /^its user has an unknown key, which is not/,
    ],
    ['asked for by a name that steers a terminal', config({}), 'a\u001b[2Jb', /^it has no context "a \[2Jb"$/],
    ['whose context has no cluster', config({}), 'homeless', /^its context names no cluster that is there$/],
    [
      'whose server is not https',
      config({}, { server: `http://${secret}` }),
      undefined,
      /^"server" of its cluster is missing/,
    ],
    [
      'whose key is no base64',
      config({ 'client-key-data': secret.slice(1) }),
      undefined,
      /^"client-key-data" of its user/,
    ],
    [
      'with a proxy',
      config({}, { 'proxy-url': secret }),
      undefined,
      /^its cluster has proxy-url, which is not possible here/,
    ],
    [
      'with a file for the authority',
      config({}, { 'certificate-authority': secret }),
      undefined,
      /has certificate-authority,/,
    ],
    ['with a file for the token', config({ tokenFile: secret }), undefined, /^its user has tokenFile,/],
    [
      'with files for the certificate',
      config({ 'client-certificate': secret, 'client-key': secret }),
      undefined,
      /^its user has client-certificate, client-key, which/,
    ],
    ['with an auth provider', config({ 'auth-provider': { name: secret } }), undefined, /^its user has auth-provider,/],
    ['that acts as somebody else', config({ token: 'x', as: secret }), undefined, /^its user has as,/],
    [
      'with a plugin',
      config({ exec: { command: secret } }),
      undefined,
      /credential plugin \(exec\).*Put a token or a client certificate/,
    ],
  ])('%s', (_, text, context, said) => {
    let thrown: unknown;
    try {
      connectionIn(text, context);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ message: expect.stringMatching(said) });
    expect(inspect(thrown)).not.toContain(secret);
  });
});

describe('a plugin for EKS is refused with the setting that takes its place', () => {
  const role = 'arn:aws:iam::111122223333:role/x';
  test.each<[object, string]>([
    [
      {
        command: 'aws',
        args: ['--region', 'eu-central-1', 'eks', 'get-token', '--cluster-name', 'production', '--output', 'json'],
      },
      'eks: { name: production, region: eu-central-1 }',
    ],
    [
      { command: '/usr/local/bin/aws', args: ['eks', 'get-token', '--cluster-name=production', `--role-arn=${role}`] },
      `eks: { name: production, region: eu-west-1, role: "${role}" }`,
    ],
    [
      {
        command: 'aws-iam-authenticator',
        args: ['token', '-i', 'production', '-r', role],
        env: [{ name: 'AWS_REGION', value: 'us-east-2' }],
      },
      `eks: { name: production, region: us-east-2, role: "${role}" }`,
    ],
    [
      { command: 'C:\\bin\\aws-iam-authenticator.exe', args: ['token', '--cluster-id', 'a b'] },
      'eks: { name: <name>, region: eu-west-1 }',
    ],
    [
      { command: 'aws', args: ['eks', 'get-token', '--cluster-name', 'a', '--role-arn', 'x'] },
      'eks: { name: a, region: eu-west-1, role: "<ARN of the role>" }',
    ],
  ])('%j', (exec, setting) => {
    expect(() => connectionIn(config({ exec }))).toThrow(`Use this in its place, in the configuration: ${setting}`);
  });

  test('without a region where nothing tells it', () => {
    const exec = { command: 'aws', args: ['eks', 'get-token', '--cluster-name', 'a'] };
    expect(() => connectionIn(config({ exec }, { server: 'https://proxy.example' }))).toThrow('region: <region> }');
  });
});
