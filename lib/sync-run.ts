import type * as z from 'zod';
import { type Judgement, judged, judgement, timestamp } from './conditions.ts';
import { groupOf, type TargetMessage } from './messages.ts';
import { fieldManager, type KubernetesObject } from './object.ts';
import type { Report } from './report.ts';
import { runSpec, runStatus, syncRun } from './sync-run-schema.ts';

/** What a run is about. */
export type RunSpec = z.infer<typeof runSpec>;

/** How a run stands. */
export type RunStatus = z.infer<typeof runStatus>;

/** How one of its targets stands. */
export type RunTarget = NonNullable<RunStatus['targets']>[string];

/** A SyncRun that has been read. */
export interface Run {
  readonly object: KubernetesObject;
  readonly spec: RunSpec;
  readonly status: RunStatus;
  readonly targets: Readonly<Record<string, RunTarget>>;
}

/** What was done to objects; it adds up over the passes of a target. */
export type Changes = Readonly<Record<(typeof changeKeys)[number], number>>;

const changeKeys = ['created', 'updated', 'marked', 'deleted'] as const;
const countKeys = [...changeKeys, 'unchanged', 'kept', 'refused', 'failed'] as const;

/** Nothing changed. */
export const noChanges: Changes = { created: 0, updated: 0, marked: 0, deleted: 0 };

/** Whether nothing more is to be done for a target, or for all of a run. */
export function hasEnded({ state }: Pick<RunStatus, 'state'>): boolean {
  return state === 'Done' || state === 'Failed' || state === 'Cancelled';
}

/** A SyncRun as it is created, before it has a status. */
export function newRun(at: { readonly namespace: string; readonly name: string }, spec: RunSpec): KubernetesObject {
  return {
    apiVersion: `${syncRun.group}/${syncRun.version}`,
    kind: syncRun.kind,
    metadata: { ...at, labels: { 'app.kubernetes.io/managed-by': fieldManager } },
    spec,
  };
}

/** What a SyncRun says. Throws where it cannot be read, because what is not understood must not be overwritten. */
export function runOf(object: KubernetesObject): Run {
  const spec = runSpec.safeParse(object.spec);
  const status = runStatus.safeParse(object.status ?? {});
  const error = spec.error ?? status.error;
  if (spec.success && status.success) {
    return { object, spec: spec.data, status: status.data, targets: status.data.targets ?? {} };
  }
  const { namespace, name } = object.metadata;
  throw new Error(
    `the SyncRun ${namespace}/${name} cannot be read: somebody else wrote it, or a newer release did. Begin another run`,
    { cause: error },
  );
}

/** The targets of a run that begins. */
export function pendingTargets(
  targets: readonly Pick<TargetMessage, 'mirror' | 'source' | 'scope'>[],
): Record<string, RunTarget> {
  return Object.fromEntries(
    targets.map(({ mirror, source, scope }) => [
      groupOf({ mirror, source, scope }),
      { state: 'Pending' as const, mirror, source, scope },
    ]),
  );
}

/** The object with these targets changed; everything that is a sum over all targets follows from them. */
export function withTargets(run: Run, changed: Readonly<Record<string, RunTarget>>, now: number): KubernetesObject {
  const targets = { ...run.targets, ...changed };
  const all = Object.values(targets);
  const counts = Object.fromEntries(countKeys.map((key) => [key, sum(all.map((target) => target[key]))]));
  const state = stateOf(all);
  const began = run.status.began ?? (all.some(({ passes }) => passes !== undefined) ? timestamp(now) : undefined);
  const judgements: Readonly<Record<string, Judgement>> = { Complete: complete(all, state) };
  const status = {
    ...run.object.status,
    state,
    progress: `${all.filter(hasEnded).length}/${all.length}`,
    seen: sum(all.map(({ seen }) => seen)),
    changed: sum(changeKeys.map((key) => counts[key])),
    counts,
    ...(began === undefined ? {} : { began }),
    ...(hasEnded({ state }) ? { ended: run.status.ended ?? timestamp(now) } : {}),
    targets,
    conditions: judged(run.object.status?.conditions ?? [], judgements, now),
  };
  return { ...run.object, status };
}

const sum = (counts: readonly (number | undefined)[]) => counts.reduce<number>((total, one) => total + (one ?? 0), 0);

function stateOf(all: readonly RunTarget[]): RunTarget['state'] {
  if (!all.every(hasEnded)) return all.every(({ state }) => state === 'Pending') ? 'Pending' : 'Running';
  return (['Failed', 'Cancelled'] as const).find((worst) => all.some(({ state }) => state === worst)) ?? 'Done';
}

function complete(all: readonly RunTarget[], state: RunTarget['state']): Judgement {
  const ended = `${all.filter(hasEnded).length} of ${all.length} targets have ended.`;
  if (!hasEnded({ state })) return judgement('False', state, ended);
  const done = all.filter((target) => target.state === 'Done').length;
  if (state === 'Done') return judgement('True', 'Done', `${done} of ${all.length} targets are done.`);
  const first = all.find((target) => target.state === state)?.message ?? '';
  return judgement('False', state, `${done} of ${all.length} targets are done. ${first}`.trim());
}

/** A target of which a pass begins; `found` is what one that died was seen to have done. */
export function begun(target: RunTarget, pass: NonNullable<RunTarget['pass']>, found: Changes): RunTarget {
  return {
    ...target,
    ...added(target, found),
    state: 'Running',
    passes: (target.passes ?? 0) + 1,
    began: target.began ?? pass.began,
    pass,
  };
}

