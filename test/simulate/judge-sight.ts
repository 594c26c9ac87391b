import { conditionOf, type KubernetesObject } from '../../lib/object.ts';
import type { Activity } from './activity.ts';
import type { Installation, Place } from './installation.ts';
import { longestFlight } from './network.ts';
import { type Row, shapeOf, type View } from './outside.ts';
import { sizeOf } from './thing.ts';
import { brief, hold } from './violation.ts';

/** What an object says about its resource. */
export type Said = 'gone' | 'unseen' | 'invalid' | 'unselected' | 'unread' | 'present' | 'nothing';

/** Milliseconds: an observation may be so old when it is sent (design.md 2), and then be on its way. */
const oldest = 30_000 + longestFlight;

/** What an object says about its resource, by its conditions. */
export function saidBy(object: KubernetesObject | undefined): Said {
  const exists = object && conditionOf(object, 'Exists');
  const synced = object && conditionOf(object, 'Synced');
  if (exists === undefined || synced === undefined) return 'nothing';
  if (exists.status !== 'True') return exists.status === 'False' ? 'gone' : 'unseen';
  if (synced.status === 'True') return 'present';
  if (synced.reason === 'Invalid') return 'invalid';
  return synced.reason === 'NotSelected' ? 'unselected' : 'unread';
}

/** Whether the observed fields are those of the row, as that release shows them. */
export function isShownAs(observed: Readonly<Record<string, unknown>>, row: Row, release: 1 | 2): boolean {
  const { state, resourceId, version, size } = observed;
  const same = state === row.state && resourceId === row.resourceId && version === row.version;
  // What the first release does not know it leaves as the second one wrote it.
  return same && (release === 1 || size === sizeOf(row.version));
}

/**
 * Laws 1 and 5: what is written was true, as one of the views of the outside tells it, at some time after the last write
 * of any other run to this object, and not longer ago than an observation may be. `since`: when that write was.
 */
export function judgeSight(
  at: Installation,
  who: Activity,
  written: { readonly id: string; readonly after: KubernetesObject; readonly since: number },
): void {
  const { id, after } = written;
  const since = Math.max(at.time.now - oldest, written.since);
  const said = saidBy(after);
  const shown = (views: readonly View[]) => at.outside.shownSince(views, id, since);
  const observed = after.status?.observed ?? {};
  const matches: Partial<Record<Said, () => boolean>> = {
    gone: () => shown(['get']).includes(undefined),
    present: () =>
      shown(['list', 'get']).some(
        (row) => row !== undefined && shapeOf(row) === 'present' && isShownAs(observed, row, who.release),
      ),
    invalid: () => shown(['list', 'get']).some((row) => shapeOf(row) === 'invalid'),
    unselected: () => shown(['list', 'get']).some((row) => shapeOf(row) === 'unselected'),
    unread: () => at.world.listing !== 'rows' && shown(['list']).some((row) => row !== undefined),
  };
  const law = said === 'gone' ? 1 : 5;
  hold(law, matches[said]?.() ?? true, () => {
    const ago = Math.round((at.time.now - since) / 1000);
    const truth = JSON.stringify(shown(['list', 'get']).map((row) => row ?? 'gone'));
    return `${who.name} writes that ${id} is ${said}, which it has not been for ${ago} s: ${brief(after)}; it was ${truth}`;
  });
}

/** When a complete pass over a region began, by cluster, and when it had ended. */
export interface Complete {
  readonly place: Place;
  readonly region: string;
  readonly began: number;
  readonly ended: number;
}

/**
 * Design.md 4: an object is called unseen only where no complete pass began within `staleAfter`. The scan, which is what
 * a pass knows of others, is written each third of that at least; a pass that ended within the age of an observation may
 * have come too late to be heeded.
 */
export function judgeStale(
  at: Installation,
  who: Activity,
  place: Place,
  object: KubernetesObject,
  completes: readonly Complete[],
): void {
  const { staleAfterSeconds } = at.mirror;
  const heeded = completes.filter(
    (one) => one.place === place && one.region === object.spec?.region && one.ended < at.time.now - oldest,
  );
  const last = Math.max(-Infinity, ...heeded.map(({ began }) => began));
  const silent = (at.time.now - last) / 1000;
  hold(1, silent > (staleAfterSeconds * 2) / 3, () => {
    return `${who.name} calls ${brief(object)} unseen, though a complete pass began ${Math.round(silent)} s ago`;
  });
}
