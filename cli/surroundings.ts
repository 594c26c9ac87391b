import { styleText } from 'node:util';

/** What a command has around it: where it writes, whether anybody watches, and the signal of Ctrl-C. */
export interface Surroundings {
  /** Results, on stdout. */
  print(text: string): void;
  /** What is said beside the results, on stderr. */
  error(text: string): void;
  /** Colours for stdout; plain where it is no terminal or NO_COLOR is set. */
  paint(style: Style, text: string): string;
  /** Both ends are a terminal, so that questions make sense. */
  readonly interactive: boolean;
  /** Aborted by the first Ctrl-C or SIGTERM: what is under way ends cleanly. The second ends the process at once. */
  readonly signal: AbortSignal;
  end(): void;
}

/** The few styles in use. */
export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

const signals = ['SIGINT', 'SIGTERM'] as const;

/** The surroundings of this process. */
export function surroundings(): Surroundings {
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(130);
    process.stderr.write('\nskymirror: ending what is under way; once more ends at once\n');
    stop.abort(new Error('interrupted'));
  };
  for (const name of signals) process.on(name, onSignal);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (head, a pager) ends what is under way, as Ctrl-C does.
    if (error.code === 'EPIPE') return stop.abort(new Error('interrupted'));
    process.stderr.write(`skymirror: the output cannot be written: ${error.message}\n`);
    process.exit(1);
  });
  // The work and its exit code do not depend on whether somebody reads what is said beside.
  process.stderr.on('error', () => {});
  return {
    print: (text) => process.stdout.write(`${harmless(text)}\n`),
    error: (text) => process.stderr.write(`${harmless(text)}\n`),
    paint: (style, text) => styleText(style, text, { stream: process.stdout }),
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    signal: stop.signal,
    end() {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}

/** Begin and end of the styles of `paint`, as a terminal takes them: another one could hide text. */
const ownStyle = /^\[(?:1|2|22|3[1236]|39)m/;

/**
 * Without characters that steer a terminal, but our own colours: a proxy or a cluster may answer with anything. Those
 * that turn the direction of what follows ("Trojan Source", CVE-2021-42574) are shown as escapes, which JSON reads back.
 */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character, at: number) => {
    if (character > '\u2000') return `\\u${character.charCodeAt(0).toString(16)}`;
    const isColour = character === '\u001b' && ownStyle.test(text.slice(at + 1, at + 6));
    return isColour || character === '\n' || character === '\t' ? character : '';
  });
}
