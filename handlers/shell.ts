import type { Context } from 'aws-lambda';
import type * as z from 'zod';
import { keepClusters } from '../lib/kept-clusters.ts';
import { type KubernetesCluster, openCluster } from '../lib/kubernetes-cluster.ts';
import { connectionTo, openOne } from '../lib/open-clusters.ts';
import { sources } from '../lib/sources.ts';
import { type ConfiguredTask, tasksOf } from '../lib/targets.ts';
import { optionalVariable } from './environment.ts';
import { type BareInvocation, bareHandlerOf } from './invocation.ts';

/** What an invocation has at hand that looks at the outside or into clusters. */
export interface Invocation extends BareInvocation {
  /** Every target of the configuration, paused ones included. */
  tasks(): readonly ConfiguredTask[];
  /** Opened once in an environment; one that is not open within seconds is there too, and fails at each request. */
  clusters(names: readonly string[]): Promise<ReadonlyMap<string, KubernetesCluster>>;
}

/** A function as Lambda calls it: its input checked, its time watched, its errors said once, its metrics written out. */
export function handlerOf<Schema extends z.ZodType, Result>(
  input: Schema,
  work: (event: z.output<Schema>, invocation: Invocation) => Promise<Result>,
): (event: unknown, context: Context) => Promise<Result> {
  let tasks: readonly ConfiguredTask[] | undefined;
  let kept: ReturnType<typeof keepClusters> | undefined;
  return bareHandlerOf(input, (event, bare) => {
    const { configuration, signal } = bare;
    const clusterRole = optionalVariable('SKYMIRROR_CLUSTER_ROLE_ARN');
    kept ??= keepClusters((name, stop) => {
      const connect = () => connectionTo(configuration.clusters, name, { signal: stop, clusterRole });
      return openOne(name, connect, openCluster);
    });
    return work(event, {
      ...bare,
      tasks() {
        tasks ??= tasksOf(configuration, sources);
        return tasks;
      },
      clusters: kept(signal),
    });
  });
}
