import { judgement } from '../lib/conditions.ts';
import type { JsonObject } from '../lib/json.ts';
import { mirrorOf } from '../lib/mirror.ts';
import type { KubernetesObject } from '../lib/object.ts';
import { type Case, decide, type Sight } from '../lib/plan.ts';
import { nameOf } from '../lib/resource.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';

/** When the object of these tests was first written. */
export const start = Date.parse('2026-05-04T12:00:00Z');
/** In milliseconds. */
export const minute = 60_000;
/** The one resource of these tests. */
export const id = 'arn:aws:rds:eu-west-1:111122223333:db:orders';
const identity = rdsInstance.identify(id) ?? {};
/** With the defaults: 10 minutes of grace, 15 until something is stale. */
export const mirror = mirrorOf({ name: 'production', namespace: 'external' });
/** Where the resource is looked for. */
export const target = { mirror, source: rdsInstance, scope: { account: '111122223333', region: 'eu-west-1' } };
/** What is observed of the resource. */
export const fields: JsonObject = { engine: 'postgres', state: 'available' };
/** The resource is listed, usable and selected. */
export const present = {
  state: 'present',
  fields,
  health: judgement('True', 'Available', 'It can be used.'),
  by: 'list',
} as const satisfies Sight;

const trouble = { reason: 'Throttled', message: 'AWS throttles' } as const;

/** Nobody could look since then. */
export const unseen = (since: number): Sight => ({ state: 'unseen', ...trouble, since });

/** It is listed, and since then nobody could read what is behind it. */
export const unread = (since: number): Sight => ({ state: 'unread', ...trouble, since });

/** The name of its object. */
export const name = nameOf(rdsInstance, id, identity);

/** A whole pass that sees this, while the object stands like that. */
export function caseOf(sight: Sight, object: KubernetesObject | undefined, more: Partial<Case> = {}): Case {
  return { target, name, identity, sight, object, now: start, whole: true, released: true, ...more };
}

/** The object after this was decided, as the server gives it back. */
export function settled(
  sight: Sight,
  object: KubernetesObject | undefined,
  more: Partial<Case> = {},
): KubernetesObject {
  const action = decide(caseOf(sight, object, more));
  if (!('object' in action)) throw new Error(`nothing is written: ${JSON.stringify(action)}`);
  const metadata = { ...action.object.metadata, uid: 'u1', managedFields: [{ manager: 'skymirror' }] };
  return { ...action.object, metadata };
}

/** The object of the resource, written at the start. */
export const live = settled(present, undefined);

/** The conditions of an object, without their sentences and times. */
export function brief(object: KubernetesObject): string[] | undefined {
  return object.status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
}
