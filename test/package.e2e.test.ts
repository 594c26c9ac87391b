import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stack, startStack } from './e2e/stack.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('../', import.meta.url));
const local = (name: string) => join(root, 'node_modules', '.bin', name);

let folder: string;
let tarball: string;
let stack: Stack;

/** Packs what `npm publish` would send, and installs it where nothing else is. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skymirror-package-'));
  const packed = async () => {
    await execute('npm', ['pack', '--pack-destination', folder], { cwd: root });
    const [file] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    tarball = join(folder, file ?? '');
    await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}');
    await execute('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], { cwd: folder });
  };
  [stack] = await Promise.all([startStack(), packed()]);
});
afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('the package holds what its manifest promises, and nothing that it should not', async () => {
  const { messages, pkg } = await publint({ pkgDir: root, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg ?? {}))).toEqual([]);
  const { stdout } = await execute('tar', ['-tzf', tarball]);
  const files = stdout
    .trim()
    .split('\n')
    .map((path) => path.replace('package/', ''));
  const folders = new Set(files.map((path) => path.replace(/\/.*/, '/')));
  expect([...folders].toSorted()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'deploy/',
    'dist/',
    'docs/',
    'examples/',
    'package.json',
    'schema/',
  ]);
  expect(files).toContain('dist/cli/main.js');
});

test('its types are found by every module resolution that reads ES modules', async () => {
  const { stdout } = await execute(local('attw'), [tarball, '--profile', 'esm-only', '--format', 'json']);
  expect(JSON.parse(stdout)).toMatchObject({ analysis: { types: { kind: 'included' } }, problems: {} });
});

test('a program that uses the library compiles and runs with the packed types', async () => {
  await writeFile(
    join(folder, 'program.ts'),
    `import { mirrorOf, type Report, sources } from 'skymirror';
export const kinds: string[] = sources.map(({ kind }) => kind);
export const complete = (report: Report): boolean => report.incomplete === undefined;
console.log(kinds.join(), mirrorOf({ name: 'a', namespace: 'b' }).graceSeconds);
`,
  );
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck'];
  await execute(
    local('tsc'),
    [...options, '--typeRoots', join(root, 'node_modules/@types'), '--types', 'node', 'program.ts'],
    { cwd: folder },
  );
  const { stdout } = await execute(process.execPath, ['program.ts'], { cwd: folder });
  expect(stdout).toBe('RDSInstance,RDSCluster,SQSQueue 600\n');
});

test('npx skymirror mirrors from an empty folder', async () => {
  const world = await stack.world({ instances: ['orders'] });
  await writeFile(
    join(folder, 'skymirror.yaml'),
    JSON.stringify({
      clusters: { main: { kubeconfig: stack.kubernetes.kubeconfig('skymirror') } },
      accounts: {
        home: { id: world.account, role: stack.aws.roleArn(world.account), externalId: stack.aws.externalId },
      },
      mirrors: [
        {
          name: 'a',
          sources: ['RDSInstance'],
          accounts: ['home'],
          regions: [world.region],
          namespace: world.namespace,
        },
      ],
    }),
  );
  const npx = (...args: string[]) => execute('npx', ['skymirror', ...args], { cwd: folder });
  expect((await npx('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect((await npx('sync')).stdout).toContain('main: 1 created');
  expect(await world.identifiers()).toEqual(['orders']);
});
