import { shortHash } from './names.ts';

/** What a scope held and lost in one hour; the MirrorScan keeps a day of them. */
export interface HistoryHour {
  /** Beginning of the hour, in milliseconds. */
  readonly hour: number;
  /** The most objects held in a pass that began in this hour. */
  readonly held: number;
  readonly deleted: number;
}

/** An object whose delete is due, named so that an approval can name it too. */
export interface Due {
  readonly name: string;
  readonly uid: string;
}

/** The set that waits for a person: what `approve` has to repeat, and who is in it. */
export interface BlockedRemoval {
  /** Count and hash of the set, for example `42-0f3k…`: the text of an approval. */
  readonly approval: string;
  readonly members: readonly Due[];
}

/** What the brake decides on. */
export interface BrakeInput {
  readonly due: readonly Due[];
  /** Objects held now, marked ones included. */
  readonly held: number;
  readonly history: readonly HistoryHour[];
  readonly maxPercent: number;
  readonly now: number;
  /** The set that was named to people in an earlier pass. */
  readonly blocked: BlockedRemoval | undefined;
  /** What a person wrote into the approval annotation. */
  readonly approval: string | undefined;
}

/** What may go, and what waits. */
export interface BrakeResult {
  readonly released: ReadonlySet<string>;
  readonly waiting: number;
  readonly limit: number;
  readonly deletedBefore: number;
  readonly blocked?: BlockedRemoval;
}

/** The annotation on a MirrorScan by which a person releases the named set. */
export const approvalAnnotation = 'skymirror.dev/approve-removals';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const alwaysAllowed = 5;
const membersNamed = 1000;

/**
 * Law 3. More deletes within 24 hours than the larger of five and `maxPercent` of what the scope held then need a
 * person, who releases exactly the named set. A set keeps its name until none of it is due, so that an approval does
 * not go stale while others become due; those need an approval of their own.
 */
export function brake(input: BrakeInput): BrakeResult {
  const { blocked, approval, now } = input;
  const day = input.history.filter(({ hour }) => hour > now - dayMs - hourMs);
  const deletedBefore = day.reduce((sum, { deleted }) => sum + deleted, 0);
  const limit = Math.max(alwaysAllowed, Math.floor((heldADayAgo(input) * input.maxPercent) / 100));
  const approved = new Set(
    blocked !== undefined && blocked.approval === approval ? blocked.members.map(({ uid }) => uid) : [],
  );
  const ofApproved = input.due.filter(({ uid }) => approved.has(uid));
  const rest = input.due.filter(({ uid }) => !approved.has(uid));
  const fits = deletedBefore + ofApproved.length + rest.length <= limit;
  const released = new Set((fits ? input.due : ofApproved).map(({ uid }) => uid));
  const waiting = fits ? [] : rest;
  if (waiting.length === 0) {
    return { released, waiting: 0, limit, deletedBefore, ...(ofApproved.length > 0 && blocked ? { blocked } : {}) };
  }
  const stillNamed =
    blocked !== undefined && input.due.some(({ uid }) => blocked.members.some((member) => member.uid === uid));
  return { released, waiting: waiting.length, limit, deletedBefore, blocked: stillNamed ? blocked : named(waiting) };
}

/** The set under its approval text: the count and a hash over names and uids. */
export function named(due: readonly Due[]): BlockedRemoval {
  const members = due
    .toSorted((left, right) => (left.name < right.name ? -1 : 1))
    .slice(0, membersNamed)
    .map(({ name, uid }) => ({ name, uid }));
  return { approval: `${members.length}-${shortHash(...members.flatMap(({ name, uid }) => [name, uid]))}`, members };
}

/** The history with this pass in it; hours that no rule looks at any more are dropped. */
export function remembered(
  history: readonly HistoryHour[],
  now: number,
  pass: { readonly held: number; readonly deleted: number },
): HistoryHour[] {
  const hour = Math.floor(now / hourMs) * hourMs;
  const known = history.filter((entry) => entry.hour > now - dayMs - 2 * hourMs && entry.hour !== hour);
  const current = history.find((entry) => entry.hour === hour);
  const held = Math.max(current?.held ?? 0, pass.held);
  return [...known, { hour, held, deleted: (current?.deleted ?? 0) + pass.deleted }].toSorted(
    (a, b) => a.hour - b.hour,
  );
}

/** The newest count that is at least a day old, else the oldest there is, else what is held now. */
function heldADayAgo(input: BrakeInput): number {
  const sorted = input.history.toSorted((left, right) => left.hour - right.hour);
  const old = sorted.filter(({ hour }) => hour <= input.now - dayMs).at(-1);
  return (old ?? sorted[0])?.held ?? input.held;
}
