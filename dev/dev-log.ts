import { styleText } from 'node:util';
import { z } from 'zod';
import type { Invoked } from './lambda-process.ts';

const line = z.object({ level: z.string(), message: z.string() });
const colours = { ERROR: 'red', WARN: 'yellow', INFO: 'green' } as const;

/**
 * What a person reads of an invocation: each line of its log as function, level and message, and at the end how long it
 * took. Metrics are left out. With `colour` for terminals.
 */
export function readableLines(
  name: string,
  { logs, report }: Pick<Invoked, 'logs' | 'report'>,
  colour: boolean,
): string[] {
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const short = name.split('-').at(-1) ?? name;
  const start = paint('cyan', short.padEnd(9));
  const own = logs.filter((text) => !/^(START|END|REPORT) RequestId: /.test(text) && !text.startsWith('{"_aws":'));
  const lines = own.map((text) => {
    const parsed = line.safeParse(asJson(text)).data;
    if (parsed === undefined) return `${start} ${''.padEnd(5)} ${text}`;
    const { level, message } = parsed;
    const style = level === 'ERROR' || level === 'WARN' || level === 'INFO' ? colours[level] : 'dim';
    return `${start} ${paint(style, level.padEnd(5))} ${message}`;
  });
  const { end, milliseconds, init, peak } = report;
  const facts = [
    end,
    `${Math.round(milliseconds)} ms`,
    ...(init === undefined ? [] : [`cold start ${Math.round(init)} ms`]),
    ...(peak === undefined ? [] : [`${Math.ceil(peak)} MB`]),
  ];
  return [...lines, `${start} ${paint('dim', `      ${facts.join(', ')}`)}`];
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
