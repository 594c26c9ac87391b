import { type Entry, type Settled, sightOf, type Writer } from './apply.ts';
import { ApiError } from './cluster.ts';
import { entryOf, objectsOf, ownObjects, refuse, type Served, settleAll } from './inside.ts';
import { markOf } from './mark.ts';
import { shortHash } from './names.ts';
import { conditionOf, type KubernetesObject } from './object.ts';
import { decide, type Sight } from './plan.ts';
import { type BrakeResult, brake, type Due, dueKey } from './removal.ts';
import { remember } from './scan.ts';
import { reserve } from './scan-writer.ts';
import type { Explanation, Observation } from './source.ts';
import type { AbsenceLimits } from './task.ts';

const sampleSize = 10;
const batchSize = 25;

/**
 * Law 2, after the last page of a complete listing: asks for what the listing does not hold, marks what is proven
 * gone, deletes what was read with the mark, is over its grace and is proven gone by this further get. Where something
 * asked for is found after all, the listing lied: the explanation makes the scan incomplete, and nothing more is
 * marked. What is found joins `seen`. An id that nobody can answer for makes the scan incomplete too, or its object
 * would stay as it is for ever.
 */
export async function settleAbsences(
  served: readonly Served[],
  seen: Set<string>,
  limits: AbsenceLimits,
): Promise<Explanation | undefined> {
  const stages = served.map((one) => ({ ...one, ...planRemovals(one, seen, limits) }));
  await Promise.all(stages.map(({ inside, writer, held }) => settleAll(writer, inside, held)));
  const began = String(served[0]?.inside.began ?? 0);
  const ids = inTurn(stages.map(({ asks }) => shuffled([...new Set(asks.map(({ id }) => id))], began))).slice(
    0,
    limits.confirmations,
  );
  for (const { inside, asks } of stages) inside.counts.kept += asks.filter(({ id }) => !ids.includes(id)).length;
  const unanswered = new Map<string, Error>();
  for (let start = 0; start < ids.length; ) {
    const batch = ids.slice(start, start + (start === 0 ? sampleSize : batchSize));
    start += batch.length;
    const first = served[0];
    if (first === undefined || first.writer.signal.aborted) return undefined;
    const observedAt = first.writer.clock();
    const answers = await first.writer.outside.get(batch, first.writer.signal);
    const lied = batch.toSorted().filter((id) => !seen.has(id) && isThere(answers.get(id)));
    const asked = { answers, observedAt, lied: lied.length > 0 };
    await Promise.all(stages.map((stage) => settleAnswers(stage, batch, asked)));
    for (const id of lied) seen.add(id);
    for (const id of batch) {
      const answer = answers.get(id);
      const isOpen = stages.some(({ asks, writer }) =>
        asks.some((one) => one.id === id && !isUnselectedByName(one, writer)),
      );
      if (answer instanceof Error && isOpen) unanswered.set(id, answer);
    }
    if (lied.length > 0) {
      const message = `the listing does not hold ${lied[0]}, yet asked for by its id it is there: nothing is marked as gone`;
      return { reason: 'Untrusted', message };
    }
  }
  return explained(served, unanswered);
}

/** Listed, and not selected whatever its attributes are: who may not read it can still let its object go. */
const isUnselectedByName = ({ sight, identity }: Entry, { target: { mirror, source } }: Writer) =>
  sight.state === 'unselected' && !mirror.selectsName(source.readable(identity));

type Answers = ReadonlyMap<string, Observation | Error | undefined>;

/** By the first id in their order, so that an unchanged trouble keeps its sentence. */
function explained([first]: readonly Served[], unanswered: ReadonlyMap<string, Error>): Explanation | undefined {
  const id = [...unanswered.keys()].toSorted()[0];
  if (id === undefined || first === undefined) return undefined;
  const { reason, message } = first.writer.target.source.explain(unanswered.get(id));
  return { reason, message: `${id} is not in the listing, and asked for by its id: ${message}` };
}

/** In an order that changes with every pass, so that a few ids that cannot be answered do not hold up the others. */
function shuffled(ids: readonly string[], seed: string): string[] {
  const keyed = ids.map((id) => ({ id, key: shortHash(id, seed) }));
  return keyed.toSorted((left, right) => (left.key < right.key ? -1 : 1)).map(({ id }) => id);
}

/** One of each in turn: a cluster in which very many are missing, or were forged, must not use up what the others may ask. */
function inTurn(lists: readonly (readonly string[])[]): string[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  const rounds = Array.from({ length: longest }, (_, index) => lists.flatMap((list) => list[index] ?? []));
  return [...new Set(rounds.flat())];
}

interface Stage extends Served {
  readonly asks: readonly Entry[];
  readonly due: readonly Due[];
  /** What the brake lets stay, and about which something is to be written. */
  readonly held: readonly Entry[];
}

