import type { Explanation } from './source.ts';

/** What was done in one cluster. */
export interface Counts {
  created: number;
  updated: number;
  marked: number;
  deleted: number;
  unchanged: number;
  kept: number;
  refused: number;
  failed: number;
}

/** One thing that did not work, by the name of the object or id it concerns. */
export interface Failure {
  readonly name: string;
  readonly message: string;
}

/** What one pass saw outside. */
export interface OutsideCounts {
  seen: number;
  invalid: number;
  unselected: number;
  excluded: number;
  labelsLeftOut: number;
}

/** What one pass came to in one cluster; `skipped` says why it had no part in it. */
export interface ClusterReport {
  readonly cluster: string;
  readonly namespace: string;
  readonly counts?: Counts;
  readonly failures: readonly Failure[];
  /** Objects whose removal waits for a person. */
  readonly blocked: number;
  /** Why Events could not be written; the objects were, so that this is no failure. */
  readonly untold?: string;
  readonly skipped?: string;
  /** It was skipped for what a person has to mend there: another try alone helps nobody. */
  readonly refused?: true;
  /** Why nothing more could be written there before the pass was through. */
  readonly broken?: string;
}

/** What one pass came to. `ok`: the outside was seen in full (or all named ids were), and all of it is written. */
export interface Report {
  readonly mirror: string;
  readonly source: string;
  readonly scope: Readonly<Record<string, string>>;
  readonly ok: boolean;
  readonly incomplete?: Explanation;
  readonly outside: OutsideCounts;
  /** API calls made outside. */
  readonly calls: number;
  readonly milliseconds: number;
  readonly clusters: readonly ClusterReport[];
}

/** One log line: what a person wants to know, with nothing that is zero. */
export function reportLine(report: Report): string {
  const scope = Object.values(report.scope).join('/');
  const state = report.incomplete === undefined ? 'complete' : `incomplete (${report.incomplete.reason})`;
  const outside = nonZero(report.outside);
  // Where tags decide the namespace, a cluster has several parts.
  const several = new Set(report.clusters.map(({ cluster }) => cluster)).size < report.clusters.length;
  const clusters = report.clusters.map((part) => clusterPart(part, several)).join('; ');
  const head = `${report.mirror} ${report.source} ${scope}: ${state}, ${outside || 'nothing seen'}`;
  const effort = `${report.calls} calls, ${(report.milliseconds / 1000).toFixed(1)} s`;
  return `${head}, ${effort}${clusters === '' ? '' : `; ${clusters}`}`;
}

function clusterPart(report: ClusterReport, several: boolean): string {
  const place = several ? `${report.cluster}/${report.namespace}` : report.cluster;
  if (report.skipped !== undefined) return `${place} skipped: ${report.skipped}`;
  const { unchanged, ...changes } = report.counts ?? { unchanged: 0 };
  const blocked = report.blocked > 0 ? `, ${report.blocked} blocked (see the MirrorScan)` : '';
  const untold = report.untold === undefined ? '' : `, no Events (${report.untold})`;
  return `${place}: ${nonZero(changes) || 'no change'}${blocked}${untold}`;
}

function nonZero(counts: object): string {
  return Object.entries(counts)
    .filter(([, value]) => value !== 0)
    .map(([key, value]) => `${value} ${key}`)
    .join(', ');
}
