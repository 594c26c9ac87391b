import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import * as z from 'zod';
import { deleteInstance, resize } from '../dev/estate.ts';
import { setStatus } from '../dev/proxy-rows.ts';
import { type Stack, startStack } from '../dev/stack.ts';
import { until } from '../dev/until.ts';
import { sources } from '../lib/sources.ts';
import { kubectlPath } from './e2e/kubectl.ts';
import { blocksOf, pages, root } from './pages.ts';

const run = promisify(execFile);

/** Lines that are shown and not run, and why not. */
const notRun: readonly [line: RegExp, why: string][] = [
  [/^npx skymirror init(?!.*--output -)/, 'writes the skymirror.yaml that the other lines use'],
  [/ --every /, 'has no end'],
  [/^npx skymirror approve-removals/, 'asks a person'],
  [/^npx skymirror prune .*--re/, 'asks a person'],
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
  shop: { id: "111122223333", role: "arn:aws:iam::111122223333:role/skymirror-reader", externalId: "\${SKYMIRROR_EXTERNAL_ID}" }
  staging: { id: "444455556666", role: "arn:aws:iam::444455556666:role/skymirror-reader", externalId: "\${SKYMIRROR_EXTERNAL_ID}" }
mirrors:
  - name: production
    sources: [${sources.map(({ kind }) => kind).join(', ')}]
    accounts: [shop, staging]
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

/** What a line prints; one that stands on several pages is run once, where it does not fail. */
function shell(line: string): Promise<string> {
  const answer = answers.get(line) ?? carriedOut(line);
  answers.set(line, answer);
  answer.catch(() => answers.delete(line));
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
async function extracted(): Promise<Map<string, readonly string[]>> {
  const files = new Map<string, readonly string[]>();
  for (const page of pages) {
    const code = (await blocksOf(page)).filter(({ language }) => language === 'ts').map(({ text }) => text);
    for (const [index, text] of code.entries()) {
      const file = page === 'docs/adding-a-source.md' ? 'note.ts' : `${page.replaceAll(/\W/g, '-')}-${index}.ts`;
      await writeFile(`${folder}${file}`, text.replaceAll("from 'skymirror'", "from '../../lib/index.ts'"));
      files.set(page, [...(files.get(page) ?? []), `${folder}${file}`]);
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
  const [file = ''] = (await extracted()).get('docs/library.md') ?? [];
  const { stdout } = await run(process.execPath, [file], { env });
  expect(stdout).toContain('production RDSInstance 111122223333/us-east-1: complete, 22 seen');
});

test('the source in docs/adding-a-source.md is installed and mirrored by the programs in docs/library.md', async () => {
  const [, , manifests = '', program = ''] = (await extracted()).get('docs/library.md') ?? [];
  const printed = await run(process.execPath, [manifests], { env });
  await stack.kubernetes.apply(JSON.parse(printed.stdout).items);
  const path = '/apis/notes.skymirror.dev/v1alpha1/namespaces/external/notes';
  await until(async () => (await stack.kubernetes.request(path, { user: 'skymirror' })).status === 200, {
    what: 'RBAC',
  });
  const { stdout } = await run(process.execPath, [program], { env });
  expect(stdout).toContain('notes Note kitchen: complete, 2 seen');
  const { body } = await stack.kubernetes.request(path);
  const observed = (state: string) => ({ status: { observed: { state } } });
  expect(body).toMatchObject({ items: [observed('done'), observed('open')] });
});

test('what init writes is, without its comments, what docs/getting-started.md shows', async () => {
  const page = 'docs/getting-started.md';
  const line = (await commandsOf(page)).find((command) => command.startsWith('npx skymirror init')) ?? '';
  const kubeconfig = await readFile(stack.kubernetes.kubeconfig('admin'), 'utf8');
  await writeFile(`${folder}kubeconfig`, kubeconfig.replaceAll(/(current-context:|- name:) admin/g, '$1 main'));
  const written = await carriedOut(`KUBECONFIG=kubeconfig ${line} --yes --output -`);
  const shown = (await blocksOf(page)).find(({ language }) => language === 'yaml')?.text;
  expect(parse(written)).toEqual(parse(shown ?? ''));
});

test('the kustomization in docs/getting-started.md puts image and configuration into the CronJob', async () => {
  const blocks = await blocksOf('docs/getting-started.md');
  const { text = '' } = blocks.find((block) => block.text.includes('kind: Kustomization')) ?? {};
  const { resources } = z.object({ resources: z.array(z.string()) }).parse(parse(text));
  await cp(new URL('deploy/', root), `${folder}node_modules/skymirror/deploy/`, { recursive: true });
  await mkdir(`${folder}cronjob`);
  await writeFile(`${folder}cronjob/kustomization.yaml`, text);
  await writeFile(`${folder}cronjob/skymirror.yaml`, configuration);
  for (const resource of resources) expect(existsSync(`${folder}cronjob/${resource}/kustomization.yaml`)).toBe(true);
  if (kubectlPath === undefined) return;
  const objects = parseAllDocuments(await carriedOut('kubectl kustomize cronjob')).map((document) => document.toJS());
  expect(objects).toContainEqual(
    expect.objectContaining({ kind: 'ConfigMap', data: { 'skymirror.yaml': configuration } }),
  );
  const job = objects.find(({ kind }) => kind === 'CronJob');
  expect(job.spec.jobTemplate.spec.template.spec).toMatchObject({
    containers: [{ image: 'images.example.com/skymirror:0.1.0' }],
    volumes: [{ configMap: { name: 'skymirror' } }],
  });
});

test('the commands that uninstall it leave nothing of deploy/ in the cluster', async () => {
  if (kubectlPath === undefined) return;
  const files = await readdir(new URL('deploy/', root), { recursive: true });
  const isNamespace = (name: string) => name.endsWith('namespace.yaml');
  // deploy/aws is for CloudFormation.
  const manifests = files.filter((name) => /^(?!aws\/).*(?<!kustomization|skymirror)\.yaml$/.test(name));
  for (const name of manifests.toSorted((left, right) => Number(isNamespace(right)) - Number(isNamespace(left)))) {
    const path = fileURLToPath(new URL(`deploy/${name}`, root));
    await carriedOut(`kubectl apply --server-side --force-conflicts -f '${path}'`);
  }
  const lines = (await commandsOf('docs/getting-started.md')).filter((line) => line.startsWith('kubectl delete'));
  // Without a controller manager a namespace is never done with going.
  for (const line of lines)
    await carriedOut(line.endsWith('namespaces external skymirror') ? `${line} --wait=false` : line);
  const kinds = 'crds,clusterroles,clusterrolebindings,flowschemas,prioritylevelconfigurations';
  const policies = 'validatingadmissionpolicies,validatingadmissionpolicybindings';
  const left = await carriedOut(`kubectl get ${kinds},${policies} -l app.kubernetes.io/part-of=skymirror -o name`);
  expect(left).toBe('');
});
