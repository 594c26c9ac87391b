import type * as z from 'zod';
import { type JsonSchema, schemaAt } from './configuration-json-schema.ts';
import type { Finding, Path } from './configuration-nodes.ts';
import { suggestion } from './nearest.ts';

type Issue = z.core.$ZodIssue;

/** How to say what zod found wrong. `writtenAt`: a scalar as the file has it. */
export interface Wording {
  /** Asked only where the keys of a map are needed: it takes longer to make than the file to read. */
  readonly schema: () => JsonSchema;
  readonly writtenAt: (path: Path) => string | undefined;
}

/**
 * What is wrong, in words for people. The issues are to be made with `reportInput` and an `error` that answers `''`, so
 * that a message in them is one of ours.
 */
export function findingsOf(issue: Issue, wording: Wording, above: Path = []): Finding[] {
  const path = [...above, ...issue.path.filter((part) => typeof part !== 'symbol')];
  const { input } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(schemaAt(wording.schema(), path)?.properties ?? {});
    return issue.keys.map((key) => ({ path: [...path, key], at: 'key', message: unknownKey(key, known) }));
  }
  if (issue.code === 'invalid_union') {
    const branch = issue.errors.find((errors) => errors[0]?.code !== 'invalid_type' || errors[0].path.length > 0);
    if (branch !== undefined) return branch.flatMap((one) => findingsOf(one, wording, path));
    const expected = issue.errors.flat().map((one) => (one.code === 'invalid_type' ? one.expected : ''));
    return [{ path, message: wrongType(input, expected, wording.writtenAt(path)) }];
  }
  if (issue.code === 'invalid_key') return [{ path, at: 'key', message: `this key ${issue.issues[0]?.message ?? ''}` }];
  if (issue.code === 'invalid_type') {
    const message = issue.message === '' || input === undefined || input === null ? undefined : issue.message;
    return [{ path, message: message ?? wrongType(input, [issue.expected], wording.writtenAt(path)) }];
  }
  return [{ path, message: issue.message === '' ? wrongValue(issue) : ofInput(input, issue.message) }];
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = suggestion(key, known);
  return `unknown key ${shown(key)}${near === '' ? `: use one of ${known.join(', ')}` : near}`;
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

function wrongType(input: unknown, expected: readonly string[], written: string | undefined): string {
  if (input === undefined) return 'is missing';
  if (input === null) return 'is empty: give it a value, or take the key out';
  const needed = expected.map((type) => typeNames[type] ?? type).join(' or ');
  if (typeof input === 'object') return `has to be ${needed}, and is ${Array.isArray(input) ? 'a list' : 'a map'}`;
  if (typeof input === 'string') return `has to be ${needed}, and is the text ${shown(input)}`;
  const quoted = expected.includes('string') ? `: put it in quotes, "${written ?? input}"` : '';
  return `has to be ${needed}, and is ${written ?? input}${quoted}`;
}

function wrongValue(issue: Issue): string {
  if (issue.code === 'invalid_value') {
    if (issue.values.length === 1) return `has to be ${String(issue.values[0])}, or left out`;
    const known = issue.values.map(String);
    // Of a map that has a toString of its own no text can be made.
    const near = typeof issue.input === 'string' ? suggestion(issue.input, known) : '';
    return `${shown(issue.input)} is not known${near === '' ? `: use ${known.join(' or ')}` : near}`;
  }
  if (issue.code === 'too_small') {
    return issue.origin === 'number' ? `is below ${issue.minimum}` : 'is empty: give it a value, or take the key out';
  }
  if (issue.code === 'too_big') {
    const unit = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : '';
    return `is more than ${issue.maximum}${unit}`;
  }
  return `cannot be used (${issue.code})`;
}

/** The message with the text it is about in front. */
function ofInput(input: unknown, message: string): string {
  return typeof input === 'string' ? `${shown(input)} ${message}` : message;
}

/** In quotes, and not longer than a line. */
function shown(input: unknown): string {
  const text = JSON.stringify(input) ?? '';
  return text.length > 80 ? `${text.slice(0, 78)}…"` : text;
}
