import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
/** Python is there for moto, and has a pseudo terminal in its library. */
const inTerminal = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

/** Somebody at a terminal: waits for what the command says there, types, and presses Ctrl-C. */
export interface Person {
  /** Ends when the text has been shown. */
  sees(text: string): Promise<void>;
  types(line: string): void;
  interrupts(): void;
  /** The exit code, and all that was shown. */
  readonly end: Promise<{ readonly code: number | null; readonly shown: string }>;
}

/** Runs the command line as a process of its own, in a terminal. */
export function atTerminal(args: readonly string[], cwd: string): Person {
  const child = spawn('python3', ['-c', inTerminal, process.execPath, main, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  const waiting = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    for (const look of waiting) look();
  });
  const ended = Promise.withResolvers<{ code: number | null; shown: string }>();
  child.on('error', ended.reject).on('close', (code) => ended.resolve({ code, shown }));
  return {
    async sees(text) {
      const seen = Promise.withResolvers<void>();
      const look = () => shown.includes(text) && seen.resolve();
      waiting.add(look);
      look();
      const late = ended.promise.then(() => {
        throw new Error(`the command ended without "${text}": ${shown}`);
      });
      await Promise.race([seen.promise, late]);
      late.catch(() => {});
      waiting.delete(look);
    },
    types: (line) => child.stdin.write(`${line}\n`),
    interrupts: () => child.stdin.write('\u0003'),
    end: ended.promise,
  };
}
