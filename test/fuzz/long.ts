/**
 * The long form of fuzzing, by fast-check alone. jazzer.js, which is guided by coverage, was tried: its addon needs glibc
 * 2.38 and there is no other build of it. What guides here instead is the form of the inputs: corpora of real answers,
 * damaged where they mean something.
 */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { LongOutcome } from '../long/outcome.ts';
import { kinds } from './attempt.ts';
import { borderNamed, borders } from './borders.ts';
import { carryOut, type Done, type Order } from './crew.ts';
import { replayCommand } from './replay.ts';

/** Inputs of each border at scale 1. */
const inputs = 100_000;
/** Inputs of one order: few enough that the threads end together. */
const most = 2_500;
/** Milliseconds between two lines of progress. */
const tellEvery = 5_000;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    scale: { type: 'string', default: '1' },
    /** Only this border. */
    border: { type: 'string' },
    /** Of the seed of a border, the input that fast-check calls so. */
    path: { type: 'string' },
    threads: { type: 'string', default: String(availableParallelism()) },
  },
});
const [seed, scale, threads] = [Number(values.seed), Number(values.scale), Number(values.threads)];
const chosen = values.border === undefined ? borders : [borderNamed(values.border)];
process.stderr.write(`fuzzing, seed ${seed}\n`);

const orders: Order[] = chosen.flatMap(({ name, share }): Order[] => {
  if (values.path !== undefined) return [{ border: name, seed, runs: most, path: values.path }];
  const count = Math.max(1, Math.round((inputs * share * scale) / most));
  const runs = Math.min(most, Math.max(1, Math.round(inputs * share * scale)));
  return Array.from({ length: count }, (_, index) => ({ border: name, seed: seed + index, runs }));
});
const total = orders.reduce((sum, { runs }) => sum + runs, 0);
const tried = new Map<string, number>(chosen.map(({ name }) => [name, 0]));
const broken = new Map<string, number>(kinds.map((kind) => [kind, 0]));

function done({ order, tried: count, failure }: Done): void {
  tried.set(order.border, (tried.get(order.border) ?? 0) + count);
  if (failure === undefined) return;
  broken.set(failure.kind, (broken.get(failure.kind) ?? 0) + 1);
  const { kind, what, input, path } = failure;
  const replay = replayCommand(order.border, order.seed, path);
  process.stderr.write(`\n${order.border}: ${kind}: ${what}\ninput: ${input}\nreplay: ${replay}\n`);
}

let begun = 0;
const tell = () => {
  const line = `fuzzing: ${begun} of ${total} inputs`;
  process.stderr.write(process.stderr.isTTY ? `\r${line}` : `${line}\n`);
};
const telling = setInterval(tell, tellEvery);
await carryOut(orders, threads, {
  begun: (more) => {
    begun += more;
  },
  done,
});
clearInterval(telling);
tell();

const outcome: LongOutcome = {
  part: 'fuzzing',
  seed,
  tried: Object.fromEntries(tried),
  broken: Object.fromEntries(broken),
};
process.stdout.write(`${process.stderr.isTTY ? '\n' : ''}${JSON.stringify(outcome)}\n`);
process.exitCode = [...broken.values()].some((count) => count > 0) ? 1 : 0;
