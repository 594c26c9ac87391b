import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EnvHttpProxyAgent, fetch } from 'undici';
import { parse } from 'yaml';
import { z } from 'zod';
import { cacheFolder, install, withLock } from './cache.ts';
import { type Guard, launch } from './guardian.ts';

/** Paths of the two programs that make up a Kubernetes API. */
export interface KubernetesBinaries {
  kubeApiserver: string;
  etcd: string;
}

type Progress = (line: string) => void;

const version = 'v1.36.3';
const minor = 'v1.36';
const envtestIndex = 'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml';
const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64le', s390x: 's390x' };

/**
 * Finds the binaries in KUBEBUILDER_ASSETS (or TEST_ASSET_KUBE_APISERVER and TEST_ASSET_ETCD) or in our cache; else
 * fills the cache from an envtest archive or, where that cannot be reached, by a build with `go`, which takes minutes.
 */
export async function provideKubernetes(progress: Progress = () => {}): Promise<KubernetesBinaries> {
  const given = fromEnvironment();
  if (given) return given;
  const name = `kubernetes-${version}-${process.platform}-${process.arch}`;
  const folder = cacheFolder(name);
  const cached = inFolder(folder);
  if (missing(cached).length === 0) return cached;
  await withLock(name, () => fill(folder, progress), progress);
  return cached;
}

async function fill(folder: string, progress: Progress): Promise<void> {
  if (missing(inFolder(folder)).length === 0) return;
  await rm(folder, { recursive: true, force: true });
  const archive = await findArchive(progress);
  await install(folder, async (partial, owner) => {
    if (archive && (await download(archive, partial, progress))) return;
    await build(partial, owner, progress);
  });
  progress(`kubernetes: kube-apiserver and etcd are in ${folder}`);
}

function fromEnvironment(): KubernetesBinaries | undefined {
  const { KUBEBUILDER_ASSETS, TEST_ASSET_KUBE_APISERVER, TEST_ASSET_ETCD } = process.env;
  if (!KUBEBUILDER_ASSETS && !TEST_ASSET_KUBE_APISERVER && !TEST_ASSET_ETCD) return undefined;
  const folder = inFolder(KUBEBUILDER_ASSETS || '');
  const found = {
    kubeApiserver: TEST_ASSET_KUBE_APISERVER || folder.kubeApiserver,
    etcd: TEST_ASSET_ETCD || folder.etcd,
  };
  const absent = missing(found);
  if (absent.length === 0) return found;
  throw new Error(
    `provideKubernetes: no executable at ${absent.join(' and ')}; let KUBEBUILDER_ASSETS name a folder with ` +
      'kube-apiserver and etcd (or TEST_ASSET_KUBE_APISERVER and TEST_ASSET_ETCD the two files), or unset them all',
  );
}

function inFolder(folder: string): KubernetesBinaries {
  return { kubeApiserver: join(folder, 'kube-apiserver'), etcd: join(folder, 'etcd') };
}

function missing(binaries: KubernetesBinaries): string[] {
  return Object.values(binaries).filter((path) => {
    try {
      accessSync(path, constants.X_OK);
      return false;
    } catch {
      return true;
    }
  });
}

const indexSchema = z.object({
  releases: z.record(z.string(), z.record(z.string(), z.object({ hash: z.string(), selfLink: z.url() }))),
});

interface Archive {
  name: string;
  hash: string;
  selfLink: string;
}

/** The newest patch for this platform; undefined, with a line that says why, when there is nothing to download. */
async function findArchive(progress: Progress): Promise<Archive | undefined> {
  if (process.env.SKYMIRROR_NO_DOWNLOAD === '1') return undefined;
  const url = process.env.SKYMIRROR_ENVTEST_INDEX || envtestIndex;
  const platform = `${process.platform}-${architectures[process.arch] ?? process.arch}`;
  try {
    const { releases } = indexSchema.parse(parse(await (await get(url, 15_000)).text()));
    const patch = (release: string) =>
      Number(new RegExp(`^${minor.replace('.', '\\.')}\\.(\\d+)$`).exec(release)?.[1] ?? -1);
    const newest = Object.keys(releases)
      .filter((release) => patch(release) >= 0)
      .sort((a, b) => patch(b) - patch(a));
    for (const release of newest) {
      const name = `envtest-${release}-${platform}.tar.gz`;
      const entry = releases[release]?.[name];
      if (entry) return { name, ...entry };
    }
    progress(`kubernetes: ${url} has no ${minor} for ${platform}; building from source`);
  } catch (error) {
    progress(`kubernetes: no download, ${url} is out of reach (${reason(error)}); building from source`);
  }
  return undefined;
}

