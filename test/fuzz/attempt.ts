import { isDeepStrictEqual } from 'node:util';
import { canaryIn } from './canaries.ts';
import { capture } from './output.ts';
import { pollution } from './pollution.ts';
import { spelt } from './spelt.ts';

/** What may go wrong. `rules`: what the border itself promises. */
export const kinds = [
  'crashes',
  'hangs',
  'writes',
  'pollution',
  'secrets',
  'control characters',
  'lengths',
  'rules',
] as const;

/** One thing that went wrong. */
export interface Finding {
  readonly kind: (typeof kinds)[number];
  readonly what: string;
}

/** All that comes of an input. */
export interface Outcome {
  /** What people read: messages of errors, lines of reports, conditions. */
  readonly said?: readonly string[];
  /** Errors that the border documents: their messages count as said, and nothing in them may be secret. */
  readonly errors?: readonly unknown[];
  /** What else leaves the border: objects, messages, reports. Searched for secrets alone. */
  readonly left?: unknown;
  /** What the border found out itself. */
  readonly finding?: Finding | undefined;
}

interface Attempted<Input> {
  readonly longest?: number;
  run(input: Input): Promise<Outcome> | Outcome;
  holds?(input: Input, outcome: Outcome): Finding | undefined;
}

/** Lets an input in, and looks at all that must be true whatever it was. Never throws. */
export async function attempt<Input>(border: Attempted<Input>, input: Input): Promise<Finding | undefined> {
  const output = capture();
  let outcome: Outcome;
  try {
    outcome = await border.run(input);
  } catch (error) {
    return { kind: 'crashes', what: spelt(error).slice(0, 3_000) };
  } finally {
    output.end();
  }
  const polluted = pollution();
  if (polluted !== undefined) return { kind: 'pollution', what: polluted };
  const { said = [], errors = [], left, finding } = outcome;
  const people = [...said, ...errors.map(messageOf)];
  const secret = canaryIn([...people, ...errors.map(spelt), ...output.texts, JSON.stringify(left) ?? '']);
  if (secret !== undefined) return { kind: 'secrets', what: secret };
  return (
    finding ??
    people.map((text) => unreadable(text, border.longest ?? 4_000)).find((one) => one !== undefined) ??
    output.texts.map((text) => unreadable(text, longestLine)).find((one) => one !== undefined) ??
    border.holds?.(input, outcome)
  );
}

/** Characters of one line of a log: it names the messages of a batch, whose ids may be anything here. */
const longestLine = 100_000;

/** What a person sees first of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether the values are equal; else a finding that says what is not as it should be. */
export function unequal(what: string, found: unknown, wanted: unknown): Finding | undefined {
  if (isDeepStrictEqual(found, wanted)) return undefined;
  return { kind: 'rules', what: `${what}: ${JSON.stringify(found)} and not ${JSON.stringify(wanted)}` };
}

/** A line may end; anything else that steers a terminal is an attack on whoever reads it. */
const steering = /[^\P{Cc}\n]/u;

function unreadable(text: string, longest: number): Finding | undefined {
  if (text.length > longest) return { kind: 'lengths', what: `${text.length} characters: ${text.slice(0, 300)}` };
  return steering.test(text) ? { kind: 'control characters', what: JSON.stringify(text.slice(0, 600)) } : undefined;
}
