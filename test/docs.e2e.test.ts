import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stack, startStack } from '../dev/stack.ts';
import { until } from '../dev/until.ts';
import { crdOf } from '../lib/crd.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { writerRoles } from '../lib/rbac.ts';
import type { Source } from '../lib/source.ts';
import { sources } from '../lib/sources.ts';
import { sync } from '../lib/sync.ts';

const run = promisify(execFile);
const root = new URL('../', import.meta.url);
const pages = ['README.md', 'CONTRIBUTING.md', 'docs/adding-a-source.md', 'docs/reading-objects.md'];

let stack: Stack;
let folder: string;

beforeAll(async () => {
  stack = await startStack();
  await mkdir(new URL('.skymirror/', root), { recursive: true });
  folder = `${await mkdtemp(new URL('.skymirror/docs-', root).pathname)}/`;
});

afterAll(async () => {
  await stack?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

const read = (page: string) => readFile(new URL(page, root), 'utf8');

async function codeOf(page: string): Promise<string> {
  const [, code] = /```ts\n(.*?)```/s.exec(await read(page)) ?? [];
  if (code === undefined) throw new Error(`${page} has no block of TypeScript`);
  return code;
}

/** Writes a block to a file of its own, two folders below the root, and gives its path. */
async function extracted(page: string, name: string): Promise<string> {
  const file = `${folder}${name}`;
  await writeFile(file, (await codeOf(page)).replaceAll(/from '\.{1,2}\/lib\//g, "from '../../lib/"));
  return file;
}

test.each(pages)('%s names only scripts and files that exist', async (page) => {
  const text = await read(page);
  const { scripts } = JSON.parse(await read('package.json'));
  for (const [, script] of text.matchAll(/npm run ([\w:-]+)/g)) expect(Object.keys(scripts)).toContain(script);
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(
    ([, link]) => new URL(link ?? '', new URL(page, root)),
  );
  const mentioned = [...text.matchAll(/`((?:lib|docs|test|deploy|dev)\/[\w./-]*)`/g)].map(
    ([, path]) => new URL(path ?? '', root),
  );
  for (const url of [...links, ...mentioned]) expect(existsSync(url), `${page}: ${url.pathname}`).toBe(true);
});

test('the two commands of the README are the ones that CI runs', async () => {
  const readme = await read('README.md');
  const ci = await read('.ci/run');
  expect(readme).toContain('npm ci && npm run demo ');
  expect(readme).toContain('npm ci && npm test ');
  for (const command of ['npm ci', 'npm test', 'npm run demo -- --once']) expect(ci).toContain(command);
});

test("the README's program mirrors an account, and its kubectl commands work then", async () => {
  const file = await extracted('README.md', 'program.ts');
  const kubeconfig = stack.kubernetes.kubeconfig('skymirror');
  const env = { ...process.env, KUBECONFIG: kubeconfig, EXTERNAL_ID: stack.aws.externalId };
  const { stdout } = await run(process.execPath, [file], { env });
  expect(stdout).toContain('production RDSInstance 111122223333/us-east-1: complete, 23 seen');
  expect(stdout).toContain('23 created');
  const lines = (await read('README.md')).matchAll(/^\$ kubectl (.*?)(?: +#.*)?$/gm);
  for (const [, line] of lines) {
    const answer = await kubectl(line ?? '');
    expect(answer, line).not.toBe('');
  }
});

test('the source in docs/adding-a-source.md works as it stands there', async () => {
  const { note }: { note: Source } = await import(await extracted('docs/adding-a-source.md', 'note.ts'));
  await stack.kubernetes.apply([crdOf(note), ...writerRoles([...sources, note], 'external')]);
  const path = '/apis/notes.skymirror.dev/v1alpha1/namespaces/external/notes';
  await until(async () => (await stack.kubernetes.request(path, { user: 'skymirror' })).status === 200, {
    what: 'RBAC',
  });
  const mirror = mirrorOf({ name: 'notes', namespace: 'external' });
  const access = {
    notes: [
      { id: 'kitchen/milk', title: 'Buy milk', done: false },
      { id: 'kitchen/bread', title: 'Bake bread', done: true },
    ],
  };
  const report = await sync({ mirror, source: note, scope: { shelf: 'kitchen' }, access }, [stack.cluster]);
  expect(report).toMatchObject({ ok: true, outside: { seen: 2 }, clusters: [{ counts: { created: 2 } }] });
  const { body } = await stack.kubernetes.request(path);
  expect(body).toMatchObject({
    items: [
      { status: { observed: { title: 'Bake bread', state: 'done' } } },
      { status: { observed: { state: 'open' } } },
    ],
  });
});

/** What kubectl says; where none is installed, the README's commands are only checked for their form. */
async function kubectl(line: string): Promise<string> {
  try {
    const args = ['--kubeconfig', stack.kubernetes.kubeconfig('admin'), ...line.split(/\s+/)];
    return (await run('kubectl', args)).stdout;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return line;
    throw error;
  }
}
