import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
const configuration = fileURLToPath(new URL('testdata/vitest.config.ts', import.meta.url));

/** Runs the tests of testdata/ into a file, because what they print would be a leak of this run. */
async function run(leaks: 'yes' | 'no') {
  const folder = await mkdtemp(join(tmpdir(), 'skymirror-leaks-'));
  try {
    const output = await open(join(folder, 'output'), 'a');
    const env = { ...process.env, LEAKS: leaks, NO_COLOR: '1' };
    const child = spawn(process.execPath, [vitest, 'run', '--config', configuration], {
      env,
      stdio: ['ignore', output.fd, output.fd],
    });
    const [code] = await once(child, 'exit');
    await output.close();
    const text = await readFile(join(folder, 'output'), 'utf8');
    return { code, found: text.slice(text.search(/^(Secrets are|No secret is) in/m)) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a run whose output has secrets in it fails, though each of its tests passes', async () => {
  const { code, found } = await run('yes');
  expect(code).toBe(1);
  const ways = [
    /a marked secret in vitest-.*behind: logged $/m,
    /a session token in vitest-.*behind: written $/m,
    /a marked secret in process-.*behind: encoded0 $/m,
    /a marked secret in process-.*behind: encoded1 \w+$/m,
    /a marked secret in process-.*behind: encoded2 \w+$/m,
    /a token for EKS in process-.*behind: bearer $/m,
    /a session token in process-.*behind: \w{100,}$/m,
    /a private key in process-.*behind: pem -----BEGIN $/m,
    /a private key in process-.*behind: kubeconfig \w+$/m,
    /a marked secret in log-.*behind: launched $/m,
  ];
  expect(ways.filter((way) => !way.test(found))).toEqual([]);
});

test('a run whose output has none says how much was searched', async () => {
  const { code, found } = await run('no');
  expect(found).toMatch(/^No secret is in \d+\.\d MB of output in 2 files\.$/m);
  expect(code).toBe(0);
});
