import { mapConcurrent } from '../lib/concurrent.ts';
import type { KubernetesReader } from '../lib/kubernetes-cluster.ts';
import { type Mark, markOf } from '../lib/mark.ts';
import type { KubernetesObject } from '../lib/object.ts';
import { brake, dueKey } from '../lib/removal.ts';
import { nameOf, ownership, scopeFields, type Target } from '../lib/resource.ts';
import { remember, scanName } from '../lib/scan.ts';
import { mirrorScan } from '../lib/scan-schema.ts';
import { type BlockedSet, blockedSet, placeOf, type ScanPlace, targetsOf } from './blocked-set.ts';
import { exitCodes } from './exit-codes.ts';
import { clustersOf, type Filters, isDown, openReaders, openSession } from './session.ts';
import type { Style, Surroundings } from './surroundings.ts';
import { age, type Format, shown, table } from './table.ts';

export { type ApproveOptions, approveRemovals } from './approve-removals.ts';

/** The options of `skymirror removals`. */
export interface RemovalsOptions extends Filters {
  readonly output: Format;
}

/**
 * How far a removal is: `grace` (not over yet), `due` (goes with the next passes, if it is still gone then), `blocked`
 * (the brake holds it until a person approves), `retained` (marked for good: the policy is Retain), `deleting` (deleted
 * already; a finalizer of somebody else's holds the object).
 */
export type RemovalState = 'grace' | 'due' | 'blocked' | 'retained' | 'deleting';

/** A marked object, as `-o json` shows it. */
export interface MarkedObject extends ScanPlace {
  readonly state: RemovalState;
  readonly name: string;
  readonly resource: string;
  readonly reason: Mark['reason'];
  readonly since: string;
  /** When its grace is over; not with Retain. */
  readonly due?: string;
  /** Seconds, by the cluster's clock. */
  readonly sinceMark: number;
}

/** What `skymirror removals -o json` shows. `unknown`: what could not be looked at, and why. */
export interface Removals {
  readonly removals: readonly MarkedObject[];
  readonly blocked: readonly BlockedSet[];
  readonly unknown: readonly (ScanPlace & { readonly message: string })[];
}

/** Scopes read at once. */
const inFlight = 8;

/** Shows the objects that are marked for removal, and the sets of them that wait for a person. */
export async function removals(options: RemovalsOptions, around: Surroundings): Promise<number> {
  const session = await openSession(options, around);
  const readers = await openReaders(session);
  try {
    const places = session.tasks.flatMap((task) =>
      clustersOf(task, readers).flatMap((reader) => targetsOf(task).map((target) => ({ target, reader }))),
    );
    const broken = new Map<string, string>();
    const looks = await mapConcurrent(places, inFlight, async ({ target, reader }) => {
      const message = broken.get(reader.name);
      if (message !== undefined) return notLookedAt(target, reader, message);
      return look(target, reader, around.signal).catch((error: unknown) => {
        const said = error instanceof Error ? error.message : String(error);
        // Each scope more would wait out the same deadline.
        if (isDown(error)) broken.set(reader.name, said);
        return notLookedAt(target, reader, said);
      });
    });
    const result: Removals = {
      removals: looks.flatMap((one) => one.removals),
      blocked: looks.flatMap((one) => one.blocked),
      unknown: looks.flatMap((one) => one.unknown),
    };
    around.print(shown(options.output, result, () => text(result, around)));
    for (const { cluster, namespace, source, scope, message } of result.unknown) {
      around.error(`${cluster}, namespace ${namespace}, ${source} ${Object.values(scope).join('/')}: ${message}`);
    }
    if (result.unknown.length > 0) return exitCodes.failed;
    return waits(result) ? exitCodes.differs : exitCodes.done;
  } finally {
    await Promise.all([...readers.values()].map((reader) => reader.close()));
  }
}

function waits({ removals: objects, blocked }: Removals): boolean {
  return objects.some(({ state }) => state === 'blocked') || blocked.some(({ approved }) => !approved);
}

