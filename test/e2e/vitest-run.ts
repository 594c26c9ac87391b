import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';

const results = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  testResults: z.array(z.object({ status: z.string() })),
});

/** What a run of test files came to. */
export interface TestRun {
  /** Passed and failed. */
  readonly tests: number;
  /** A file that cannot even be loaded counts as one. */
  readonly failed: number;
  readonly skipped: number;
}

/** Runs test files by a vitest of their own, which writes what it has to say to stderr; every ten seconds it says so. */
export async function runTests(
  files: readonly string[],
  { name, args = [], env = {} }: { name: string; args?: readonly string[]; env?: NodeJS.ProcessEnv },
): Promise<TestRun> {
  const folder = await mkdtemp(join(tmpdir(), 'skymirror-tests-'));
  const began = performance.now();
  const tell = () => console.error(`${name}: ${Math.round((performance.now() - began) / 1000)} s`);
  const ticker = setInterval(tell, 10_000);
  try {
    const output = join(folder, 'results.json');
    const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${output}`];
    const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
    const all = [vitest, 'run', ...files, '--coverage.enabled=false', ...reporters, ...args];
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    const child = spawn(process.execPath, all, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.pipe(process.stderr, { end: false });
    await once(child, 'close');
    const { testResults, ...counts } = results.parse(JSON.parse(await readFile(output, 'utf8')));
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = counts;
    const failedFiles = testResults.filter(({ status }) => status === 'failed').length;
    return {
      tests: numPassedTests + numFailedTests,
      failed: Math.max(numFailedTests, failedFiles),
      skipped: numPendingTests + numTodoTests,
    };
  } finally {
    clearInterval(ticker);
    tell();
    await rm(folder, { recursive: true, force: true });
  }
}
