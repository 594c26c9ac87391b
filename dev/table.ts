import * as z from 'zod';
import type { Kubernetes } from './kubernetes.ts';

const tableSchema = z.object({
  columnDefinitions: z.array(z.object({ name: z.string(), priority: z.number() })),
  rows: z.array(z.object({ cells: z.array(z.unknown()) })),
});

/** How a table is shown. */
export interface TableOptions {
  /** `key=value,...` as for kubectl. */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** Only the rows of the external resources with these names (the object's name without its hash). */
  readonly only?: readonly string[];
  /** Rows shown at the most; the rest is counted. */
  readonly most?: number;
  /** Columns of the terminal; longer lines are cut. */
  readonly width?: number;
}

/**
 * What `kubectl get` shows of a kind: the same Table that the API server makes for kubectl, so that the demo needs no
 * kubectl.
 */
export async function kubectlTable(
  kubernetes: Kubernetes,
  path: string,
  { fieldSelector, labelSelector, only, most = 100, width = 1000 }: TableOptions = {},
): Promise<string[]> {
  const query = new URLSearchParams({
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  });
  const accept = 'application/json;as=Table;g=meta.k8s.io;v=v1';
  const { body } = await kubernetes.request(`${path}?${query}`, { headers: { accept } });
  const { columnDefinitions, rows } = tableSchema.parse(body);
  const shown = columnDefinitions.flatMap(({ priority }, index) => (priority === 0 ? [index] : []));
  const header = shown.map((index) => columnDefinitions[index]?.name.toUpperCase() ?? '');
  const all = rows
    .map(({ cells }) => shown.map((index) => String(cells[index] ?? '')))
    .filter(([name = '']) => only === undefined || only.some((wanted) => name.slice(0, -14) === wanted));
  const table = [header, ...all.slice(0, most)];
  const widths = header.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  const lines = table.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   '));
  const rest = all.length > most ? [`... and ${all.length - most} more`] : [];
  return [...lines, ...rest].map((line) => cut(line.trimEnd(), width));
}

function cut(line: string, width: number): string {
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}
