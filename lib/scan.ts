import { isDeepStrictEqual } from 'node:util';
import type * as z from 'zod';
import { type Judgement, judged, judgement, timestamp } from './conditions.ts';
import { shortHash } from './names.ts';
import type { KubernetesObject } from './object.ts';
import { selectionOf, type Turns } from './refresh.ts';
import {
  approvalAnnotation,
  type BlockedRemoval,
  type BrakeResult,
  type HistoryHour,
  hourOf,
  named,
  remembered,
} from './removal.ts';
import { baseLabels, type Target } from './resource.ts';
import { mirrorScan, scanStatus } from './scan-schema.ts';
import type { Explanation } from './source.ts';

type Status = z.infer<typeof scanStatus>;

/** What a pass over a whole scope came to in one cluster. */
export interface PassResult {
  /** The cluster's time when the pass began, in milliseconds. */
  readonly began: number;
  readonly counts: Partial<Pick<Status, CountKey>>;
  readonly calls: number;
  readonly held: number;
  /** The last page of the listing was reached. */
  readonly listed: boolean;
  /** Deletes that were entered into the history and then refused. */
  readonly unbooked: number;
  /** The turns of bare ids that have been read. */
  readonly turns?: Turns;
  /** Why the outside was not seen in full. */
  readonly incomplete?: Explanation;
  /** Why not all that was seen is written. */
  readonly unapplied?: string;
  readonly brake?: BrakeResult;
}

type CountKey =
  | 'seen'
  | 'created'
  | 'updated'
  | 'marked'
  | 'deleted'
  | 'kept'
  | 'refused'
  | 'failed'
  | 'invalid'
  | 'unselected'
  | 'excluded'
  | 'labelsLeftOut';

/** What a scan is named after. */
type ScanTarget = Pick<Target, 'source' | 'scope'> & { readonly mirror: Pick<Target['mirror'], 'name'> };

