import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { provideKubernetes } from '../../dev/binaries.ts';
import { cacheFolder, install, withLock } from '../../dev/cache.ts';
import { freePorts } from '../../dev/kubernetes-servers.ts';

const platform = `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;
const name = `kubernetes-v1.36.3-${process.platform}-${process.arch}`;
let folder: string;
let lines: string[];
const progress = (line: string) => lines.push(line);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'skymirror-binaries-'));
  lines = [];
  for (const variable of ['KUBEBUILDER_ASSETS', 'TEST_ASSET_KUBE_APISERVER', 'TEST_ASSET_ETCD', 'SKYMIRROR_KUBERNETES'])
    vi.stubEnv(variable, '');
  vi.stubEnv('SKYMIRROR_CACHE', join(folder, 'cache'));
  vi.stubEnv('SKYMIRROR_NO_DOWNLOAD', '');
  for (const variable of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']) vi.stubEnv(variable, '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function cached(): string[] {
  return readdirSync(join(folder, 'cache'), { recursive: true, encoding: 'utf8' }).sort();
}

const whole = [name, join(name, 'etcd'), join(name, 'kube-apiserver')];

/** A folder with programs, which are shell scripts. */
function programs(at: string, scripts: Record<string, string>): string {
  mkdirSync(at, { recursive: true });
  for (const [program, script] of Object.entries(scripts)) {
    writeFileSync(join(at, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return at;
}

describe('from the environment', () => {
  test('takes what KUBEBUILDER_ASSETS holds', async () => {
    const assets = programs(join(folder, 'assets'), { etcd: '', 'kube-apiserver': '' });
    vi.stubEnv('KUBEBUILDER_ASSETS', assets);
    const expected = { kubeApiserver: join(assets, 'kube-apiserver'), etcd: join(assets, 'etcd') };
    expect(await provideKubernetes(progress)).toEqual(expected);
  });

  test('says which file KUBEBUILDER_ASSETS lacks', async () => {
    const assets = programs(join(folder, 'assets'), { etcd: '' });
    vi.stubEnv('KUBEBUILDER_ASSETS', assets);
    const missing = `no executable at ${join(assets, 'kube-apiserver')}; let KUBEBUILDER_ASSETS name`;
    await expect(provideKubernetes(progress)).rejects.toThrow(missing);
  });

  test('lets TEST_ASSET_ETCD and TEST_ASSET_KUBE_APISERVER name single files', async () => {
    const assets = programs(join(folder, 'assets'), { etcd: '', 'kube-apiserver': '', other: '' });
    vi.stubEnv('KUBEBUILDER_ASSETS', assets);
    vi.stubEnv('TEST_ASSET_ETCD', join(assets, 'other'));
    expect(await provideKubernetes()).toEqual({
      kubeApiserver: join(assets, 'kube-apiserver'),
      etcd: join(assets, 'other'),
    });
  });

  test('does not take programs of any version for the one that is asked for', async () => {
    vi.stubEnv('KUBEBUILDER_ASSETS', programs(join(folder, 'assets'), { etcd: '', 'kube-apiserver': '' }));
    vi.stubEnv('SKYMIRROR_KUBERNETES', '1.33');
    await expect(provideKubernetes(progress)).rejects.toThrow(/SKYMIRROR_KUBERNETES=1\.33 .*unset one of them/);
  });

  test('says which versions there are', async () => {
    vi.stubEnv('SKYMIRROR_KUBERNETES', '1.20');
    const said = 'no Kubernetes "1.20"; set SKYMIRROR_KUBERNETES to one of 1.33, 1.36, 1.37';
    await expect(provideKubernetes(progress)).rejects.toThrow(said);
    expect(() => cached()).toThrow('ENOENT');
  });
});

describe('by download', () => {
  let server: Server;
  let requests: string[];
  let archive: Buffer;
  let index: unknown;

  beforeEach(async () => {
    programs(join(folder, 'tree/controller-tools/envtest'), { etcd: 'echo etcd', 'kube-apiserver': '', kubectl: '' });
    execFileSync('tar', ['-czf', join(folder, 'archive'), '-C', join(folder, 'tree'), 'controller-tools']);
    archive = readFileSync(join(folder, 'archive'));
    requests = [];
    server = createServer(({ url = '' }, response) => {
      requests.push(url);
      response.end(url === '/index.yaml' ? stringify(index) : archive);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    vi.stubEnv('SKYMIRROR_ENVTEST_INDEX', `${url}/index.yaml`);
    const hash = createHash('sha512').update(archive).digest('hex');
    const releases = ['v1.36.0', 'v1.36.10', 'v1.36.9', 'v1.37.0', 'v1.36.11-rc.0'].map((release) => {
      const file = `envtest-${release}-${platform}.tar.gz`;
      return [release, { [file]: { hash, selfLink: `${url}/${file}` } }];
    });
    index = { releases: Object.fromEntries(releases) };
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  test('installs the newest patch for this platform, and asks nobody the next time', async () => {
    const { etcd } = await provideKubernetes(progress);
    expect(requests).toEqual(['/index.yaml', `/envtest-v1.36.10-${platform}.tar.gz`]);
    expect(execFileSync(etcd, { encoding: 'utf8' })).toBe('etcd\n');
    expect(cached()).toEqual(whole);
    expect(await provideKubernetes()).toMatchObject({ etcd });
    expect(requests).toHaveLength(2);
  });

  test('installs another minor beside it where SKYMIRROR_KUBERNETES names one', async () => {
    await provideKubernetes(progress);
    vi.stubEnv('SKYMIRROR_KUBERNETES', '1.37');
    const { etcd } = await provideKubernetes(progress);
    expect(requests.at(-1)).toBe(`/envtest-v1.37.0-${platform}.tar.gz`);
    expect(etcd).toBe(join(cacheFolder(name.replace('v1.36.3', 'v1.37.2')), 'etcd'));
    expect(cached()).toEqual(expect.arrayContaining(whole));
  });

  test('downloads once for two that ask at the same time', async () => {
    const [one, two] = await Promise.all([provideKubernetes(progress), provideKubernetes(progress)]);
    expect(one).toEqual(two);
    expect(requests).toHaveLength(2);
    expect(lines).toContain(`${name}: waiting for process ${process.pid}, which is at it`);
  });

  test('refuses an archive with another hash, and installs nothing', async () => {
    archive = Buffer.concat([archive, Buffer.from('!')]);
    await expect(provideKubernetes(progress)).rejects.toThrow(/v1\.36\.10.* has the SHA-512 .*nothing was installed/);
    expect(cached()).toEqual([]);
  });
});

describe('by a build', () => {
  /** It stands in for go, whose real build takes minutes: writes the last argument but one, as `-o` says. */
  const build = `while [ "$1" != -o ]; do shift; done; printf '#!/bin/sh\\necho %s' "$3" > "$2"; /bin/chmod +x "$2"`;
  const go = (version: string, script: string) => {
    vi.stubEnv('PATH', programs(join(folder, 'bin'), { go: `[ "$1" = env ] && echo ${version} && exit\n${script}` }));
  };

  test('builds both programs when the download is out of reach, and says so', async () => {
    const url = `http://127.0.0.1:${(await freePorts(1))[0]}/index.yaml`;
    vi.stubEnv('SKYMIRROR_ENVTEST_INDEX', url);
    go('go1.26.8', build);
    const { kubeApiserver, etcd } = await provideKubernetes(progress);
    expect(execFileSync(kubeApiserver, { encoding: 'utf8' })).toBe('k8s.io/kubernetes/cmd/kube-apiserver\n');
    expect(execFileSync(etcd, { encoding: 'utf8' })).toBe('go.etcd.io/etcd/server/v3\n');
    expect(cached()).toEqual(whole);
    expect(lines[0]).toMatch(`no download, ${url} is out of reach (fetch failed: connect ECONNREFUSED`);
    expect(lines.at(-1)).toBe(`kubernetes: kube-apiserver and etcd are in ${cacheFolder(name)}`);
  });

  test.each([
    ['1.33', 'v1.33.13'],
    ['1.36', 'v1.36.3'],
    ['1.37', 'v1.37.2'],
  ])('builds Kubernetes %s from the module that pins %s, and lets it say so', async (minor, release) => {
    vi.stubEnv('SKYMIRROR_NO_DOWNLOAD', '1');
    vi.stubEnv('SKYMIRROR_KUBERNETES', minor);
    go('go1.26.8', `printf '#!/bin/sh\\necho "%s %s"' "$PWD" "$5" > "$7"; /bin/chmod +x "$7"`);
    const { kubeApiserver } = await provideKubernetes(progress);
    const [module = '', ...flags] = execFileSync(kubeApiserver, { encoding: 'utf8' }).trim().split(' ');
    expect(readFileSync(join(module, 'go.mod'), 'utf8')).toMatch(new RegExp(`^\\tk8s.io/kubernetes ${release} `, 'm'));
    expect(flags).toContain(`k8s.io/component-base/version.gitVersion=${release}`);
    expect(flags).toContain(`k8s.io/component-base/version.gitMinor=${minor.split('.')[1]}`);
  });

  test('shows what go said when it fails, and installs nothing', async () => {
    vi.stubEnv('SKYMIRROR_NO_DOWNLOAD', '1');
    go('go1.27', 'echo "no such module" >&2; exit 1');
    await expect(provideKubernetes(progress)).rejects.toThrow('go cannot build etcd:\nno such module');
    expect(cached()).toEqual([]);
  });

  test.each([
    ['too old', () => go('go1.25.3', build), 'found go1.25.3'],
    ['missing', () => vi.stubEnv('PATH', folder), 'go says: spawn go ENOENT'],
  ])('says what to install when go is %s', async (_, prepare, end) => {
    vi.stubEnv('SKYMIRROR_NO_DOWNLOAD', '1');
    prepare();
    const error = await provideKubernetes(progress).catch(String);
    expect(error).toContain('go 1.26 or newer; install it (https://go.dev/dl)');
    expect(error).toContain(end);
    expect(cached()).toEqual([]);
  });
});

