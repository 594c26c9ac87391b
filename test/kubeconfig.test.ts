import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { loadConnection } from '../lib/kubeconfig.ts';

const folder = mkdtempSync(join(tmpdir(), 'skymirror-kubeconfig-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function write(text: string, mode = 0o600): string {
  files += 1;
  const file = join(folder, `file-${files}`);
  writeFileSync(file, text, { mode });
  return file;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

interface Parts {
  readonly user?: object;
  readonly cluster?: object;
  readonly context?: string;
}

/** A kubeconfig with the contexts main, other and homeless, the last without a cluster. */
function config({ user = {}, cluster = {}, context = 'main' }: Parts = {}): string {
  return write(
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': context,
      clusters: [{ name: 'c', cluster: { server: 'https://cluster.example:6443/prefix', ...cluster } }],
      users: [{ name: 'u', user }],
      contexts: [
        { name: 'main', context: { cluster: 'c', user: 'u' } },
        { name: 'other', context: { cluster: 'c', user: 'u' } },
        { name: 'homeless', context: { cluster: 'nowhere', user: 'u' } },
      ],
    }),
  );
}

beforeEach(() => {
  vi.stubEnv('HOME', folder);
  vi.stubEnv('KUBECONFIG', undefined);
  vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
});

describe('a kubeconfig', () => {
  test('is the file that is named, with its current context', async () => {
    const connection = await loadConnection({ kubeconfig: config() });
    expect(connection.name).toBe('main');
    expect(connection.server.href).toBe('https://cluster.example:6443/prefix');
    expect(connection.tls).toEqual({});
    expect(await connection.headers()).toEqual({});
  });

  test('may be asked for another context', async () => {
    expect((await loadConnection({ kubeconfig: config(), context: 'other' })).name).toBe('other');
  });

  test('is that of KUBECONFIG where none is named', async () => {
    vi.stubEnv('KUBECONFIG', `${config()}${delimiter}`);
    expect((await loadConnection({})).name).toBe('main');
  });

  describe('of which KUBECONFIG lists several', () => {
    const named = (name: string) => {
      const clusters = [{ name, cluster: { server: `https://${name}.example` } }];
      const users = [{ name, user: { tokenFile: basename(write(name)) } }];
      const contexts = [{ name, context: { cluster: name, user: name } }];
      return write(stringify({ 'current-context': name, clusters, users, contexts }));
    };
    const list = (...names: string[]) => vi.stubEnv('KUBECONFIG', names.join(delimiter));

    test('is all of them together, with the current context of the first, as kubectl has it', async () => {
      list(named('a'), named('b'));
      expect(await loadConnection({})).toMatchObject({ name: 'a', server: { host: 'a.example' } });
      const connection = await loadConnection({ context: 'b' });
      expect(connection.server.host).toBe('b.example');
      expect(await connection.headers()).toEqual({ Authorization: 'Bearer b' });
    });

    test('is by each name what the first of them says, and takes the current context from the first that has one', async () => {
      const clusters = [{ name: 'a', cluster: { server: 'https://first.example' } }];
      list(write(stringify({ clusters })), named('a'), named('b'));
      expect(await loadConnection({})).toMatchObject({ name: 'a', server: { host: 'first.example' } });
    });

    test.each([0, 1, 2])('is the others where that at position %d is not there', async (position) => {
      list(...[named('a'), named('b')].toSpliced(position, 0, '/nowhere/config'));
      expect((await loadConnection({})).name).toBe('a');
      expect((await loadConnection({ context: 'b' })).name).toBe('b');
    });

    test('is named where one of them cannot be read', async () => {
      const broken = write('{');
      list('/nowhere/config', named('a'), broken);
      await expect(loadConnection({})).rejects.toThrow(broken);
    });
  });

  test('may have no users', async () => {
    const clusters = [{ name: 'c', cluster: { server: 'https://cluster.example' } }];
    const contexts = [{ name: 'main', context: { cluster: 'c' } }];
    const kubeconfig = write(
      stringify({ apiVersion: 'v1', kind: 'Config', 'current-context': 'main', clusters, contexts }),
    );
    expect(await (await loadConnection({ kubeconfig })).headers()).toEqual({});
  });

  test('is named in the error where there is none', async () => {
    const message = `no kubeconfig: looked for ${join(folder, '.kube', 'config')}. Set KUBECONFIG or name a file`;
    await expect(loadConnection({})).rejects.toThrow(message);
    await expect(loadConnection({ kubeconfig: '/nowhere/config' })).rejects.toThrow('looked for /nowhere/config');
    vi.stubEnv('KUBECONFIG', ['/nowhere/a', '/nowhere/b'].join(delimiter));
    await expect(loadConnection({})).rejects.toThrow('looked for /nowhere/a, /nowhere/b');
  });

  test('is not needed in a pod that has the token of a service account, and asked for in one without', async () => {
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '10.0.0.1');
    const said = await loadConnection({}).then(({ name }) => name, String);
    const hasToken = existsSync('/var/run/secrets/kubernetes.io/serviceaccount/token');
    expect(said).toMatch(hasToken ? 'inClusterContext' : 'no kubeconfig: looked for');
  });

  test.each([
    ['no YAML', '{'],
    ['empty', ''],
    ['a list of users without names', 'users: [{}]'],
    ['a cluster without a server', 'clusters: [{ name: c, cluster: {} }]'],
  ])('that is %s is named with the reason', async (_, text) => {
    const file = write(text);
    await expect(loadConnection({ kubeconfig: file })).rejects.toThrow(`kubeconfig ${file} cannot be read: `);
  });

  test('that is a folder is named with the reason', async () => {
    await expect(loadConnection({ kubeconfig: folder })).rejects.toThrow(/cannot be read: .*EISDIR/);
  });

  test('without the context that is asked for says which there are', async () => {
    const choice = { kubeconfig: config(), context: 'mian' };
    await expect(loadConnection(choice)).rejects.toThrow('no context "mian". It has: main, other, homeless');
  });

  test('without any context says so', async () => {
    const file = write(stringify({ apiVersion: 'v1', kind: 'Config', clusters: [], users: [], contexts: [] }));
    await expect(loadConnection({ kubeconfig: file, context: 'a' })).rejects.toThrow('no context "a". It has: none');
  });

  test.each(['homeless', 'unknown'])('whose context %s names no cluster says which there are', async (context) => {
    const said = `context "${context}" names no cluster. Choose one of: main, other, homeless`;
    await expect(loadConnection({ kubeconfig: config({ context }) })).rejects.toThrow(said);
  });

  test.each([
    [
      'clusters: []',
      'it has no current context. Choose one with "kubectl config use-context", or name it; it has: none',
    ],
    ['[]', 'it has not the form of a kubeconfig'],
    ['users: 5', 'it has not the form of a kubeconfig'],
    ['current-context: { toString: x }', 'it has not the form of a kubeconfig'],
    ['clusters: [{ name: c, cluster: { server: [x] } }]', 'it has not the form of a kubeconfig'],
    [
      'clusters: [{ name: c, cluster: { server: https://a, tls-server-name: 1.5 } }]',
      'it has not the form of a kubeconfig',
    ],
    [
      'clusters: [{ name: c, cluster: { server: https://a, insecure-skip-tls-verify: "no" } }]',
      'it has not the form of a kubeconfig',
    ],
  ])('that says only %s is told to be none', async (text, said) => {
    await expect(loadConnection({ kubeconfig: write(text) })).rejects.toThrow(said);
  });

  test('is told as plain text, whatever it names', async () => {
    const name = 'a\u001b[2J\nskymirror: all is well';
    const file = write(
      stringify({ 'current-context': name, contexts: [{ name, context: { cluster: 'c', user: 'u' } }] }),
    );
    await expect(loadConnection({ kubeconfig: file })).rejects.toThrow(
      /^kubeconfig: context "a \[2J skymirror\P{Cc}+$/u,
    );
  });

  test.each(['ftp://admin:SECRET@cluster.example', 'admin:SECRET@cluster.example'])(
    'with a password in a server that is none is told without it: %s',
    async (server) => {
      await expect(loadConnection({ kubeconfig: config({ cluster: { server } }) })).rejects.toThrow(
        'cluster "c" has the server "…@cluster.example", which is no https URL',
      );
    },
  );

  test('with a proxy-url is refused', async () => {
    const kubeconfig = config({ cluster: { 'proxy-url': 'http://proxy:3128' } });
    await expect(loadConnection({ kubeconfig })).rejects.toThrow(
      'cluster "c" has a proxy-url, which skymirror does not',
    );
  });

  test.each(['cluster.example', 'ftp://cluster.example'])('with the server %j is refused', async (server) => {
    const kubeconfig = config({ cluster: { server } });
    await expect(loadConnection({ kubeconfig })).rejects.toThrow(`cluster "c" has the server "${server}"`);
  });
});

