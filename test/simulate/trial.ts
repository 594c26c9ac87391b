import fc from 'fast-check';
import type { WholeEngine } from './engine.ts';
import { play } from './play.ts';
import { laws } from './property.ts';
import type { Schedule } from './schedule.ts';
import { type Tally, tally } from './tally.ts';
import { Violation } from './violation.ts';

/** A schedule under which a law did not hold, shrunk, and what replays it. */
export interface Failure {
  readonly seed: number;
  readonly path: string;
  readonly law: number;
  readonly text: string;
}

/** Which schedules are tried. With a path it is the one schedule that the path leads to. */
export interface Trial {
  readonly seed: number;
  readonly runs: number;
  readonly path?: string | undefined;
}

/** Tries schedules, counts what happened in them, and shrinks the first that breaks a law. */
export async function trial(
  engine: WholeEngine,
  { seed, runs, path }: Trial,
  counts: Tally,
): Promise<Failure | undefined> {
  const chosen = path === undefined ? { numRuns: runs } : { path, numRuns: 1, endOnFailure: true };
  const found = await fc.check(laws(engine, counts), { seed, ...chosen });
  if (!found.failed) return undefined;
  const [schedule] = found.counterexample ?? [];
  const error = found.errorInstance;
  if (schedule === undefined) throw new Error(`seed ${seed}: no schedule could be made`, { cause: error });
  const law = error instanceof Violation ? error.law : 0;
  const where = { seed, path: found.counterexamplePath ?? '' };
  return { ...where, law, text: await textOf(engine, schedule, { ...where, error }) };
}

/** The whole history of a schedule in words: what happened, when, to whom, and which law it broke. */
async function textOf(
  engine: WholeEngine,
  schedule: Schedule,
  { seed, path, error }: { readonly seed: number; readonly path: string; readonly error: unknown },
): Promise<string> {
  const lines: string[] = [];
  const onLog = (log: readonly string[]) => lines.push(...log);
  await play(engine, schedule, { tally: tally(), onLog }).catch(() => undefined);
  const said =
    error instanceof Violation
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  return [
    `the world: ${JSON.stringify(schedule.world)}`,
    ...lines,
    '',
    said,
    '',
    `To see it again: npm run test:simulate -- --seed ${seed} --path ${path}`,
  ].join('\n');
}
