import type { Permission } from '../../cli/administration.ts';
import { type Aws, startAws } from '../../dev/aws.ts';
import { type Kubernetes, type KubernetesOptions, startKubernetes } from '../../dev/kubernetes.ts';
import { until } from '../../dev/until.ts';
import { crdOf, mirrorScanCrd, syncRunCrd } from '../../lib/crd.ts';
import { loadConnection } from '../../lib/kubeconfig.ts';
import { type KubernetesCluster, openCluster } from '../../lib/kubernetes-cluster.ts';
import { writerRoles } from '../../lib/rbac.ts';
import type { Source } from '../../lib/source.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { createWorld, type World, type WorldWish } from './world.ts';

/** Everything real: kube-apiserver with etcd, moto behind the fault proxy, and skymirror's own way into both. */
export interface Stack {
  readonly kubernetes: Kubernetes;
  readonly aws: Aws;
  /** Spoken to as the user `skymirror`. */
  readonly cluster: KubernetesCluster;
  /** One more connection, with no failures behind it; closed with the stack. */
  open(options?: { user?: string; deadline?: number }): Promise<KubernetesCluster>;
  /** A namespace in which skymirror may work and a region that nobody else looks at. */
  world(wish?: WorldWish): Promise<World>;
  /** Ends all of it. */
  stop(): Promise<void>;
}

/** Starts both sides with the CRDs in place. One for each test file; AWS's variables are set for its process. */
export async function startStack(options: { seed?: boolean; kubernetes?: KubernetesOptions } = {}): Promise<Stack> {
  const [kubernetes, aws] = await Promise.all([
    startKubernetes(options.kubernetes),
    startAws({ seed: options.seed ?? false }),
  ]);
  Object.assign(process.env, aws.environment());
  await kubernetes.apply([crdOf(rdsInstance), mirrorScanCrd(), syncRunCrd()]);
  const opened: KubernetesCluster[] = [];
  const open: Stack['open'] = async ({ user = 'skymirror', ...bounds } = {}) => {
    const cluster = openCluster(await loadConnection({ kubeconfig: kubernetes.kubeconfig(user) }), bounds);
    opened.push(cluster);
    return cluster;
  };
  const cluster = await open();
  let worlds = 0;
  return {
    kubernetes,
    aws,
    cluster,
    open,
    async world(wish = {}) {
      worlds += 1;
      const namespace = wish.namespace ?? `world-${worlds}`;
      await allowWriter(kubernetes, namespace);
      return createWorld({ kubernetes, aws, cluster }, { ...placeOf(aws, worlds), ...wish, namespace });
    },
    async stop() {
      await Promise.all(opened.map((one) => one.close()));
      await Promise.all([kubernetes.stop(), aws.stop()]);
    },
  };
}

/**
 * Makes the namespace and the generated RBAC of a mirror in it, and waits until it counts and the kinds are served: a
 * kind that was just made answers 429 for a moment.
 */
export async function allowWriter(
  kubernetes: Kubernetes,
  namespace: string,
  source: Source = rdsInstance,
): Promise<void> {
  await kubernetes.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }]);
  await kubernetes.apply(writerRoles([source], namespace));
  const asked = [
    [`/apis/${source.group}/v1alpha1/namespaces/${namespace}/${source.plural}`, 200],
    [`/apis/skymirror.dev/v1alpha1/namespaces/${namespace}/mirrorscans/none`, 404],
    ['/apis/apiextensions.k8s.io/v1/customresourcedefinitions/mirrorscans.skymirror.dev', 200],
  ] as const;
  const isAllowed = async () => {
    const answers = asked.map(([path]) => kubernetes.request(path, { user: 'skymirror' }));
    return (await Promise.all(answers)).every(({ status }, index) => status === asked[index]?.[1]);
  };
  await until(isAllowed, { what: `the permission of skymirror in ${namespace}` });
}

/** Whether the API server would let the user do this now. */
export async function may(kubernetes: Kubernetes, permission: Permission, user = 'skymirror'): Promise<boolean> {
  const { body } = await kubernetes.request('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    method: 'POST',
    user,
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: permission },
    },
  });
  return (body as { status?: { allowed?: boolean } }).status?.allowed === true;
}

/** Real regions, because moto takes no others; those of the estate are left out. */
const regions = `us-east-2 us-west-1 us-west-2 eu-central-1 eu-west-2 eu-west-3 eu-north-1 eu-south-1 ap-south-1
  ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-southeast-1 ap-southeast-2 ca-central-1 sa-east-1 af-south-1
  ap-east-1 me-south-1`.split(/\s+/);

function placeOf(aws: Aws, number: number) {
  const region = regions[number % regions.length];
  const account = aws.accounts[Math.floor(number / regions.length)];
  if (region === undefined || account === undefined) throw new Error('test/e2e/stack.ts: more worlds than regions');
  return { account, region };
}
