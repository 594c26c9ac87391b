import { heldFor } from './conditions.ts';
import type { Inside, Served } from './inside.ts';
import { normaliseObject } from './json.ts';
import { markOf } from './mark.ts';
import { selectsAll } from './mirror.ts';
import { spread } from './names.ts';
import { conditionOf, type KubernetesObject } from './object.ts';
import { checkPlace, observedIn, type Pass, type SeenId, settlePage, working } from './pages.ts';
import { isDue, orderOf, readUntil, type Turns, turnsOf } from './refresh.ts';
import { nameOf, ownership, type Target, tagLabels } from './resource.ts';
import { remember } from './scan.ts';
import { type Observation, UnseenError } from './source.ts';

/** What a listing of bare ids says of a resource. */
type Listed = Extract<Observation, { outcome: 'listed' }>;

/** With the name of its object, which takes a hash to know. */
type Named = Listed & { readonly name: string };

/** Whether a listing gave no more than its id. */
export const isListed = (observation: Observation): observation is Listed => observation.outcome === 'listed';

/** How a pass reads what is behind bare ids. */
export interface Refresh {
  /** By cluster and namespace; those without turns read only what is new or out of order. */
  readonly turns: ReadonlyMap<Inside, Turns>;
  /** Ids that may still be read out of turn although it may be in vain: left out by their fields, or held as they are. */
  inVain: number;
  /** Where something whose turn it was could not be read or written, so that its turn comes again. */
  readonly missed: Set<Inside>;
}

/** Ids that are asked for together: few enough that what they say is still young when it is written. */
const batchSize = 100;
/** A batch of which so many ids, all of them in order until now, cannot be read is the place's trouble, not theirs. */
const hopeless = 10;
const readsInVain = 500;

/** The turns that are due in each cluster; nothing where the source lists rows. */
export function refreshOf(served: readonly Served[]): Refresh {
  const turns = served.flatMap(({ inside, writer }): [Inside, Turns][] => {
    const due = period(writer.target) === 0 ? undefined : turnsOf(writer.target, remember(inside.scan), inside.began);
    return due === undefined ? [] : [[inside, due]];
  });
  return { turns: new Map(turns), inVain: readsInVain, missed: new Set() };
}

/** The turns that count as taken: what was read in them is written. */
export function turnsTaken({ turns, missed }: Refresh): Refresh['turns'] {
  return new Map([...turns].filter(([inside]) => !missed.has(inside) && inside.broken === undefined));
}

/**
 * Settles a page of bare ids: what has no object yet, is out of order or has its turn is read and settled; of the rest
 * it is known that it exists, and that is what its object says.
 */
export async function settleListed(
  pass: Pass,
  refresh: Refresh,
  page: readonly Listed[],
  ids: Set<string>,
): Promise<void> {
  const unselected: Named[] = [];
  const passed: Named[] = [];
  const wanted: Named[] = [];
  for (const listed of page) {
    checkPlace(pass, listed);
    const one = { ...listed, name: nameOf(pass.task.source, listed.id, listed.identity) };
    ids.add(one.id);
    if (!pass.task.mirror.selectsName(pass.task.source.readable(one.identity))) {
      pass.seen.seen += 1;
      pass.seen.unselected += 1;
      unselected.push(one);
    } else if (isWanted(pass, refresh, one)) wanted.push(one);
    else passed.push(one);
  }
  for (const one of passed) passOver(pass, one);
  const observedAt = pass.clock();
  await settlePage(pass, (inside) =>
    [...unselected, ...passed.filter((one) => isDueUnselected(inside, one))].map(
      ({ id, identity }): SeenId => ({ id, identity, sight: { state: 'unselected', by: 'list' }, observedAt }),
    ),
  );
  const batches = wanted.length > batchSize ? shuffled(pass, wanted) : wanted;
  for (let start = 0; start < batches.length; start += batchSize) {
    pass.signal.throwIfAborted();
    if (working(pass).length === 0) return;
    await readBatch(pass, refresh, batches.slice(start, start + batchSize));
  }
}

/** In an order that changes with every pass, so that a hundred that nobody may read do not hide the others behind them. */
function shuffled({ served }: Pass, page: readonly Named[]): Named[] {
  const seed = served[0]?.inside.began;
  const keyed = page.map((one) => ({ one, key: spread(`${one.id} ${seed}`) }));
  return keyed.toSorted((left, right) => left.key - right.key).map(({ one }) => one);
}

const period = ({ source }: Pick<Target, 'source'>) => source.refreshSeconds * 1000;

function isWanted(pass: Pass, refresh: Refresh, one: Named): boolean {
  const every = period(pass.task);
  const served = working(pass);
  if (every === 0) return true;
  const hasTurn = served.some(({ inside }) => {
    const turns = refresh.turns.get(inside);
    return turns !== undefined && isDue(one.id, turns, every);
  });
  if (hasTurn) return true;
  const objects = served.flatMap(({ inside }) => {
    const object = inside.objects.get(one.name);
    return object === undefined ? [] : [{ object, inside, order: orderIn(inside, object, one) }];
  });
  if (objects.some(({ order }) => order === 'open')) return true;
  // Where tags choose the namespace, one of them is enough, but not one that it leaves.
  const isShown = served.every(({ inside: { cluster } }) => {
    const own = objects.filter(({ inside }) => inside.cluster === cluster);
    const namespaces = served.filter(({ inside }) => inside.cluster === cluster).length;
    return own.length === namespaces || own.some(({ object }) => !isUnselected(object));
  });
  if (!isShown && pass.task.mirror.selects === selectsAll) return true;
  if (isShown && objects.every(({ order }) => order === 'settled')) return false;
  refresh.inVain -= 1;
  return refresh.inVain >= 0;
}

