import { heldFor } from './conditions.ts';
import { type Condition, conditionOf, type KubernetesObject } from './object.ts';
import type { Target } from './resource.ts';

/** A mark that is over its grace may lead to a delete; the reason must be the one that still holds. */
export interface Mark {
  readonly reason: 'NotFound' | 'NotSelected';
  /** When it was set, as the condition says it. */
  readonly since: string;
  readonly due: boolean;
}

/** The mark that this object carries for that reason, judged by the cluster's time. */
export function markOf(
  object: KubernetesObject,
  input: { readonly target: Pick<Target, 'mirror'>; readonly now: number },
): Mark | undefined {
  const exists = conditionOf(object, 'Exists');
  const synced = conditionOf(object, 'Synced');
  const grace = input.target.mirror.graceSeconds * 1000;
  const mark = (reason: Mark['reason'], condition: Condition): Mark => ({
    reason,
    since: condition.lastTransitionTime,
    due: heldFor(condition, input.now) >= grace,
  });
  if (exists?.status === 'False') return mark('NotFound', exists);
  if (synced?.status === 'False' && synced.reason === 'NotSelected') return mark('NotSelected', synced);
  return undefined;
}