describe('credentials', () => {
  const headersOf = async (user: object) => (await loadConnection({ kubeconfig: config({ user }) })).headers();

  test('may be a token', async () => {
    expect(await headersOf({ token: 'secret' })).toEqual({ Authorization: 'Bearer secret' });
  });

  test('may be a token in a file', async () => {
    expect(await headersOf({ tokenFile: write('from-file') })).toEqual({ Authorization: 'Bearer from-file' });
    expect(await headersOf({ tokenFile: basename(write('beside')) })).toEqual({ Authorization: 'Bearer beside' });
    expect(await headersOf({ token: 'first', tokenFile: '/nowhere' })).toEqual({ Authorization: 'Bearer first' });
  });

  test('in a file that is not there name the file', async () => {
    const kubeconfig = config({ user: { tokenFile: '/nowhere/token' } });
    await expect(loadConnection({ kubeconfig })).rejects.toThrow(/credentials of context "main".*\/nowhere\/token/);
  });

  test('may be a name and a password', async () => {
    const headers = await headersOf({ username: 'me', password: 'pass:word' });
    expect(headers).toEqual({ Authorization: `Basic ${base64('me:pass:word')}` });
  });

  test('may impersonate', async () => {
    expect(await headersOf({ token: 'secret', as: 'auditor' })).toMatchObject({ 'Impersonate-User': 'auditor' });
  });

  test('may be a certificate, with the authority and the name to check the server by', async () => {
    const user = { 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') };
    const cluster = { 'certificate-authority-data': base64('ca'), 'tls-server-name': 'inner.example' };
    const { tls } = await loadConnection({ kubeconfig: config({ user, cluster }) });
    expect(tls).toEqual({
      ca: Buffer.from('ca'),
      cert: Buffer.from('cert'),
      key: Buffer.from('key'),
      servername: 'inner.example',
    });
  });

  test('may be certificates in files, which are named where they are missing', async () => {
    const user = { 'client-certificate': write('cert'), 'client-key': write('key') };
    const { tls } = await loadConnection({ kubeconfig: config({ user }) });
    expect(tls).toEqual({ cert: Buffer.from('cert'), key: Buffer.from('key') });
    const missing = config({ user: { 'client-certificate': '/nowhere/cert' } });
    await expect(loadConnection({ kubeconfig: missing })).rejects.toThrow(/credentials of context "main".*nowhere/);
  });

  test('may be sent to a server that nobody checks', async () => {
    const cluster = { 'insecure-skip-tls-verify': true };
    const { tls } = await loadConnection({ kubeconfig: config({ cluster }) });
    expect(tls).toEqual({ rejectUnauthorized: false });
  });
});
