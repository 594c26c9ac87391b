import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { functionNames } from '../lib/deploy-functions-alarms.ts';
import { type Bundle, bundle, packagesIn, startOutputs } from '../scripts/bundle.ts';
import { deploymentOf } from '../scripts/deploy.ts';
import { buildFunctions } from '../scripts/functions.ts';
import { samples } from './deploy-samples.ts';

let folder: string;
const bundles = new Map<string, Bundle>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skymirror-bundle-'));
  for (const name of functionNames) {
    const entry = fileURLToPath(new URL(`../handlers/${name}.ts`, import.meta.url));
    bundles.set(name, await bundle(entry, join(folder, 'bundles', name)));
  }
});

afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true });
});

function bundled(name: string): Bundle {
  const found = bundles.get(name);
  if (found === undefined) throw new Error(`no bundle ${name}`);
  return found;
}

const startOf = (name: string) => packagesIn(startOutputs(bundled(name).metafile));
const allOf = (name: string) => packagesIn(Object.values(bundled(name).metafile.outputs));

/** What only some configurations need, or nobody at the start. */
const lazy = [
  '@kubernetes/client-node',
  '@aws-sdk/client-eks',
  '@aws-sdk/client-ssm',
  '@aws-sdk/client-secrets-manager',
  '@aws-sdk/client-lambda',
];

describe.each([...functionNames])('the bundle of %s', (name) => {
  test('reads nothing before the first event that only some configurations need', () => {
    const start = startOf(name);
    expect(lazy.filter((each) => start.has(each))).toEqual([]);
    expect([...allOf(name)]).not.toContain('commander');
  });

  test('is smaller than 4 MB, and reads less than 2 MB of it at the start', () => {
    const { size, startSize } = bundled(name);
    expect(size).toBeLessThan(4_000_000);
    expect(startSize).toBeLessThan(2_000_000);
  });
});

test('the function that sends targets knows no source, no cluster and no YAML', () => {
  const all = allOf('scheduled');
  const foreign = ['@aws-sdk/client-rds', '@kubernetes/client-node', 'undici', 'yaml'];
  expect(foreign.filter((each) => all.has(each))).toEqual([]);
  expect(bundled('scheduled').startSize).toBeLessThan(700_000);
});

/** SHA-256 of every file, by its path. */
async function hashes(of: string): Promise<Record<string, string>> {
  const paths = (await readdir(of, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const entries = paths.toSorted().map(async (path) => {
    return [
      path.slice(of.length),
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

describe('a build', () => {
  const build = async (text: string, into: string) => {
    const config = join(folder, 'skymirror.yaml');
    await writeFile(config, text);
    const lines: string[] = [];
    await buildFunctions({ config, into: join(folder, into), progress: (line) => lines.push(line) });
    return lines;
  };

  test('gives the same bytes twice, each function its configuration, and says how large they are', async () => {
    const lines = await build(samples.everything, 'one');
    await build(samples.everything, 'other');
    const one = await hashes(join(folder, 'one'));
    expect(await hashes(join(folder, 'other'))).toEqual(one);
    for (const name of functionNames) {
      expect(Object.keys(one)).toEqual(
        expect.arrayContaining([
          `/functions/${name}/index.js`,
          `/functions/${name}/package.json`,
          `/functions/${name}/configuration.json`,
        ]),
      );
      expect(lines.join('\n')).toMatch(new RegExp(`^${name} +\\d+ kB, at the start +\\d+ kB$`, 'm'));
    }
  });

  test('puts the values of variables into the configuration, and leaves durations as they are written', async () => {
    process.env.SKYMIRROR_SECOND_REGION = 'eu-west-1';
    const text = samples.everything.replaceAll(
      'regions: [us-east-1, eu-west-1]',
      `regions: [us-east-1, "\${SKYMIRROR_SECOND_REGION}"]`,
    );
    await build(text, 'variables').finally(() => delete process.env.SKYMIRROR_SECOND_REGION);
    const configuration = JSON.parse(
      await readFile(join(folder, 'variables/functions/worker/configuration.json'), 'utf8'),
    );
    expect(configuration.mirrors[0].regions).toEqual(['us-east-1', 'eu-west-1']);
    expect(configuration.mirrors[1].every).toBe('1h');
  });

  test('of a configuration that is wrong says where, and leaves nothing that could be deployed', async () => {
    const wrong = build(samples.everything.replace('regions:', 'regoins:'), 'wrong');
    await expect(wrong).rejects.toThrow(/skymirror\.yaml:\d+:\d+: mirrors\[0\]\.regoins/);
    await expect(readdir(join(folder, 'wrong'))).rejects.toThrow('ENOENT');
  });
});

describe('the arguments of a deployment', () => {
  test('stage and configuration are taken out, the rest goes to serverless as it is', () => {
    expect(
      deploymentOf(['--stage', 'prod', '--config=a.yaml', '--param', 'memory=1024', '--region', 'eu-west-1']),
    ).toEqual({
      stage: 'prod',
      config: 'a.yaml',
      rest: ['--param', 'memory=1024', '--region', 'eu-west-1'],
    });
    expect(deploymentOf(['-s', 'x', '--verbose'])).toEqual({
      stage: 'x',
      config: 'skymirror.yaml',
      rest: ['--verbose'],
    });
  });

  test('without a stage, or with one that makes names too long, it says what to give', () => {
    for (const args of [[], ['--stage'], ['--stage', 'a_b'], ['--stage', 'x'.repeat(21)]]) {
      expect(() => deploymentOf(args)).toThrow('npm run deploy -- --stage prod');
    }
  });

  test('a param that does not exist is refused, because serverless would leave the right one at its default', () => {
    const wrong = ['--stage', 'x', '--param', 'alarmTopik=arn:aws:sns:us-east-1:111122223333:alarms'];
    expect(() => deploymentOf(wrong)).toThrow('there is no such param: did you mean "alarmTopic"?');
  });

  test('subnets without security groups, or the other way round, are refused before anything is built', () => {
    const [subnets, groups] = ['subnets=subnet-0a1', 'securityGroups=sg-0c3'];
    expect(() => deploymentOf(['--stage', 'x', '--param', subnets])).toThrow('--param "securityGroups=..." is missing');
    expect(() => deploymentOf(['--stage', 'x', `--param=${groups}`])).toThrow('--param "subnets=..." is missing');
    expect(() => deploymentOf(['--stage', 'x', '--param', subnets, '--param', 'securityGroups='])).toThrow(
      'is missing',
    );
    for (const given of [[], [subnets, groups], ['subnets=', 'securityGroups=']]) {
      const args = given.flatMap((param) => ['--param', param]);
      expect(deploymentOf(['--stage', 'x', ...args]).rest).toEqual(args);
    }
  });
});
