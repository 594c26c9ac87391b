import { mkdir, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

/** One function as a bundle. */
export interface Bundle {
  /** esbuild's account of what is in which file. */
  readonly metafile: Metafile;
  /** Bytes of all files. */
  readonly size: number;
  /** Bytes of what is read before the first event: the entry and what it imports statically. */
  readonly startSize: number;
}

/**
 * Built-in modules by `require`: importing node:http as an ES module costs 66 ms instead of 8, because its lazy parts
 * are all read for the names of its exports.
 */
const builtins: Plugin = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /.*/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      const name = path.startsWith('node:') ? path : `node:${path}`;
      return kind === 'require-call' ? { path: name, external: true } : { path: name, namespace: 'builtins' };
    });
    onLoad({ filter: /.*/, namespace: 'builtins' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/** Bundles one function into a folder that is made anew. The same sources give the same bytes. */
export async function bundle(entry: string, into: string): Promise<Bundle> {
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  const { metafile } = await build({
    entryPoints: { index: entry },
    outdir: into,
    bundle: true,
    // What is imported lazily, such as the SDK's providers of credentials, stays unread in chunks of its own.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    // Names stay, so that a stack in the logs can be read; shorter ones are not faster (116 ms to import, or 121).
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
    plugins: [builtins],
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
  });
  await writeFile(join(into, 'package.json'), '{"type":"module"}\n');
  const sizes = Object.values(metafile.outputs).map(({ bytes }) => bytes);
  return { metafile, size: sum(sizes), startSize: sum(startOutputs(metafile).map(({ bytes }) => bytes)) };
}

type Output = Metafile['outputs'][string];

/** The outputs that are read before the first event. */
export function startOutputs({ outputs }: Metafile): Output[] {
  const entry = Object.keys(outputs).find((path) => path.endsWith('/index.js'));
  const reached = new Set(entry === undefined ? [] : [entry]);
  // A set goes on to what is added while it is gone through.
  for (const path of reached) {
    for (const { path: next, kind } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement') reached.add(next);
    }
  }
  return [...reached].flatMap((path) => outputs[path] ?? []);
}

/** The packages that have code in these outputs. */
export function packagesIn(outputs: readonly Output[]): Set<string> {
  const inputs = outputs.flatMap((output) =>
    Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput === 0 ? [] : [path])),
  );
  return new Set(inputs.flatMap((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
