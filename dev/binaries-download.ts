import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EnvHttpProxyAgent, fetch } from 'undici';
import { parse } from 'yaml';
import { z } from 'zod';

type Progress = (line: string) => void;

const envtestIndex = 'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml';
const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64le', s390x: 's390x' };

const indexSchema = z.object({
  releases: z.record(z.string(), z.record(z.string(), z.object({ hash: z.string(), selfLink: z.url() }))),
});

/** An archive of envtest, as its index describes it. */
export interface Archive {
  name: string;
  hash: string;
  selfLink: string;
}

/** The newest patch of a minor (`1.36`) for this platform; undefined, with a line that says why, when there is nothing to download. */
export async function findArchive(minor: string, progress: Progress): Promise<Archive | undefined> {
  if (process.env.SKYMIRROR_NO_DOWNLOAD === '1') return undefined;
  const url = process.env.SKYMIRROR_ENVTEST_INDEX || envtestIndex;
  const platform = `${process.platform}-${architectures[process.arch] ?? process.arch}`;
  try {
    const { releases } = indexSchema.parse(parse(await (await get(url, 15_000)).text()));
    const patch = (release: string) =>
      Number(new RegExp(`^v${minor.replace('.', '\\.')}\\.(\\d+)$`).exec(release)?.[1] ?? -1);
    const newest = Object.keys(releases)
      .filter((release) => patch(release) >= 0)
      .sort((a, b) => patch(b) - patch(a));
    for (const release of newest) {
      const name = `envtest-${release}-${platform}.tar.gz`;
      const entry = releases[release]?.[name];
      if (entry) return { name, ...entry };
    }
    progress(`kubernetes: ${url} has no v${minor} for ${platform}; building from source`);
  } catch (error) {
    progress(`kubernetes: no download, ${url} is out of reach (${reason(error)}); building from source`);
  }
  return undefined;
}

/** False when the archive is out of reach. One that is not what its index promises is an error. */
export async function downloadKubernetes(
  { name, hash, selfLink }: Archive,
  partial: string,
  progress: Progress,
): Promise<boolean> {
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
