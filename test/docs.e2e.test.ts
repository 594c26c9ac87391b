import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deleteInstance, resize } from '../dev/estate.ts';
import { setStatus } from '../dev/proxy-rows.ts';
import { type Stack, startStack } from '../dev/stack.ts';
import { until } from '../dev/until.ts';
import { crdOf } from '../lib/crd.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { writerRoles } from '../lib/rbac.ts';
import type { Source } from '../lib/source.ts';
import { sources } from '../lib/sources.ts';
import { sync } from '../lib/sync.ts';
import { kubectlPath } from './e2e/kubectl.ts';
import { blocksOf, pages, root } from './pages.ts';

const run = promisify(execFile);

/** Lines that are shown and not run, and why not. */
const notRun: readonly [line: RegExp, why: string][] = [
  [/^npx skymirror init(?!.*--output -)/, 'writes the skymirror.yaml that the other lines use'],
  [/ --every /, 'has no end'],
  [/^npx skymirror approve-removals/, 'asks a person'],
  [/^npx skymirror prune --re/, 'asks a person'],
  [/^kubectl get .* -w$/, 'has no end'],
  [/^kubectl delete /, 'takes away what the other lines look at'],
  [/^kubectl create namespace external$/, 'the namespace is there already'],
  [/^(aws|npm|cd|source) /, 'is not about a cluster'],
];

let stack: Stack;
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  stack = await startStack();
  await mkdir(new URL('.skymirror/', root), { recursive: true });
  folder = `${await mkdtemp(new URL('.skymirror/docs-', root).pathname)}/`;
  await mkdir(`${folder}bin`);
  const main = fileURLToPath(new URL('cli/main.ts', root));
  await writeFile(`${folder}bin/npx`, `#!/bin/sh\nshift\nexec '${process.execPath}' '${main}' "$@"\n`, { mode: 0o755 });
  await writeFile(`${folder}skymirror.yaml`, configuration);
  env = {
    ...process.env,
    PATH: `${folder}bin:${process.env.PATH}`,
    NO_COLOR: '1',
    HOME: folder,
    KUBECONFIG: stack.kubernetes.kubeconfig('admin'),
    SKYMIRROR_EXTERNAL_ID: stack.aws.externalId,
  };
  await carriedOut('npx skymirror sync');
  // So that there are Events, an object that is not Ready, and one that is marked.
  const place = { account: '111122223333', region: 'us-east-1' };
  stack.aws.faults.add(setStatus('payments', 'storage-full'));
  await resize(stack.aws, { ...place, identifier: 'orders' }, 'db.r6g.2xlarge');
  await deleteInstance(stack.aws, { ...place, identifier: 'crm' });
  await carriedOut('npx skymirror sync');
});

