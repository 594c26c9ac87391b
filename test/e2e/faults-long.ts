import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { LongOutcome } from '../long/outcome.ts';
import { type PlannedRound, roundsOf } from './faults-plan.ts';
import { createPlayer } from './faults-play.ts';
import type { Round } from './faults-round.ts';
import { createFaultsWorld, startStage } from './faults-world.ts';

const help = `Random faults between skymirror and two real API servers, and between it and AWS (emulated), round after round.

  --seed N    the rounds; left out, one is drawn and printed
  --scale X   200 rounds at 1, the default
  --round N   only this one of the seed's rounds
`;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    scale: { type: 'string', default: '1' },
    round: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help === true) {
  process.stdout.write(help);
  process.exit();
}
const seed = Number(values.seed ?? randomInt(2 ** 31));
const only = values.round === undefined ? undefined : Number(values.round);
const rounds = roundsOf(seed, Math.max(only ?? 0, Math.ceil(200 * Number(values.scale))));
const broken: Record<string, number> = {};
const began = performance.now();
say(`faults on real parts: ${only === undefined ? `${rounds.length} rounds` : `round ${only}`} of seed ${seed}`);

const stage = await startStage();
const world = await createFaultsWorld(stage);
const player = await createPlayer(stage, world);
await player.begin(200);
let told = 0;
for (const [index, round] of rounds.entries()) {
  if (only !== undefined && index + 1 !== only) continue;
  judge(index + 1, round, await player.play(round));
  const now = performance.now();
  if (now - told < 5_000) continue;
  told = now;
  const wrong = Object.values(broken).reduce((sum, times) => sum + times, 0);
  say(`  ${index + 1} of ${rounds.length} rounds, ${wrong} broken, ${Math.round((now - began) / 1000)} s`);
}
await world.close();
await stage.stop();
const tried = Object.fromEntries(Object.entries(player.tried).toSorted());
const outcome: LongOutcome = { part: 'faults on real parts', seed, tried, broken };
process.stdout.write(`${JSON.stringify(outcome)}\n`);
process.exitCode = Object.values(broken).some((times) => times > 0) ? 1 : 0;

function judge(number: number, plan: PlannedRound, { verdict, clean }: Round): void {
  const problems = Object.entries({ ...verdict, 'passes without faults that failed': clean.ok ? [] : [clean] });
  for (const [what, found] of problems) broken[what] = (broken[what] ?? 0) + found.length;
  if (problems.every(([, found]) => found.length === 0)) return;
  say(`round ${number} of seed ${seed}: ${JSON.stringify(Object.fromEntries(problems), undefined, 2)}`);
  say(`its plan: ${JSON.stringify(plan)}`);
  say(`play it again: node test/e2e/faults-long.ts --seed ${seed} --round ${number}`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
