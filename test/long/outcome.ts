import * as z from 'zod';

const counts = z.record(z.string(), z.int().nonnegative());

/** What one part of the long form came to: the last line that its program writes to stdout, as JSON. */
export const longOutcome = z.strictObject({
  part: z.string().min(1),
  /** Repeats the run: every part takes it as `--seed`. */
  seed: z.int(),
  /** What was tried, and how often. */
  tried: counts,
  /** What must be 0, each with how often it was not. */
  broken: counts,
});

/** The counts of one part; only `broken` says whether it passed. */
export type LongOutcome = z.infer<typeof longOutcome>;

/** An outcome with when, where and on what it was had. */
export const keptOutcome = longOutcome.extend({
  seconds: z.int().nonnegative(),
  /** Of the day on which it ended, as YYYY-MM-DD. */
  date: z.iso.date(),
  /** Abbreviated; with `+` where files differed from it. */
  commit: z.string().regex(/^[0-9a-f]{7,}\+?$/),
  machine: z.string(),
});

/** One row of docs/reliability.md. */
export type KeptOutcome = z.infer<typeof keptOutcome>;

/** The outcomes of docs/reliability.json, by the name of the part. */
export const keptOutcomes = z.record(z.string(), keptOutcome);

/** The last line of what a program wrote, read as its outcome. Throws where it is none. */
export function outcomeIn(text: string): LongOutcome {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  return longOutcome.parse(JSON.parse(line));
}

/** What is not 0 and has to be. */
export function brokenIn({ broken }: LongOutcome): readonly string[] {
  return Object.entries(broken).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`]));
}
