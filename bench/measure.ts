import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';

/** A count that may be set on the command line. */
export interface Count {
  readonly default: number;
  readonly help: string;
}

/** What was asked for on the command line. */
export interface Wanted<Name extends string> {
  count(name: Name): number;
  readonly json: boolean;
}

/** Reads `--name N` for each count, `--json` and `--help`; `undefined` after it has printed the help. */
export function readOptions<Name extends string>(
  about: string,
  counts: Readonly<Record<Name, Count>>,
): Wanted<Name> | undefined {
  const known = Object.entries<Count>(counts);
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      help: { type: 'boolean' },
      ...Object.fromEntries(known.map(([name]) => [name, { type: 'string' as const }])),
    },
  });
  if (values.help === true) {
    const lines = known.map(([name, { help, default: usual }]) => `${`  --${name} N`.padEnd(18)}${help} (${usual})`);
    console.log([about, '', ...lines, `${'  --json'.padEnd(18)}one JSON document instead of tables`, ''].join('\n'));
    return undefined;
  }
  const given = new Map(Object.entries(values));
  const count = (name: Name) => {
    const value = Number(given.get(name) ?? counts[name].default);
    if (!Number.isInteger(value) || value < 1)
      throw new Error(`--${name} ${given.get(name)}: give a whole number above 0`);
    return value;
  };
  return { count, json: values.json === true };
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (upper + lower) / 2;
}

/** The median over rounds of the quotient within each round, which takes the machine's other load out as far as it can. */
export function medianRatio(values: readonly number[], to: readonly number[]): number {
  return median(values.map((value, round) => value / (to[round] ?? Number.NaN)));
}

/** Three significant digits at most, whole numbers as they are. */
export function figure(value: number): string {
  if (Number.isNaN(value)) return '-';
  if (Number.isInteger(value) || value >= 100) return String(Math.round(value));
  return value.toPrecision(value >= 10 ? 3 : 2);
}

/** A Markdown table whose columns line up. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** What the figures were taken on. Wall times compare within one run only. */
export function machine(): string {
  const model = cpus()[0]?.model ?? 'unknown processor';
  const load = loadavg()[0]?.toFixed(1);
  return `${availableParallelism()} cores (${model}), Node ${process.version}, load average ${load} at the end; all of client, kube-apiserver and etcd on this machine`;
}
