import type { KubernetesReader } from '../lib/kubernetes-cluster.ts';
import { conditionOf, type KubernetesObject } from '../lib/object.ts';
import { remember, scanName } from '../lib/scan.ts';
import { mirrorScan } from '../lib/scan-schema.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import { exitCodes } from './exit-codes.ts';
import { clustersOf, type Filters, openReaders, openSession } from './session.ts';
import type { Style, Surroundings } from './surroundings.ts';
import { age, type Format, shown, table } from './table.ts';

/** The options of `skymirror status`. */
export interface StatusOptions extends Filters {
  readonly output: Format;
}

/**
 * What a scan comes to, the worst first: `unknown` (the cluster cannot be asked), `missing` (no pass has reported),
 * `late` (none for longer than staleAfter), `incomplete`, `unapplied`, `blocked`, `paused`, `ok`.
 */
export type ScanState = 'unknown' | 'missing' | 'late' | 'incomplete' | 'unapplied' | 'blocked' | 'paused' | 'ok';

/** One scan, as `-o json` shows it. */
export interface ScanSummary {
  readonly state: ScanState;
  readonly cluster: string;
  readonly namespace: string;
  readonly mirror: string;
  readonly source: string;
  readonly scope: Readonly<Record<string, string>>;
  readonly scan: string;
  readonly seen?: number;
  readonly held?: number;
  readonly lastReport?: string;
  readonly lastComplete?: string;
  /** Seconds, by the cluster's clock. */
  readonly sinceReport?: number;
  readonly sinceComplete?: number;
  /** Why the state is what it is. */
  readonly message?: string;
}

/** Shows the MirrorScan of every target in every cluster. */
export async function status(options: StatusOptions, around: Surroundings): Promise<number> {
  const session = await openSession(options, around);
  const readers = await openReaders(session);
  try {
    const asked = session.tasks.flatMap((task) =>
      clustersOf(task, readers).flatMap((reader) =>
        (task.parts ?? [task.mirror]).map((mirror) => summary({ ...task, mirror }, reader, around.signal)),
      ),
    );
    const scans = await Promise.all(asked);
    around.print(shown(options.output, scans, () => text(scans, around)));
    if (scans.some(({ state }) => state === 'unknown')) return exitCodes.failed;
    return scans.every(({ state }) => state === 'ok' || state === 'paused') ? exitCodes.done : exitCodes.differs;
  } finally {
    await Promise.all([...readers.values()].map((reader) => reader.close()));
  }
}

async function summary(task: ConfiguredTask, reader: KubernetesReader, signal: AbortSignal): Promise<ScanSummary> {
  const { mirror, source, scope } = task;
  const name = scanName(task);
  const place = { cluster: reader.name, namespace: mirror.namespace, mirror: mirror.name, source: source.kind, scope };
  try {
    const scan = await reader.get(mirrorScan, mirror.namespace, name, { signal });
    return { ...stateOf(task, scan, reader.now()), ...place, scan: name };
  } catch (error) {
    return { state: 'unknown', ...place, scan: name, message: error instanceof Error ? error.message : String(error) };
  }
}

type Finding = Pick<
  ScanSummary,
  'state' | 'message' | 'seen' | 'held' | 'lastReport' | 'lastComplete' | 'sinceReport' | 'sinceComplete'
>;

/** What a scan says of its target; `now`: the cluster's time in milliseconds. */
export function stateOf(
  { mirror, paused }: Pick<ConfiguredTask, 'mirror' | 'paused'>,
  scan: KubernetesObject | undefined,
  now: number,
): Finding {
  if (scan === undefined) {
    if (paused) return { state: 'paused', message: 'Paused by the configuration; no pass has reported.' };
    return { state: 'missing', message: 'No pass has reported yet. Does the mirror run?' };
  }
  const { seen, held, lastStarted, lastCompleted } = remember(scan).status;
  const since = (time: string | undefined) => (time === undefined ? undefined : (now - Date.parse(time)) / 1000);
  const facts = Object.fromEntries(
    Object.entries({
      seen,
      held,
      lastReport: lastStarted,
      lastComplete: lastCompleted,
      sinceReport: since(lastStarted),
      sinceComplete: since(lastCompleted),
    }).filter(([, fact]) => fact !== undefined),
  );
  if (paused) return { state: 'paused', message: 'Paused by the configuration.', ...facts };
  const silence = since(lastStarted);
  if (silence === undefined || silence > mirror.staleAfterSeconds) {
    const time = silence === undefined ? 'yet' : `for ${age(silence * 1000)}`;
    return { state: 'late', message: `No pass has reported ${time}. Does the mirror run?`, ...facts };
  }
  for (const [type, state, bad] of [
    ['Complete', 'incomplete', 'False'],
    ['Applied', 'unapplied', 'False'],
    ['RemovalBlocked', 'blocked', 'True'],
  ] as const) {
    const condition = conditionOf(scan, type);
    if (condition?.status === bad) return { state, message: `${condition.reason}: ${condition.message}`, ...facts };
  }
  return { state: 'ok', ...facts };
}

const styles: Readonly<Partial<Record<ScanState, Style>>> = { ok: 'green', paused: 'dim', blocked: 'yellow' };

function text(scans: readonly ScanSummary[], { paint }: Surroundings): string {
  const heading = ['STATE', 'CLUSTER', 'NAMESPACE', 'MIRROR', 'SOURCE', 'SCOPE', 'SEEN', 'HELD', 'REPORT', 'COMPLETE'];
  const rows = scans.map((scan) => [
    scan.state,
    scan.cluster,
    scan.namespace,
    scan.mirror,
    scan.source,
    Object.values(scan.scope).join('/'),
    String(scan.seen ?? ''),
    String(scan.held ?? ''),
    scan.sinceReport === undefined ? '' : age(scan.sinceReport * 1000),
    scan.sinceComplete === undefined ? '' : age(scan.sinceComplete * 1000),
  ]);
  const [head = '', ...lines] = table(heading, rows).split('\n');
  // Painted last: colours have a length that a column must not count.
  const body = lines.map((line, index) => {
    const { state = 'ok' } = scans[index] ?? {};
    return paint(styles[state] ?? 'red', line.slice(0, state.length)) + line.slice(state.length);
  });
  const messages = scans.flatMap(({ state, message, source, scope }) =>
    state === 'ok' || message === undefined ? [] : [`${source} ${Object.values(scope).join('/')}: ${message}`],
  );
  return [paint('bold', head), ...body, ...(messages.length > 0 ? ['', ...new Set(messages)] : [])].join('\n');
}