/** False when the archive is out of reach. One that is not what its index promises is an error. */
async function download({ name, hash, selfLink }: Archive, partial: string, progress: Progress): Promise<boolean> {
  const path = join(partial, name);
  const sha512 = createHash('sha512');
  progress(`kubernetes: downloading ${name}`);
  try {
    const { body } = await get(selfLink, 10 * 60_000);
    await using file = await open(path, 'wx');
    for await (const chunk of body ?? []) {
      sha512.update(chunk);
      await file.write(chunk);
    }
  } catch (error) {
    progress(`kubernetes: ${selfLink} cannot be downloaded (${reason(error)}); building from source`);
    await rm(path, { force: true });
    return false;
  }
  const found = sha512.digest('hex');
  if (found !== hash.toLowerCase()) {
    throw new Error(
      `provideKubernetes: ${selfLink} has the SHA-512 ${found}, its index says ${hash}; nothing was installed. ` +
        'Try again, or set SKYMIRROR_NO_DOWNLOAD=1 to build from source',
    );
  }
  const members = ['kube-apiserver', 'etcd'].map((member) => `controller-tools/envtest/${member}`);
  await promisify(execFile)('tar', ['-xzf', path, '-C', partial, '--strip-components=2', ...members]).catch((cause) => {
    throw new Error(`provideKubernetes: tar cannot unpack ${members.join(' and ')} from ${selfLink}`, { cause });
  });
  await rm(path);
  return true;
}

async function get(url: string, timeout: number) {
  const dispatcher = new EnvHttpProxyAgent({ connect: { timeout: 5_000 }, bodyTimeout: 30_000 });
  const response = await fetch(url, { dispatcher, signal: AbortSignal.timeout(timeout) });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response;
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** Builds from the modules beside this file, which pin every dependency by version and hash. */
async function build(partial: string, owner: Guard, progress: Progress): Promise<void> {
  const component = 'k8s.io/component-base/version';
  const versionFlags = [
    `-X ${component}.gitVersion=${version}`,
    `-X ${component}.gitMajor=${minor.slice(1).split('.')[0]}`,
    `-X ${component}.gitMinor=${minor.split('.')[1]}`,
    `-X k8s.io/client-go/pkg/version.gitVersion=${version}`,
  ];
  await requireGo();
  await buildOne('etcd', 'go.etcd.io/etcd/server/v3', ['-s', '-w']);
  await buildOne('kube-apiserver', 'k8s.io/kubernetes/cmd/kube-apiserver', ['-s', '-w', ...versionFlags]);

  async function buildOne(name: string, source: string, flags: string[]): Promise<void> {
    const began = performance.now();
    const elapsed = () => `${Math.round((performance.now() - began) / 1000)} s`;
    const scratch = join(partial, 'scratch');
    await mkdir(scratch);
    progress(`kubernetes: building ${name} with go (minutes, once for this machine)`);
    const ticker = setInterval(() => progress(`kubernetes: building ${name}, ${elapsed()}`), 10_000);
    try {
      const go = await launch(
        owner,
        'go',
        ['build', '-trimpath', '-mod=readonly', '-ldflags', flags.join(' '), '-o', join(partial, name), source],
        {
          log: join(scratch, 'log'),
          cwd: moduleFolder(name),
          env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOTMPDIR: scratch },
        },
      );
      if ((await go.exited()) !== 0) throw new Error(`provideKubernetes: go cannot build ${name}:\n${go.logTail()}`);
    } finally {
      clearInterval(ticker);
      await rm(scratch, { recursive: true, force: true });
    }
    progress(`kubernetes: built ${name} in ${elapsed()}`);
  }
}

/** Asked inside the module, go fetches the toolchain that go.mod wants, or says that it will not. */
async function requireGo(): Promise<void> {
  const remedy =
    'provideKubernetes: kube-apiserver and etcd are built with go 1.26 or newer; install it (https://go.dev/dl), or ' +
    'put ready binaries into a folder and name it in KUBEBUILDER_ASSETS';
  const { stdout } = await promisify(execFile)('go', ['env', 'GOVERSION'], {
    cwd: moduleFolder('kube-apiserver'),
  }).catch((cause) => {
    throw new Error(`${remedy}; go says: ${reason(cause)}`, { cause });
  });
  const [major = 0, release = 0] = stdout.trim().replace('go', '').split('.').map(Number.parseFloat);
  if (major < 1 || (major === 1 && release < 26)) throw new Error(`${remedy}; found ${stdout.trim()}`);
}

function moduleFolder(name: string): string {
  return join(import.meta.dirname, 'binaries', name);
}
