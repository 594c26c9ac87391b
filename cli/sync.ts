import type { Cluster } from '../lib/cluster.ts';
import { type Counts, type Report, reportLine } from '../lib/report.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import { exitCodes } from './exit-codes.ts';
import { failureLines } from './failure-lines.ts';
import { passes } from './passes.ts';
import { progressOf } from './progress.ts';
import { clustersOf, type Filters, openClusters, openSession, type Session } from './session.ts';
import type { Surroundings } from './surroundings.ts';
import { type Format, shown, table } from './table.ts';

/** The options of `skymirror sync`. */
export interface SyncAllOptions extends Filters {
  readonly name?: string;
  /** Seconds between the beginnings of two rounds; one that takes longer is followed at once. */
  readonly every?: number;
  readonly logFormat: 'text' | 'json';
  readonly output: Format;
}

/** Mirrors everything the filters leave, once or again and again. */
export async function syncAll(options: SyncAllOptions, around: Surroundings): Promise<number> {
  if (options.every !== undefined && options.output !== 'table') {
    throw new Error(
      `--every has no end, so that there is no result for --output ${options.output}: use --log-format json`,
    );
  }
  const session = await openSession(options, around);
  let opened = await openClusters(session);
  const clusters = (task: ConfiguredTask) => clustersOf(task, opened);
  try {
    let began = performance.now();
    let reports = await round(session, clusters, options, around);
    while (options.every !== undefined && !around.signal.aborted) {
      // What could not be opened is tried again in the pause, where a plugin that answers late costs the others least.
      const pause = until(began + options.every * 1000 - performance.now(), around.signal);
      [opened] = await Promise.all([openClusters(session, opened), pause]);
      if (around.signal.aborted) break;
      began = performance.now();
      reports = await round(session, clusters, options, around);
    }
    if (options.output !== 'table') around.print(shown(options.output, reports, () => ''));
    if (around.signal.aborted) return exitCodes.interrupted;
    return reports.every(({ ok }) => ok) ? exitCodes.done : exitCodes.failed;
  } finally {
    await Promise.all([...opened.values()].map((cluster) => cluster.close()));
  }
}

async function round(
  session: Session,
  clusters: (task: ConfiguredTask) => readonly Cluster[],
  options: SyncAllOptions,
  around: Surroundings,
): Promise<Report[]> {
  const progress = progressOf(session.tasks.filter(({ paused }) => !paused).length);
  // Results go to stdout, so lines are only there where they are the result.
  const say = options.output === 'table' ? around.print : around.error;
  const logs = options.logFormat === 'json' ? jsonLines : textLines;
  for (const name of new Set(session.tasks.filter(({ paused }) => paused).map(({ mirror }) => mirror.name))) {
    around.error(`${name}: paused by the configuration`);
  }
  const reports = await passes(session.tasks, {
    around,
    name: options.name,
    clustersOf: clusters,
    progress: (task, seen) => progress.seen(targetOf(task), seen),
    done(task, _, report) {
      progress.done(targetOf(task));
      progress.pause();
      for (const line of logs(report)) say(line);
    },
  });
  progress.pause();
  if (options.output === 'table' && options.logFormat === 'text' && reports.length > 1) say(total(reports));
  return reports;
}

const targetOf = ({ mirror, source, scope }: ConfiguredTask) =>
  `${mirror.name} ${source.kind} ${Object.values(scope).join('/')}`;

/** The line of a pass, and below it what went wrong. */
function textLines(report: Report): string[] {
  return [reportLine(report), ...failureLines(report).map((line) => `  ${line}`)];
}

/** One JSON object for a pass: the report, with what log collectors look for. */
function jsonLines(report: Report): string[] {
  const time = new Date().toISOString();
  return [JSON.stringify({ time, level: report.ok ? 'info' : 'error', message: reportLine(report), ...report })];
}

/** What all passes came to, one line for each cluster. */
function total(reports: readonly Report[]): string {
  const parts = reports.flatMap(({ clusters }) => clusters);
  const rows = [...new Set(parts.map(({ cluster }) => cluster))].map((name) => {
    const own = parts.filter(({ cluster }) => cluster === name);
    const sum = (key: keyof Counts) => own.reduce((count, { counts }) => count + (counts?.[key] ?? 0), 0);
    const counts = [sum('created'), sum('updated'), sum('marked'), sum('deleted'), sum('unchanged'), sum('kept')];
    const waiting = own.reduce((count, { blocked }) => count + blocked, 0);
    const trouble = sum('failed') + sum('refused') + own.filter(({ skipped }) => skipped !== undefined).length;
    return [name, ...[...counts, waiting, trouble].map(String)];
  });
  const heading = ['CLUSTER', 'CREATED', 'UPDATED', 'MARKED', 'DELETED', 'UNCHANGED', 'KEPT', 'WAITING', 'TROUBLE'];
  return `\n${table(heading, rows)}`;
}

/** Ends after that time, or with the signal. */
function until(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    resolve();
  };
  const timer = setTimeout(end, milliseconds);
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  return promise;
}
