import { InvalidArgumentError } from 'commander';

/** As given, commas and all: names of X.509 users hold them. */
export function repeated(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** What is given more than once or with commas. Throws where nothing is: an unset variable of a shell is no "all". */
export function collected(value: string, before: readonly string[] | undefined): string[] {
  const given = value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  if (given.length > 0) return [...(before ?? []), ...given];
  throw new InvalidArgumentError('It is empty: give a value, or leave the option out.');
}

/** A pattern for names; no name is empty. */
export function pattern(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It is empty: give a value, or leave the option out.');
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
/** A day. Node's timers end at 24.8 days, and beyond that they do not wait at all. */
const longest = 86_400;

/** Seconds of a text such as `90s` or `5m`. */
export function duration(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  const seconds = Number(count) * (unitSeconds[unit ?? ''] ?? Number.NaN);
  if (seconds >= 1 && seconds <= longest) return seconds;
  throw new InvalidArgumentError('Give a number with a unit, such as 30s, 5m or 1h, and at most 24h.');
}

/** Two names: `old=new`. */
export function pair(text: string): { readonly from: string; readonly to: string } {
  const [from = '', to = '', ...more] = text.split('=');
  if (from !== '' && to !== '' && from !== to && more.length === 0) return { from, to };
  throw new InvalidArgumentError('Give it as old=new.');
}
