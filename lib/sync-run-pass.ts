import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type Choice, syncChosen } from './chosen.ts';
import type { Cluster } from './cluster.ts';
import { timestamp } from './conditions.ts';
import { dryRun } from './dry-run.ts';
import { groupOf } from './messages.ts';
import type { Report } from './report.ts';
import { scopeFields } from './resource.ts';
import { selectsName, selectsTags } from './selection.ts';
import {
  begun,
  cancelled,
  endedBy,
  hasEnded,
  noChanges,
  type Outcome,
  outcomeOf,
  type RunSpec,
  type RunTarget,
  reported,
  seenSoFar,
  uncounted,
} from './sync-run.ts';
import { changesSince, type Holding, versionsOf } from './sync-run-changes.ts';
import { type RunPlace, readRun, updateTarget } from './sync-run-writer.ts';
import { tagPatterns } from './target-filter.ts';
import type { ConfiguredTask } from './targets.ts';
import type { NextStep } from './work.ts';

/** What a pass of a run came to; without a report it was not begun. */
export interface RunPass extends NextStep {
  readonly report?: Report;
}

/** How a pass of a run is bound. */
export interface RunPassOptions {
  readonly signal: AbortSignal;
  /** A failure now is the last: the target has failed. */
  readonly isLast: boolean;
  /** The run as logs name it. */
  readonly run: string;
  /** Milliseconds between two looks at whether the run was cancelled; each also writes what was seen until then. */
  readonly lookEvery?: number;
  readonly progress?: (seen: number) => void;
}

const lookEvery = 3_000;
/** Milliseconds for a report, also where the time of the pass is over. */
const reportDeadline = 10_000;
const attempts = 20;

/** What all steps of one pass share. */
interface Pass {
  readonly task: ConfiguredTask;
  readonly clusters: readonly Cluster[];
  readonly home: Cluster;
  readonly at: RunPlace;
  readonly key: string;
  readonly id: string;
}

/**
 * One pass of a backfill over one of its targets, as far as its SyncRun lets it, and the result into that SyncRun. May be
 * cut anywhere and called again: a target that has ended is not touched, and what a pass that died wrote is counted by
 * the next one. Never throws.
 */
export async function passOfRun(
  task: ConfiguredTask,
  clusters: readonly Cluster[],
  home: Cluster,
  at: RunPlace,
  options: RunPassOptions,
): Promise<RunPass> {
  const key = groupOf({ mirror: task.mirror.name, source: task.source.kind, scope: task.scope });
  const pass: Pass = { task, clusters, home, at, key, id: randomUUID() };
  try {
    const began = await begin(pass, options.signal);
    if ('skipped' in began) return { next: 'done', reason: `run ${options.run}: ${began.skipped}` };
    return await carryOut(pass, began.spec, options);
  } catch (error) {
    if (options.signal.aborted) return { next: 'send on' };
    const reason = error instanceof Error ? error.message : String(error);
    return { next: 'retry', reason: `run ${options.run}: the SyncRun ${at.namespace}/${at.name}: ${reason}` };
  }
}

/** Enters the pass into the run before anything is done, with what the clusters hold: what it writes can be told by that. */
async function begin(
  pass: Pass,
  signal: AbortSignal,
): Promise<{ readonly spec: RunSpec } | { readonly skipped: string }> {
  const { home, at, key, id, task } = pass;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const run = await readRun(home, at, { signal });
    const target = run?.targets[key];
    if (run === undefined) return { skipped: 'it is gone' };
    if (target === undefined) return { skipped: `it has no target ${key}` };
    if (hasEnded(target)) return { skipped: `the target has ended before: ${target.state}` };
    const unwanted = run.spec.cancelled ? cancelled : task.paused ? paused : undefined;
    if (unwanted !== undefined) {
      await updateTarget(home, at, key, (current) => endedBy(current, unwanted, home.now()), { signal });
      return { skipped: unwanted.message ?? unwanted.state };
    }
    const next = await entered(pass, run.spec, target, signal);
    const written = await updateTarget(
      home,
      at,
      key,
      (current) => (isDeepStrictEqual(current, target) ? next : current),
      { signal },
    );
    if (written?.targets[key]?.pass?.id === id) return { spec: written.spec };
  }
  throw new Error('others enter passes of the same target again and again');
}

const paused: Outcome = { state: 'Cancelled', next: 'done', message: 'The configuration has paused the mirror.' };

