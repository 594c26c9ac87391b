import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Cluster } from './cluster.ts';
import type { Configuration } from './configuration.ts';
import type { Connection } from './connection.ts';
import { type KubernetesCluster, openCluster } from './kubernetes-cluster.ts';

/** How clusters of a configuration are entered. */
export interface OpenOptions {
  /** Ends the wait for a cluster's address and credentials. */
  readonly signal: AbortSignal;
  /** From where on relative paths of kubeconfigs count. Left out: this is a function, which has no kubeconfig files. */
  readonly folder?: string;
  /** ARN of the role that enters the EKS clusters for which the configuration names none. */
  readonly clusterRole?: string | undefined;
}

/**
 * The clusters of a configuration that are named, opened; one that cannot be opened stays, and fails at every request.
 * Those of `known` that are open are kept as they are, the others tried again.
 */
export async function openClusters(
  clusters: Configuration['clusters'],
  names: readonly string[],
  options: OpenOptions,
  known: ReadonlyMap<string, KubernetesCluster> = new Map(),
): Promise<ReadonlyMap<string, KubernetesCluster>> {
  const kept = [...known].filter(([, cluster]) => !('isUnusable' in cluster));
  const wanted = names.filter((name) => kept.every(([other]) => other !== name));
  const connect = (name: string) => connectionTo(clusters, name, options);
  return new Map([...kept, ...(await openEach(wanted, connect, (connection) => openCluster(connection)))]);
}

/** Makes something of each way into a cluster; where there is none, a cluster that says so at every request. */
export async function openEach<Opened>(
  names: readonly string[],
  connect: (name: string) => Promise<Connection>,
  make: (connection: Connection) => Opened,
): Promise<ReadonlyMap<string, Opened | Unusable>> {
  const opened = names.map(async (name) => [name, await openOne(name, connect, make)] as const);
  return new Map(await Promise.all(opened));
}

/** As `openEach`, of one cluster. */
export async function openOne<Opened>(
  name: string,
  connect: (name: string) => Promise<Connection>,
  make: (connection: Connection) => Opened,
): Promise<Opened | Unusable> {
  try {
    return make({ ...(await connect(name)), name });
  } catch (error) {
    return unusable(name, error);
  }
}

/**
 * The way into a cluster of the configuration. Throws an Error that says what is missing or refused. Each way is imported
 * only where it is taken: a function that enters EKS alone loads no client-node.
 */
export async function connectionTo(
  clusters: Configuration['clusters'],
  name: string,
  { signal, folder, clusterRole }: OpenOptions,
): Promise<Connection> {
  const { eks, secret, parameter, kubeconfig, context, inCluster } = clusters[name] ?? {};
  if (eks !== undefined) {
    const { openEks } = await import('./eks.ts');
    return openEks(eks, { signal, clusterRole });
  }
  const arn = secret ?? parameter;
  if (arn !== undefined) {
    const { openSecret } = await import('./secret-kubeconfig.ts');
    return openSecret(arn, { signal, context });
  }
  if (folder === undefined) throw new Error(refusal(inCluster === true ? 'inCluster' : 'a kubeconfig'));
  const { loadConnection } = await import('./kubeconfig.ts');
  const path = kubeconfig?.replace(/^~(?=\/|$)/, homedir());
  const choice = {
    ...(path === undefined ? {} : { kubeconfig: resolve(folder, path) }),
    ...(context === undefined ? {} : { context }),
    ...(inCluster === undefined ? {} : { inCluster }),
  };
  return loadConnection(choice, undefined, signal);
}

function refusal(what: string): string {
  return `${what} does not work in a function, which has no such files. In the configuration, give this cluster "eks", or "secret" or "parameter" with a kubeconfig in it`;
}

/** A cluster that could not even be opened: each request says why, so that it is reported like one that is down. */
export interface Unusable extends KubernetesCluster {
  readonly isUnusable: true;
}

/** The cluster that could not be opened, and why. */
export function unusable(name: string, cause: unknown): Unusable {
  const fail = async (): Promise<never> => {
    throw new Error(`cluster ${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  };
  const cluster: Cluster = {
    name,
    now: () => Date.now(),
    schemaRevision: fail,
    namespacePhase: fail,
    list: fail,
    get: fail,
    create: fail,
    replace: fail,
    replaceStatus: fail,
    remove: fail,
    record: fail,
  };
  return { ...cluster, listEverywhere: fail, close: async () => {}, isUnusable: true };
}
