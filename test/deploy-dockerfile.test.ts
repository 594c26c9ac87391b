import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { provideHadolint } from '../dev/hadolint.ts';

const dockerfile = fileURLToPath(new URL('../Dockerfile', import.meta.url));

/** The rules that a Dockerfile breaks, `DL3025` for example. */
async function broken(content: string): Promise<string[]> {
  const child = spawn(await provideHadolint(), ['--no-color', '--format', 'json', '-']);
  child.stdin.end(content);
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return JSON.parse(output).map(({ code }: { code: string }) => code);
}

test('the Dockerfile breaks none of the rules of hadolint, and hadolint does look', async () => {
  const content = await readFile(dockerfile, 'utf8');
  expect(await broken(content)).toEqual([]);
  const worse = content
    .replace('node:24-slim AS build', 'node:latest AS build')
    .replace(/ENTRYPOINT .*/, 'ENTRYPOINT node');
  expect((await broken(worse)).toSorted()).toEqual(['DL3007', 'DL3025']);
});

test('the image runs without a shell and as a numbered user that is not root', async () => {
  const last = (await readFile(dockerfile, 'utf8')).split(/^(?=FROM )/m).at(-1);
  expect(last).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
  expect(last).toMatch(/^ENTRYPOINT \["node", "\/app\/dist\/cli\/main\.js"\]$/m);
  expect(last).not.toMatch(/^RUN /m);
});
