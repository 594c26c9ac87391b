import { type Counts, type Report, reportLine } from './report.ts';

/** One line of a log: a sentence, and fields to search by. */
export interface LogLine {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** A pass in which everything fails has as many failures as there are resources; the log is paid for by the byte. */
const mostFailures = 20;

/** A line for the pass and one for each failure, never one for each resource. */
export function passLines(report: Report): LogLine[] {
  const { mirror, source, scope, ok, incomplete, calls, outside, milliseconds } = report;
  const target = { mirror, source, ...scope };
  const line: LogLine = {
    level: ok ? 'info' : 'warn',
    message: reportLine(report),
    fields: { ...target, ok, calls, seen: outside.seen, milliseconds: Math.round(milliseconds), ...written(report) },
  };
  const failures = report.clusters.flatMap(({ cluster, failures }) => failures.map((one) => ({ cluster, ...one })));
  const all = [
    ...(incomplete === undefined ? [] : [{ message: incomplete.message, reason: incomplete.reason }]),
    ...failures.slice(0, mostFailures),
    ...(failures.length > mostFailures ? [{ message: `and ${failures.length - mostFailures} more failures` }] : []),
  ];
  return [
    line,
    ...all.map(({ message, ...fields }): LogLine => ({ level: 'warn', message, fields: { ...target, ...fields } })),
  ];
}

/** Objects that the pass wrote, in all its clusters. */
export function objectsWritten(report: Report): number {
  return Object.values(written(report)).reduce((sum, count) => sum + count, 0);
}

const writes = ['created', 'updated', 'marked', 'deleted'] as const satisfies readonly (keyof Counts)[];

function written({ clusters }: Report): Record<(typeof writes)[number], number> {
  const sum = (key: (typeof writes)[number]) => clusters.reduce((total, { counts }) => total + (counts?.[key] ?? 0), 0);
  return { created: sum('created'), updated: sum('updated'), marked: sum('marked'), deleted: sum('deleted') };
}
