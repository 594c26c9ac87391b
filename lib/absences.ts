import { type Entry, sightOf } from './apply.ts';
import { entryOf, heldIn, ownObjects, type Served, settleAll } from './inside.ts';
import { shortHash } from './names.ts';
import { decide, markOf } from './plan.ts';
import { type BrakeResult, brake, type Due } from './removal.ts';
import { remember } from './scan.ts';
import { reread, reserve } from './scan-writer.ts';
import type { Explanation, Observation } from './source.ts';

/** How much a pass may ask and write about what it does not see. */
export interface AbsenceLimits {
  /** Confirming gets, in ids. */
  readonly confirmations: number;
  /** Objects that become stale in one pass and cluster. */
  readonly staleWrites: number;
}

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
  const stages = served.map((one) => ({ ...one, ...planRemovals(one, seen) }));
  const asked = new Map(stages.flatMap(({ asks }) => asks.map((entry) => [entry.id, entry] as const)));
  const began = String(served[0]?.inside.began ?? 0);
  const ids = shuffled([...asked.keys()], began).slice(0, limits.confirmations);
  for (const { inside, asks } of stages) inside.counts.kept += asks.filter(({ id }) => !ids.includes(id)).length;
  let unanswered: Explanation | undefined;
  for (let start = 0; start < ids.length; ) {
    const batch = ids.slice(start, start + (start === 0 ? sampleSize : batchSize));
    start += batch.length;
    const first = served[0];
    if (first === undefined || first.writer.signal.aborted) return undefined;
    const observedAt = first.writer.clock();
    const answers = await first.writer.outside.get(batch, first.writer.signal);
    const lied = batch.filter((id) => !seen.has(id) && isThere(answers.get(id)));
    for (const stage of stages) await settleAnswers(stage, batch, { answers, observedAt, lied: lied.length > 0 });
    for (const id of lied) seen.add(id);
    unanswered ??= unansweredIn(first, batch, answers);
    if (lied.length > 0) {
      const message = `the listing does not hold ${lied[0]}, yet asked for by its id it is there: nothing is marked as gone`;
      return { reason: 'Untrusted', message };
    }
  }
  return unanswered;
}

type Answers = ReadonlyMap<string, Observation | Error | undefined>;

function unansweredIn({ writer }: Served, batch: readonly string[], answers: Answers): Explanation | undefined {
  for (const id of batch) {
    const answer = answers.get(id);
    if (!(answer instanceof Error)) continue;
    const { reason, message } = writer.target.source.explain(answer);
    return { reason, message: `${id} is not in the listing, and asked for by its id: ${message}` };
  }
  return undefined;
}

/** In an order that changes with every pass, so that a few ids that cannot be answered do not hold up the others. */
function shuffled(ids: readonly string[], seed: string): string[] {
  const keyed = ids.map((id) => ({ id, key: shortHash(id, seed) }));
  return keyed.toSorted((left, right) => (left.key < right.key ? -1 : 1)).map(({ id }) => id);
}

interface Stage extends Served {
  readonly asks: readonly Entry[];
  readonly due: readonly Due[];
}

/** Who may be due, what the brake says to that, and what only a get can tell. */
function planRemovals({ inside, writer }: Served, seen: ReadonlySet<string>): Pick<Stage, 'asks' | 'due'> {
  const now = inside.cluster.now();
  const absent = [...ownObjects(writer.target, inside)]
    .filter(({ id }) => !seen.has(id))
    .map((own): Entry => ({ ...own, sight: { state: 'absent' }, observedAt: writer.clock() }));
  const candidates = [
    ...absent.filter(({ object }) => object && markOf(object, { ...writer, now })?.reason === 'NotFound'),
    ...inside.postponed,
  ];
  const deletes = writer.target.mirror.removal === 'Delete';
  const due = candidates.flatMap(({ object }): Due[] => {
    const isDue = deletes && object !== undefined && markOf(object, { ...writer, now })?.due === true;
    return isDue && object.metadata.deletionTimestamp === undefined
      ? [{ name: object.metadata.name, uid: object.metadata.uid ?? '' }]
      : [];
  });
  inside.brake = judgeBrake({ inside, writer }, due);
  const asks: Entry[] = [];
  for (const entry of [...absent, ...inside.postponed]) {
    const action = decide({ ...writer, ...entry, now, released: isReleased(inside.brake, entry) });
    if (action.do === 'ask') asks.push(entry);
    else if (action.do === 'keep') inside.counts.kept += 1;
  }
  return { asks, due };
}

function judgeBrake({ inside, writer }: Served, due: readonly Due[]): BrakeResult {
  const { history, blocked, approval } = remember(inside.scan);
  const maxPercent = writer.target.mirror.maxRemovalPercent;
  return brake({
    due,
    held: heldIn(writer.target, inside),
    history,
    maxPercent,
    now: inside.cluster.now(),
    blocked,
    approval,
  });
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
    if (answer instanceof Error) {
      inside.counts.failed += 1;
      inside.failures.push({ name: entry.name, message: `could not be asked for: ${answer.message}` });
      continue;
    }
    const sight = answer === undefined ? ({ state: 'gone' } as const) : sightOf(answer, 'get');
    if (sight === undefined || (lied && sight.state === 'gone')) inside.counts.kept += 1;
    else entries.push({ ...entryOf(writer.target, inside, { ...entry, sight, observedAt }) });
  }
  const now = inside.cluster.now();
  const deletes = entries.filter((entry) => {
    const released = isReleased(inside.brake, entry);
    return decide({ ...writer, ...entry, now, released }).do === 'delete';
  });
  if (deletes.length > 0 && !(await reserve(stage, deletes.length, () => judgeBrake(stage, stillDue(stage))))) return;
  await settleAll(writer, inside, entries, (entry) => isReleased(inside.brake, entry));
}

/** Those that an earlier batch deleted are in the history by now. */
function stillDue({ inside, due }: Stage): Due[] {
  return due.filter(({ name }) => inside.objects.has(name));
}

function isReleased(result: BrakeResult | undefined, entry: Entry): boolean {
  return result?.released.has(entry.object?.metadata.uid ?? '') ?? false;
}

function isThere(answer: Observation | Error | undefined): boolean {
  return answer !== undefined && !(answer instanceof Error) && answer.outcome !== 'excluded';
}

/**
 * Where a pass could not look: objects that nobody has seen for longer than `staleAfter` say so, a few at a time. A
 * complete pass may have ended meanwhile and found nothing to write, so the scan is read again before.
 */
export async function settleUnseen(
  served: Served,
  seen: ReadonlySet<string>,
  why: Explanation,
  limits: AbsenceLimits,
): Promise<void> {
  const { inside, writer } = served;
  if (judgeUnseen(served, seen, why).stale.length > 0 && !(await reread(served))) return;
  const { entries, stale } = judgeUnseen(served, seen, why);
  inside.counts.kept += entries.length - Math.min(stale.length, limits.staleWrites) + inside.postponed.length;
  await settleAll(writer, inside, stale.slice(0, limits.staleWrites), () => false);
}

function judgeUnseen({ inside, writer }: Served, seen: ReadonlySet<string>, { reason, message }: Explanation) {
  const since = remember(inside.scan).completed ?? inside.began;
  const now = inside.cluster.now();
  const entries = [...ownObjects(writer.target, inside)]
    .filter(({ id }) => !seen.has(id))
    .map((own): Entry => ({ ...own, sight: { state: 'unseen', reason, message, since }, observedAt: writer.clock() }));
  return {
    entries,
    stale: entries.filter((entry) => decide({ ...writer, ...entry, now, released: false }).do === 'update'),
  };
}
