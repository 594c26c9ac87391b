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
  /** When its mark began. One that came back and went again is another removal, and needs an approval of its own. */
  readonly since: string;
}

/** What tells one due removal from every other. */
export function dueKey({ uid, since }: Pick<Due, 'uid' | 'since'>): string {
  return `${uid} ${since}`;
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
  /** By `dueKey`. */
  readonly released: ReadonlySet<string>;
  /** All that was asked about. */
  readonly due: readonly Due[];
  readonly waiting: number;
  readonly limit: number;
  readonly deletedBefore: number;
  readonly blocked?: BlockedRemoval;
}

/** The annotation on a MirrorScan by which a person releases the named set. */
export const approvalAnnotation = 'skymirror.dev/approve-removals';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** How long an hour's deletes count: a delete follows its entry by a run's length at most, 15 minutes in a function. */
const countedMs = dayMs + hourMs + hourMs / 4;
const alwaysAllowed = 5;
const membersNamed = 1000;

/**
 * Law 3. More deletes within 24 hours than the larger of five and `maxPercent` of what the scope held then need a
 * person, who releases exactly the named set. A set keeps its name until none of it is due, so that an approval does
 * not go stale while others become due; those need an approval of their own.
 */
export function brake(input: BrakeInput): BrakeResult {
  const { blocked, approval, now } = input;
  const day = input.history.filter(({ hour }) => hour > now - countedMs);
  const deletedBefore = day.reduce((sum, { deleted }) => sum + deleted, 0);
  const limit = Math.max(alwaysAllowed, Math.floor((heldADayAgo(input) * input.maxPercent) / 100));
  const members = new Set(blocked?.members.map(dueKey));
  const approved = blocked !== undefined && blocked.approval === approval ? members : new Set<string>();
  const ofApproved = input.due.filter((one) => approved.has(dueKey(one)));
  const rest = input.due.filter((one) => !approved.has(dueKey(one)));
  const fits = deletedBefore + ofApproved.length + rest.length <= limit;
  const released = new Set((fits ? input.due : ofApproved).map(dueKey));
  const waiting = fits ? [] : rest;
  if (waiting.length === 0) {
    return {
      released,
      due: input.due,
      waiting: 0,
      limit,
      deletedBefore,
      ...(ofApproved.length > 0 && blocked ? { blocked } : {}),
    };
  }
  const stillNamed = blocked !== undefined && input.due.some((one) => members.has(dueKey(one)));
  return {
    released,
    due: input.due,
    waiting: waiting.length,
    limit,
    deletedBefore,
    blocked: stillNamed ? blocked : named(waiting),
  };
}

/** The set under its approval text: the count and a hash over names, uids and marks. */
export function named(due: readonly Due[]): BlockedRemoval {
  const members = due
    .toSorted((left, right) => (left.name < right.name ? -1 : 1))
    .slice(0, membersNamed)
    .map(({ name, uid, since }) => ({ name, uid, since }));
  const hash = shortHash(...members.flatMap(({ name, uid, since }) => [name, uid, since]));
  return { approval: `${members.length}-${hash}`, members };
}

/** The beginning of the hour in which this time lies, in milliseconds. */
export function hourOf(time: number): number {
  return Math.floor(time / hourMs) * hourMs;
}

/**
 * The history with this pass in it. Hours that no rule looks at any more are dropped, but for the newest that is a day
 * old: after a pause it is all that is known of what the scope held. A negative `deleted` takes back what was entered.
 */
export function remembered(
  history: readonly HistoryHour[],
  now: number,
  pass: { readonly held: number; readonly deleted: number },
): HistoryHour[] {
  const hour = hourOf(now);
  const sorted = history.toSorted((left, right) => left.hour - right.hour);
  const aDayAgo = sorted.filter((entry) => entry.hour <= now - dayMs).at(-1);
  const known = sorted.filter((entry) => entry.hour !== hour && (entry === aDayAgo || entry.hour > now - countedMs));
  const current = history.find((entry) => entry.hour === hour);
  const held = Math.max(current?.held ?? 0, pass.held);
  const deleted = Math.max(0, (current?.deleted ?? 0) + pass.deleted);
  return [...known, { hour, held, deleted }].toSorted((left, right) => left.hour - right.hour);
}

/** The newest count that is at least a day old, else the oldest there is. Without books nothing is known: none. */
function heldADayAgo(input: BrakeInput): number {
  const sorted = input.history.toSorted((left, right) => left.hour - right.hour);
  const old = sorted.filter(({ hour }) => hour <= input.now - dayMs).at(-1);
  return (old ?? sorted[0])?.held ?? 0;
}
