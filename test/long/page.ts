import type { KeptOutcome } from './outcome.ts';
import { parts } from './parts.ts';

const begin = '<!-- figures: written by `npm run test:long` -->';
const end = '<!-- figures end -->';
const number = new Intl.NumberFormat('en').format;

/** The page with the figures of these outcomes between its marks. Throws where the marks are missing. */
export function withFigures(page: string, outcomes: Readonly<Record<string, KeptOutcome>>): string {
  const [before, rest] = page.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined) {
    throw new Error(`docs/reliability.md lacks the marks between which the figures go: ${begin} and ${end}`);
  }
  return `${before}${begin}\n${figures(outcomes)}\n${end}${after}`;
}

function figures(outcomes: Readonly<Record<string, KeptOutcome>>): string {
  const rows = parts.flatMap(({ name, what }) => {
    const outcome = outcomes[name];
    return outcome === undefined
      ? []
      : [`| ${name} | ${what} | ${counts(outcome.tried)} | ${counts(outcome.broken)} |`];
  });
  const runs = parts.flatMap(({ name }) => {
    const outcome = outcomes[name];
    if (outcome === undefined) return [];
    const { date, commit, seed, seconds, machine } = outcome;
    return [`| ${name} | ${date} | ${commit} | ${seed} | ${duration(seconds)} | ${machine} |`];
  });
  if (rows.length === 0) return 'No part has been run at full length yet.';
  return [
    '| part | what | tried | went wrong |\n|---|---|---|---|',
    ...rows,
    '',
    '| part | date | commit | seed | took | machine |\n|---|---|---|---|---|---|',
    ...runs,
  ].join('\n');
}

function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([what, count]) => `${what}: ${number(count)}`)
    .join('<br>');
}

/** Minutes and seconds, for people. */
export function duration(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
