import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { type KubernetesProxy, startKubernetesProxy } from '../../dev/kubernetes-proxy.ts';
import { type Rule, rewrite } from '../../dev/proxy-faults.ts';
import { crdOf, mirrorScanCrd } from '../../lib/crd.ts';
import { loadConnection } from '../../lib/kubeconfig.ts';
import { type KubernetesCluster, openCluster } from '../../lib/kubernetes-cluster.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { type View, watchObjects } from './faults-watch.ts';
import { fleetArn, fleetRule } from './kills-fleet.ts';
import { allowWriter, type Stack, startStack } from './stack.ts';
import { type Chronicle, createChronicle } from './truth.ts';
import type { World } from './world.ts';

/** AWS behind its proxy, and two API servers, each with a proxy that it may be spoken to through. */
export interface Stage {
  readonly stack: Stack;
  readonly second: Kubernetes;
  /** Before the first API server. */
  readonly proxy: KubernetesProxy;
  readonly secondProxy: KubernetesProxy;
  /** One more way into a cluster, with no failures behind it; a proxy given is one before the first. */
  open(into: Way | KubernetesProxy, deadline?: number): Promise<KubernetesCluster>;
  stop(): Promise<void>;
}

type Way = 'first' | 'second' | 'first by the proxy' | 'second by the proxy';

/** Rows on a page of AWS, objects on a page of the API server: few, so that little is needed for several pages. */
export const pageSize = 20;

/** Starts it all. */
export async function startStage(): Promise<Stage> {
  const [stack, second] = await Promise.all([startStack(), startKubernetes()]);
  const proxy = await startKubernetesProxy(stack.kubernetes, { pageSize });
  const secondProxy = await startKubernetesProxy(second, { pageSize });
  await second.apply([crdOf(rdsInstance), mirrorScanCrd()]);
  const opened = new Set<KubernetesCluster>();
  const kubeconfigs: Readonly<Record<Way, string>> = {
    first: stack.kubernetes.kubeconfig('skymirror'),
    second: second.kubeconfig('skymirror'),
    'first by the proxy': await proxy.kubeconfig('skymirror'),
    'second by the proxy': await secondProxy.kubeconfig('skymirror'),
  };
  return {
    stack,
    second,
    proxy,
    secondProxy,
    async open(into, deadline = 30_000) {
      const kubeconfig = typeof into === 'string' ? kubeconfigs[into] : await into.kubeconfig('skymirror');
      const connection = await loadConnection({ kubeconfig });
      const name = into === 'second' || into === 'second by the proxy' ? 'second' : 'first';
      const cluster = openCluster({ ...connection, name }, { deadline });
      opened.add(cluster);
      const close = async () => {
        if (opened.delete(cluster)) await cluster.close();
      };
      return { ...cluster, close };
    },
    async stop() {
      await Promise.all([...opened].map((cluster) => cluster.close()));
      await Promise.all([proxy.stop(), secondProxy.stop()]);
      await Promise.all([stack.stop(), second.stop()]);
    },
  };
}

/** A place outside of which everything is written down, and what mirrors it. */
export interface FaultsWorld {
  readonly world: World;
  readonly chronicle: Chronicle;
  readonly views: { readonly first: View; readonly second: View };
  arn(number: number): string;
  close(): Promise<void>;
}

/** An empty place, in which what is removed may be deleted at once, without a brake. */
export async function createFaultsWorld(stage: Stage): Promise<FaultsWorld> {
  const { stack, second } = stage;
  const world = await stack.world({ mirror: { graceSeconds: 0, maxRemovalPercent: 1e9 } });
  await allowWriter(second, world.namespace);
  const { account, region } = world;
  const chronicle = createChronicle();
  stack.aws.faults.add(inPages(fleetRule({ account, region, chronicle })));
  const scope = `spec.account=${account},spec.region=${region}`;
  const views = {
    first: await watchObjects(stack.kubernetes, world.path, scope),
    second: await watchObjects(second, world.path, scope),
  };
  return {
    world,
    chronicle,
    views,
    arn: (number) => fleetArn({ account, region }, number),
    async close() {
      await Promise.all([views.first.close(), views.second.close()]);
    },
  };
}

function inPages({ when, do: effect }: Rule): Rule {
  if (effect.kind !== 'rewrite') throw new Error('faults-world.ts: the fleet answers no calls');
  const answer = rewrite((body, request, status) => {
    const parameters = { ...request.parameters, MaxRecords: String(pageSize) };
    return effect.rewrite(body, { ...request, parameters }, status);
  });
  return { when, do: answer };
}
