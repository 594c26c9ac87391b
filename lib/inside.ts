import { type Entry, type IsReleased, type Settled, settle, type Writer } from './apply.ts';
import { ApiError, type Cluster, isClusterWide } from './cluster.ts';
import { mapConcurrent } from './concurrent.ts';
import { type Happening, happenings } from './events.ts';
import type { KubernetesObject } from './object.ts';
import type { Refusal } from './plan.ts';
import type { BrakeResult } from './removal.ts';
import type { Counts, Failure } from './report.ts';
import { nameOf, type Ownership, ownership, type Target } from './resource.ts';
import type { Identity } from './source.ts';

/** One cluster in one pass: what was read of it first, and what has been done to it since. */
export interface Inside {
  readonly target: Target;
  readonly cluster: Cluster;
  /** The cluster's time when the pass began, in milliseconds. */
  readonly began: number;
  /** By name, kept current with every write. Those of other owners in this scope are among them. */
  readonly objects: Map<string, KubernetesObject>;
  readonly counts: Counts;
  readonly failures: Failure[];
  /** What happened outside, to be told as Events when the pass ends. */
  readonly happened: { readonly object: KubernetesObject; readonly happening: Happening }[];
  /** Unselected objects whose delete waits for the brake, which needs the whole scope. */
  readonly postponed: Entry[];
  scan: KubernetesObject | undefined;
  /** Writes that the server failed at (5xx) since the last one that it answered. */
  errorsInARow: number;
  /** Deletes that were entered into the scan's history and then refused. */
  unbooked: number;
  /** What the brake decided, once the listing was complete. */
  brake: BrakeResult | undefined;
  /** Why what happened could not be told as Events. */
  untold: string | undefined;
  /** Set when nothing more can be written to this cluster in this pass. */
  broken: string | undefined;
}

/** One cluster of a pass with its writer. */
export interface Served {
  readonly inside: Inside;
  readonly writer: Writer;
}

/** Requests to a cluster at once; the pool has as many connections. */
export const inFlight = 16;
/** So many 5xx in a row, each after its retries, are the server's trouble and not the object's. */
const brokenLimit = inFlight;

type Held = Pick<Entry, 'id' | 'name' | 'identity'> & { readonly object: KubernetesObject };

/** The objects of this scope that are ours, with the id that each stands for. */
export function* ownObjects(target: Target, inside: Inside): Generator<Held> {
  yield* objectsOf(target, inside, 'ours');
}

/** The objects of this scope with that owner, with the id that each stands for. */
export function* objectsOf(target: Target, inside: Inside, owner: Ownership): Generator<Held> {
  for (const [name, object] of inside.objects) {
    const found = target.source.identityOf(object.spec);
    if (found === undefined || nameOf(target.source, found.id, found.identity) !== name) continue;
    if (ownership(object, found.identity, target.mirror) === owner) yield { ...found, name, object };
  }
}

/** How many objects of this scope are ours: what the brake reckons with. */
export function heldIn(target: Target, inside: Inside): number {
  return [...ownObjects(target, inside)].length;
}

/** An entry for what was just seen, over the object that this cluster has for it. */
export function entryOf(
  target: Target,
  inside: Inside,
  seen: Pick<Entry, 'id' | 'identity' | 'sight' | 'observedAt'>,
): Entry {
  const name = nameOf(target.source, seen.id, seen.identity satisfies Identity);
  return { ...seen, name, object: inside.objects.get(name) };
}

/** How an entry ended: what was done, or why it could not be. */
export interface Outcome {
  readonly entry: Entry;
  readonly settled?: Settled;
  readonly error?: unknown;
}

/**
 * Settles entries, many at once, and counts. One that fails is one line in the report; a failure that concerns the
 * whole cluster ends this cluster's part of the pass. Entries that were not begun then have no outcome.
 */
export async function settleAll(
  writer: Writer,
  inside: Inside,
  entries: readonly Entry[],
  isReleased: IsReleased = () => false,
): Promise<Outcome[]> {
  const outcomes = await mapConcurrent(entries, inFlight, async (entry): Promise<Outcome | undefined> => {
    if (inside.broken !== undefined || writer.signal.aborted) return undefined;
    try {
      const settled = await settle(writer, entry, isReleased);
      if (writes.includes(settled.action.do)) inside.errorsInARow = 0;
      count(inside, entry, settled);
      note(writer.target, inside, settled);
      return { entry, settled };
    } catch (error) {
      if (writer.signal.aborted) return undefined;
      const message = error instanceof Error ? error.message : String(error);
      inside.counts.failed += 1;
      inside.failures.push({ name: entry.name, message });
      if (error instanceof ApiError) inside.errorsInARow = error.status >= 500 ? inside.errorsInARow + 1 : 0;
      if (isClusterWide(error) || inside.errorsInARow >= brokenLimit) inside.broken = message;
      return { entry, error };
    }
  });
  return outcomes.filter((outcome) => outcome !== undefined);
}

function note({ source }: Target, inside: Inside, { before, object }: Settled): void {
  if (object === undefined || object === before) return;
  for (const happening of happenings(source, before, object)) inside.happened.push({ object, happening });
}

const writes: readonly string[] = ['create', 'update', 'mark', 'delete'];

const counted = {
  create: 'created',
  update: 'updated',
  mark: 'marked',
  delete: 'deleted',
  nothing: 'unchanged',
} as const;

function count(inside: Inside, entry: Entry, { action, object }: Settled): void {
  if (action.do === 'nothing' && object === undefined) return;
  if (object === undefined) inside.objects.delete(entry.name);
  else inside.objects.set(entry.name, object);
  if (action.do === 'keep' && action.why === 'Brake' && entry.sight.state !== 'gone') {
    inside.postponed.push({ ...entry, object });
  } else if (action.do === 'refuse') {
    refuse(inside, entry, action.why);
  } else if (action.do === 'keep') inside.counts.kept += 1;
  else if (action.do !== 'ask') inside.counts[counted[action.do]] += 1;
}

/** Reports that nothing is written for an entry although something should be. */
export function refuse(inside: Inside, entry: Entry, why: Refusal): void {
  inside.counts.refused += 1;
  inside.failures.push({ name: entry.name, message: refusals[why](entry) });
}

const refusals = {
  NameCollision: (entry: Entry) =>
    `NameCollision: the object ${entry.name} stands for another resource than ${entry.id}; left alone. Delete or rename it`,
  Foreign: (entry: Entry) =>
    `Foreign: the object ${entry.name} was not made by skymirror; left alone. Delete it and the next pass creates it`,
  OtherMirror: (entry: Entry) =>
    `OtherMirror: the object ${entry.name} belongs to another mirror by its label skymirror.dev/mirror; left alone. Give each mirror a namespace of its own or, where it was renamed, hand its objects over: skymirror prune --rename OLD=NEW`,
  BeingDeleted: (entry: Entry) =>
    `BeingDeleted: the object ${entry.name} is being deleted by somebody else; left alone`,
  Invalid: (entry: Entry) =>
    `Invalid: ${entry.id} does not fit the schema: ${entry.sight.state === 'invalid' ? entry.sight.issues : ''}`,
};
