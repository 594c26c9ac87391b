import type { RunHome } from '../lib/backfill.ts';
import { hasEnded, type Run, type RunTarget } from '../lib/sync-run.ts';
import { placeText } from '../lib/target-filter.ts';
import { exitCodes } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';
import { type Format, shown, table } from './table.ts';

/** Shows how a run stands, and gives the exit code of that. `left`: what to do where Ctrl-C left some of it. */
export function showRun(at: RunHome, run: Run, format: Format, left: string, around: Surroundings): number {
  around.print(shown(format, resultOf(at, run), () => text(at, run)));
  if (around.signal.aborted) {
    if (!hasEnded(run.status)) around.error(left);
    return exitCodes.interrupted;
  }
  const { state, changed = 0, counts } = run.status;
  if (state !== 'Done' || (counts?.refused ?? 0) + (counts?.failed ?? 0) > 0) return exitCodes.failed;
  return run.spec.mode === 'Plan' && changed > 0 ? exitCodes.differs : exitCodes.done;
}

function resultOf({ cluster, namespace, name }: RunHome, { spec, status, targets }: Run) {
  const { targets: _, ...rest } = status;
  return {
    run: name,
    syncRun: { cluster, namespace, name },
    mode: spec.mode,
    filter: spec.filter,
    ...rest,
    targets: Object.values(targets).map(({ pass, ...target }) => target),
  };
}

const heading = 'STATE MIRROR SOURCE SCOPE SEEN CREATED UPDATED MARKED DELETED UNCHANGED KEPT TROUBLE'.split(' ');

function text({ cluster, namespace, name }: RunHome, { spec, status, targets }: Run): string {
  const all = Object.values(targets);
  const rows = all.map((target) => [
    target.state,
    target.mirror,
    target.source,
    placeText(target.scope),
    ...figures(target),
  ]);
  const troubles = all.flatMap((target) =>
    target.message === undefined ? [] : [`  ${titleOf(target)}: ${target.message}`],
  );
  const head = `${name} (${namespace} in ${cluster}): ${status.state ?? 'Pending'}, ${status.progress ?? '0/0'} targets`;
  const would = spec.mode === 'Plan' ? 'would change' : 'changed';
  const sums = `${status.seen ?? 0} seen, ${status.changed ?? 0} ${would}.`;
  const isChosen = (spec.filter.name ?? spec.filter.tags) !== undefined;
  const nothing = isChosen && status.state === 'Done' && !status.seen ? ['Nothing fits the name or the tags.'] : [];
  return [table(heading, rows), '', `${head}, ${sums}`, ...nothing, ...troubles].join('\n');
}

function figures({ seen, created, updated, marked, deleted, unchanged, kept, refused = 0, failed = 0 }: RunTarget) {
  const counts = [seen, created, updated, marked, deleted, unchanged, kept, refused + failed];
  return counts.map((count) => String(count ?? 0));
}

/** A target in one line. */
export function titleOf({ mirror, source, scope }: RunTarget): string {
  return `${mirror} ${source} ${placeText(scope)}`;
}
