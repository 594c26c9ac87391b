import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { parseConfiguration, problemText } from '../lib/configuration.ts';
import { readConfigurationFile } from '../lib/configuration-file.ts';
import { functionsTemplate } from '../lib/deploy-functions.ts';
import { functionNames } from '../lib/deploy-functions-alarms.ts';
import { sourceAccountTemplate } from '../lib/deploy-source-account.ts';
import { sources } from '../lib/sources.ts';
import { type Bundle, bundle } from './bundle.ts';
import { bundledPackages, noticesOf } from './notices.ts';

/** What is built, where to, and who hears of it. */
export interface BuildOptions {
  /** Path of the configuration file; its variables are looked up in this process's environment. */
  readonly config: string;
  /** Folder to write into: functions/<name>/, resources.json and source-account.yaml. */
  readonly into: string;
  readonly progress?: (line: string) => void;
}

const root = fileURLToPath(new URL('../', import.meta.url));

/** Bundles the functions with their configuration, and writes the templates that follow from it. Tells the sizes. */
export async function buildFunctions({ config, into, progress = () => {} }: BuildOptions): Promise<void> {
  const { configuration, value } = await read(config);
  // Paused ones too: what other accounts have is not to change with every pause.
  const used = sources.filter(({ kind }) => configuration.mirrors.some((mirror) => mirror.sources.includes(kind)));
  const resources = functionsTemplate(configuration, sources);
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  const json = (content: unknown) => `${JSON.stringify(content, undefined, 1)}\n`;
  await Promise.all(
    functionNames.map(async (name) => {
      const folder = join(into, 'functions', name);
      const made = await bundle(join(root, 'handlers', `${name}.ts`), folder);
      await writeFile(join(folder, 'configuration.json'), json(value));
      await writeFile(join(folder, 'THIRD-PARTY-NOTICES'), noticesOf(await bundledPackages(made.metafile)));
      progress(sizeLine(name, made));
    }),
  );
  await writeFile(
    join(into, 'source-account.yaml'),
    stringify(sourceAccountTemplate(used), { lineWidth: 120, aliasDuplicateObjects: false }),
  );
  // Last: with it, serverless.yml takes the rest for whole.
  await writeFile(join(into, 'resources.json'), json(resources));
}

async function read(config: string) {
  const text = await readFile(config, 'utf8').catch((cause: unknown) => {
    throw new Error(`${config} cannot be read. Make one with "skymirror init", or name another with --config`, {
      cause,
    });
  });
  const parsed = parseConfiguration(text, { environment: process.env, sources });
  const content = readConfigurationFile(text, process.env);
  if ('problems' in parsed || 'problems' in content) {
    const lines = 'problems' in parsed ? parsed.problems.map((problem) => problemText(config, problem)) : [];
    throw new Error(`the configuration is not right:\n${lines.join('\n')}`);
  }
  // As the file says it, with its variables: the function parses it again.
  return { configuration: parsed.configuration, value: content.value };
}

function sizeLine(name: string, { size, startSize }: Bundle): string {
  const kilobytes = (bytes: number) => `${Math.round(bytes / 1000)} kB`.padStart(8);
  return `${name.padEnd(10)}${kilobytes(size)}, at the start ${kilobytes(startSize)}`;
}

if (import.meta.main) {
  try {
    const { values } = parseArgs({ options: { config: { type: 'string', default: 'skymirror.yaml' } } });
    await buildFunctions({ config: resolve(values.config), into: join(root, '.build'), progress: console.log });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
