import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { type Configuration, configurationShape } from '../lib/configuration-schema.ts';
import { partitionOf } from '../lib/partitions.ts';
import { optionalVariable } from './environment.ts';

/** The kinds as the file names them: what built the bundle has held them against the sources. */
const kindsNamed = z.object({ mirrors: z.array(z.object({ sources: z.array(z.string()) })) });

/**
 * The configuration that the function was bundled with. Accounts without a role of their own get the reader role by
 * its name, so that a function never reads with its own rights.
 */
export function readConfiguration(): Configuration {
  const beside = fileURLToPath(new URL('configuration.json', import.meta.url));
  const file = optionalVariable('SKYMIRROR_CONFIGURATION') ?? beside;
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const kinds = new Set(kindsNamed.parse(value).mirrors.flatMap(({ sources }) => sources));
    return withReaderRole(configurationShape([...kinds]).parse(value));
  } catch (error) {
    const said = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new Error(`${file} cannot be used: ${said}. Build the functions again: npm run build:functions`, {
      cause: error,
    });
  }
}

function withReaderRole(configuration: Configuration): Configuration {
  const name = optionalVariable('SKYMIRROR_READER_ROLE_NAME');
  if (name === undefined) return configuration;
  const accounts = Object.entries(configuration.accounts).map(([key, account]) => {
    const regions = configuration.mirrors.flatMap((mirror) => (mirror.accounts.includes(key) ? mirror.regions : []));
    const role = `arn:${partitionOf(regions[0] ?? '')}:iam::${account.id}:role/${name}`;
    return [key, { role, ...account }];
  });
  return { ...configuration, accounts: Object.fromEntries(accounts) };
}
