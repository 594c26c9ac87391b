import { createHash } from 'node:crypto';
import { cp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import type { Engine } from '../memory/engine.ts';

/** A rule that is switched off: its text in a file of lib/, and what stands there instead. */
export interface Sabotage {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Where it shows rarely: a seed of fast-check under which it does so soon. */
  readonly seed?: number;
}

const root = new URL('../../', import.meta.url);
/** The modules of which the engine of the law tests is made. */
export const modules = ['cluster', 'define-source', 'iam', 'kubernetes-cluster', 'plan', 'removal', 'source', 'sync'];

/** Loads a copy of lib/ in which the rules are switched off. More than one edit where a second rule covers the first. */
export async function sabotaged(...edits: readonly Sabotage[]): Promise<Engine> {
  // The copy has the exports of the original: nothing but an expression was changed.
  return (await sabotagedModules(modules, edits)) as unknown as Engine;
}

/** What these modules of lib/ export in such a copy. */
export async function sabotagedModules(
  names: readonly string[],
  edits: readonly Sabotage[],
): Promise<Readonly<Record<string, unknown>>> {
  const hash = createHash('sha256').update(JSON.stringify(edits)).digest('hex').slice(0, 16);
  const mutants = new URL('.skymirror/mutants/', root);
  const mutant = new URL(`${process.pid}/${hash}/`, mutants);
  try {
    await cp(new URL('lib/', root), new URL('lib/', mutant), { recursive: true });
    for (const edit of edits) await rewrite(new URL(`lib/${edit.file}`, mutant), edit);
    const loaded: unknown[] = [];
    for (const name of names) loaded.push(await import(new URL(`lib/${name}.ts`, mutant).href));
    return Object.assign({}, ...loaded);
  } finally {
    await rm(mutant, { recursive: true, force: true });
    // Empty but for the copies that another process has in use.
    for (const folder of ['..', '../..']) await rmdir(new URL(`${folder}/`, mutant)).catch(() => undefined);
  }
}

async function rewrite(file: URL, { file: name, find, replace }: Sabotage): Promise<void> {
  const text = await readFile(file, 'utf8');
  const times = text.split(find).length - 1;
  if (times !== 1) {
    throw new Error(`lib/${name}: the rule's text has moved, it occurs ${times} times instead of once: ${find}`);
  }
  await writeFile(
    file,
    text.replace(find, () => replace),
  );
}

/** True where the property fails for the engine in which these rules are switched off. */
export async function isNoticed<Case>(
  property: (engine: Engine) => fc.IAsyncProperty<Case>,
  ...edits: readonly Sabotage[]
): Promise<boolean> {
  const engine = await sabotaged(...edits);
  const seed = edits.find((edit) => edit.seed !== undefined)?.seed;
  const chosen = seed === undefined ? {} : { seed };
  const result = await fc.check(property(engine), { numRuns: 8_000, endOnFailure: true, ...chosen });
  if (process.env.LAWS_VERBOSE) console.log(`noticed by run ${result.numRuns}: ${JSON.stringify(edits)}`);
  return result.failed;
}
