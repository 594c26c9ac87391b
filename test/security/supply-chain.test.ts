import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { bundle } from '../../scripts/bundle.ts';
import { type Bundled, bundledPackages, noticesOf } from '../../scripts/notices.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const text = (path: string) => readFile(join(root, path), 'utf8');

const lockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      resolved: z.string().optional(),
      integrity: z.string().optional(),
      link: z.boolean().optional(),
      dev: z.boolean().optional(),
      license: z.string().optional(),
      hasInstallScript: z.boolean().optional(),
    }),
  ),
});

/** Licences that let a copy go on under the Apache License 2.0, with their texts kept. */
const allowed = ['0BSD', 'Apache-2.0', 'ISC', 'MIT', 'MIT-0', 'PSF-2.0', 'Python-2.0', 'Unlicense'];

describe('the lock file', () => {
  let locked: (z.infer<typeof lockFile>['packages'][string] & { path: string })[];
  beforeAll(async () => {
    const { packages } = lockFile.parse(JSON.parse(await text('package-lock.json')));
    const { '': _, ...others } = packages;
    locked = Object.entries(others).map(([path, entry]) => ({ path, ...entry }));
  });

  test('has a SHA-512 of every package, and none that comes from elsewhere than the registry', () => {
    expect(locked.length).toBeGreaterThan(400);
    const unproven = locked.filter(
      ({ integrity, link }) => link === true || !/^sha512-[\w+/]{86}==$/.test(integrity ?? ''),
    );
    // With omit-lockfile-registry-resolved (.npmrc) an address is only there where it is not that of the registry.
    const elsewhere = locked.filter(({ resolved }) => resolved !== undefined);
    expect([...unproven, ...elsewhere].map(({ path }) => path)).toEqual([]);
  });

  test('lets three packages run a script when they are installed, none of which comes with skymirror', () => {
    const running = locked.filter(({ hasInstallScript }) => hasInstallScript === true);
    expect(running.filter(({ dev }) => dev !== true)).toEqual([]);
    expect(running.map(({ path }) => path)).toEqual([
      'node_modules/es5-ext', // prints a message; serverless brings it
      'node_modules/esbuild', // puts the binary of this platform into place
      'node_modules/node', // the same
    ]);
  });

  test('names the version of each dependency, and no range', async () => {
    const named = z
      .object({ dependencies: z.record(z.string(), z.string()), devDependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(await text('package.json')));
    const versions = Object.entries({ ...named.dependencies, ...named.devDependencies });
    expect(versions.filter(([, version]) => !/^(npm:[@\w/-]+@)?\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  test('has nothing that is installed with skymirror and not under a licence that allows it', () => {
    const installed = locked.filter(({ dev }) => dev !== true);
    expect(installed.length).toBeGreaterThan(40);
    expect(installed.filter(({ license }) => !allowed.includes(license ?? '')).map(({ path }) => path)).toEqual([]);
  });
});

describe('the bundle of a function', () => {
  const folder = join(tmpdir(), `skymirror-notices-${process.pid}`);
  let packages: readonly Bundled[];
  beforeAll(async () => {
    const { metafile } = await bundle(join(root, 'handlers/worker.ts'), folder);
    packages = await bundledPackages(metafile);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('holds no code under another licence, tools of the build that are bundled among it', () => {
    const names = packages.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['@aws-sdk/client-rds', '@middy/core', 'undici', 'zod']));
    expect(packages.filter(({ license }) => !allowed.includes(license))).toEqual([]);
  });

  test('goes with the names, versions and licences of all that it holds, and each text once', () => {
    const notices = noticesOf(packages);
    for (const { name, version, license, text: licence } of packages) {
      expect(notices).toContain(`  ${name} ${version}: ${license}\n`);
      expect(notices).toContain(licence);
    }
    const texts = new Set(packages.map(({ text: licence }) => licence).filter((licence) => licence !== ''));
    expect(notices.match(/^={80}$/gm)).toHaveLength(texts.size);
    expect(notices).toContain('Apache License');
  });

  test('of a package that ships no licence text says at least which it is under', () => {
    const silent = packages
      .filter(({ text: licence }) => licence === '')
      .map(({ name, license }) => `${name} ${license}`);
    expect(silent).toEqual([
      '@aws-lambda-powertools/commons MIT-0',
      '@aws-lambda-powertools/logger MIT-0',
      '@aws-lambda-powertools/metrics MIT-0',
      '@aws-sdk/credential-provider-http Apache-2.0',
      '@aws-sdk/credential-provider-login Apache-2.0',
      '@aws-sdk/nested-clients Apache-2.0',
      '@middy/core MIT',
      'stream-buffers Unlicense',
    ]);
  });
});

const workflow = z.object({
  permissions: z.record(z.string(), z.string()),
  jobs: z.record(
    z.string(),
    z.object({
      permissions: z.record(z.string(), z.string()).optional(),
      'timeout-minutes': z.number(),
      steps: z.array(z.object({ uses: z.string().optional(), run: z.string().optional() }).loose()),
    }),
  ),
});

describe('a workflow', async () => {
  const names = await readdir(join(root, '.github/workflows'));

  test.each(names)('%s may read the code, and more only in the job that publishes', async (name) => {
    const { permissions, jobs } = workflow.parse(parse(await text(`.github/workflows/${name}`)));
    expect(permissions).toEqual({ contents: 'read' });
    const more = Object.entries(jobs).filter(([, job]) => job.permissions !== undefined);
    expect(more.map(([job, { permissions: own }]) => [job, own])).toEqual(
      name === 'release.yml' ? [['publish', { contents: 'write', 'id-token': 'write' }]] : [],
    );
  });

  test.each(names)('%s runs the actions of others as they were at one commit, whose version it names', async (name) => {
    const lines = (await text(`.github/workflows/${name}`)).split('\n').filter((line) => line.includes('uses:'));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => !/uses: actions\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([]);
  });

  test.each(names)('%s puts nothing that strangers write into a command', async (name) => {
    const { jobs } = workflow.parse(parse(await text(`.github/workflows/${name}`)));
    const commands = Object.values(jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));
    // GitHub fills its expressions in before the shell reads them.
    expect(commands.filter((command) => command.includes('${{'))).toEqual([]);
  });
});
