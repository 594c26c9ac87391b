import { accessSync, constants } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildKubernetes } from './binaries-build.ts';
import { downloadKubernetes, findArchive } from './binaries-download.ts';
import { cacheFolder, install, withLock } from './cache.ts';

/** Paths of the two programs that make up a Kubernetes API. */
export interface KubernetesBinaries {
  kubeApiserver: string;
  etcd: string;
}

type Progress = (line: string) => void;

/**
 * What SKYMIRROR_KUBERNETES may name, and the release that its module in dev/binaries pins. All run on the one pinned
 * etcd, 3.6: kubeadm of 1.37 asks for 3.5.24 or newer (`MinExternalEtcdVersion` in its constants.go), older ones for less.
 */
const releases = new Map([
  ['1.33', 'v1.33.13'],
  ['1.36', 'v1.36.3'],
  ['1.37', 'v1.37.2'],
]);
const usual = '1.36';

/**
 * Finds the binaries in KUBEBUILDER_ASSETS (or TEST_ASSET_KUBE_APISERVER and TEST_ASSET_ETCD) or in our cache; else
 * fills the cache from an envtest archive or, where that cannot be reached, by a build with `go`, which takes minutes.
 */
export async function provideKubernetes(progress: Progress = () => {}): Promise<KubernetesBinaries> {
  const given = fromEnvironment();
  if (given) return given;
  const minor = process.env.SKYMIRROR_KUBERNETES || usual;
  const release = releases.get(minor);
  if (release === undefined)
    throw new Error(
      `provideKubernetes: no Kubernetes "${minor}"; set SKYMIRROR_KUBERNETES to one of ${[...releases.keys()].join(', ')}`,
    );
  const name = `kubernetes-${release}-${process.platform}-${process.arch}`;
  const folder = cacheFolder(name);
  const cached = inFolder(folder);
  if (missing(cached).length === 0) return cached;
  await withLock(name, () => fill(folder, { minor, release }, progress), progress);
  return cached;
}

async function fill(folder: string, { minor, release }: { minor: string; release: string }, progress: Progress) {
  if (missing(inFolder(folder)).length === 0) return;
  await rm(folder, { recursive: true, force: true });
  const archive = await findArchive(minor, progress);
  await install(folder, async (partial, owner) => {
    if (archive && (await downloadKubernetes(archive, partial, progress))) return;
    await buildKubernetes({ minor, release, partial, owner, progress });
  });
  progress(`kubernetes: kube-apiserver and etcd are in ${folder}`);
}

function fromEnvironment(): KubernetesBinaries | undefined {
  const { KUBEBUILDER_ASSETS, TEST_ASSET_KUBE_APISERVER, TEST_ASSET_ETCD, SKYMIRROR_KUBERNETES } = process.env;
  if (!KUBEBUILDER_ASSETS && !TEST_ASSET_KUBE_APISERVER && !TEST_ASSET_ETCD) return undefined;
  if (SKYMIRROR_KUBERNETES)
    throw new Error(
      `provideKubernetes: SKYMIRROR_KUBERNETES=${SKYMIRROR_KUBERNETES} asks for a version, and KUBEBUILDER_ASSETS (or ` +
        'TEST_ASSET_KUBE_APISERVER, TEST_ASSET_ETCD) names programs of any; unset one of them',
    );
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
