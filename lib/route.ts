import { type CloudEvent, type EventPattern, type EventRule, fieldOf } from './cloud-events.ts';
import type { Source } from './source.ts';
import type { ConfiguredTask } from './targets.ts';

/**
 * Why nothing is done about a message, in the order in which it is found out:
 *
 * | reason       |                                                                                  |
 * |--------------|----------------------------------------------------------------------------------|
 * | NotAnEvent   | neither of EventBridge nor of an RDS event subscription                          |
 * | FailedCall   | CloudTrail tells of an API call that was refused: nothing has changed            |
 * | UnknownKind  | no rule of a kind that is mirrored fits                                          |
 * | NoId         | a rule fits, and what it finds is no id of the kind                              |
 * | UnknownPlace | no mirror looks into the account and region of the ids                           |
 * | Paused       | all mirrors that do are paused                                                   |
 */
export type Ignored = 'NotAnEvent' | 'FailedCall' | 'UnknownKind' | 'NoId' | 'UnknownPlace' | 'Paused';

/** A target and the ids of it that an event names. */
export interface Named {
  readonly task: ConfiguredTask;
  readonly ids: readonly string[];
}

/** Where an event leads: to targets, never none of them, or nowhere. */
export type Route = { readonly targets: readonly Named[] } | { readonly ignored: Ignored };

/** Who names more in one event than a person would is cut short: the next pass sees the rest. */
const idsPerEvent = 100;

/** Longer texts are not even looked at. */
const longestId = 2048;

/**
 * Where events lead, by what the tasks look at. The account and region around an event decide nothing: the id does, and
 * has to lie in the scope of a task. Never throws, whatever is in an event.
 */
export function routerOf(tasks: readonly ConfiguredTask[]): (event: CloudEvent) => Route {
  const kinds = [...Map.groupBy(tasks, ({ source }) => source)].map(([source, own]) => ({
    source,
    places: Map.groupBy(own, ({ scope }) => placeKey(source, scope)),
  }));
  return (event) => {
    if (isFailedCall(event)) return { ignored: 'FailedCall' };
    const rules = kinds.flatMap((kind) =>
      kind.source.events.filter(({ pattern }) => fits(pattern, event)).map((rule) => ({ ...kind, rule })),
    );
    if (rules.length === 0) return { ignored: 'UnknownKind' };
    const named = rules.flatMap(({ source, places, rule }) =>
      idsIn(source, rule, event).map(({ id, place }) => ({ id, looking: places.get(place) ?? [] })),
    );
    if (named.length === 0) return { ignored: 'NoId' };
    const ids = new Map<ConfiguredTask, Set<string>>();
    for (const { id, looking } of named) {
      for (const task of looking) ids.set(task, (ids.get(task) ?? new Set()).add(id));
    }
    if (ids.size === 0) return { ignored: 'UnknownPlace' };
    const targets = [...ids].filter(([task]) => !task.paused).map(([task, own]) => ({ task, ids: [...own] }));
    return targets.length === 0 ? { ignored: 'Paused' } : { targets };
  };
}

/** Whether EventBridge would say that the event fits the pattern. */
export function fits(pattern: EventPattern, value: unknown): boolean {
  return Object.entries(pattern).every(([name, wanted]) => {
    const found = fieldOf(value, name);
    if (!isList(wanted)) return fits(wanted, found);
    return [found].flat().some((one) => wanted.some((text) => text === one));
  });
}

/** `Array.isArray` alone does not tell a read-only list from the rest. */
function isList(wanted: readonly string[] | EventPattern): wanted is readonly string[] {
  return Array.isArray(wanted);
}

/** "errorCode: The AWS service error if the request returns an error" (CloudTrail User Guide, "CloudTrail record contents"). */
function isFailedCall({ 'detail-type': type, detail }: CloudEvent): boolean {
  const code = type === 'AWS API Call via CloudTrail' ? fieldOf(detail, 'errorCode') : undefined;
  return code !== undefined && code !== null && code !== '';
}

/** A rule that throws on an event has found nothing in it. */
function idsIn(source: Source, rule: EventRule, event: CloudEvent) {
  try {
    const ids = rule.ids(event).slice(0, idsPerEvent);
    return ids.flatMap((id) => {
      const identity = id.length > longestId ? undefined : source.identify(id);
      return identity === undefined ? [] : [{ id, place: placeKey(source, identity) }];
    });
  } catch {
    return [];
  }
}

function placeKey({ scopeKeys }: Source, parts: Readonly<Record<string, string>>): string {
  return JSON.stringify(scopeKeys.map((key) => parts[key]));
}
