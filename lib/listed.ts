import type { Inside, Served } from './inside.ts';
import { normaliseObject } from './json.ts';
import { selectsAll } from './mirror.ts';
import { conditionOf, type KubernetesObject } from './object.ts';
import { checkPlace, observedIn, type Pass, type SeenId, settlePage, working } from './pages.ts';
import { isDue, isSettled, type Turns, turnsOf } from './refresh.ts';
import { nameOf, type Target, tagLabels } from './resource.ts';
import { remember } from './scan.ts';
import { type Identity, type Observation, UnseenError } from './source.ts';

/** What a listing of bare ids says of a resource. */
type Listed = Extract<Observation, { outcome: 'listed' }>;

/** Whether a listing gave no more than its id. */
export const isListed = (observation: Observation): observation is Listed => observation.outcome === 'listed';

/** How a pass reads what is behind bare ids. */
export interface Refresh {
  /** By cluster and namespace; those without turns read only what is new or out of order. */
  readonly turns: ReadonlyMap<Inside, Turns>;
  /** Ids without an object that may still be read out of turn, where a selection by fields may have left them out. */
  unknown: number;
  /** True while all whose turn it was could be read, so that the turns count as taken. */
  taken: boolean;
}

/** Ids that are asked for together: few enough that what they say is still young when it is written. */
const batchSize = 100;
/** A batch of which so many ids, all of them in order until now, cannot be read is the place's trouble, not theirs. */
const hopeless = 10;
const unknownReads = 500;

/** The turns that are due in each cluster; nothing where the source lists rows. */
export function refreshOf(served: readonly Served[]): Refresh {
  const turns = served.flatMap(({ inside, writer }): [Inside, Turns][] => {
    const due = period(writer.target) === 0 ? undefined : turnsOf(writer.target, remember(inside.scan), inside.began);
    return due === undefined ? [] : [[inside, due]];
  });
  return { turns: new Map(turns), unknown: unknownReads, taken: true };
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
  const named: SeenId[] = [];
  const wanted: Listed[] = [];
  for (const one of page) {
    checkPlace(pass, one);
    ids.add(one.id);
    if (!pass.task.mirror.selectsName(pass.task.source.readable(one.identity))) {
      pass.seen.seen += 1;
      pass.seen.unselected += 1;
      named.push({ id: one.id, identity: one.identity, sight: { state: 'unselected' }, observedAt: pass.clock() });
    } else if (isWanted(pass, refresh, one)) wanted.push(one);
    else passOver(pass, one);
  }
  await settlePage(pass, named);
  for (let start = 0; start < wanted.length; start += batchSize) {
    pass.signal.throwIfAborted();
    if (working(pass).length === 0) return;
    await readBatch(pass, refresh, wanted.slice(start, start + batchSize));
  }
}

const period = ({ source }: Pick<Target, 'source'>) => source.refreshSeconds * 1000;

const nameIn = (pass: Pass, { id, identity }: { readonly id: string; readonly identity: Identity }) =>
  nameOf(pass.task.source, id, identity);

function isWanted(pass: Pass, refresh: Refresh, one: Listed): boolean {
  const name = nameIn(pass, one);
  const every = period(pass.task);
  const served = working(pass);
  if (every === 0) return true;
  const hasTurn = served.some(({ inside }) => {
    const turns = refresh.turns.get(inside);
    return turns !== undefined && isDue(one.id, turns, every);
  });
  if (hasTurn) return true;
  const objects = served.flatMap(({ inside, writer }) => {
    const object = inside.objects.get(name);
    return object === undefined ? [] : [{ object, inside, target: writer.target }];
  });
  if (objects.some(({ object, inside, target }) => !isSettled(target, object, one.identity, inside.began))) return true;
  // Where tags choose the namespace, one of them is enough.
  const clusters = new Set(served.map(({ inside }) => inside.cluster));
  if (new Set(objects.map(({ inside }) => inside.cluster)).size === clusters.size) return false;
  if (pass.task.mirror.selects === selectsAll) return true;
  refresh.unknown -= 1;
  return refresh.unknown >= 0;
}

/** Counted by what its object says, so that a pass that read nothing reports the same as the one before. */
function passOver(pass: Pass, one: Listed): void {
  const name = nameIn(pass, one);
  pass.seen.seen += 1;
  let shown: KubernetesObject | undefined;
  for (const { inside } of working(pass)) {
    const object = inside.objects.get(name);
    if (object === undefined) continue;
    const isWaiting = conditionOf(object, 'Synced')?.reason === 'NotSelected';
    inside.counts[isWaiting ? 'kept' : 'unchanged'] += 1;
    if (!isWaiting) shown ??= object;
  }
  if (shown === undefined) pass.seen.unselected += 1;
  else pass.seen.labelsLeftOut += tagLabels(observedOf(shown), pass.task.mirror.tagLabels).leftOut;
}

const observedOf = ({ status }: KubernetesObject) => normaliseObject(status?.observed ?? {}) ?? {};

async function readBatch(pass: Pass, refresh: Refresh, batch: readonly Listed[]): Promise<void> {
  const askedAt = pass.clock();
  const answers = await pass.outside.get(
    batch.map(({ id }) => id),
    pass.signal,
  );
  const found: Observation[] = [];
  const unread: { readonly one: Listed; readonly error: Error }[] = [];
  for (const one of batch) {
    const answer = answers.get(one.id);
    if (answer instanceof Error) unread.push({ one, error: answer });
    // Gone since it was listed, or the other way round: the next listing will tell.
    else if (answer === undefined) passOver(pass, one);
    else if (answer.outcome === 'broken') unread.push({ one, error: new UnseenError('BadAnswer', answer.issues) });
    else found.push(answer);
  }
  const fresh = unread.filter(({ one }) => isInOrder(pass, one));
  const isBlind = working(pass).every(({ inside }) => inside.objects.size === 0);
  const [first] = unread;
  if (first !== undefined && unread.length === batch.length && (isBlind ? unread : fresh).length >= hopeless) {
    throw first.error;
  }
  const since = Math.min(...[...refresh.turns.values()].map((turns) => turns.since ?? turns.now));
  const seen = unread.map(({ one, error }): SeenId => {
    const { reason, message } = pass.task.source.explain(error);
    pass.seen.seen += 1;
    for (const { inside } of working(pass)) {
      inside.counts.failed += 1;
      inside.failures.push({ name: nameIn(pass, one), message: `${one.id} could not be read: ${message}` });
    }
    const { id, identity } = one;
    return { id, identity, sight: { state: 'unread', reason, message, since }, observedAt: askedAt };
  });
  // Their turn comes again in the next pass, until their objects say that they are not current.
  if (fresh.length > 0 && !working(pass).every(({ inside }) => isStale(inside, since))) refresh.taken = false;
  await settlePage(pass, [...observedIn(pass, found, askedAt, new Set(), 'get'), ...seen]);
}

/** Some object says that all is well with it, which its attributes have to confirm. */
function isInOrder(pass: Pass, one: Listed): boolean {
  return working(pass).some(({ inside }) => {
    const object = inside.objects.get(nameIn(pass, one));
    return object !== undefined && isSettled(inside.target, object, one.identity, inside.began);
  });
}

const isStale = ({ cluster, target }: Inside, since: number) =>
  cluster.now() - since > target.mirror.staleAfterSeconds * 1000;
