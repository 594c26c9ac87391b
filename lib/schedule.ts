import { groupOf, messageVersion, type TargetMessage } from './messages.ts';
import { shortHash } from './names.ts';
import type { ConfiguredTarget } from './targets.ts';

/** One firing of one of the schedules: there is one for each distance in use, in seconds. */
export interface Slot {
  readonly every: number;
  readonly scheduledAt: string;
}

/**
 * A message for each target that is due in this slot. Their order differs from slot to slot, so that where sending ends
 * early it is not always the same targets that go short.
 */
export function messagesDue(targets: readonly ConfiguredTarget[], { every, scheduledAt }: Slot): TargetMessage[] {
  const run = `schedule-${every}-${scheduledAt}`;
  const due = targets.filter((target) => !target.paused && target.every === every);
  const ordered = due
    .map((target) => ({ target, turn: shortHash(run, groupOf(target)) }))
    .toSorted((one, other) => (one.turn < other.turn ? -1 : 1));
  return ordered.map(({ target: { mirror, source, scope } }) => ({
    version: messageVersion,
    run,
    mirror,
    source,
    scope: { ...scope },
    scheduledAt,
    hop: 0,
  }));
}
