import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const execute = promisify(execFile);
const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

/** Runs the command line on a Node that says it is of that version. */
function asNode(version: string) {
  const pretend = `Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`;
  return execute(process.execPath, ['--import', `data:text/javascript,${pretend}`, main, '--version']);
}

test('on a Node that is too old it says which one is needed, and loads nothing', async () => {
  for (const version of ['20.20.2', '22.18.0']) {
    const refused = await asNode(version).catch((error: { code: number; stderr: string }) => error);
    expect(refused).toMatchObject({
      code: 1,
      stderr: `skymirror: this is Node ${version}, and 22.19 or newer is needed\n`,
    });
  }
  expect((await asNode('22.19.0')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('the version that it needs is the one that the package names', async () => {
  const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(manifest.engines.node).toBe('>=22.19');
});
