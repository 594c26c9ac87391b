import type { KeptOutcome } from './outcome.ts';
import { type Part, parts } from './parts.ts';

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
  const run = parts.flatMap((part) => {
    const outcome = outcomes[part.name];
    return outcome === undefined ? [] : [{ part, outcome }];
  });
  if (run.length === 0) return 'No part has been run at full length yet.';
  const rows = run.map(({ part: { name, what, foremost }, outcome: { tried, broken, seconds } }) => {
    const shown = foremost === undefined ? tried : Object.fromEntries(foremost.map((key) => [key, tried[key] ?? 0]));
    return `| [${name}](#${name}) | ${what} | ${inLines(shown)} | ${wrong(broken)} | ${duration(seconds)} |`;
  });
  const summary = ['| part | what it tries | tried | went wrong | took |', '|---|---|---|---|---|', ...rows].join('\n');
  return [summary, ...run.map(section)].join('\n\n');
}

function section({ part: { name }, outcome }: { readonly part: Part; readonly outcome: KeptOutcome }): string {
  const { tried, broken, date, commit, seed, machine } = outcome;
  return [
    `### ${name}`,
    '',
    `On ${date}, at the commit ${commit}, with the seed ${seed}, on ${machine}.`,
    '',
    ...grouped(tried).map(([group, of]) => `- ${group}: ${inOneLine(of)}`),
    `- has to be 0: ${inOneLine(broken)}`,
  ].join('\n');
}

/** By what stands before the colon of their names. */
function grouped(of: Readonly<Record<string, number>>): [string, Record<string, number>][] {
  const groups: Record<string, Record<string, number>> = { tried: {} };
  for (const [name, count] of Object.entries(of)) {
    const [, group = 'tried', what = name] = /^([^:]+): (.+)$/.exec(name) ?? [];
    groups[group] = { ...groups[group], [what]: count };
  }
  return Object.entries(groups).filter(([, counts]) => Object.keys(counts).length > 0);
}

function wrong(broken: Readonly<Record<string, number>>): string {
  const bad = Object.entries(broken).filter(([, count]) => count > 0);
  return bad.length === 0 ? '0' : inLines(Object.fromEntries(bad));
}

function inLines(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([what, count]) => `${what}: ${number(count)}`)
    .join('<br>');
}

function inOneLine(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .map(([what, count]) => `${what} (${number(count)})`)
    .join(', ');
}

/** Minutes and seconds, for people. */
export function duration(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
