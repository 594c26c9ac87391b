import { type DryRun, dryRun } from '../lib/dry-run.ts';
import type { KubernetesReader } from '../lib/kubernetes-cluster.ts';
import type { Report } from '../lib/report.ts';
import { reportLine } from '../lib/report.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import { type Difference, differences, isWorthALine, type Verb, verbOf } from './diff.ts';
import { exitCodes } from './exit-codes.ts';
import { passes } from './passes.ts';
import { clustersOf, type Filters, openReaders, openSession } from './session.ts';
import type { Style, Surroundings } from './surroundings.ts';
import { type Format, shown } from './table.ts';

/** The options of `skymirror plan`. */
export interface PlanOptions extends Filters {
  readonly name?: string;
  readonly output: Format;
}

/** One object that a sync would write, as `-o json` shows it. */
interface ShownChange {
  readonly action: Verb;
  readonly cluster: string;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  readonly resource: string;
  readonly differences: readonly Difference[];
}

/** Runs the passes of the engine against clusters that only note what they are told, and shows what that is. */
export async function plan(options: PlanOptions, around: Surroundings): Promise<number> {
  const session = await openSession(options, around);
  const readers = await openReaders(session);
  try {
    const planned: ShownChange[] = [];
    const reports = await passes(session.tasks, {
      around,
      name: options.name,
      clustersOf: (task) => clustersOf(task, readers).map(planOf),
      done: (task, clusters) => planned.push(...clusters.flatMap((cluster) => changesOf(task, cluster))),
    });
    planned.sort((one, other) => (placeOf(one) < placeOf(other) ? -1 : 1));
    const result = {
      complete: reports.every(({ ok }) => ok),
      changes: planned,
      summary: summaryOf(planned),
      targets: reports,
    };
    around.print(shown(options.output, result, () => text(planned, reports, around)));
    for (const line of troubles(reports)) around.error(line);
    if (around.signal.aborted) return exitCodes.interrupted;
    if (reports.some(({ ok }) => !ok)) return exitCodes.failed;
    return planned.length > 0 ? exitCodes.differs : exitCodes.done;
  } finally {
    await Promise.all([...readers.values()].map((reader) => reader.close()));
  }
}

const placeOf = ({ cluster, namespace, kind, name }: ShownChange) => [cluster, namespace, kind, name].join('/');

const planOf = (reader: KubernetesReader): DryRun => dryRun(reader);

function changesOf({ source }: ConfiguredTask, cluster: DryRun): ShownChange[] {
  const own = cluster.changes().filter(({ type }) => type.kind === source.kind && type.group === source.group);
  return own.flatMap((change) => {
    const object = change.after ?? change.before;
    const found = object === undefined ? undefined : source.identityOf(object.spec);
    if (object === undefined || found === undefined) return [];
    const { name, namespace = '' } = object.metadata;
    const fields = differences(change);
    return [
      {
        action: verbOf(change),
        cluster: cluster.name,
        namespace,
        kind: source.kind,
        name,
        resource: found.id,
        differences: fields,
      },
    ];
  });
}

function summaryOf(changes: readonly ShownChange[]): Record<Verb, number> {
  const count = (verb: Verb) => changes.filter(({ action }) => action === verb).length;
  return { create: count('create'), update: count('update'), mark: count('mark'), delete: count('delete') };
}

const signs: Readonly<Record<Verb, readonly [string, Style]>> = {
  create: ['+', 'green'],
  update: ['~', 'yellow'],
  mark: ['!', 'yellow'],
  delete: ['-', 'red'],
};

/** Differences are shown of what changes; what is new or goes is a line. */
function text(changes: readonly ShownChange[], reports: readonly Report[], { paint }: Surroundings): string {
  const many = new Set(changes.map(({ cluster }) => cluster)).size > 1;
  const lines = changes.flatMap(({ action, cluster, namespace, kind, name, resource, differences: fields }) => {
    const [sign, style] = signs[action];
    const where = many ? ` in ${cluster}` : '';
    const head = paint(style, `${sign} ${action} ${kind} ${namespace}/${name}${where}`);
    const isWhole = action === 'create' || action === 'delete';
    return [
      isWhole ? `${head}  ${paint('dim', resource)}` : head,
      ...(isWhole
        ? []
        : fields
            .filter(isWorthALine)
            .map(({ path, before, after }) => `    ${path}: ${value(before)} -> ${value(after)}`)),
    ];
  });
  const { create, update, mark, delete: removed } = summaryOf(changes);
  const unsure = reports.filter(({ ok }) => !ok).length;
  const none = unsure === 0 ? 'Nothing would change.' : 'What would change is not known.';
  const total =
    changes.length === 0
      ? none
      : `To create: ${create}, to update: ${update}, to mark as gone or not selected: ${mark}, to delete: ${removed}.`;
  const far = unsure === 0 ? '' : ` ${unsure} of ${reports.length} targets could not be looked at in full.`;
  const seen = reports.reduce((sum, { outside }) => sum + outside.seen, 0);
  const waiting = reports.flatMap((report) => report.clusters).reduce((sum, { blocked }) => sum + blocked, 0);
  const brake =
    waiting === 0 ? '' : ` ${waiting} ${waiting === 1 ? 'waits' : 'wait'} for a person: skymirror removals.`;
  return [
    ...lines,
    ...(lines.length > 0 ? [''] : []),
    `${total} ${seen} seen outside. Nothing was written.${brake}${far}`,
  ].join('\n');
}

const value = (leaf: unknown) => (leaf === undefined ? '(none)' : JSON.stringify(leaf));

/** What kept a plan from being the whole truth, one line for each. */
function troubles(reports: readonly Report[]): string[] {
  return reports.flatMap((report) => {
    if (report.ok) return [];
    const inside = report.clusters.flatMap(({ cluster, skipped, failures }) => [
      ...(skipped === undefined ? [] : [`  ${cluster}: ${skipped}`]),
      ...failures.map(({ message }) => `  ${cluster}: ${message}`),
    ]);
    const { incomplete } = report;
    return [reportLine(report), ...(incomplete === undefined ? [] : [`  ${incomplete.message}`]), ...inside];
  });
}
