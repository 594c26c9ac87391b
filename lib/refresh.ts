import * as z from 'zod';
import { markOf } from './mark.ts';
import { shortHash, spread } from './names.ts';
import { conditionOf, fieldManager, type KubernetesObject } from './object.ts';
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
 * they have been, so that keeping it costs no write of its own. Where that is rare, four times in a period.
 */
export function turnsOf(
  target: Target,
  scan: { readonly refreshed: number | undefined; readonly selection: string | undefined },
  began: number,
): Turns | undefined {
  const since = scan.selection === selectionOf(target) ? readUntil(target, scan, began) : undefined;
  return since === undefined || Math.abs(began - since) >= stepOf(target) ? { since, now: began } : undefined;
}

/** Until when turns have been read, as far as it can be true: a time well ahead is of a clock that was wrong. */
export function readUntil(
  target: Target,
  { refreshed }: { readonly refreshed: number | undefined },
  began: number,
): number | undefined {
  return refreshed === undefined || refreshed - began > stepOf(target) ? undefined : refreshed;
}

function stepOf({ mirror, source }: Target): number {
  return Math.min(mirror.staleAfterSeconds / 3, source.refreshSeconds / 4) * 1000;
}

/** The text by which a scan remembers what was selected, and shown as labels, when its turns were read. */
export function selectionOf({ mirror }: Target): string {
  return shortHash(mirror.selection, ...mirror.tagLabels);
}

/**
 * What there is to do about an object whose id is listed. `settled`: it says all that a bare id could make it say.
 * `held`: an earlier look left it so, as another probably will: not ours, going away, not current, or not selected and
 * due. `open`: only its attributes can put it right.
 */
export type Order = 'settled' | 'held' | 'open';

const ownTypes = ['Exists', 'Synced', 'Ready'].map((type) => `k:{"type":"${type}"}`);

/** What of our status another field manager wrote last, as managedFields tell (fieldsV1). */
const statusFields = z.object({
  'f:status': z.object({
    'f:observed': z.unknown().optional(),
    'f:conditions': z.record(z.string(), z.unknown()).optional(),
  }),
});

/** Somebody else has written what only skymirror may say; that it is wrong only the outside can tell. */
function isOverwritten({ metadata }: KubernetesObject): boolean {
  return (metadata.managedFields ?? []).some(({ manager, fieldsV1 }) => {
    const status = manager === fieldManager ? undefined : statusFields.safeParse(fieldsV1).data?.['f:status'];
    if (status === undefined) return false;
    const { 'f:observed': observed, 'f:conditions': conditions = {} } = status;
    return observed !== undefined || ownTypes.some((type) => Object.hasOwn(conditions, type));
  });
}

/** Judged by what the object says, at the cluster's time `now`. */
export function orderOf(target: Target, object: KubernetesObject, identity: Identity, now: number): Order {
  if (ownership(object, identity, target.mirror) !== 'ours' || object.metadata.deletionTimestamp !== undefined)
    return 'held';
  const labels = object.metadata.labels ?? {};
  if (Object.entries(baseLabels(target)).some(([key, value]) => labels[key] !== value)) return 'open';
  if (isOverwritten(object)) return 'open';
  const mark = markOf(object, { target, now });
  // What is not selected waits for its turn too, until its removal is due.
  if (mark?.reason === 'NotSelected' && (!mark.due || target.mirror.removal === 'Retain')) return 'settled';
  const [exists, synced] = ['Exists', 'Synced'].map((type) => conditionOf(object, type)?.status);
  if (exists !== 'True' || synced === undefined) return 'open';
  return synced === 'True' ? 'settled' : 'held';
}