afterAll(async () => {
  await stack?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

const configuration = `clusters: { main: {} }
accounts:
  production: { id: "111122223333", role: "arn:aws:iam::111122223333:role/skymirror-reader", externalId: "\${SKYMIRROR_EXTERNAL_ID}" }
  staging: { id: "444455556666", role: "arn:aws:iam::444455556666:role/skymirror-reader", externalId: "\${SKYMIRROR_EXTERNAL_ID}" }
mirrors:
  - name: production
    sources: [${sources.map(({ kind }) => kind).join(', ')}]
    accounts: [production, staging]
    regions: [us-east-1, eu-west-1]
    namespace: external
    labels: [team, env]
`;

/** The commands of a page: in blocks of `sh` every line, in others those behind a dollar. */
async function commandsOf(page: string): Promise<string[]> {
  return (await blocksOf(page)).flatMap(({ language, text }) => {
    const lines = text.replaceAll(/\\\n\s*/g, '').split('\n');
    const own = language === 'sh' ? lines : lines.filter((line) => line.startsWith('$ '));
    return own
      .map((line) =>
        line
          .replace(/^\$ /, '')
          .replace(/\s+# .*$/, '')
          .trim(),
      )
      .filter((line) => line !== '');
  });
}

const isRun = (line: string) => !notRun.some(([pattern]) => pattern.test(line));

const answers = new Map<string, Promise<string>>();

/** What a line prints; one that stands on several pages is run once. */
function shell(line: string): Promise<string> {
  const answer = answers.get(line) ?? carriedOut(line);
  answers.set(line, answer);
  return answer;
}

/** A command of ours may find differences (exit code 2), as long as it can look at everything. */
async function carriedOut(line: string): Promise<string> {
  const mayDiffer = /^npx skymirror (plan|status|removals|prune|doctor)/.test(line);
  try {
    return (await run('bash', ['-o', 'pipefail', '-c', line], { env, cwd: folder })).stdout;
  } catch (error) {
    const { code, stdout } = error as { readonly code?: unknown; readonly stdout?: string };
    if (mayDiffer && code === 2 && stdout !== undefined) return stdout;
    throw error;
  }
}

test.each(pages)('the commands of %s work on a filled cluster', async (page) => {
  for (const line of (await commandsOf(page)).filter(isRun)) {
    if (line.includes('kubectl') && kubectlPath === undefined) continue;
    const answer = await shell(line).catch((error: unknown) => {
      throw new Error(`${page}: ${line}`, { cause: error });
    });
    expect(answer, `${page}: ${line}`).not.toBe('');
  }
});

test('each reason for not running a line has a line', async () => {
  const lines = (await Promise.all(pages.map(commandsOf))).flat();
  for (const [pattern, why] of notRun)
    expect(
      lines.some((line) => pattern.test(line)),
      why,
    ).toBe(true);
});

test('the JSON that pages show has the fields that the commands print', async () => {
  let checked = 0;
  for (const page of pages) {
    for (const { text } of await blocksOf(page)) {
      const [, line, shown] = /^\$ (npx skymirror .*-o json.*)\n([[{].*)$/s.exec(text) ?? [];
      if (line === undefined || shown === undefined) continue;
      const printed = pathsOf(JSON.parse(await shell(line)));
      for (const path of pathsOf(JSON.parse(shown))) expect([...printed], `${page}: ${line}`).toContain(path);
      checked += 1;
    }
  }
  expect(checked).toBeGreaterThan(3);
});

/** The ways to all values; the items of a list share one. */
function pathsOf(value: unknown, path = ''): Set<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((item) => [...pathsOf(item, `${path}[]`)]));
  if (typeof value !== 'object' || value === null) return new Set([path]);
  return new Set(Object.entries(value).flatMap(([key, item]) => [...pathsOf(item, `${path}.${key}`)]));
}

/** Writes the blocks of TypeScript of all pages to files, two folders below the root, and gives their paths by page. */
async function extracted(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const page of pages) {
    const code = (await blocksOf(page)).filter(({ language }) => language === 'ts').map(({ text }) => text);
    for (const [index, text] of code.entries()) {
      const file = `${folder}${page.replaceAll(/\W/g, '-')}-${index}.ts`;
      const local = text.replaceAll(/from '\.{1,2}\/lib\//g, "from '../../lib/");
      await writeFile(file, local.replaceAll("from 'skymirror'", "from '../../lib/index.ts'"));
      if (!files.has(page)) files.set(page, file);
    }
  }
  return files;
}

test('the TypeScript of all pages has no type errors', async () => {
  const files = await extracted();
  expect([...files.keys()]).toEqual(expect.arrayContaining(['docs/adding-a-source.md', 'docs/library.md']));
  const settings = { extends: '../../tsconfig.json', compilerOptions: { types: ['node'] }, include: ['*.ts'] };
  await writeFile(`${folder}tsconfig.json`, JSON.stringify(settings));
  const compiler = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root));
  const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((error) => error);
  expect(stdout).toBe('');
});

test('the program in docs/library.md mirrors an account', async () => {
  const file = (await extracted()).get('docs/library.md') ?? '';
  const { stdout } = await run(process.execPath, [file], { env });
  expect(stdout).toContain('production RDSInstance 111122223333/us-east-1: complete, 22 seen');
});

test('the source in docs/adding-a-source.md works as it stands there', async () => {
  const file = (await extracted()).get('docs/adding-a-source.md') ?? '';
  const { note }: { note: Source } = await import(file);
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