const orderIn = ({ target, began }: Inside, object: KubernetesObject, { identity }: Listed) =>
  orderOf(target, object, identity, began);

const isUnselected = (object: KubernetesObject) => conditionOf(object, 'Synced')?.reason === 'NotSelected';

/** The brake has to know of all that are due, read or not; before one goes it is asked for. */
function isDueUnselected(inside: Inside, { name }: Named): boolean {
  const object = inside.objects.get(name);
  return (
    object !== undefined &&
    isUnselected(object) &&
    markOf(object, { target: inside.target, now: inside.began })?.due === true
  );
}

/** Counted by what its object says, so that a pass that read nothing reports the same as the one before. */
function passOver(pass: Pass, one: Named): void {
  pass.seen.seen += 1;
  let shown: KubernetesObject | undefined;
  for (const { inside } of working(pass)) {
    const object = inside.objects.get(one.name);
    if (object === undefined) continue;
    if (!isUnselected(object)) {
      inside.counts.unchanged += 1;
      shown ??= object;
    } else if (!isDueUnselected(inside, one)) inside.counts.kept += 1;
  }
  if (shown === undefined) pass.seen.unselected += 1;
  else pass.seen.labelsLeftOut += tagLabels(observedOf(shown), pass.task.mirror.tagLabels).leftOut;
}

const observedOf = ({ status }: KubernetesObject) => normaliseObject(status?.observed ?? {}) ?? {};

async function readBatch(pass: Pass, refresh: Refresh, batch: readonly Named[]): Promise<void> {
  const askedAt = pass.clock();
  const answers = await pass.outside.get(
    batch.map(({ id }) => id),
    pass.signal,
  );
  const found: Observation[] = [];
  const unread: { readonly one: Named; readonly error: Error }[] = [];
  for (const one of batch) {
    const answer = answers.get(one.id);
    if (answer instanceof Error) unread.push({ one, error: answer });
    // Gone since it was listed, or the other way round: the next listing will tell.
    else if (answer === undefined) passOver(pass, one);
    else if (answer.outcome === 'broken') unread.push({ one, error: new UnseenError('BadAnswer', answer.issues) });
    else found.push(answer);
  }
  const unreadIn = (inside: Inside): SeenId[] => {
    const since = readBefore(inside);
    return unread.map(({ one: { id, identity }, error }) => {
      const { reason, message } = pass.task.source.explain(error);
      const sight = { state: 'unread', reason, message, since } as const;
      return { id, identity, sight, observedAt: askedAt };
    });
  };
  const clusters = working(pass).map(({ inside }) => inside);
  const freshIn = (inside: Inside) => unread.filter(({ one }) => isInOrder(inside, one));
  const fresh = new Set(clusters.flatMap(freshIn));
  const isBlind = clusters.every(({ objects }) => objects.size === 0);
  const [first] = unread;
  if (first !== undefined && unread.length === batch.length && (isBlind ? unread.length : fresh.size) >= hopeless) {
    // The place's trouble is told by objects too when it lasts, as many in a pass as of any other that nobody sees.
    await settlePage(pass, (inside) => unreadIn(inside).slice(0, pass.limits.staleWrites));
    throw first.error;
  }
  for (const { one, error } of unread) {
    pass.seen.seen += 1;
    const { message } = pass.task.source.explain(error);
    for (const { counts, failures } of clusters) {
      counts.failed += 1;
      failures.push({ name: one.name, message: `${one.id} could not be read: ${message}` });
    }
  }
  // Their turn comes again in the next pass, until their objects say that they are not current.
  for (const inside of clusters) if (freshIn(inside).length > 0 && !isStale(inside)) refresh.missed.add(inside);
  const failed = new Map(clusters.map((inside) => [inside, inside.counts.failed]));
  const entries = observedIn(pass, found, askedAt, new Set(), 'get');
  await settlePage(pass, (inside) => [...entries, ...unreadIn(inside)]);
  for (const inside of clusters) {
    const isUnwritten = inside.counts.failed > (failed.get(inside) ?? 0);
    if (isUnwritten && !(isStale(inside) && isLongUnapplied(inside))) refresh.missed.add(inside);
  }
}

/** Its object says that all is well with it, which its attributes have to confirm. */
function isInOrder(inside: Inside, { name, identity }: Named): boolean {
  const object = inside.objects.get(name);
  if (object === undefined || ownership(object, identity, inside.target.mirror) !== 'ours') return false;
  return ['Exists', 'Synced'].every((type) => conditionOf(object, type)?.status === 'True');
}

/** When what this cluster shows was last read in turns; before the first time, since when its scan knows. */
function readBefore({ target, scan, began }: Inside): number {
  const known = readUntil(target, remember(scan), began) ?? Date.parse(scan?.metadata.creationTimestamp ?? '');
  return Number.isNaN(known) ? began : known;
}

const isStale = (inside: Inside) =>
  inside.cluster.now() - readBefore(inside) > inside.target.mirror.staleAfterSeconds * 1000;

/** One write that is refused for ever must not make every pass read all of the period again. */
function isLongUnapplied({ cluster, scan, target }: Inside): boolean {
  const applied = scan === undefined ? undefined : conditionOf(scan, 'Applied');
  return applied?.status === 'False' && heldFor(applied, cluster.now()) > target.mirror.staleAfterSeconds * 1000;
}