describe('the cache', () => {
  test('takes over the lock of a dead process', async () => {
    const { pid } = spawnSync('/bin/sh', ['-c', 'exit']);
    mkdirSync(join(folder, 'cache'));
    writeFileSync(`${cacheFolder('thing')}.lock`, `${pid} 1 left-over`);
    expect(await withLock('thing', async () => 'done')).toBe('done');
    expect(cached()).toEqual([]);
  });

  test('gives up the lock when the work fails', async () => {
    const failing = withLock('thing', () => Promise.reject(new Error('boom')));
    await expect(failing).rejects.toThrow('boom');
    expect(await withLock('thing', async () => 'done')).toBe('done');
  });

  test('keeps what another process installed in the meantime', async () => {
    const thing = cacheFolder('thing');
    await install(thing, async (partial) => {
      writeFileSync(join(partial, 'mine'), '');
      programs(thing, { theirs: '' });
    });
    expect(cached()).toEqual(['thing', join('thing', 'theirs')]);
  });

  test('lies in SKYMIRROR_CACHE, else in XDG_CACHE_HOME', () => {
    expect(cacheFolder('x')).toBe(join(folder, 'cache', 'x'));
    vi.stubEnv('SKYMIRROR_CACHE', '');
    vi.stubEnv('XDG_CACHE_HOME', '/somewhere');
    expect(cacheFolder('x')).toBe('/somewhere/skymirror/x');
  });
});
