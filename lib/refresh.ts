import { shortHash, spread } from './names.ts';
import { conditionOf, type KubernetesObject } from './object.ts';
import { markOf } from './plan.ts';
import { baseLabels, ownership, type Target } from './resource.ts';
import type { Identity } from './source.ts';

/** A stretch of a cluster's time, in milliseconds, of which the turns are read now. */
export interface Turns {
  /** Until when they have been read; `undefined`: never, so that every id has its turn. */
  readonly since: number | undefined;
  readonly now: number;
}

/** Whether the turn of this id, one in each period by its hash, lies in the stretch. `period`: milliseconds, 0: always. */
export function isDue(id: string, { since, now }: Turns, period: number): boolean {
  if (since === undefined || now - since >= period) return true;
  if (now <= since) return false;
  const [from, to, turn] = [(since % period) / period, (now % period) / period, spread(id)];
  return from < to ? turn > from && turn <= to : turn > from || turn <= to;
}

/**
 * The turns of this pass in one cluster, or none: they are read with the heartbeat of the scan, which keeps until when
 * they have been, so that keeping it costs no write of its own.
 */
export function turnsOf(
  target: Target,
  scan: { readonly refreshed: number | undefined; readonly selection: string | undefined },
  began: number,
): Turns | undefined {
  const since = scan.selection === selectionOf(target) ? scan.refreshed : undefined;
  const heartbeat = (target.mirror.staleAfterSeconds * 1000) / 3;
  return since === undefined || Math.abs(began - since) >= heartbeat ? { since, now: began } : undefined;
}

/** The text by which a scan remembers what was selected when its turns were read. */
export function selectionOf({ mirror }: Target): string {
  return shortHash(mirror.selection);
}

/**
 * True where an object says all that a bare id could make it say: it is there, current, ours and labelled so. Any
 * other is read in every pass, because only its attributes can put it right.
 */
export function isSettled(target: Target, object: KubernetesObject, identity: Identity, now: number): boolean {
  if (ownership(object, identity, target.mirror) !== 'ours' || object.metadata.deletionTimestamp !== undefined)
    return false;
  const labels = object.metadata.labels ?? {};
  if (Object.entries(baseLabels(target)).some(([key, value]) => labels[key] !== value)) return false;
  const isCurrent = ['Exists', 'Synced'].every((type) => conditionOf(object, type)?.status === 'True');
  const mark = markOf(object, { target, now });
  // What is not selected waits for its turn too, until its removal is due.
  return isCurrent || (mark?.reason === 'NotSelected' && (!mark.due || target.mirror.removal === 'Retain'));
}
