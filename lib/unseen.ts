import type { Entry } from './apply.ts';
import { ownObjects, type Served, settleAll } from './inside.ts';
import { decide } from './plan.ts';
import { remember } from './scan.ts';
import { reread } from './scan-writer.ts';
import type { Explanation } from './source.ts';
import type { AbsenceLimits } from './task.ts';

/**
 * Where a pass could not look: objects that nobody has seen for longer than `staleAfter` say so, a few at a time. A
 * complete pass may have ended meanwhile and found nothing to write, so the scan is read again before.
 */
export async function settleUnseen(
  served: Served,
  seen: ReadonlySet<string>,
  why: Explanation & { readonly listed: boolean },
  limits: AbsenceLimits,
): Promise<void> {
  const { inside, writer } = served;
  if (judgeUnseen(served, seen, why).stale.length > 0 && !(await reread(served))) return;
  const { entries, stale } = judgeUnseen(served, seen, why);
  const kept = entries.length - Math.min(stale.length, limits.staleWrites) + inside.postponed.length;
  // Where the removals were planned, what stays was counted then.
  if (inside.brake === undefined) inside.counts.kept += kept;
  await settleAll(writer, inside, stale.slice(0, limits.staleWrites));
}

function judgeUnseen(
  { inside, writer }: Served,
  seen: ReadonlySet<string>,
  { reason, message, listed }: Explanation & { readonly listed: boolean },
) {
  const now = inside.cluster.now();
  const { completed, lastListed } = remember(inside.scan);
  // What this listing left out was last seen in a complete one; where this pass did not list, an incomplete one counts.
  const since = Math.min(now, Math.max(completed ?? inside.began, listed ? 0 : (lastListed ?? 0)));
  const entries = [...ownObjects(writer.target, inside)]
    .filter(({ id }) => !seen.has(id))
    .map((own): Entry => ({ ...own, sight: { state: 'unseen', reason, message, since }, observedAt: writer.clock() }));
  return {
    entries,
    stale: entries.filter((entry) => decide({ ...writer, ...entry, now, released: false }).do === 'update'),
  };
}
