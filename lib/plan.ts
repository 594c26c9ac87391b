import { heldFor, type Judgement, type Judgements, judgement, type Unseen } from './conditions.ts';
import type { JsonObject } from './json.ts';
import { markOf } from './mark.ts';
import { conditionOf, type KubernetesObject } from './object.ts';
import { type Difference, desiredResource, difference, isSelected, ownership, type Target } from './resource.ts';
import type { Identity } from './source.ts';

/** What is known of one id in this pass. */
export type Sight =
  | {
      readonly state: 'present';
      readonly fields: JsonObject;
      readonly health: Judgement;
      /** `get`: asked for by its id after the object was read, the second look that a delete needs. */
      readonly by: 'list' | 'get';
    }
  | { readonly state: 'invalid'; readonly issues: string }
  /** Seen, but not (or no longer) of this kind: goes the way of what is not selected. */
  | { readonly state: 'excluded'; readonly issues: string; readonly by: 'list' | 'get' }
  /** A listing of bare ids holds it, and by its name alone the mirror does not select it. */
  | { readonly state: 'unselected'; readonly by: 'list' | 'get' }
  /** Seen and not selected; it is due, and in this pass the brake has been asked and lets it stay. */
  | { readonly state: 'held' }
  /** A listing of bare ids holds it, and what is behind it could not be read; `since` (milliseconds) it was last. */
  | { readonly state: 'unread'; readonly reason: Unseen; readonly message: string; readonly since: number }
  /** A complete listing of exactly this scope does not hold it. */
  | { readonly state: 'absent' }
  /** And a get that began after the object was read did not find it either; `listed`: it is asked only before a removal. */
  | { readonly state: 'gone'; readonly listed?: true }
  /** Not looked at; `since` is when it last could have been seen (milliseconds), if that is known. */
  | { readonly state: 'unseen'; readonly reason: Unseen; readonly message: string; readonly since: number };

/** One decision's whole input. */
export interface Case {
  readonly target: Target;
  readonly name: string;
  readonly identity: Identity;
  readonly sight: Sight;
  readonly object: KubernetesObject | undefined;
  /** The cluster's time in milliseconds. */
  readonly now: number;
  /** False for a narrowed run (ids): it may mark but never delete. */
  readonly whole: boolean;
  /** True where the brake lets this object go, should it be due. */
  readonly released: boolean;
}

/** What is to be done about one id in one cluster. `ask`: only a get can tell. */
export type Action =
  | { readonly do: 'nothing' }
  | { readonly do: 'create'; readonly object: KubernetesObject }
  | { readonly do: 'update' | 'mark'; readonly object: KubernetesObject; readonly parts: Difference }
  | { readonly do: 'ask' }
  | { readonly do: 'delete'; readonly object: KubernetesObject }
  | { readonly do: 'keep'; readonly why: Keep }
  | { readonly do: 'refuse'; readonly why: Refusal };

/** Why an object stays although it is not seen or not wanted. */
export type Keep = 'Grace' | 'Retain' | 'Brake' | 'Narrowed' | 'Unseen';

/** Why nothing is written although something should be. */
export type Refusal = 'NameCollision' | 'Foreign' | 'OtherMirror' | 'BeingDeleted' | 'Invalid';

/**
 * The truth table. `M` is an object marked for the same reason, `D` one whose grace is over as well.
 *
 *   outside \ object      none      ours            ours, M       ours, D           deleting*  not ours
 *   present, selected     create    update if diff  update        update            refuse     refuse
 *   unselected, excluded  nothing   mark            keep Grace    by list: ask      refuse     nothing
 *                                                                 by get: delete**
 *   held                  nothing   keep Brake      keep Brake    update****        nothing    nothing
 *   invalid               refuse    update          update        update            refuse     refuse
 *   unread (listed)       nothing   stale if old    update***     update***         nothing    nothing
 *   absent (listing)      nothing   ask             keep Grace    ask**             nothing    nothing
 *   gone (get)            nothing   mark            keep Grace    delete**          nothing    nothing
 *   unseen                nothing   stale if old    keep Unseen   keep Unseen       nothing    nothing
 *
 * \*  ours, and deletionTimestamp is set: somebody else deletes it.
 * \*** Exists=True again; what is marked as not selected is kept, whether it is selected now only its fields tell.
 * \**** once nobody has known its health for staleAfter; else keep Brake.
 * \** keep Narrowed in a narrowed run; keep Retain where the mirror says so; keep Brake where the brake holds.
 */