function added(target: RunTarget, changes: Changes): Partial<RunTarget> {
  return Object.fromEntries(
    changeKeys.flatMap((key) => {
      const total = (target[key] ?? 0) + changes[key];
      return total === 0 && target[key] === undefined ? [] : [[key, total]];
    }),
  );
}

/** A target whose pass has seen so much until now. */
export function seenSoFar(target: RunTarget, id: string, seen: number): RunTarget {
  return target.pass?.id === id && seen > (target.seen ?? 0) ? { ...target, seen } : target;
}

/** What a pass came to, for its target and for whoever called for it. */
export interface Outcome {
  readonly state: 'Running' | 'Done' | 'Failed' | 'Cancelled';
  readonly next: 'done' | 'send on' | 'retry';
  readonly message?: string;
}

/** Reasons that the next try would find as they are: somebody has to grant or mend something. */
const lasting: readonly string[] = ['AccessDenied', 'WrongPlace'];

/** Where a pass leaves its target. `cancelled`, `outOfTime`: why it was ended early, if it was. */
export function outcomeOf(
  report: Report,
  at: { readonly cancelled: boolean; readonly outOfTime: boolean; readonly isLast: boolean },
): Outcome {
  const { incomplete, clusters } = report;
  if (at.cancelled && incomplete !== undefined) return cancelled;
  if (at.outOfTime && incomplete !== undefined) return { state: 'Running', next: 'send on' };
  const skipped = clusters.find((one) => one.skipped !== undefined);
  const refused = sum(clusters.map(({ counts }) => counts?.refused));
  const failures = clusters.flatMap((one) => one.failures);
  const [first] = failures;
  const message = incomplete?.message ?? skipped?.skipped ?? first?.message;
  if (message === undefined) return { state: 'Done', next: 'done' };
  // What is refused is one thing's trouble, and another try is refused as well.
  if (incomplete === undefined && skipped === undefined && failures.length <= refused) {
    return { state: 'Done', next: 'done', message };
  }
  const isOver = at.isLast || lasting.includes(incomplete?.reason ?? '');
  return isOver ? { state: 'Failed', next: 'done', message } : { state: 'Running', next: 'retry', message };
}

/** The outcome of a target that nobody wants any more. */
export const cancelled: Outcome = { state: 'Cancelled', next: 'done', message: 'The run was cancelled.' };

/** What a pass says when it is over. */
export interface PassReport {
  readonly id: string;
  readonly mode: RunSpec['mode'];
  readonly report: Report;
  readonly outcome: Outcome;
  /** What the clusters show that it wrote. Of one that was cut it is more than it knows: answers were on their way. */
  readonly shown?: Changes | undefined;
}

/** In the place of the id of a pass that has reported and is not the last one. */
const told = 'told';

/**
 * A target after one of its passes. One that another pass has taken over, or that has this report already, stays as it
 * is: a report that is sent twice counts once.
 */
export function reported(target: RunTarget, pass: PassReport, now: number): RunTarget {
  const { report, outcome, mode } = pass;
  if (target.pass?.id !== pass.id) return target;
  const { pass: entered, message: _, ...rest } = target;
  const total = (key: (typeof countKeys)[number]) => sum(report.clusters.map(({ counts }) => counts?.[key]));
  const before = mode === 'Plan' ? { ...rest, ...noChanges } : rest;
  const counted = { created: total('created'), updated: total('updated'), marked: total('marked') };
  const lost = pass.shown === undefined ? noChanges : uncounted(pass.shown, counted);
  // What an earlier pass of this target wrote, this one found as it should be; what it marked, this one kept.
  const written = sum([before.created, before.updated]);
  const state = hasEnded(target) ? target.state : outcome.state;
  const message = hasEnded(target) ? target.message : outcome.message;
  return {
    ...before,
    ...added(before, {
      created: counted.created + lost.created,
      updated: counted.updated + lost.updated,
      marked: counted.marked + lost.marked,
      deleted: total('deleted'),
    }),
    state,
    seen: report.incomplete === undefined ? report.outside.seen : Math.max(rest.seen ?? 0, report.outside.seen),
    unchanged: Math.max(0, total('unchanged') - written),
    kept: Math.max(0, total('kept') - (before.marked ?? 0)),
    refused: total('refused'),
    failed: total('failed'),
    ...(message === undefined ? {} : { message: message.slice(0, 512).toWellFormed() }),
    ...(hasEnded({ state }) ? { ended: rest.ended ?? timestamp(now) } : {}),
    ...(mode === 'Plan' || hasEnded({ state }) ? {} : { pass: { ...entered, id: told, counted } }),
  };
}

/** What the clusters show and no report has counted. By the sum: a creation may have been told as an update. */
export function uncounted(shown: Changes, counted: NonNullable<RunTarget['pass']>['counted'] = noChanges): Changes {
  const keys = ['created', 'updated', 'marked'] as const;
  let missing = sum(keys.map((key) => shown[key] - counted[key]));
  const found = { ...noChanges };
  for (const key of keys) {
    found[key] = Math.max(0, Math.min(missing, shown[key] - counted[key]));
    missing -= found[key];
  }
  return found;
}

/** A target that ends without a pass, or whose pass could not even begin. A pass still reports what it did. */
export function endedBy(target: RunTarget, { state, message }: Outcome, now: number): RunTarget {
  if (hasEnded(target)) return target;
  return { ...target, state, ended: timestamp(now), ...(message === undefined ? {} : { message }) };
}
