import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

/** What a run of the command line came to. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a run may be given. */
export interface CliOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Called with each piece of output, and with what ends the process. */
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs the command line as a process of its own, without a terminal. */
export function runCli(args: readonly string[], { env = {}, cwd, onOutput }: CliOptions = {}): Promise<CliResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CliResult>();
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
      onOutput?.(text, (signal) => child.kill(signal));
    });
  }
  child.on('error', reject).on('close', (code) => resolve({ code, ...output }));
  return promise;
}

/** A folder with a skymirror.yaml of this content; `remove` takes it away again. */
export async function configFolder(configuration: object) {
  const folder = await mkdtemp(join(tmpdir(), 'skymirror-cli-'));
  const file = join(folder, 'skymirror.yaml');
  const write = (content: object) => writeFile(file, stringify(content));
  await write(configuration);
  return { folder, file, write, remove: () => rm(folder, { recursive: true, force: true }) };
}