export function decide(input: Case): Action {
  const { object, sight } = input;
  if (object === undefined) return decideMissing(input);
  const owner = ownership(object, input.identity, input.target.mirror);
  if (owner !== 'ours') return unlessWanted(input, refusals[owner]);
  if (object.metadata.deletionTimestamp !== undefined) return unlessWanted(input, 'BeingDeleted');
  switch (sight.state) {
    case 'present':
      return isSelected(input.target, input.identity, sight.fields)
        ? rewrite(input, object, 'update', seen(sight.health), sight.fields)
        : decideUnselected(input, object, sight.by, notSelected(input));
    case 'unselected':
      return decideUnselected(input, object, sight.by, notSelected(input));
    case 'excluded':
      return decideUnselected(input, object, sight.by, `It is not of this kind: ${sight.issues}.`);
    case 'held':
      return decideHeld(input, object);
    case 'invalid':
      return rewrite(input, object, 'update', {
        Exists: found,
        Synced: judgement('False', 'Invalid', sight.issues),
        ...readiness(input, object),
      });
    case 'absent':
    case 'gone':
      return decideGone(input, object, sight.state);
    case 'unread':
      return decideUnread(input, object, sight);
    case 'unseen':
      return decideUnseen(input, object, sight);
  }
}

const notSelected = ({ target }: Case) => `The mirror ${target.mirror.name} no longer selects it.`;

const isNamed = ({ target, identity }: Case) => target.mirror.selectsName(target.source.readable(identity));

const refusals = { foreign: 'Foreign', collision: 'NameCollision', 'other mirror': 'OtherMirror' } as const;

const found = judgement('True', 'Found', 'Seen in the last look.');

function seen(health: Judgement): Judgements {
  return { Exists: found, Synced: judgement('True', 'Observed', 'The observed fields are current.'), Ready: health };
}

function decideMissing(input: Case): Action {
  const { sight, target } = input;
  if (sight.state === 'invalid') return isNamed(input) ? { do: 'refuse', why: 'Invalid' } : { do: 'nothing' };
  if (sight.state !== 'present' || !isSelected(target, input.identity, sight.fields)) return { do: 'nothing' };
  const wish = { ...input, fields: sight.fields, judgements: seen(sight.health) };
  return { do: 'create', object: desiredResource(wish, undefined) };
}

function decideUnselected(input: Case, object: KubernetesObject, by: 'list' | 'get', why: string): Action {
  const mark = markOf(object, input);
  if (mark?.reason !== 'NotSelected') {
    const Synced = judgement('False', 'NotSelected', why);
    return rewrite(input, object, 'mark', { Exists: found, Synced, ...readiness(input, object) });
  }
  const next: Action = mark.due ? decideDue(input, object, by === 'get') : { do: 'keep', why: 'Grace' };
  // What the brake holds has to come before it as it is, in every pass; what is written about it comes after: `held`.
  if (next.do !== 'keep' || next.why === 'Brake') return next;
  // Said once: a listing of bare ids may tell another reason than what is behind an id.
  const rest = rewrite(input, object, 'update', { Exists: found, ...readiness(input, object) });
  return rest.do === 'nothing' ? next : rest;
}

function decideHeld(input: Case, object: KubernetesObject): Action {
  const mark = markOf(object, input);
  const isHeld = mark?.reason === 'NotSelected' && mark.due;
  if (!isHeld) return { do: 'keep', why: 'Brake' };
  const rest = rewrite(input, object, 'update', { Exists: found, ...readiness(input, object) });
  return rest.do === 'nothing' ? { do: 'keep', why: 'Brake' } : rest;
}

function decideGone(input: Case, object: KubernetesObject, state: 'absent' | 'gone'): Action {
  const mark = markOf(object, input);
  if (mark?.reason === 'NotFound') {
    return mark.due ? decideDue(input, object, state === 'gone') : { do: 'keep', why: 'Grace' };
  }
  if (state === 'absent') return { do: 'ask' };
  return rewrite(input, object, 'mark', {
    Exists: judgement(
      'False',
      'NotFound',
      'It is not there any more: asked for by its id, the answer was "not found".',
    ),
    Synced: judgement('True', 'Observed', 'The observed fields are the last ones before it went.'),
    Ready: judgement('False', 'NotFound', 'It does not exist any more.'),
  });
}

