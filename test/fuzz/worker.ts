import { parentPort } from 'node:worker_threads';
import * as z from 'zod';
import type { Failure } from './border.ts';
import { borderNamed } from './borders.ts';
import { spelt } from './spelt.ts';

const job = z.object({
  border: z.string(),
  seed: z.int(),
  runs: z.int(),
  path: z.string().optional(),
  /** Where it is told how many inputs were begun, and how often any: the only memory that is shared. */
  progress: z.custom<Int32Array>((value) => value instanceof Int32Array),
});

/** Some inputs of one border for one thread. */
export type Job = z.infer<typeof job>;

/** What became of them. */
export interface JobResult {
  readonly tried: number;
  readonly failure?: Failure;
}

// One after the other: what a border does to the process is seen by no other input.
parentPort?.on('message', async (message: unknown) => {
  const { border, seed, runs, path, progress } = job.parse(message);
  const begins = (begun: number) => {
    Atomics.store(progress, 0, begun);
    Atomics.add(progress, 1, 1);
  };
  const fuzzing = { seed, runs, begins, ...(path === undefined ? {} : { path }) };
  const result: JobResult = await borderNamed(border)
    .fuzz(fuzzing)
    .catch((error: unknown) => ({ tried: 0, failure: { kind: 'crashes', what: spelt(error), input: '', path: '' } }));
  parentPort?.postMessage(result);
});
