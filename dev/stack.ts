import { crdOf, mirrorScanCrd, syncRunCrd } from '../lib/crd.ts';
import { loadConnection } from '../lib/kubeconfig.ts';
import { type KubernetesCluster, openCluster } from '../lib/kubernetes-cluster.ts';
import { type Mirror, mirrorOf } from '../lib/mirror.ts';
import { viewerRole, writerRoles } from '../lib/rbac.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { sources } from '../lib/sources.ts';
import type { Task } from '../lib/sync.ts';
import { type Aws, startAws } from './aws.ts';
import { type Kubernetes, startKubernetes } from './kubernetes.ts';
import { until } from './until.ts';

/** Where the objects of demo and tests go unless they say otherwise. */
export const namespace = 'external';

/** A cluster and an AWS, running on this machine and ending with this process. */
export interface Stack {
  readonly kubernetes: Kubernetes;
  readonly aws: Aws;
  /** The cluster as skymirror sees it: by a user that has only the generated RBAC. */
  readonly cluster: KubernetesCluster;
  /** Every kind, account and region of the estate as something to sync. */
  tasks(mirror?: Partial<Mirror>): Task[];
  stop(): Promise<void>;
}

/**
 * Starts both side by side, and makes this process an AWS client of the emulator by its environment variables. Where
 * one of them fails, the other is stopped too.
 */
export async function startStack(progress: (line: string) => void = () => {}): Promise<Stack> {
  const [kubernetes, aws] = await bothOrNone(startKubernetes({ progress }), startAws({ progress }));
  try {
    Object.assign(process.env, aws.environment());
    await install(kubernetes, namespace);
    const cluster = openCluster(await loadConnection({ kubeconfig: kubernetes.kubeconfig('skymirror') }));
    const base = { name: 'production', namespace, tagLabels: ['team', 'env'] };
    return {
      kubernetes,
      aws,
      cluster,
      tasks: (mirror = {}) => tasksOf(aws, mirrorOf({ ...base, ...mirror })),
      async stop() {
        await cluster.close();
        await Promise.all([kubernetes.stop(), aws.stop()]);
      },
    };
  } catch (error) {
    await Promise.all([kubernetes.stop(), aws.stop()]);
    throw error;
  }
}

interface Stoppable {
  stop(): Promise<void>;
}

async function bothOrNone<First extends Stoppable, Second extends Stoppable>(
  first: Promise<First>,
  second: Promise<Second>,
): Promise<[First, Second]> {
  try {
    return await Promise.all([first, second]);
  } catch (error) {
    for (const one of await Promise.allSettled([first, second])) if (one.status === 'fulfilled') await one.value.stop();
    throw error;
  }
}

/** Installs CRDs and RBAC and makes the namespace; skymirror may write there when this returns. */
export async function install(kubernetes: Kubernetes, into: string): Promise<void> {
  const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: into } };
  await kubernetes.apply([
    space,
    ...sources.map(crdOf),
    mirrorScanCrd(),
    syncRunCrd(),
    viewerRole(sources),
    ...writerRoles(sources, into),
  ]);
  const path = `/apis/${rdsInstance.group}/${rdsInstance.version}/namespaces/${into}/${rdsInstance.plural}`;
  const allowed = async () => (await kubernetes.request(path, { user: 'skymirror' })).status === 200;
  await until(allowed, { what: 'RBAC for skymirror' });
}

/** One task for each kind, account and region; the accounts are entered by their roles. */
export function tasksOf(aws: Aws, mirror: Mirror): Task[] {
  return sources.flatMap((source) =>
    aws.accounts.flatMap((account) =>
      aws.regions.map((region) => ({
        mirror,
        source,
        scope: { account, region },
        access: { roleArn: aws.roleArn(account), externalId: aws.externalId },
      })),
    ),
  );
}
