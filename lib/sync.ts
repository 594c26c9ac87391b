import * as z from 'zod';
import { settleAbsences } from './absences.ts';
import type { Cluster } from './cluster.ts';
import { recordEvents } from './event-writer.ts';
import type { Inside, Served } from './inside.ts';
import { isListed, refreshOf, settleListed, turnsTaken } from './listed.ts';
import { inTime, observedIn, type Pass, type SeenId, settlePage, working } from './pages.ts';
import type { Turns } from './refresh.ts';
import type { Failure, OutsideCounts, Report } from './report.ts';
import { nameOf } from './resource.ts';
import { reportPass } from './scan-writer.ts';
import { type Explanation, inScope, type Observation, type Outside, type Scope, UnseenError } from './source.ts';
import { clusterReport, isApplied, readOrSkip } from './taking-part.ts';
import type { Limits, Task } from './task.ts';
import { settleUnseen } from './unseen.ts';

export type { Limits, Task } from './task.ts';

/** How to run a pass. */
export interface SyncOptions {
  /** Only these ids: may create, update and mark, never delete; the MirrorScan is left alone. */
  readonly ids?: readonly string[];
  readonly signal?: AbortSignal;
  readonly limits?: Partial<Limits>;
  /** Told after each page what was seen so far. */
  readonly progress?: (seen: Readonly<OutsideCounts>) => void;
  /** Monotonic milliseconds; tests turn it. */
  readonly clock?: () => number;
}

const defaults: Limits = {
  maxObservationAge: 30_000,
  readDeadline: 5_000,
  patience: 20_000,
  confirmations: 100,
  staleWrites: 100,
};

/**
 * One pass over one target: reads the clusters, then the outside, and makes the first equal to the second. Polls, events
 * and backfills are all this function. Never throws for what the outside or a cluster does: the report says it. Throws
 * where the task itself is wrong: a scope with other keys than the provider's, access that the provider does not take.
 */
export async function sync(wish: Task, clusters: readonly Cluster[], options: SyncOptions = {}): Promise<Report> {
  const task = { ...wish, scope: orderedScope(wish) };
  const run: Run = {
    ids: options.ids === undefined ? undefined : [...new Set(options.ids)],
    limits: { ...defaults, ...options.limits },
    clock: options.clock ?? (() => performance.now()),
    signal: options.signal ?? new AbortController().signal,
    progress: options.progress ?? (() => {}),
  };
  const began = run.clock();
  const parts = (task.parts ?? [task.mirror]).map((mirror): Task => ({ ...task, mirror }));
  const places = clusters.flatMap((cluster) => parts.map((part) => [part, cluster] as const));
  const names = run.ids?.flatMap((id) => nameOfId(task, id) ?? []);
  const bounds = { ...run, readDeadline: run.limits.readDeadline };
  const reads = await Promise.all(places.map(([part, cluster]) => readOrSkip(part, cluster, names, bounds)));
  const insides = reads.filter((read) => 'objects' in read);
  const { seen, late, calls, ...look } = await serve(task, insides, run);
  const own = await Promise.all(late.map((inside) => sync(aloneIn(task, inside), [inside.cluster], options)));
  // A cluster that was too slow for the others may have been cut off in its own pass; one that is down is skipped.
  const cut = own.find((one) => one.incomplete !== undefined && one.incomplete !== nowhere);
  const incomplete = look.incomplete ?? cut?.incomplete;
  const inTime = reads.filter((read) => !late.some((inside) => inside === read));
  const done = [...inTime.map(clusterReport), ...own.flatMap((one) => one.clusters)];
  return {
    mirror: task.mirror.name,
    source: task.source.kind,
    scope: task.scope,
    ok: incomplete === undefined && done.every(isApplied) && own.every(({ ok }) => ok),
    ...(incomplete === undefined ? {} : { incomplete }),
    outside: seen,
    calls: calls + own.reduce((sum, one) => sum + one.calls, 0),
    milliseconds: run.clock() - began,
    clusters: done,
  };
}

interface Run {
  readonly ids: readonly string[] | undefined;
  readonly limits: Limits;
  readonly clock: () => number;
  readonly signal: AbortSignal;
  readonly progress: (seen: Readonly<OutsideCounts>) => void;
}

/** One look at the outside for all clusters that could be read, and its report into each of them. */
async function serve(task: Task, insides: readonly Inside[], run: Run) {
  const seen: OutsideCounts = { seen: 0, invalid: 0, unselected: 0, excluded: 0, labelsLeftOut: 0 };
  const late: Inside[] = [];
  const outside = openOutside(task);
  if (insides.length === 0) {
    outside.close();
    return { seen, late, calls: 0, incomplete: nowhere };
  }
  const { maxObservationAge } = run.limits;
  const shared = { outside, whole: run.ids === undefined, maxObservationAge, ...run };
  const served = insides.map(
    (inside): Served => ({ inside, writer: { ...shared, target: inside.target, cluster: inside.cluster } }),
  );
  const by = run.ids === undefined ? 'list' : 'get';
  const pass: Pass = { task, outside, served, seen, by, late, running: [], ...run };
  try {
    const { incomplete, listed, turns } = run.ids === undefined ? await syncWhole(pass) : await syncIds(pass, run.ids);
    const calls = outside.calls();
    const reporting = run.ids === undefined ? inTime(pass) : [];
    const outcome = { seen, incomplete, listed, calls };
    await Promise.all(reporting.map(({ inside }) => reportPass(inside, { ...outcome, turns: turns.get(inside) })));
    await Promise.all(inTime(pass).map(tell));
    return { seen, late, calls, incomplete };
  } finally {
    await Promise.all(pass.running);
    outside.close();
  }
}

