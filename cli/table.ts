import { stringify } from 'yaml';

/** How a result is shown. */
export type Format = 'table' | 'json' | 'yaml';

/** Columns as kubectl lays them out; an empty table is its heading alone. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** A result as asked for; the table is only made where it is wanted. */
export function shown(format: Format, value: unknown, asTable: () => string): string {
  if (format === 'json') return JSON.stringify(value, undefined, 2);
  if (format === 'yaml') return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
  return asTable();
}

/** `1 object`, `2 objects`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** A time span as kubectl shows ages: `12s`, `5m`, `3h`, `2d`. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
