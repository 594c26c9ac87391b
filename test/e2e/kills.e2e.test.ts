import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Death, type Round, roundsOf } from './kills-plan.ts';
import { openTheatre, type Theatre } from './kills-round.ts';

/** A seed whose first six rounds kill each victim in a round of its own, before most of it, and leave two writes under way. */
const rounds = roundsOf(28501, 0).slice(0, 6);
const nothing = { lost: [], wrong: [], stale: [], extra: [], superfluous: [], unfinished: [] };

let theatre: Theatre;
const killed = new Set<Death['victim']>();
let late = 0;

beforeAll(async () => {
  theatre = await openTheatre(120, () => {});
  await theatre.begin();
});
afterAll(() => theatre?.stop());

function titleOf({ runner, deaths, serverDeath }: Round): string {
  const all = serverDeath === undefined ? deaths : [...deaths, serverDeath];
  const said = all.map(({ victim, moment, share }) => `${victim} ${moment} a request at ${Math.round(share * 100)} %`);
  return `a pass by ${runner}, kill -9 of ${said.join(', of ')}`;
}

describe('after kills in the middle of it one pass reaches exactly the truth, and writes nothing that was true', () => {
  for (const [index, round] of rounds.entries()) {
    test(`${index + 1}: ${titleOf(round)}`, async () => {
      const verdict = await theatre.play(round);
      expect(verdict.broken).toEqual(nothing);
      for (const { death } of verdict.struck) killed.add(death.victim);
      late += verdict.late;
    });
  }

  test('the rounds have killed every kind of victim, and let writes of the dead arrive late', () => {
    expect([...killed].toSorted()).toEqual(['both servers', 'etcd', 'event', 'kube-apiserver', 'sync', 'worker']);
    expect(late).toBeGreaterThan(0);
  });
});