async function entered(pass: Pass, { mode }: RunSpec, target: RunTarget, signal: AbortSignal): Promise<RunTarget> {
  const { task, home, id } = pass;
  const began = timestamp(home.now());
  if (mode === 'Plan') return begun(target, { id, began, versions: {} }, noChanges);
  const holdings = await holdingsOf(pass, signal);
  const before = target.pass;
  const found = before === undefined ? noChanges : uncounted(changesSince(before, task, holdings), before.counted);
  return begun(target, { id, began, versions: versionsOf(holdings) }, found);
}

/** A cluster that cannot be read is left out; the pass itself says so. */
async function holdingsOf({ task, clusters }: Pass, signal: AbortSignal): Promise<Holding[]> {
  const { source, scope, parts = [task.mirror] } = task;
  const places = clusters.flatMap((cluster) => parts.map(({ namespace }) => ({ cluster, namespace })));
  const holdings = await Promise.all(
    places.map(async ({ cluster, namespace }) => {
      try {
        const objects = await cluster.list(source, namespace, scopeFields(scope), { signal });
        return { cluster: cluster.name, namespace, objects };
      } catch {
        return undefined;
      }
    }),
  );
  return holdings.filter((holding) => holding !== undefined);
}

async function carryOut(pass: Pass, spec: RunSpec, options: RunPassOptions): Promise<RunPass> {
  const { task, clusters, home, at, key, id } = pass;
  const stop = new AbortController();
  const over = new AbortController();
  let seen = 0;
  const watched = watch(pass, { every: options.lookEvery ?? lookEvery, over: over.signal, stop, seen: () => seen });
  const outcome = await pastErrors(() =>
    syncChosen(task, spec.mode === 'Plan' ? clusters.map(dryRun) : clusters, choiceOf(spec), {
      signal: AbortSignal.any([options.signal, stop.signal]),
      progress(counts) {
        seen = counts.seen;
        options.progress?.(seen);
      },
    }),
  );
  over.abort();
  await watched;
  const bound = { signal: AbortSignal.timeout(reportDeadline) };
  if ('error' in outcome) {
    const failed: Outcome = { state: 'Failed', next: 'done', message: outcome.error };
    await updateTarget(home, at, key, (target) => endedBy(target, failed, home.now()), bound);
    return { next: 'done', reason: outcome.error };
  }
  const { report } = outcome;
  const ended = outcomeOf(report, {
    cancelled: stop.signal.aborted,
    outOfTime: options.signal.aborted,
    isLast: options.isLast,
  });
  const result = { id, mode: spec.mode, report, outcome: ended };
  // No further pass will see what was on its way when this one was stopped.
  const holdings =
    ended.state === 'Cancelled' && spec.mode === 'Apply' ? await holdingsOf(pass, bound.signal) : undefined;
  const shownIn = ({ pass: entered }: RunTarget) => holdings && entered && changesSince(entered, task, holdings);
  const after = (target: RunTarget) => reported(target, { ...result, shown: shownIn(target) }, home.now());
  await updateTarget(home, at, key, after, bound);
  return { next: ended.next, report, ...(ended.message === undefined ? {} : { reason: ended.message }) };
}

/** What is thrown concerns the task itself (its access, its scope), and the next try would be the same. */
async function pastErrors(work: () => Promise<Report>) {
  try {
    return { report: await work() };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function choiceOf({ filter: { name, tags } }: RunSpec): Choice {
  const patterns = tags === undefined ? undefined : tagPatterns(tags);
  return {
    ...(name === undefined ? {} : { name: (readable) => selectsName({ include: [name] }, readable) }),
    ...(patterns === undefined ? {} : { fields: (fields) => selectsTags({ include: patterns }, fields) }),
  };
}

/** Looks at the run now and then, says what was seen, and stops the pass where the run was cancelled or is gone. */
async function watch(
  { home, at, key, id }: Pass,
  look: {
    readonly every: number;
    readonly over: AbortSignal;
    readonly stop: AbortController;
    readonly seen: () => number;
  },
): Promise<void> {
  const { every, over, stop, seen } = look;
  while (await elapsed(every, over)) {
    const run = await updateTarget(home, at, key, (target) => seenSoFar(target, id, seen()), { signal: over }).catch(
      // A cluster that does not answer is no reason to stop; the next look will tell.
      () => 'unknown' as const,
    );
    if (run === 'unknown') continue;
    if (run === undefined || run.spec.cancelled) return stop.abort(new Error('the run was cancelled'));
  }
}

/** False where the signal fired before. */
async function elapsed(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  try {
    await setTimeout(milliseconds, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
