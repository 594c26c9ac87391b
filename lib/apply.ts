import { ApiError, type Cluster, isOvertaken, type RequestOptions } from './cluster.ts';
import { markOf } from './mark.ts';
import type { Mirror } from './mirror.ts';
import type { KubernetesObject } from './object.ts';
import { type Action, decide, type Sight } from './plan.ts';
import type { Target } from './resource.ts';
import type { Identity, Observation, Outside } from './source.ts';

/** One id in one cluster: what is known of it, since when, and the object as it was read. */
export interface Entry {
  readonly id: string;
  readonly name: string;
  readonly identity: Identity;
  readonly sight: Sight;
  /** Monotonic milliseconds at which the question that gave `sight` was sent. */
  readonly observedAt: number;
  readonly object: KubernetesObject | undefined;
}

/** What all writes of one pass in one cluster share. */
export interface Writer {
  readonly target: Target;
  readonly cluster: Cluster;
  readonly outside: Outside;
  readonly whole: boolean;
  /** An older observation is not sent but made again, in milliseconds. */
  readonly maxObservationAge: number;
  readonly signal: AbortSignal;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
}

/** What was done, and the object as it stands now (`undefined`: there is none). */
export interface Settled {
  readonly action: Action;
  /** As it was read for this decision. */
  readonly before: KubernetesObject | undefined;
  readonly object: KubernetesObject | undefined;
}

/** Whether the brake lets this very object go; asked anew for each object that is read. */
export type IsReleased = (object: KubernetesObject) => boolean;

/** How often an entry that others keep overtaking is tried in one pass; the next pass takes it up again. */
const attempts = 5;

class TooOld extends Error {}

/**
 * Decides about one id and writes it under the resourceVersion that was read. Where somebody else was faster, or the
 * observation has grown too old before a send, the object is read and *then* observed again: no observation replaces a
 * later one that was written. Throws ApiError, or what the outside throws.
 */
export async function settle(writer: Writer, entry: Entry, isReleased: IsReleased): Promise<Settled> {
  let current = entry;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { name, identity, sight, object, observedAt } = current;
    const now = writer.cluster.now();
    const released = object !== undefined && isReleased(object);
    const action = decide({ ...writer, name, identity, sight, object, now, released });
    const beforeSend = () => {
      if (writer.clock() - observedAt > writer.maxObservationAge) throw new TooOld();
    };
    try {
      const written = await perform(writer, action, object, { signal: writer.signal, beforeSend });
      return { action, before: object, object: written };
    } catch (error) {
      if (!(error instanceof TooOld) && !isOvertaken(error)) throw error;
      current = await again(writer, current);
    }
  }
  throw new Error(`${entry.name}: overtaken by other writers ${attempts} times; the next pass takes it up again`);
}

async function perform(
  writer: Writer,
  action: Action,
  current: KubernetesObject | undefined,
  options: RequestOptions,
): Promise<KubernetesObject | undefined> {
  const { cluster, target } = writer;
  const type = target.source;
  switch (action.do) {
    case 'create': {
      const created = await cluster.create(type, action.object, options);
      return cluster.replaceStatus(type, withStatus(created, action.object), options);
    }
    case 'update':
    case 'mark': {
      const main = action.parts.main ? await cluster.replace(type, action.object, options) : action.object;
      if (!action.parts.status) return main;
      return cluster.replaceStatus(type, withStatus(main, action.object), options);
    }
    case 'delete':
      await remove(writer, action.object, options);
      return undefined;
    default:
      return current;
  }
}

function withStatus(written: KubernetesObject, wanted: KubernetesObject): KubernetesObject {
  return { ...written, ...(wanted.status === undefined ? {} : { status: wanted.status }) };
}

async function remove(writer: Writer, object: KubernetesObject, options: RequestOptions): Promise<void> {
  try {
    await writer.cluster.remove(writer.target.source, object, options);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}

/** Reads the object, then asks the outside: in this order, so that the answer is never older than the object. */
async function again(writer: Writer, entry: Entry): Promise<Entry> {
  const { cluster, target, outside, signal } = writer;
  const object = await cluster.get(target.source, target.mirror.namespace, entry.name, { signal });
  const observedAt = writer.clock();
  const answer = (await outside.get([entry.id], signal)).get(entry.id);
  return { ...entry, object, observedAt, sight: resighted(writer, { ...entry, object }, answer) };
}

/** "Not found" counts as gone only where the pass had reason to ask; else the next pass finds out. */
function resighted(writer: Writer, entry: Entry, answer: Observation | Error | undefined): Sight {
  if (answer instanceof Error) throw answer;
  const { sight: before, object } = entry;
  // What a listing holds was asked for because it was marked, which it may be no more.
  const isListed = before.state === 'gone' && before.listed === true;
  const isMarked = object !== undefined && markOf(object, { ...writer, now: writer.cluster.now() }) !== undefined;
  const mayBeGone = !writer.whole || (before.state === 'gone' && (isMarked || !isListed));
  if (answer === undefined && mayBeGone) return before.state === 'gone' ? before : { state: 'gone' };
  const sight = answer === undefined ? undefined : sightOf(answer, 'get', writer.target.mirror);
  return sight ?? { state: 'unseen', reason: 'Stale', message: 'It went while it was being written.', since: Infinity };
}

/**
 * What an observation says about its id; `undefined` where it has none. A selection that fails on a resource is that
 * resource's trouble, not the scope's.
 */
export function sightOf(
  observation: Observation,
  by: 'list' | 'get',
  mirror: Pick<Mirror, 'name' | 'selects'>,
): Sight | undefined {
  switch (observation.outcome) {
    case 'observed':
      try {
        mirror.selects(observation.fields);
        return { state: 'present', fields: observation.fields, health: observation.health, by };
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error);
        return { state: 'invalid', issues: `the selection of the mirror ${mirror.name} failed on it: ${said}` };
      }
    case 'invalid':
      return { state: 'invalid', issues: observation.issues };
    case 'excluded':
      return { state: 'excluded', issues: observation.reason, by };
    default:
      return undefined;
  }
}