/** Who may be due, what the brake says to that, and what only a get can tell. */
function planRemovals(
  { inside, writer }: Served,
  seen: ReadonlySet<string>,
  limits: AbsenceLimits,
): Pick<Stage, 'asks' | 'due' | 'held'> {
  const now = inside.cluster.now();
  const absent = [...ownObjects(writer.target, inside)]
    .filter(({ id }) => !seen.has(id))
    .map((own): Entry => ({ ...own, sight: { state: 'absent' }, observedAt: writer.clock() }));
  for (const other of objectsOf(writer.target, inside, 'other mirror')) {
    const entry: Entry = { ...other, sight: { state: 'absent' }, observedAt: writer.clock() };
    if (!seen.has(other.id)) refuse(inside, entry, 'OtherMirror');
  }
  const candidates = [...absent.filter(isMarkedGone), ...inside.postponed];
  const deletes = writer.target.mirror.removal === 'Delete';
  const due = deletes ? candidates.flatMap(({ object }) => dueOf(writer, object, now) ?? []) : [];
  inside.brake = judgeBrake({ inside, writer }, due);
  const asks: Entry[] = [];
  const held: Entry[] = [];
  for (const entry of [...absent, ...inside.postponed]) {
    const action = decide({ ...writer, ...entry, now, released: isReleased(inside.brake, writer, entry.object) });
    // A source of bare ids has asked for it before it came here; that get is not the one that a delete rests on.
    if (action.do === 'ask' || action.do === 'delete') asks.push(entry);
    else if (action.do === 'keep') {
      const stays: Entry = { ...entry, sight: { state: 'held' }, observedAt: writer.clock() };
      const isTold = action.why === 'Brake' && decide({ ...writer, ...stays, now, released: false }).do === 'update';
      if (isTold && held.length < limits.staleWrites) held.push(stays);
      else inside.counts.kept += 1;
    }
  }
  return { asks, due, held };
}

function isMarkedGone({ object }: Entry): boolean {
  return object !== undefined && conditionOf(object, 'Exists')?.status === 'False';
}

/** The removal that this object waits for, if its grace is over and nobody else deletes it already. */
function dueOf({ target }: Writer, object: KubernetesObject | undefined, now: number): Due | undefined {
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return undefined;
  const mark = markOf(object, { target, now });
  if (mark?.due !== true) return undefined;
  return { name: object.metadata.name, uid: object.metadata.uid ?? '', since: mark.since };
}

function judgeBrake({ inside, writer }: Served, due: readonly Due[]): BrakeResult {
  const { history, blocked, approval } = remember(inside.scan);
  const maxPercent = writer.target.mirror.maxRemovalPercent;
  return brake({ due, history, maxPercent, now: inside.cluster.now(), blocked, approval });
}

async function settleAnswers(
  stage: Stage,
  batch: readonly string[],
  asked: {
    readonly answers: Answers;
    readonly observedAt: number;
    readonly lied: boolean;
  },
): Promise<void> {
  const { inside, writer } = stage;
  if (inside.broken !== undefined) return;
  const { answers, observedAt, lied } = asked;
  const entries: Entry[] = [];
  for (const entry of stage.asks.filter(({ id }) => batch.includes(id))) {
    const answer = answers.get(entry.id);
    if (answer instanceof Error && isUnselectedByName(entry, writer)) {
      entries.push(entryOf(writer.target, inside, { ...entry, sight: { state: 'unselected', by: 'get' }, observedAt }));
      continue;
    }
    if (answer instanceof Error) {
      inside.counts.failed += 1;
      inside.failures.push({ name: entry.name, message: `could not be asked for: ${answer.message}` });
      continue;
    }
    const gone: Sight = entry.sight.state === 'absent' ? { state: 'gone' } : { state: 'gone', listed: true };
    const sight = answer === undefined ? gone : sightOf(answer, 'get', writer.target.mirror);
    if (sight === undefined || (lied && sight.state === 'gone')) inside.counts.kept += 1;
    else entries.push(entryOf(writer.target, inside, { ...entry, sight, observedAt }));
  }
  const now = inside.cluster.now();
  const booked = new Set(
    entries.flatMap((entry) => {
      const released = isReleased(inside.brake, writer, entry.object);
      const isDelete = decide({ ...writer, ...entry, now, released }).do === 'delete';
      return isDelete ? (keyOf(writer, entry.object, now) ?? []) : [];
    }),
  );
  if (booked.size > 0 && !(await reserve(stage, booked.size, () => judgeBrake(stage, stillDue(stage))))) return;
  // Only what was entered into the books may go: another object of that name, or another mark, was not.
  const mayGo = (object: KubernetesObject) =>
    booked.has(keyOf(writer, object, inside.cluster.now()) ?? '') && isReleased(inside.brake, writer, object);
  // Where the brake let nothing go after all, nothing was entered, and what others entered is not ours to take back.
  const isEntered = inside.brake !== undefined && inside.brake.released.size > 0;
  const outcomes = await settleAll(writer, inside, entries, mayGo);
  if (!isEntered) return;
  inside.unbooked += outcomes.filter(
    ({ entry, settled, error }) =>
      booked.has(keyOf(writer, entry.object, now) ?? '') && (isRefused(error) || stillStands(entry, settled)),
  ).length;
}

/** Proof that no delete took effect: 401, 408 and 429 may answer the repetition of one whose own answer was lost. */
const isRefused = (error: unknown) =>
  error instanceof ApiError && error.status >= 400 && error.status < 500 && ![401, 408, 429].includes(error.status);

/** The very object is there after all; another of that name, or one that is going away, proves nothing. */
function stillStands({ object }: Entry, settled: Settled | undefined): boolean {
  const found = settled?.object?.metadata;
  return found !== undefined && found.uid === object?.metadata.uid && found.deletionTimestamp === undefined;
}

function keyOf(writer: Writer, object: KubernetesObject | undefined, now: number): string | undefined {
  const due = dueOf(writer, object, now);
  return due === undefined ? undefined : dueKey(due);
}

/** Those that an earlier batch deleted are in the history by now. */
const stillDue = ({ inside, due }: Stage): Due[] => due.filter(({ name }) => inside.objects.has(name));

function isReleased(result: BrakeResult | undefined, writer: Writer, object: KubernetesObject | undefined): boolean {
  return result?.released.has(keyOf(writer, object, writer.cluster.now()) ?? '') ?? false;
}

function isThere(answer: Observation | Error | undefined): boolean {
  return answer !== undefined && !(answer instanceof Error) && answer.outcome !== 'excluded';
}
