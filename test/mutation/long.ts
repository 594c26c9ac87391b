import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import type { LongOutcome } from '../long/outcome.ts';
import { type Score, scoresOf } from './scores.ts';

const root = new URL('../../', import.meta.url);
const report = new URL('.skymirror/mutation/report.json', root);
const configuration = z.object({ mutate: z.array(z.string()), thresholds: z.object({ break: z.int() }) });

const { values } = parseArgs({
  options: { seed: { type: 'string' }, scale: { type: 'string', default: '1' } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const { mutate, thresholds } = configuration.parse(
  JSON.parse(await readFile(new URL('stryker.config.json', root), 'utf8')),
);
// All mutants of a module are tried, always: the seed only says which modules a small scale leaves.
const first = seed % mutate.length;
const modules = [...mutate.slice(first), ...mutate.slice(0, first)].slice(
  0,
  Math.ceil(mutate.length * Number(values.scale)),
);
console.error(`seed ${seed}: ${modules.join(', ')}`);

await rm(report, { force: true });
const stryker = spawn(
  process.execPath,
  ['node_modules/@stryker-mutator/core/bin/stryker.js', 'run', '--mutate', modules.join(',')],
  { cwd: root, stdio: ['ignore', process.stderr, 'inherit'] },
);
await once(stryker, 'close');
const text = await readFile(report, 'utf8').catch((cause) => {
  throw new Error('Stryker ended without a report, and has said above why', { cause });
});
const scores = scoresOf(JSON.parse(text), modules);
const weak = scores.filter(({ percent }) => percent < thresholds.break);
for (const { module, percent } of weak) {
  console.error(`seed ${seed}: ${module}: ${percent.toFixed(1)} % killed; again: npx stryker run --mutate ${module}`);
}
const sum = (count: (score: Score) => number) => scores.reduce((total, score) => total + count(score), 0);
const outcome: LongOutcome = {
  part: 'mutation',
  seed,
  tried: {
    modules: scores.length,
    mutants: sum(({ mutants }) => mutants),
    killed: sum(({ killed }) => killed),
    survived: sum(({ mutants, killed }) => mutants - killed),
  },
  broken: { [`modules below ${thresholds.break} %`]: weak.length },
};
console.log(JSON.stringify(outcome));
process.exitCode = weak.length === 0 ? 0 : 1;
