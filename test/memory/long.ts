import { parseArgs } from 'node:util';
import type { LongOutcome } from '../long/outcome.ts';
import { firstDifference, startReal } from './real-server.ts';
import type { Played } from './two-servers.ts';

const help = `node test/memory/long.ts: random sequences of requests to the API server in memory and to a real one.

  --seed N    of the sequences; left out, one is drawn and printed
  --scale X   1 is 5,000 sequences (1)
  --path P    only the sequence that a run with this seed ended with, shrunk`;

const lanes = 4;
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    scale: { type: 'string', default: '1' },
    path: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help) console.log(help);
else await main(Number(values.seed ?? Math.floor(Math.random() * 2 ** 31)), Number(values.scale), values.path);

async function main(seed: number, scale: number, path: string | undefined): Promise<void> {
  const sequences = Math.max(1, Math.round(5_000 * scale));
  let requests = 0;
  let done = 0;
  const answers = new Map<number, number>();
  let told = performance.now();
  const played = ({ said }: Played) => {
    done += 1;
    requests += said.length;
    for (const { answer } of said) answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1);
    if (performance.now() - told < 5_000) return;
    told = performance.now();
    process.stderr.write(
      `${process.stderr.isTTY ? '\r' : ''}${done} of ${sequences} sequences, ${requests} requests${process.stderr.isTTY ? '' : '\n'}`,
    );
  };
  console.error(`model: seed ${seed}, ${sequences} sequences`);
  const real = await startReal();
  try {
    const only = path === undefined ? { inFlight: lanes } : { inFlight: 1, path };
    const found = await firstDifference({ seed, sequences, played, ...only }, real.send);
    if (found !== undefined) console.error(`\n${found}`);
    const byCode = [...answers].toSorted(([a], [b]) => a - b).map(([code, count]) => [`answers: ${code}`, count]);
    const outcome: LongOutcome = {
      part: 'model',
      seed,
      tried: { sequences: done, requests, ...Object.fromEntries(byCode) },
      broken: { differences: found === undefined ? 0 : 1 },
    };
    console.log(JSON.stringify(outcome));
    process.exitCode = found === undefined ? 0 : 1;
  } finally {
    await real.kubernetes.stop();
  }
}
