import { conditionOf, type KubernetesObject } from './object.ts';
import { ownership } from './resource.ts';
import { type Changes, noChanges, type RunTarget } from './sync-run.ts';
import type { Task } from './task.ts';

/** The objects of a target in one cluster and namespace. */
export interface Holding {
  readonly cluster: string;
  readonly namespace: string;
  readonly objects: readonly KubernetesObject[];
}

const placeOf = ({ cluster, namespace }: Holding) => `${cluster}/${namespace}`;

/**
 * The highest resourceVersion in each place. Those of one kind are numbers that grow with every write (Kubernetes
 * Documentation, "Resource versions"), so what a pass wrote is what has a higher one.
 */
export function versionsOf(holdings: readonly Holding[]): Record<string, string> {
  return Object.fromEntries(
    holdings.map((holding) => {
      const versions = holding.objects.map(({ metadata }) => numberOf(metadata.resourceVersion) ?? 0n);
      return [placeOf(holding), String(versions.reduce((highest, one) => (one > highest ? one : highest), 0n))];
    }),
  );
}

/**
 * What a pass that died without a report has done, by what the clusters hold. What it deleted is not among it, and what
 * others wrote into the same objects meanwhile is.
 */
export function changesSince(
  { versions, began }: NonNullable<RunTarget['pass']>,
  { source, mirror }: Pick<Task, 'source' | 'mirror'>,
  holdings: readonly Holding[],
): Changes {
  const changes = { ...noChanges };
  for (const holding of holdings) {
    const since = numberOf(versions[placeOf(holding)]);
    if (since === undefined) continue;
    for (const object of holding.objects) {
      const found = source.identityOf(object.spec);
      if (found === undefined || ownership(object, found.identity, mirror) !== 'ours') continue;
      // Its creation was cut in two; the next pass writes the rest, and counts it.
      if (object.status === undefined) continue;
      if ((numberOf(object.metadata.resourceVersion) ?? 0n) > since) changes[kindOf(object, since, began)] += 1;
    }
  }
  return changes;
}

function kindOf(object: KubernetesObject, since: bigint, began: string): 'created' | 'updated' | 'marked' {
  // Where there was nothing, nothing can have been changed.
  if (since === 0n || (object.metadata.creationTimestamp ?? '') >= began) return 'created';
  const exists = conditionOf(object, 'Exists');
  return exists?.status === 'False' && exists.lastTransitionTime >= began ? 'marked' : 'updated';
}

function numberOf(version: string | undefined): bigint | undefined {
  return version !== undefined && /^\d+$/.test(version) ? BigInt(version) : undefined;
}
