import type { Unseen } from './conditions.ts';
import type { Report } from './report.ts';

/** Troubles of the outside that pass. All others (access denied, the wrong place) another try would meet again. */
const passing: readonly Unseen[] = ['Throttled', 'Unreachable', 'Interrupted'];

/**
 * Whether another try may come further without a person. `reasons`: why single ids could not be seen, of which the report
 * has only the sentences.
 */
export function mayPass(
  { incomplete, clusters }: Pick<Report, 'incomplete' | 'clusters'>,
  reasons: ReadonlySet<Unseen> = new Set(),
): boolean {
  const isDown = clusters.some(
    ({ skipped, refused, broken }) => broken !== undefined || (skipped !== undefined && refused !== true),
  );
  return isDown || passing.some((reason) => reason === incomplete?.reason || reasons.has(reason));
}
