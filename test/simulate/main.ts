import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { LongOutcome } from '../long/outcome.ts';
import { engine } from './engine.ts';
import type { Told } from './job.ts';
import { missing, type Tally, tally } from './tally.ts';
import { type Failure, trial } from './trial.ts';

const help = `npm run test:simulate: plays random histories of the outside, the clusters and the functions against the laws.

  --runs N    schedules to play (10000, times the scale)
  --seed N    what they are made from; the same seed plays the same schedules (drawn, and printed)
  --path P    plays only the schedule that this path leads to, and tells its whole history
  --jobs N    threads (as many as there are cores)
  --scale X   a factor on the number of schedules (1)
  --help      this text

The last line on stdout is the outcome as JSON. The exit code is 1 where a law was broken, or where too little happened.

Examples:
  npm run test:simulate
  npm run test:simulate -- --runs 100000 --jobs 4
  npm run test:simulate -- --seed 12345 --path 17:0:3`;

/** The laws that a history can break. That nothing is written outside is shown by the roles and by test/laws. */
const judged = [1, 2, 3, 4, 5, 6, 8];

/** Schedules under one seed: few enough that progress is seen, enough that starting over costs little. */
const chunk = 50;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string' },
      seed: { type: 'string' },
      path: { type: 'string' },
      jobs: { type: 'string' },
      scale: { type: 'string', default: '1' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return console.log(help);
  const seed = values.seed === undefined ? randomInt(2 ** 31) : whole('seed', values.seed);
  const scale = Number(values.scale);
  if (!(scale > 0)) throw new Error(`--scale ${values.scale}: give a number above 0`);
  const runs = Math.max(1, Math.round(whole('runs', values.runs ?? '10000') * scale));
  if (values.path !== undefined) return replay(seed, values.path);
  console.error(`seed ${seed}, ${runs} schedules`);
  const { counts, failures } = await playAll({
    seed,
    runs,
    jobs: whole('jobs', values.jobs ?? String(availableParallelism())),
  });
  for (const { text } of failures) console.error(`\n${text}\n`);
  const rare = missing(counts.counts);
  if (rare.length > 0) console.error(`too little happened for these laws to mean much: ${rare.join(', ')}`);
  const broken = Object.fromEntries(
    judged.map((law) => [`law ${law}`, failures.filter((one) => one.law === law).length]),
  );
  const others = failures.filter(({ law }) => law === 0).length;
  const outcome: LongOutcome = {
    part: 'simulator',
    seed,
    tried: Object.fromEntries([...counts.counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    broken: { ...broken, 'other failures': others, 'too rare': rare.length },
  };
  console.log(JSON.stringify(outcome));
  process.exitCode = failures.length + rare.length === 0 ? 0 : 1;
}

function whole(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`--${option} ${text}: give a whole number`);
}

async function replay(seed: number, path: string): Promise<void> {
  const failure = await trial(engine, { seed, runs: 1, path }, tally());
  console.log(failure?.text ?? `seed ${seed}, path ${path}: no law is broken`);
  process.exitCode = failure === undefined ? 0 : 1;
}

/** The schedules in chunks, each under a seed that follows from the one given, spread over threads. */
async function playAll({ seed, runs, jobs }: { readonly seed: number; readonly runs: number; readonly jobs: number }) {
  const seeds = Array.from({ length: Math.ceil(runs / chunk) }, (_, index) => (seed + index * 7_919) % 2 ** 31);
  const counts = tally();
  const failures: Failure[] = [];
  const began = performance.now();
  await Promise.all(
    Array.from({ length: Math.min(jobs, seeds.length) }, async (_, job) => {
      const own = seeds.filter((_, index) => index % jobs === job);
      const worker = new Worker(new URL('job.ts', import.meta.url), {
        workerData: { seeds: own, runs: Math.min(runs, chunk) },
      });
      worker.on('message', (told: Told) => {
        for (const [what, times] of told.counts) counts.met(what, times);
        if (told.failure !== undefined) failures.push(told.failure);
        say(counts, { runs, seconds: (performance.now() - began) / 1000, broken: failures.length });
      });
      await once(worker, 'exit');
    }),
  );
  if (process.stderr.isTTY) process.stderr.write('\n');
  return { counts, failures };
}

function say(
  { counts }: Tally,
  at: { readonly runs: number; readonly seconds: number; readonly broken: number },
): void {
  const of = (what: string) => counts.get(what) ?? 0;
  const sum = (stem: string) =>
    [...counts].reduce((all, [what, times]) => all + (what.startsWith(stem) ? times : 0), 0);
  const speed = (of('schedules') / at.seconds).toFixed(0);
  const met = `${sum('fault: ')} faults, ${of('crashes')} crashes, ${of('overlaps')} overlaps, ${of('deleted')} deletes`;
  const line = `${of('schedules')}/${at.runs} schedules, ${speed}/s, ${met}, ${at.broken} broken`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[2K${line}` : `${line}\n`);
}

await main();
