import { inspect } from 'node:util';

/** All that a log may show of an error: message, stack, fields, and the same of its causes. */
export function spelt(error: unknown): string {
  try {
    return inspect(error, { depth: 8, maxArrayLength: 1_000, maxStringLength: 100_000, breakLength: Infinity });
  } catch {
    return String(error);
  }
}
