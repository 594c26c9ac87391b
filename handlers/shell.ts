import type { Context } from 'aws-lambda';
import type * as z from 'zod';
import type { KubernetesCluster } from '../lib/kubernetes-cluster.ts';
import { openClusters } from '../lib/open-clusters.ts';
import { sources } from '../lib/sources.ts';
import { type ConfiguredTask, tasksOf } from '../lib/targets.ts';
import { optionalVariable } from './environment.ts';
import { type BareInvocation, bareHandlerOf } from './invocation.ts';

/** What an invocation has at hand that looks at the outside or into clusters. */
export interface Invocation extends BareInvocation {
  /** Every target of the configuration, paused ones included. */
  tasks(): readonly ConfiguredTask[];
  /** Opened once in an environment; one that could not be opened is tried again by the next invocation. */
  clusters(names: readonly string[]): Promise<ReadonlyMap<string, KubernetesCluster>>;
}

/** A function as Lambda calls it: its input checked, its time watched, its errors said once, its metrics written out. */
export function handlerOf<Schema extends z.ZodType, Result>(
  input: Schema,
  work: (event: z.output<Schema>, invocation: Invocation) => Promise<Result>,
): (event: unknown, context: Context) => Promise<Result> {
  let tasks: readonly ConfiguredTask[] | undefined;
  let known: Clusters = new Map();
  return bareHandlerOf(input, (event, bare) => {
    const { configuration, signal } = bare;
    const clusterRole = optionalVariable('SKYMIRROR_CLUSTER_ROLE_ARN');
    const options = { signal, ...(clusterRole === undefined ? {} : { clusterRole }) };
    const tried = new Set<string>();
    let opening = Promise.resolve(known);

    async function open(names: readonly string[]): Promise<Clusters> {
      const further = names.filter((name) => !tried.has(name));
      if (further.length > 0) known = await openClusters(configuration.clusters, further, options, known);
      for (const name of further) tried.add(name);
      return known;
    }

    return work(event, {
      ...bare,
      tasks() {
        tasks ??= tasksOf(configuration, sources);
        return tasks;
      },
      clusters(names) {
        // One after the other, so that targets that are worked on side by side do not open a cluster twice.
        opening = opening.then(() => open(names));
        return opening;
      },
    });
  });
}

type Clusters = ReadonlyMap<string, KubernetesCluster>;