async function look(target: Target, reader: KubernetesReader, signal: AbortSignal): Promise<Removals> {
  const { mirror, source, scope } = target;
  const place = placeOf(target, reader.name);
  const [scan, objects] = await Promise.all([
    reader.get(mirrorScan, mirror.namespace, scanName(target), { signal }),
    reader.list(source, mirror.namespace, scopeFields(scope), { signal }),
  ]);
  const set = blockedSet(scan);
  return {
    removals: marked(target, scan, objects, reader.now()).map((one) => ({ ...place, ...one })),
    blocked: set === undefined ? [] : [{ ...place, ...set }],
    unknown: [],
  };
}

function notLookedAt(target: Target, { name }: KubernetesReader, message: string): Removals {
  return { removals: [], blocked: [], unknown: [{ ...placeOf(target, name), message }] };
}

/** The marked objects among those of a scope; `now`: the cluster's time in milliseconds. */
export function marked(
  target: Target,
  scan: KubernetesObject | undefined,
  objects: readonly KubernetesObject[],
  now: number,
): Omit<MarkedObject, keyof ScanPlace>[] {
  const { mirror, source } = target;
  const found = objects.flatMap((object) => {
    const stands = source.identityOf(object.spec);
    const mark = markOf(object, { target, now });
    if (stands === undefined || mark === undefined) return [];
    const { name, uid = '', deletionTimestamp } = object.metadata;
    const isNamedSo = nameOf(source, stands.id, stands.identity) === name;
    if (!isNamedSo || ownership(object, stands.identity, mirror) !== 'ours') return [];
    return [{ name, uid, mark, resource: stands.id, isDeleting: deletionTimestamp !== undefined }];
  });
  const due = found
    .filter(({ mark, isDeleting }) => mirror.removal === 'Delete' && mark.due && !isDeleting)
    .map(({ name, uid, mark }) => ({ name, uid, since: mark.since }));
  // The rule that the next pass goes by, so that both say the same.
  const { released } = brake({ ...remember(scan), due, maxPercent: mirror.maxRemovalPercent, now });
  const stateOf = ({ uid, mark, isDeleting }: (typeof found)[number]): RemovalState => {
    if (isDeleting) return 'deleting';
    if (mirror.removal === 'Retain') return 'retained';
    if (!mark.due) return 'grace';
    return released.has(dueKey({ uid, since: mark.since })) ? 'due' : 'blocked';
  };
  return found.map((one) => {
    const { reason, since } = one.mark;
    const began = Date.parse(since);
    const due = new Date(began + mirror.graceSeconds * 1000).toISOString().replace('.000Z', 'Z');
    return {
      state: stateOf(one),
      name: one.name,
      resource: one.resource,
      reason,
      since,
      ...(mirror.removal === 'Retain' ? {} : { due }),
      sinceMark: (now - began) / 1000,
    };
  });
}

const styles: Readonly<Partial<Record<RemovalState, Style>>> = { blocked: 'yellow', due: 'red', retained: 'dim' };

function text(result: Removals, { paint }: Surroundings): string {
  const { removals: objects, blocked } = result;
  const heading = ['STATE', 'CLUSTER', 'NAMESPACE', 'MIRROR', 'KIND', 'NAME', 'REASON', 'MARKED', 'DUE'];
  const rows = objects.map(({ state, cluster, namespace, mirror, source, name, reason, sinceMark, due = '' }) => [
    ...[state, cluster, namespace, mirror, source, name, reason],
    `${age(sinceMark * 1000)} ago`,
    due,
  ]);
  const [head = '', ...lines] = table(heading, rows).split('\n');
  // Painted last: colours have a length that a column must not count.
  const body = lines.map((line, index) => {
    const { state = 'grace' } = objects[index] ?? {};
    const style = styles[state];
    return style === undefined ? line : paint(style, line.slice(0, state.length)) + line.slice(state.length);
  });
  const sets = blocked.flatMap((set) => ['', `${paint('bold', set.approval)} ${setText(set)}`, `  ${set.message}`]);
  const where = result.unknown.length === 0 ? '' : ' in what could be looked at';
  const first = objects.length === 0 ? [`Nothing is marked for removal${where}.`] : [paint('bold', head), ...body];
  return [...first, ...sets].join('\n');
}

function setText({ approved, mirror, source, scope, namespace, cluster }: BlockedSet): string {
  const where = `${mirror} ${source} ${Object.values(scope).join('/')}, namespace ${namespace} of ${cluster}`;
  return `(${where}) ${approved ? 'is approved: the next pass lets it go' : 'waits: skymirror approve-removals'}`;
}
