import type { Cluster } from './cluster.ts';
import type { Inside } from './inside.ts';
import { RefusedError, readInside } from './read-inside.ts';
import type { ClusterReport } from './report.ts';
import type { Task } from './task.ts';

/** A cluster that has no part in this pass, and why. */
export interface Skipped {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly skipped: string;
  readonly refused?: true;
}

/** Reads a cluster for a pass. One that cannot be read by the deadline (milliseconds) sits it out; nothing is thrown. */
export async function readOrSkip(
  task: Task,
  cluster: Cluster,
  names: readonly string[] | undefined,
  run: { readonly readDeadline: number; readonly signal: AbortSignal; readonly clock: () => number },
): Promise<Inside | Skipped> {
  const { readDeadline, signal, clock } = run;
  const deadline = AbortSignal.timeout(readDeadline);
  try {
    return await readInside(task, cluster, names, { signal, deadline, clock });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const { namespace } = task.mirror;
    return {
      cluster,
      namespace,
      skipped: deadline.aborted ? `not read within ${readDeadline / 1000} s: ${message}` : message,
      ...(error instanceof RefusedError ? { refused: true as const } : {}),
    };
  }
}

/** What the pass came to in one cluster and namespace. */
export function clusterReport(read: Inside | Skipped): ClusterReport {
  if ('skipped' in read) {
    const { cluster, ...why } = read;
    return { cluster: cluster.name, failures: [], blocked: 0, ...why };
  }
  const { cluster, counts, failures, brake, target, untold, broken } = read;
  const where = { cluster: cluster.name, namespace: target.mirror.namespace };
  const done = { ...where, counts, failures, ...(broken === undefined ? {} : { broken }) };
  return { ...done, blocked: brake?.waiting ?? 0, ...(untold === undefined ? {} : { untold }) };
}

/** Whether all that a pass saw is written there. */
export const isApplied = ({ skipped, failures }: ClusterReport) => skipped === undefined && failures.length === 0;
