import { type Entry, sightOf } from './apply.ts';
import { entryOf, type Inside, type Served, settleAll } from './inside.ts';
import type { OutsideCounts } from './report.ts';
import { isSelected, tagLabels } from './resource.ts';
import { inScope, type Observation, type Outside, UnseenError } from './source.ts';
import type { Limits, Task } from './task.ts';

/** What was seen under one id, before it meets the objects of a cluster. */
export type SeenId = Pick<Entry, 'id' | 'identity' | 'sight' | 'observedAt'>;

/** What all steps of one pass share. */
export interface Pass {
  readonly task: Task;
  readonly outside: Outside;
  readonly served: readonly Served[];
  readonly seen: OutsideCounts;
  /** How its rows are come by: a run of named ids asks for each. */
  readonly by: 'list' | 'get';
  /** Clusters that could not keep up; they are served by a pass of their own. */
  readonly late: Inside[];
  /** What is still being written, late clusters included. */
  readonly running: Promise<unknown>[];
  readonly limits: Limits;
  readonly progress: (seen: Readonly<OutsideCounts>) => void;
  readonly signal: AbortSignal;
  readonly clock: () => number;
}

/** Checks a page against the scope and turns it into entries, without their objects. Throws where a row lies elsewhere. */
export function observedIn(
  pass: Pass,
  page: readonly Observation[],
  askedAt: number,
  ids: Set<string>,
  by = pass.by,
): SeenId[] {
  const entries = new Map<string, SeenId>();
  const { mirror } = pass.task;
  for (const observation of page) {
    if (observation.outcome === 'broken' || observation.outcome === 'listed') continue;
    checkPlace(pass, observation);
    const { id, identity } = observation;
    ids.add(id);
    if (observation.outcome === 'excluded') pass.seen.excluded += 1;
    else pass.seen.seen += 1;
    const sight = sightOf(observation, by, mirror);
    if (sight === undefined) continue;
    if (sight.state === 'invalid') pass.seen.invalid += 1;
    if (sight.state === 'present') {
      if (!isSelected(pass.task, identity, sight.fields)) pass.seen.unselected += 1;
      else pass.seen.labelsLeftOut += tagLabels(sight.fields, mirror.tagLabels).leftOut;
    }
    entries.set(id, { id, identity, sight, observedAt: askedAt });
  }
  return [...entries.values()];
}

/** Law 1: throws where a row lies outside the scope; then nothing of what this place says counts. */
export function checkPlace({ task }: Pass, { id, identity }: Pick<SeenId, 'id' | 'identity'>): void {
  if (inScope(identity, task.scope)) return;
  const place = Object.values(task.scope).join('/');
  throw new UnseenError('WrongPlace', `${id} does not lie in ${place}: the endpoint or role leads elsewhere`);
}

/** Writes a page, as it concerns each, into every cluster; one that takes much longer than the fastest leaves the pass. */
export async function settlePage(pass: Pass, seenIn: (inside: Inside) => readonly SeenId[]): Promise<void> {
  const works = working(pass).map(({ inside, writer }) => {
    const entries = seenIn(inside).map((one) => entryOf(pass.task, inside, one));
    const state = { inside, done: false };
    const work = settleAll(writer, inside, entries).finally(() => {
      state.done = true;
    });
    pass.running.push(work);
    return { state, work };
  });
  if (works.length === 0) return;
  const all = Promise.all(works.map(({ work }) => work));
  await Promise.race(works.map(({ work }) => work));
  const timer = new AbortController();
  await Promise.race([all, elapsed(pass.limits.patience, timer.signal)]);
  timer.abort();
  for (const { state } of works) if (!state.done) pass.late.push(state.inside);
}

function elapsed(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    resolve();
  });
  return promise;
}

/** The clusters that still have a part in the pass. */
export const inTime = (pass: Pass) => pass.served.filter(({ inside }) => !pass.late.includes(inside));

/** Those of them that can be written to. */
export const working = (pass: Pass) => inTime(pass).filter(({ inside }) => inside.broken === undefined);
