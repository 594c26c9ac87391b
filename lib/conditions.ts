import type { Condition } from './object.ts';
import { plainText } from './plain-text.ts';

/** What is to be said under one condition type; the transition time follows from what stood there before. */
export type Judgement = Pick<Condition, 'status' | 'reason' | 'message'>;

/** The judgements of one object. A type that is left out stays as it is. */
export interface Judgements {
  readonly Ready?: Judgement;
  readonly Exists?: Judgement;
  readonly Synced?: Judgement;
}

/** How long a message may be: objects stay small, and the first sentence is what people read. */
const messageLength = 1024;

/** Why the outside could not be seen. The reasons of `Synced=False` and of an incomplete scan. */
export type Unseen =
  | 'AccessDenied'
  | 'Throttled'
  | 'Unreachable'
  | 'WrongPlace'
  | 'BadAnswer'
  | 'InternalError'
  | 'Interrupted'
  | 'NoCluster'
  | 'Untrusted'
  | 'Stale';

/** Seconds are the resolution of Kubernetes times and of the API server's `Date` header. */
export function timestamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** The judgement in words of the API; its message is cut and made plain, because it may quote a stranger. */
export function judgement(status: Condition['status'], reason: string, message = ''): Judgement {
  return { status, reason, message: plainText(message, messageLength) };
}

/**
 * The conditions after these judgements: types of other owners keep their place, and `lastTransitionTime` moves only
 * with `status`. Judging the same again gives an equal list.
 */
export function judged(current: readonly Condition[], judgements: Judgements, now: number): Condition[] {
  const left = new Map<string, Judgement>(Object.entries(judgements));
  const kept = current.map((condition): Condition => {
    const next = left.get(condition.type);
    left.delete(condition.type);
    if (next === undefined) return condition;
    const lastTransitionTime = moves(condition, next) ? timestamp(now) : condition.lastTransitionTime;
    return { ...condition, ...next, lastTransitionTime };
  });
  const added = [...left].map(([type, next]): Condition => ({ type, ...next, lastTransitionTime: timestamp(now) }));
  return [...kept, ...added];
}

/** Milliseconds for which the condition has had its status. */
export function heldFor(condition: Condition, now: number): number {
  return now - Date.parse(condition.lastTransitionTime);
}

/** `NotSelected` starts the grace of a removal, so it counts as a transition also where `Synced` was False before. */
function moves(current: Condition, next: Judgement): boolean {
  return next.status !== current.status || (next.reason === 'NotSelected' && current.reason !== 'NotSelected');
}
