import { readdirSync, readFileSync } from 'node:fs';
import { mirrorOf } from '../lib/mirror.ts';
import type { Ignored } from '../lib/route.ts';
import type { Scope, Source } from '../lib/source.ts';
import type { ConfiguredTask } from '../lib/targets.ts';

/** The body of a message of the queue of events, in the shape that a page of AWS documents. */
export interface Sample {
  readonly name: string;
  readonly page: string;
  readonly body: object;
  /** Message attributes, where SNS delivers raw. */
  readonly attributes?: object;
  /** The ids that it names, by kind. */
  readonly ids?: Readonly<Record<string, readonly string[]>>;
  readonly ignored?: Ignored;
}

const folder = new URL('testdata/events/', import.meta.url);

/** All samples, one for each file. */
export const samples: readonly Sample[] = readdirSync(folder)
  .toSorted()
  .map((file) => ({ name: file.replace('.json', ''), ...JSON.parse(readFileSync(new URL(file, folder), 'utf8')) }));

/** The sample of that name. */
export function sampleOf(name: string): Sample {
  const found = samples.find((sample) => sample.name === name);
  if (found === undefined) throw new Error(`test/testdata/events has no ${name}.json`);
  return found;
}

/** A task that looks at that place, as a configuration would give it. */
export function taskOf(source: Source, scope: Scope, more: Partial<ConfiguredTask> = {}): ConfiguredTask {
  const mirror = mirrorOf({ name: 'production', namespace: 'external' });
  const shared = { access: {}, clusters: ['main'], accountName: 'main', every: 60, paused: false };
  return { mirror, source, scope, ...shared, ...more };
}
