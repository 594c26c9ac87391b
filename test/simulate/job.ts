import { parentPort, workerData } from 'node:worker_threads';
import * as z from 'zod';
import { engine } from './engine.ts';
import { tally } from './tally.ts';
import { type Failure, trial } from './trial.ts';

/** Which chunks of a whole this thread plays, each under a seed of its own. */
const work = z.object({ seeds: z.array(z.int()), runs: z.int() });

/** What a thread tells after each chunk. */
export interface Told {
  readonly counts: readonly (readonly [string, number])[];
  readonly failure: Failure | undefined;
}

const { seeds, runs } = work.parse(workerData);
for (const seed of seeds) {
  const counts = tally();
  const failure = await trial(engine, { seed, runs }, counts);
  const told: Told = { counts: [...counts.counts], failure };
  parentPort?.postMessage(told);
  if (failure !== undefined) break;
}
