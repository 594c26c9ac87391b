import type { Verdict } from './kills-round.ts';

/** Adds up what rounds came to. */
export interface Tally {
  /** Gives what is broken in the round, in sentences; undefined when nothing is. */
  add(verdict: Verdict): string | undefined;
  tried(): Record<string, number>;
  broken(): Record<string, number>;
  summary(): string;
}

/** A tally of no rounds. */
export function createTally(): Tally {
  const tried: Record<string, number> = {};
  const broken: Record<string, number> = {};
  const count = (counts: Record<string, number>, name: string, by = 1) => {
    counts[name] = (counts[name] ?? 0) + by;
  };
  return {
    add({ struck, missed, late, passes, writes, broken: breaches }) {
      count(tried, 'rounds');
      count(tried, 'passes', passes);
      count(tried, 'writes', writes);
      count(tried, 'kills', struck.length);
      count(tried, 'kills that came after the pass', missed);
      count(tried, 'writes of the dead that arrived late', late);
      for (const { death, phase } of struck) count(tried, `killed: ${death.victim}, ${phase}`);
      for (const [breach, said] of Object.entries(breaches)) count(broken, breach, said.length);
      const said = Object.entries(breaches).filter(([, list]) => list.length > 0);
      return said.length === 0 ? undefined : said.map(([breach, list]) => `${breach}: ${some(list)}`).join('\n');
    },
    tried: () => Object.fromEntries(Object.entries(tried).toSorted(([one], [other]) => one.localeCompare(other))),
    broken: () => ({ ...broken }),
    summary() {
      const breaches = Object.values(broken).reduce((sum, one) => sum + one, 0);
      return `${tried.kills ?? 0} kills, ${tried.writes ?? 0} writes, ${breaches} broken`;
    },
  };
}

function some(list: readonly string[]): string {
  const more = list.length - 5;
  return `${list.slice(0, 5).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
