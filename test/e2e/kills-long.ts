import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { LongOutcome } from '../long/outcome.ts';
import { numbers, roundsInGroup, roundsOf } from './kills-plan.ts';
import { openTheatre } from './kills-round.ts';
import { createTally } from './kills-tally.ts';
import { runTests } from './vitest-run.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, scale: { type: 'string', default: '1' }, group: { type: 'string' } },
});
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const first = Number(values.group ?? 0);
const groups = values.group === undefined ? Math.max(1, Math.round(20 * Number(values.scale))) : 1;
const tally = createTally();
const began = performance.now();
const tell = (line: string) => console.error(`kills: ${line}, ${Math.round((performance.now() - began) / 1000)} s`);

const ticker = setInterval(() => tell(tally.summary()), 10_000);
tell(`seed ${seed}, ${groups * roundsInGroup} rounds`);
const theatre = await openTheatre(numbers, tell);
try {
  for (let group = first; group < first + groups; group += 1) {
    await theatre.begin();
    for (const [index, round] of roundsOf(seed, group).entries()) {
      const complaint = tally.add(await theatre.play(round));
      tell(`group ${group}, round ${index + 1} of ${roundsInGroup}: ${tally.summary()}`);
      if (complaint === undefined) continue;
      console.error(`${complaint}\nround: ${JSON.stringify(round)}`);
      console.error(`replay: node test/e2e/kills-long.ts --seed ${seed} --group ${group}`);
    }
  }
} finally {
  clearInterval(ticker);
  await theatre.stop();
}
// The same at each step that a backfill takes: with all its steps and resources from half the scale on.
const isWhole = values.group === undefined && Number(values.scale) >= 0.5;
const backfill = await runTests(['test/e2e/backfill-kill.e2e.test.ts'], {
  name: 'kills: a backfill',
  env: { SKYMIRROR_LONG: isWhole ? '1' : '' },
});
const tried = { ...tally.tried(), 'tests of a backfill whose worker dies': backfill.tests };
const broken = { ...tally.broken(), 'failed or skipped': backfill.failed + backfill.skipped };
const outcome: LongOutcome = { part: 'kills', seed, tried, broken };
console.log(JSON.stringify(outcome));
process.exitCode = Object.values(outcome.broken).every((count) => count === 0) ? 0 : 1;