function decideDue(input: Case, object: KubernetesObject, proven: boolean): Action {
  if (input.target.mirror.removal === 'Retain') return { do: 'keep', why: 'Retain' };
  if (!input.whole) return { do: 'keep', why: 'Narrowed' };
  if (!input.released) return { do: 'keep', why: 'Brake' };
  return proven ? { do: 'delete', object } : { do: 'ask' };
}

function decideUnread(input: Case, object: KubernetesObject, sight: Extract<Sight, { state: 'unread' }>): Action {
  const old = input.now - sight.since > input.target.mirror.staleAfterSeconds * 1000;
  const exists = conditionOf(object, 'Exists')?.status === 'True';
  // Said once: the sentence may change with every pass.
  const isSaid = conditionOf(object, 'Synced')?.status === 'False';
  const isCurrent = exists && !old && !isSaid;
  if (isCurrent || markOf(object, input)?.reason === 'NotSelected') return { do: 'keep', why: 'Unseen' };
  const stale = rewrite(input, object, 'update', {
    Exists: found,
    ...(isSaid ? {} : { Synced: judgement('False', shownReason(sight.reason), sight.message) }),
    ...readiness(input, object),
  });
  return stale.do === 'nothing' ? { do: 'keep', why: 'Unseen' } : stale;
}

function decideUnseen(input: Case, object: KubernetesObject, sight: Extract<Sight, { state: 'unseen' }>): Action {
  const limit = input.target.mirror.staleAfterSeconds * 1000;
  const exists = conditionOf(object, 'Exists');
  const old = input.now - sight.since > limit && !(exists?.status === 'True' && heldFor(exists, input.now) <= limit);
  if (!old || markOf(object, input) !== undefined) return { do: 'keep', why: 'Unseen' };
  // Said once: the sentence may change with every pass, and the scan tells it more exactly.
  const said: Judgements = {
    Exists: judgement('Unknown', 'NotSeen', 'Not seen for longer than staleAfter.'),
    Synced: judgement('False', shownReason(sight.reason), sight.message),
  };
  const isSaid = exists?.status === 'Unknown';
  const stale = rewrite(input, object, 'update', { ...(isSaid ? {} : said), ...readiness(input, object) });
  return stale.do === 'nothing' ? { do: 'keep', why: 'Unseen' } : stale;
}

/** The reasons that objects show; the scan is more exact. */
const shownReasons: readonly Unseen[] = ['AccessDenied', 'Throttled', 'Unreachable'];

const shownReason = (reason: Unseen) => (shownReasons.includes(reason) ? reason : 'Stale');

/** An object whose fields are not current keeps its health for `staleAfter`, then nobody knows it any more. */
function readiness(input: Case, object: KubernetesObject): Judgements {
  const synced = conditionOf(object, 'Synced');
  // "It does not exist" is no health of what has been seen again.
  const known = !['NotFound', undefined].includes(conditionOf(object, 'Ready')?.reason);
  const old = synced?.status === 'False' && heldFor(synced, input.now) > input.target.mirror.staleAfterSeconds * 1000;
  if (known && !old) return {};
  return { Ready: judgement('Unknown', 'NotSynced', 'The observed fields are not current; see Synced.') };
}

function rewrite(
  input: Case,
  object: KubernetesObject,
  verb: 'update' | 'mark',
  judgements: Judgements,
  fields?: JsonObject,
): Action {
  const desired = desiredResource({ ...input, judgements, ...(fields === undefined ? {} : { fields }) }, object);
  const parts = difference(object, desired);
  return parts.main || parts.status ? { do: verb, object: desired, parts } : { do: 'nothing' };
}

/** Nothing is written; it is worth reporting only where something should have been. */
function unlessWanted(input: Case, why: Refusal): Action {
  const { sight } = input;
  const wanted =
    (sight.state === 'invalid' && isNamed(input)) ||
    (sight.state === 'present' && isSelected(input.target, input.identity, sight.fields));
  const ours = why === 'BeingDeleted' && ['present', 'excluded', 'unselected'].includes(sight.state);
  return wanted || ours ? { do: 'refuse', why } : { do: 'nothing' };
}
