import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { text } from 'node:stream/consumers';
import { parseArgs, promisify } from 'node:util';
import { brokenIn, type KeptOutcome, keptOutcomes, outcomeIn } from './outcome.ts';
import { duration, withFigures } from './page.ts';
import { type Part, parts } from './parts.ts';

const help = `npm run test:long: the long forms of the tests, one after the other, with a table at the end.

  --only NAME,...   these parts (${parts.map(({ name }) => name).join(', ')})
  --scale X         how much of each: 1 is what docs/reliability.md tells, 0.01 is a try (1)
  --seed N          the seed of every part; left out, each draws one and prints it
  --help            this text

At scale 1 or more the outcome of each part is kept in docs/reliability.json, and docs/reliability.md is written from it.
The exit code is 1 where anything was lost, wrong, stale or otherwise broken, or where a part did not end well.

Examples:
  npm run test:long
  npm run test:long -- --only simulator,fuzzing --scale 0.05
  npm run test:long -- --only kills --seed 12345`;

const root = new URL('../../', import.meta.url);
const kept = new URL('docs/reliability.json', root);
const page = new URL('docs/reliability.md', root);

/** A part that ended, or why it did not. */
type Ended = { readonly name: string; readonly seconds: number } & (
  | { readonly outcome: KeptOutcome }
  | { readonly problem: string }
);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      scale: { type: 'string', default: '1' },
      seed: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return console.log(help);
  const scale = Number(values.scale);
  if (!(scale > 0)) throw new Error(`--scale ${values.scale}: give a number above 0`);
  const wanted = chosen(values.only);
  const options = ['--scale', String(scale), ...(values.seed === undefined ? [] : ['--seed', values.seed])];
  const ended: Ended[] = [];
  for (const part of wanted) {
    const one = await run(part, options);
    ended.push(one);
    if ('outcome' in one && scale >= 1) await keep(one.outcome, part);
  }
  console.log(`\n${ended.map(line).join('\n')}`);
  const good = ended.every((one) => 'outcome' in one && brokenIn(one.outcome).length === 0);
  process.exitCode = good ? 0 : 1;
}

function chosen(only: string | undefined): readonly Part[] {
  if (only === undefined) return parts;
  const names = only.split(',');
  const unknown = names.find((name) => !parts.some((part) => part.name === name));
  if (unknown === undefined) return parts.filter(({ name }) => names.includes(name));
  throw new Error(`--only ${unknown}: there are ${parts.map(({ name }) => name).join(', ')}`);
}

async function run({ name, program, what }: Part, options: readonly string[]): Promise<Ended> {
  console.error(`\n== ${name}: ${what}`);
  const began = performance.now();
  const child = spawn(process.execPath, [program, ...options], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const [said, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const seconds = Math.round((performance.now() - began) / 1000);
  try {
    const outcome = { ...outcomeIn(said), seconds, ...(await circumstances()) };
    if (code === (brokenIn(outcome).length === 0 ? 0 : 1)) return { name, seconds, outcome };
    return { name, seconds, problem: `${program} ended with ${code ?? signal}, which its outcome does not explain` };
  } catch (cause) {
    return { name, seconds, problem: `${program} ended with ${code ?? signal} and without an outcome: ${cause}` };
  }
}

async function circumstances() {
  const git = async (...words: string[]) => (await promisify(execFile)('git', words, { cwd: root })).stdout.trim();
  const changed = await git('status', '--porcelain', '--', '.', ':!docs/reliability.*');
  const model = cpus()[0]?.model.replace(/\s+/g, ' ').trim() ?? 'unknown';
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: `${await git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : '+'}`,
    machine: `${availableParallelism()} cores, ${model}, Node ${process.versions.node}`,
  };
}

async function keep(outcome: KeptOutcome, { name }: Part): Promise<void> {
  const all = keptOutcomes.parse(JSON.parse(await readFile(kept, 'utf8')));
  const next = { ...all, [name]: outcome };
  await writeFile(kept, `${JSON.stringify(next, undefined, 2)}\n`);
  await writeFile(page, withFigures(await readFile(page, 'utf8'), next));
}

function line(ended: Ended): string {
  const head = `${ended.name.padEnd(10)} ${duration(ended.seconds).padStart(12)}  `;
  if ('problem' in ended) return `${head}DID NOT END WELL: ${ended.problem}`;
  const { tried, seed } = ended.outcome;
  const broken = brokenIn(ended.outcome);
  const words = Object.entries(tried).map(([what, count]) => `${what} ${count}`);
  return `${head}${broken.length === 0 ? 'held' : `BROKEN: ${broken.join(', ')}`}  (seed ${seed}; ${words.join(', ')})`;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
