import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readableLines } from '../../dev/dev-log.ts';

const program = fileURLToPath(new URL('../../dev/dev.ts', import.meta.url));
const run = promisify(execFile);

describe('npm run dev', () => {
  test('--once deploys, fires each schedule, shows what the functions say, and ends well', async () => {
    const { stdout, stderr } = await run(process.execPath, [program, '--once']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^scheduled INFO {2}12 targets are due$/m);
    expect(stdout).toMatch(/^worker {4}INFO {2}production RDSInstance 111122223333\/us-east-1: complete, 23 seen/m);
    expect(stdout).toMatch(/^watch {5} {6}answered, \d+ ms, cold start \d+ ms, \d+ MB$/m);
    expect(stdout).toMatch(/^ending$/m);
  }, 240_000);

  test('says what it does not understand', async () => {
    const refused = { code: 2, stderr: expect.stringContaining('--for needs a number of seconds') };
    await expect(run(process.execPath, [program, '--for', 'ever'])).rejects.toMatchObject(refused);
  });
});

test('a log for people has function, level and message, and no metrics', () => {
  const report = { end: 'failed', milliseconds: 12.3, memory: 128, init: undefined, peak: undefined } as const;
  const logs = [
    'START RequestId: 1 Version: $LATEST',
    '{"level":"WARN","message":"the pass is incomplete","run":"1"}',
    '{"_aws":{},"Passes":1}',
    'no JSON',
    'END RequestId: 1',
    'REPORT RequestId: 1\tDuration: 12.30 ms',
  ];
  expect(readableLines('skymirror-test-worker', { logs, report }, false)).toEqual([
    'worker    WARN  the pass is incomplete',
    'worker          no JSON',
    'worker          failed, 12 ms',
  ]);
});
