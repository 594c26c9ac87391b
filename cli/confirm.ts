import { createInterface } from 'node:readline';
import type { Surroundings } from './surroundings.ts';

/** What is asked: `facts` first, where there are some; `text` is to be typed to do `what`. */
export interface Question {
  readonly facts?: string;
  readonly text: string;
  readonly what: string;
}

/**
 * Whether the person at the terminal types exactly that text; anything else, and the end of the input, is a no. Throws
 * where nobody can be asked, and the reason of the signal on Ctrl-C.
 */
export async function confirmed(
  { facts, text, what }: Question,
  { interactive, signal }: Pick<Surroundings, 'interactive' | 'signal'>,
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stderr,
): Promise<boolean> {
  const question = `${facts === undefined ? '' : `${facts} `}Type ${text} to ${what}`;
  if (!interactive) throw new Error(`nobody is at a terminal to be asked "${question}": add --yes to go on without`);
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  // Not as a terminal of readline's own, which would take Ctrl-C for itself.
  const lines = createInterface({ input, terminal: false });
  lines.once('line', resolve);
  lines.once('close', () => resolve(''));
  output.write(`${question}: `);
  try {
    return (await promise).trim() === text;
  } finally {
    signal.removeEventListener('abort', abort);
    lines.close();
  }
}