/** The name of the scan of a target: readable, and unique by its hash. */
export function scanName({ mirror, source, scope }: ScanTarget): string {
  const slug = `${mirror.name}-${source.plural}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `${slug.slice(0, 49)}-${shortHash(mirror.name, source.kind, ...Object.entries(scope).flat())}`;
}

/** What earlier passes left: unreadable parts count as absent, they are written anew. */
export function remember(scan: KubernetesObject | undefined) {
  const status = readable(scan?.status ?? {});
  // Who may write scans could else let the brake count backwards.
  const history: HistoryHour[] = (status.history ?? [])
    .filter(({ held, deleted }) => held >= 0 && deleted >= 0)
    .map((entry) => ({ ...entry, hour: Date.parse(entry.hour) }));
  const completed = milliseconds(status.lastCompleted ?? scan?.metadata.creationTimestamp);
  return {
    status,
    history,
    blocked: status.blockedRemoval satisfies BlockedRemoval | undefined,
    approval: scan?.metadata.annotations?.[approvalAnnotation],
    /** When the scope could last have been seen in full, in milliseconds. */
    completed,
    /** When its listing was last read to the end. */
    lastListed: milliseconds(status.lastListed),
    refreshed: milliseconds(status.refreshed),
    selection: status.selection,
  };
}

function milliseconds(time: string | undefined): number | undefined {
  const parsed = Date.parse(time ?? '');
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** Field by field, so that one that cannot be read does not take the brake's books with it. */
function readable(status: Readonly<Record<string, unknown>>): Status {
  const fields = Object.entries(scanStatus.shape).flatMap(([key, schema]) => {
    const parsed = schema.safeParse(status[key]);
    return parsed.success && parsed.data !== undefined ? [[key, parsed.data]] : [];
  });
  return scanStatus.parse(Object.fromEntries(fields));
}

/** The scan with deletes entered before they happen: a crash in between counts too many, never too few. */
export function withDeletes(
  target: Target,
  scan: KubernetesObject | undefined,
  held: number,
  deleted: number,
  now: number,
) {
  const history = remembered(remember(scan).history, now, { held, deleted });
  return scanObject(target, scan, { ...scan?.status, history: history.map(written) });
}

const skewAllowed = 60_000;

const wholeSecond = (time: number) => Math.floor(time / 1000) * 1000;

/**
 * The scan after this pass, or `undefined` where nothing is to be written: a pass that began later has reported, or
 * nothing changed and the heartbeat (a third of staleAfter) is not due.
 */
export function scanAfter(target: Target, scan: KubernetesObject | undefined, pass: PassResult, now: number) {
  const before = remember(scan);
  const lastStarted = milliseconds(before.status.lastStarted);
  // A time that is still to come is no pass but a clock that was wrong; it must not silence all that follow.
  const isLater =
    lastStarted !== undefined && lastStarted > wholeSecond(pass.began) && lastStarted <= now + skewAllowed;
  if (isLater) return undefined;
  const next = scanObject(target, scan, statusAfter(target, scan, pass, now));
  const heartbeat = (target.mirror.staleAfterSeconds * 1000) / 3;
  const due = lastStarted === undefined || Math.abs(pass.began - lastStarted) >= heartbeat;
  return due || !isDeepStrictEqual(withoutPace(scan?.status), withoutPace(next.status)) ? next : undefined;
}

function statusAfter(target: Target, scan: KubernetesObject | undefined, pass: PassResult, now: number) {
  const before = remember(scan);
  const complete = pass.incomplete === undefined;
  const error = pass.incomplete?.message ?? pass.unapplied;
  const lastCompleted = complete ? timestamp(pass.began) : before.status.lastCompleted;
  const { scope, blockedRemoval, error: _, ...kept } = before.status;
  const blocked = pass.brake === undefined ? blockedRemoval : blockedAfter(before.approval, pass, pass.brake);
  return {
    ...unknownIn(scan),
    ...kept,
    scope: Object.values(target.scope).join('/'),
    ...pass.counts,
    held: pass.held,
    calls: pass.calls,
    staleAfterSeconds: target.mirror.staleAfterSeconds,
    lastStarted: timestamp(pass.began),
    ...(lastCompleted === undefined ? {} : { lastCompleted }),
    ...(error === undefined ? { attributesAsOf: timestamp(oldest(target, before.status, pass)) } : {}),
    ...(pass.turns === undefined ? {} : { refreshed: timestamp(pass.began), selection: selectionOf(target) }),
    ...(pass.listed ? { lastListed: timestamp(pass.began) } : {}),
    ...(error === undefined ? {} : { error: error.slice(0, 1024).toWellFormed() }),
    history: remembered(before.history, now, { held: pass.held, deleted: -takenBack(pass, now) }).map(written),
    ...(blocked === undefined ? {} : { blockedRemoval: blocked }),
    conditions: judged(scan?.status?.conditions ?? [], judgements(target, scan, pass), now),
  };
}

/** When the oldest attributes were read, in milliseconds: with turns it takes a period until all have had theirs. */
function oldest({ source }: Target, { attributesAsOf }: Status, { began, turns }: PassResult): number {
  const period = source.refreshSeconds * 1000;
  const before = milliseconds(attributesAsOf);
  if (period === 0 || before === undefined || (turns !== undefined && turns.since === undefined)) return began;
  return turns === undefined ? before : Math.max(before, began - period);
}

/** Only where it was entered in this very hour: the entries of another hour are not those that were refused. */
function takenBack({ began, unbooked }: PassResult, now: number): number {
  return hourOf(began) === hourOf(now) ? unbooked : 0;
}

/** What a newer release wrote into the status; it stays, as in mirrored objects. */
function unknownIn(scan: KubernetesObject | undefined): Record<string, unknown> {
  const entries = Object.entries(scan?.status ?? {}).filter(([key]) => !Object.hasOwn(scanStatus.shape, key));
  return Object.fromEntries(entries);
}

function judgements(
  target: Target,
  scan: KubernetesObject | undefined,
  pass: PassResult,
): Readonly<Record<string, Judgement>> {
  const { incomplete, unapplied, brake } = pass;
  return {
    Complete:
      incomplete === undefined
        ? judgement('True', 'Listed', 'The outside was seen in full.')
        : judgement('False', incomplete.reason, incomplete.message),
    Applied:
      unapplied === undefined
        ? judgement('True', 'Written', 'All that was seen is written.')
        : judgement('False', 'NotWritten', unapplied),
    ...(brake === undefined && scan !== undefined ? {} : { RemovalBlocked: blockedJudgement(target, scan, pass) }),
  };
}

/** An approved set of which nothing goes any more would stand in the way of a name for the others: all is named anew. */
function blockedAfter(approval: string | undefined, pass: PassResult, brake: BrakeResult): BlockedRemoval | undefined {
  const isSpent = brake.waiting > 0 && brake.blocked?.approval === approval && (pass.counts.deleted ?? 0) === 0;
  return isSpent ? named(brake.due) : brake.blocked;
}

function blockedJudgement(target: Target, scan: KubernetesObject | undefined, pass: PassResult) {
  const { brake } = pass;
  if (brake === undefined || brake.waiting === 0) {
    return judgement('False', 'NothingBlocked', 'No removal waits for a person.');
  }
  const blocked = blockedAfter(remember(scan).approval, pass, brake);
  const members = blocked === undefined ? '' : ` Named in status.blockedRemoval: ${blocked.members.length}.`;
  const command = `kubectl annotate mirrorscan -n ${target.mirror.namespace} ${scanName(target)} --overwrite ${approvalAnnotation}=${blocked?.approval ?? ''}`;
  return judgement(
    'True',
    'TooMany',
    `Due for removal: ${brake.waiting}. Gone in the last 24 h: ${brake.deletedBefore}. Allowed without asking: ${brake.limit}.${members} To let that set go: ${command}`,
  );
}

function scanObject(
  target: Target,
  scan: KubernetesObject | undefined,
  status: KubernetesObject['status'],
): KubernetesObject {
  return {
    ...scan,
    apiVersion: `${mirrorScan.group}/${mirrorScan.version}`,
    kind: mirrorScan.kind,
    metadata: {
      ...scan?.metadata,
      name: scanName(target),
      namespace: target.mirror.namespace,
      labels: { ...scan?.metadata.labels, ...baseLabels(target) },
    },
    spec: { mirror: target.mirror.name, source: target.source.kind, scope: target.scope },
    status,
  };
}

const written = (entry: HistoryHour) => ({ ...entry, hour: timestamp(entry.hour) });

const nothing = { apiVersion: '', kind: '', metadata: { name: '' } };

/** What is news: not when a pass ran, nor how many calls it made, which differs where ids have their turns. */
function withoutPace(status: KubernetesObject['status']) {
  if (status === undefined) return undefined;
  const { lastStarted, lastCompleted, lastListed, attributesAsOf, calls, history, ...rest } = status;
  const deletes = remember({ ...nothing, status }).history.reduce((sum, { deleted }) => sum + deleted, 0);
  return { ...rest, deletes };
}