async function tell({ inside }: Served): Promise<void> {
  inside.untold = await recordEvents(inside);
}

/** How far a look at the outside got. `listed`: its last page was reached, whatever the rows were. */
interface Look {
  readonly incomplete: Explanation | undefined;
  readonly listed: boolean;
  /** The turns of bare ids that have been read, by cluster and namespace. */
  readonly turns: ReadonlyMap<Inside, Turns>;
}

const noTurns: Look['turns'] = new Map();

const nowhere: Explanation = {
  reason: 'NoCluster',
  message: 'No cluster could be read, so the outside was not looked at.',
};

async function syncWhole(pass: Pass): Promise<Look> {
  const ids = new Set<string>();
  let incomplete: Explanation | undefined;
  let listed = false;
  const refresh = refreshOf(pass.served);
  try {
    await pass.outside.prove(pass.signal);
    let askedAt = pass.clock();
    for await (const page of pass.outside.list(pass.signal)) {
      incomplete ??= brokenIn(page);
      const entries = observedIn(pass, page, askedAt, ids);
      await settlePage(pass, () => entries);
      await settleListed(pass, refresh, page.filter(isListed), ids);
      pass.progress({ ...pass.seen });
      pass.signal.throwIfAborted();
      if (working(pass).length === 0) throw new UnseenError('NoCluster', nowhereToWrite(pass));
      askedAt = pass.clock();
    }
    listed = true;
    incomplete ??= await settleAbsences(working(pass), ids, pass.limits);
    pass.signal.throwIfAborted();
  } catch (error) {
    incomplete = explain(pass, error);
  }
  const why = incomplete;
  if (why !== undefined) {
    await Promise.all(working(pass).map((one) => settleUnseen(one, ids, { ...why, listed }, pass.limits)));
  }
  return { incomplete, listed, turns: listed ? turnsTaken(refresh) : noTurns };
}

async function syncIds(pass: Pass, ids: readonly string[]): Promise<Look> {
  const { task, outside, signal } = pass;
  try {
    await outside.prove(signal);
    const known = ids.filter((id) => nameOfId(task, id) !== undefined);
    for (const id of ids.filter((id) => !known.includes(id))) {
      fail(pass, { name: id, message: `not an id of ${task.source.kind} in ${Object.values(task.scope).join('/')}` });
    }
    const askedAt = pass.clock();
    const answers = await outside.get(known, signal);
    const seen: SeenId[] = [];
    for (const id of known) {
      const answer = answers.get(id);
      const identity = task.source.identify(id) ?? {};
      if (answer instanceof Error) fail(pass, { name: id, message: explain(pass, answer).message });
      else if (answer === undefined) seen.push({ id, identity, sight: { state: 'gone' }, observedAt: askedAt });
      else if (answer.outcome === 'broken') fail(pass, { name: id, message: `cannot be read: ${answer.issues}` });
      else seen.push(...observedIn(pass, [answer], askedAt, new Set()));
    }
    await settlePage(pass, () => seen);
    signal.throwIfAborted();
    return { incomplete: undefined, listed: false, turns: noTurns };
  } catch (error) {
    return { incomplete: explain(pass, error), listed: false, turns: noTurns };
  }
}

const aloneIn = (task: Task, { target: { mirror } }: Inside): Task => ({ ...task, mirror, parts: [mirror] });

/** The scope in the provider's order, because names and labels follow from it. */
function orderedScope({ source, scope }: Task): Scope {
  const keys = Object.keys(scope);
  if (keys.length === source.scopeKeys.length && source.scopeKeys.every((key) => keys.includes(key))) {
    return Object.fromEntries(source.scopeKeys.map((key) => [key, scope[key] ?? '']));
  }
  throw new Error(
    `a scope of ${source.kind} is ${source.scopeKeys.join(' and ')}; this one is ${keys.join(' and ') || 'empty'}`,
  );
}

function openOutside(task: Task): Outside {
  try {
    return task.source.open(task.scope, task.access);
  } catch (error) {
    const place = Object.values(task.scope).join('/');
    const said = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new Error(`mirror ${task.mirror.name}, ${task.source.kind} ${place}: the access is wrong: ${said}`, {
      cause: error,
    });
  }
}

function nowhereToWrite({ served }: Pass): string {
  return `No cluster can be written to: ${served.find(({ inside }) => inside.broken !== undefined)?.inside.broken ?? ''}`;
}

function brokenIn(page: readonly Observation[]): Explanation | undefined {
  const broken = page.find((observation) => observation.outcome === 'broken');
  if (broken === undefined) return undefined;
  return { reason: 'BadAnswer', message: `a row of the listing cannot be read: ${broken.issues}` };
}

function explain(pass: Pass, error: unknown): Explanation {
  if (pass.signal.aborted) return { reason: 'Interrupted', message: 'The pass was ended before it was through.' };
  const { reason, message } = pass.task.source.explain(error);
  return { reason, message };
}

function fail(pass: Pass, failure: Failure): void {
  for (const { inside } of pass.served) {
    inside.counts.failed += 1;
    inside.failures.push(failure);
  }
}

function nameOfId(task: Task, id: string): string | undefined {
  const identity = task.source.identify(id);
  return identity !== undefined && inScope(identity, task.scope) ? nameOf(task.source, id, identity) : undefined;
}
