import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Guard, launch } from './guardian.ts';

/** What to build, and into which folder. */
export interface Build {
  /** `1.36`: names the module that pins the API server. */
  readonly minor: string;
  /** `v1.36.3`: what it will say of itself. */
  readonly release: string;
  readonly partial: string;
  readonly owner: Guard;
  readonly progress: (line: string) => void;
}

/** Builds both programs with `go` from the modules in dev/binaries, which pin every dependency by version and hash. */
export async function buildKubernetes({ minor, release, partial, owner, progress }: Build): Promise<void> {
  const component = 'k8s.io/component-base/version';
  const versionFlags = [
    `-X ${component}.gitVersion=${release}`,
    `-X ${component}.gitMajor=${minor.split('.')[0]}`,
    `-X ${component}.gitMinor=${minor.split('.')[1]}`,
    `-X k8s.io/client-go/pkg/version.gitVersion=${release}`,
  ];
  await requireGo();
  await buildOne('etcd', 'etcd', 'go.etcd.io/etcd/server/v3', ['-s', '-w']);
  const apiserver = 'k8s.io/kubernetes/cmd/kube-apiserver';
  await buildOne('kube-apiserver', `kube-apiserver-${minor}`, apiserver, ['-s', '-w', ...versionFlags]);

  async function buildOne(name: string, module: string, source: string, flags: string[]): Promise<void> {
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
          cwd: moduleFolder(module),
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

/** Asked inside the module that wants the newest, go fetches the toolchain that go.mod wants, or says that it will not. */
async function requireGo(): Promise<void> {
  const remedy =
    'provideKubernetes: kube-apiserver and etcd are built with go 1.26 or newer; install it (https://go.dev/dl), or ' +
    'put ready binaries into a folder and name it in KUBEBUILDER_ASSETS';
  const { stdout } = await promisify(execFile)('go', ['env', 'GOVERSION'], { cwd: moduleFolder('etcd') }).catch(
    (cause) => {
      throw new Error(`${remedy}; go says: ${cause instanceof Error ? cause.message : cause}`, { cause });
    },
  );
  const [major = 0, release = 0] = stdout.trim().replace('go', '').split('.').map(Number.parseFloat);
  if (major < 1 || (major === 1 && release < 26)) throw new Error(`${remedy}; found ${stdout.trim()}`);
}

function moduleFolder(name: string): string {
  return join(import.meta.dirname, 'binaries', name);
}
