import { conditionOf, type KubernetesObject } from '../../lib/object.ts';
import { dueKey } from '../../lib/removal.ts';
import { remember, scanName } from '../../lib/scan.ts';
import type { Activity, Session } from './activity.ts';
import type { Installation, Place } from './installation.ts';
import { saidBy } from './judge-sight.ts';
import { longestFlight } from './network.ts';
import { shapeOf } from './outside.ts';
import { brief, hold } from './violation.ts';

const day = 24 * 3_600_000;
/** How far back the brake's books count (lib/removal.ts). */
const books = day + 1.25 * 3_600_000;

/** What the judge of deletes remembers of one schedule. */
export interface Removals {
  /** The most objects of ours at once, by place and region. */
  readonly held: Map<string, number>;
  readonly deletes: { readonly where: string; readonly at: number }[];
  /** The members of each set that a scan has named, by its approval. */
  readonly named: Map<string, ReadonlySet<string>>;
  /** What people have written as an approval. */
  readonly approvals: Set<string>;
}

/** Nothing yet. */
export function removals(): Removals {
  return { held: new Map(), deletes: [], named: new Map(), approvals: new Set() };
}

/** The scan of a region as a cluster holds it. */
export function scanOf(at: Installation, { cluster }: Place, region: string): KubernetesObject | undefined {
  const name = scanName({ mirror: at.mirror, source: at.sourceOf(1), scope: at.scopeOf(region) });
  return cluster.objects('mirrorscans').find(({ metadata }) => metadata.name === name);
}

/** Law 2: a mark rests on a `get`, asked because a complete listing misses the id, or because it was named. */
export function judgeMark(who: Activity, id: string, before: KubernetesObject | undefined): void {
  const asked = who.sessions.filter(({ asks }) => asks.some((one) => one.id === id && one.answer === 'gone'));
  hold(2, asked.length > 0, () => `${who.name} marks ${id} as gone without having asked for it`);
  // Without a listing it is a run of named ids; one that is not selected is asked for before it goes.
  const hadReason = asked.some((one) => one.listing === 'none' || misses(one, id)) || saidBy(before) === 'unselected';
  hold(2, hadReason, () => `${who.name} marks ${id} as gone, though no complete listing misses it`);
}

const misses = ({ listing, listed }: Session, id: string) => listing === 'whole' && !listed.has(id);

/** Laws 1, 2 and 3 for one delete. */
export function judgeDelete(
  at: Installation,
  place: Place,
  who: Activity,
  removed: { readonly id: string; readonly before: KubernetesObject; readonly known: Removals },
): void {
  const { id, before, known } = removed;
  const { graceSeconds, removal } = at.mirror;
  const { now } = at.time;
  const words = `${who.name} deletes ${brief(before)}`;
  hold(2, who.mode === 'whole', () => `${words} in a run of named ids`);
  hold(2, removal === 'Delete', () => `${words} in spite of Retain`);
  const said = saidBy(before);
  hold(2, said === 'gone' || said === 'unselected', () => `${words} without a mark`);
  const mark = conditionOf(before, said === 'gone' ? 'Exists' : 'Synced');
  const since = mark?.lastTransitionTime ?? '';
  hold(2, now - Date.parse(since) >= graceSeconds * 1000, () => `${words} before its grace is over`);
  const read = who.reads.find(
    ({ uid, version }) => uid === before.metadata.uid && version === before.metadata.resourceVersion,
  );
  const proofs = who.sessions.flatMap(({ asks }) =>
    asks.filter((one) => one.id === id && one.answer !== 'error' && read !== undefined && one.order > read.order),
  );
  hold(2, proofs.length > 0, () => `${words} without a get after it was read with its mark`);
  const missed = who.sessions.some((one) => misses(one, id) || (one.listing === 'whole' && said === 'unselected'));
  hold(2, missed, () => `${words}, though no complete listing of this run misses it`);
  const shown = at.outside.shownSince(['get'], id, now - 30_000 - longestFlight).map(shapeOf);
  hold(
    1,
    shown.includes(said === 'gone' ? 'gone' : 'unselected'),
    () => `${words}, which has been ${shown.join(', ')}`,
  );
  judgeBrake(at, place, words, {
    key: dueKey({ uid: before.metadata.uid ?? '', since }),
    region: String(before.spec?.region),
    known,
  });
}

function judgeBrake(
  at: Installation,
  place: Place,
  words: string,
  { key, region, known }: { readonly key: string; readonly region: string; readonly known: Removals },
): void {
  const where = `${place.cluster.name}/${region}`;
  const { now } = at.time;
  known.deletes.push({ where, at: now });
  const lately = known.deletes.filter((one) => one.where === where && one.at > now - day).length;
  const limit = Math.max(5, Math.floor(((known.held.get(where) ?? 0) * at.world.maxPercent) / 100));
  const isApproved = [...known.approvals].some((text) => known.named.get(text)?.has(key));
  hold(3, isApproved || lately <= limit, () => `${words}: that makes ${lately} in 24 h, allowed are ${limit}`);
  const booked = remember(scanOf(at, place, region)).history.reduce(
    (sum, { hour, deleted }) => sum + (hour > now - books ? deleted : 0),
    0,
  );
  hold(3, booked >= lately, () => `${words}: that makes ${lately} in 24 h, in the books of the scan are ${booked}`);
}
