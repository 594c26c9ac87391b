import { createInterface } from 'node:readline';
import type { Surroundings } from './surroundings.ts';

/**
 * Whether the person at the terminal types exactly that text; anything else, and the end of the input, is a no. Throws
 * where nobody can be asked, and the reason of the signal on Ctrl-C.
 */
export async function confirmed(
  question: string,
  expected: string,
  { interactive, signal }: Pick<Surroundings, 'interactive' | 'signal'>,
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stderr,
): Promise<boolean> {
  if (!interactive) throw new Error(`nobody is at a terminal to be asked "${question}": add --yes to go on without`);
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  // Not as a terminal of readline's own, which would take Ctrl-C for itself.
  const lines = createInterface({ input, terminal: false });
  lines.once('line', resolve);
  lines.once('close', () => resolve(''));
  output.write(`${question} Type ${expected} to confirm: `);
  try {
    return (await promise).trim() === expected;
  } finally {
    signal.removeEventListener('abort', abort);
    lines.close();
  }
}
