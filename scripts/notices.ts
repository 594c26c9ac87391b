import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import * as z from 'zod';

/** One package whose code is in a bundle. */
export interface Bundled {
  readonly name: string;
  readonly version: string;
  /** As its manifest names it, in SPDX's words. */
  readonly license: string;
  /** Its licence and notice files; empty where it ships none. */
  readonly text: string;
}

const manifest = z.object({ name: z.string(), version: z.string(), license: z.string() });

/** The packages that have code in a bundle, by name. The paths in its metafile are those of this process's folder. */
export async function bundledPackages({ outputs }: Metafile): Promise<readonly Bundled[]> {
  const paths = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput === 0 ? [] : [path])),
  );
  const folders = new Set(paths.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []));
  const found = await Promise.all([...folders].map(packageIn));
  return found.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

async function packageIn(folder: string): Promise<Bundled> {
  const { name, version, license } = manifest.parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)(\.\w+)?$/i.test(file));
  const texts = await Promise.all(files.toSorted().map((file) => readFile(join(folder, file), 'utf8')));
  return { name, version, license, text: texts.map((text) => text.trim()).join('\n\n') };
}

/**
 * What has to go with the code of others: a bundle is a copy of it, and most licences ask for their text with each copy.
 * A text that many packages share is there once.
 */
export function noticesOf(packages: readonly Bundled[]): string {
  const list = packages.map(({ name, version, license }) => `  ${name} ${version}: ${license}`).join('\n');
  const texts = Map.groupBy(
    packages.filter(({ text }) => text !== ''),
    ({ text }) => text,
  );
  const parts = [...texts].map(
    ([text, own]) => `${'='.repeat(80)}\n${own.map(({ name }) => name).join(', ')}\n\n${text}\n`,
  );
  return `This bundle holds code of the packages below, under the licences that are named, with their texts as the packages\nship them.\n\n${list}\n\n${parts.join('\n')}`;
}
