import { isDeepStrictEqual } from 'node:util';
import type { PlannedChange } from '../lib/dry-run.ts';
import { conditionOf, type KubernetesObject } from '../lib/object.ts';

/** One field that a change writes; absent is absent. */
export interface Difference {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What is done to an object, in the words of reports. */
export type Verb = 'create' | 'update' | 'mark' | 'delete';

/** The verb of a change. */
export function verbOf({ before, after }: PlannedChange): Verb {
  if (before === undefined) return 'create';
  if (after === undefined) return 'delete';
  return isMarked(after) && !isMarked(before) ? 'mark' : 'update';
}

function isMarked(object: KubernetesObject): boolean {
  return conditionOf(object, 'Exists')?.status === 'False' || conditionOf(object, 'Synced')?.reason === 'NotSelected';
}

/** The fields in which an object differs, in the order of their paths; conditions by their type, without their times. */
export function differences({ before, after }: PlannedChange): Difference[] {
  const [was, is] = [leaves(before), leaves(after)];
  const paths = [...new Set([...was.keys(), ...is.keys()])].toSorted();
  return paths.flatMap((path): Difference[] => {
    const [one, other] = [was.get(path), is.get(path)];
    if (isDeepStrictEqual(one, other)) return [];
    return [{ path, ...(one === undefined ? {} : { before: one }), ...(other === undefined ? {} : { after: other }) }];
  });
}

/** Where the sentence of a condition is found: beside its status, which says the same in two words. */
const sentence = '.message';

/** Whether a difference is more than another wording. */
export function isWorthALine({ path }: Difference): boolean {
  return !(path.startsWith('status.conditions.') && path.endsWith(sentence));
}

/** What of an object is ours to say, leaf by leaf. */
function leaves(object: KubernetesObject | undefined): Map<string, unknown> {
  const found = new Map<string, unknown>();
  if (object === undefined) return found;
  for (const [key, value] of Object.entries(object.metadata.labels ?? {})) found.set(`metadata.labels[${key}]`, value);
  collect(found, 'spec', object.spec ?? {});
  collect(found, 'status.observed', object.status?.observed ?? {});
  for (const { type, status, reason, message } of object.status?.conditions ?? []) {
    found.set(`status.conditions.${type}`, `${status} ${reason}`);
    if (message !== '') found.set(`status.conditions.${type}${sentence}`, message);
  }
  return found;
}

function collect(found: Map<string, unknown>, path: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    found.set(path, value);
    return;
  }
  for (const [key, child] of Object.entries(value)) {
    collect(found, /^\w+$/.test(key) ? `${path}.${key}` : `${path}[${key}]`, child);
  }
}
