import type { Check, CheckState } from './doctor-check.ts';
import { checkClusters, clusterNames } from './doctor-clusters.ts';
import { checkOutside, targetsOf } from './doctor-outside.ts';
import { exitCodes } from './exit-codes.ts';
import { callerIdentity } from './init-finds.ts';
import { progressOf } from './progress.ts';
import { connectionTo, type Filters, openSession } from './session.ts';
import type { Style, Surroundings } from './surroundings.ts';
import { type Format, shown } from './table.ts';

/** The options of `skymirror doctor`. */
export interface DoctorOptions extends Filters {
  readonly output: Format;
}

/** Tries every right that the mirrors need, outside and in the clusters, and says what would grant those that are missing. */
export async function doctor(options: DoctorOptions, around: Surroundings): Promise<number> {
  const session = await openSession(options, around);
  const { tasks } = session;
  const progress = progressOf(targetsOf(tasks).length + clusterNames(tasks).length);
  const { signal } = around;
  const [outside, clusters] = await Promise.all([
    checkOutside(tasks, {
      signal,
      // Who it is makes a remedy handier; without it there is one all the same.
      caller: async () => (await callerIdentity(undefined, signal).catch(() => undefined))?.arn,
      done: progress.done,
    }),
    checkClusters(tasks, { signal, connectionTo: (name) => connectionTo(session, name), done: progress.done }),
  ]);
  progress.pause();
  // Of what was cut short nothing is known.
  if (signal.aborted) return exitCodes.interrupted;
  const checks = [...outside, ...clusters];
  around.print(shown(options.output, checks, () => doctorText(checks, around)));
  return verdictOf(checks);
}

/** The exit code: what could not be looked at weighs more than what somebody can give. */
export function verdictOf(checks: readonly Pick<Check, 'state'>[]): number {
  if (checks.some(({ state }) => state === 'failed')) return exitCodes.failed;
  return checks.some(({ state }) => state === 'missing') ? exitCodes.differs : exitCodes.done;
}

const styles: Readonly<Record<CheckState, Style>> = {
  ok: 'green',
  missing: 'red',
  failed: 'red',
  warning: 'yellow',
  skipped: 'dim',
};

/** A line for each check below its place, then each remedy once. */
export function doctorText(checks: readonly Check[], { paint }: Pick<Surroundings, 'paint'>): string {
  const places = Map.groupBy(checks, ({ area, where }) => `${area === 'aws' ? 'AWS' : 'cluster'} ${where}`);
  const lines = [...places].flatMap(([place, own]) => [
    paint('bold', place),
    ...own.map(({ state, check, message }) => {
      const line = `  ${paint(styles[state], state.padEnd(7))}  ${check}`;
      return message === undefined ? line : `${line}: ${message}`;
    }),
  ]);
  const mended = checks.filter(({ mend }) => mend !== undefined);
  const remedies = Map.groupBy(mended, ({ mend = '' }) => mend);
  const mends = [...remedies].flatMap(([mend, own]) => [
    '',
    paint('bold', `To mend ${[...new Set(own.map(({ where }) => where))].join(', ')}:`),
    mend,
  ]);
  const count = (wanted: CheckState) => checks.filter(({ state }) => state === wanted).length;
  const states: readonly CheckState[] = ['ok', 'missing', 'failed', 'warning', 'skipped'];
  const counts = states.flatMap((state) => (count(state) === 0 ? [] : [`${count(state)} ${state}`]));
  return [...lines, ...mends, '', `${counts.join(', ')}.`].join('\n');
}
