import type * as z from 'zod';
import { clashesOf } from './configuration-checks.ts';
import { type FileContent, type Problem, readConfigurationFile } from './configuration-file.ts';
import { configurationSchema } from './configuration-json-schema.ts';
import { type Environment, type Finding, placeKey } from './configuration-nodes.ts';
import type { Clash } from './configuration-raw.ts';
import { type Configuration, configurationShape } from './configuration-schema.ts';
import { findingsOf } from './configuration-words.ts';
import { safeParse } from './safe-parse.ts';

export type { Problem } from './configuration-file.ts';
export type { Configuration } from './configuration-schema.ts';

/** Either a configuration that holds together, or everything that is wrong with it, in the order of the file. */
export type Parsed = { readonly configuration: Configuration } | { readonly problems: readonly Problem[] };

/** What a configuration is read with. */
export interface ParseOptions {
  /** The kinds that it may name. */
  readonly sources: readonly { readonly kind: string }[];
  /** Where `${SKYMIRROR_...}` is looked up. */
  readonly environment?: Environment;
}

/** More than anybody mends at once. */
const maxProblems = 100;

/** Reads skymirror.yaml. Never throws for what the text is. */
export function parseConfiguration(text: string, { sources, environment = {} }: ParseOptions): Parsed {
  const content = readConfigurationFile(text, environment);
  if ('problems' in content) return content;
  const shape = configurationShape(sources.map(({ kind }) => kind));
  const parsed = safeParse(shape, content.value, { reportInput: true, error: () => '' });
  const found = [...content.findings, ...(parsed.success ? [] : formFindings(parsed.error, content, sources))];
  const problems = [...problemsOf(found, clashesOf(content.value), content)];
  if (parsed.success && problems.length === 0) return { configuration: parsed.data };
  return { problems: problems.sort((one, other) => one.line - other.line || one.column - other.column) };
}

/** `skymirror.yaml:12:5: mirrors[0].regoins: unknown key ...`, which terminals and editors make a link of. */
export function problemText(file: string, { line, column, path, message }: Problem): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
}

function formFindings(error: z.ZodError, content: FileContent, sources: ParseOptions['sources']): Finding[] {
  const wording = { schema: () => configurationSchema(sources), writtenAt: content.writtenAt };
  return error.issues.slice(0, maxProblems).flatMap((issue) => findingsOf(issue, wording));
}

/** Of what is wrong in itself one problem for each path, because the next is mostly its echo; and no clash there. */
function* problemsOf(found: readonly Finding[], clashes: Iterable<Clash>, content: FileContent): Generator<Problem> {
  const said = new Set<string>();
  let count = 0;
  for (const finding of found) {
    const key = placeKey(finding.path);
    if (said.has(key)) continue;
    if (count >= maxProblems) return;
    said.add(key);
    count += 1;
    yield content.problemOf(finding);
  }
  for (const { other, ...clash } of clashes) {
    if (count >= maxProblems) return;
    if (said.has(placeKey(clash.path))) continue;
    count += 1;
    const problem = content.problemOf(clash);
    const first = other === undefined ? undefined : content.problemOf({ path: other, message: '' });
    yield first === undefined ? problem : { ...problem, message: `${problem.message} (the other: line ${first.line})` };
  }
}
