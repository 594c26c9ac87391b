import * as z from 'zod';
import type { RunSpec } from './sync-run.ts';

/** No tag and no name of AWS has characters that steer a terminal; errors repeat what was asked for. */
const text = z
  .string()
  .min(1)
  .max(256)
  .regex(/^\P{Cc}*$/u, 'has control characters');
const texts = z.union([text, z.array(text).min(1).max(200)]).transform((value) => [value].flat());

/** What a SyncRun takes of the pairs `key=value` of a filter (sync-run-schema.ts). */
const [mostPairs, longestPair] = [200, 256];
const fits = (map: Readonly<Record<string, string | readonly string[]>>) => {
  const pairs = pairsOf(map);
  return pairs.length <= mostPairs && pairs.every(({ length }) => length <= longestPair);
};
const tooMuch = `has more than ${mostPairs} values, or one that makes more than ${longestPair} characters with its key`;

const runName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'is not the name of a run: use a-z, 0-9 and dashes, at most 63');

/** What is asked of a backfill; of each filter one value has to fit, and what is left out means all. */
export const backfillRequest = z.strictObject({
  mirror: texts.optional(),
  source: texts.optional(),
  scope: z.record(text, texts).refine(fits, tooMuch).optional(),
  name: text.optional(),
  tag: z
    .record(text.regex(/^[^=]+$/, 'is not the key of a tag'), texts)
    .refine(fits, tooMuch)
    .optional(),
  /** Left out: apply, or that of the run. */
  mode: z.enum(['plan', 'apply']).optional(),
  /** Begun under this name or, where there is such a run, carried on. */
  run: runName.optional(),
  /** The run that is to end; nothing else of the request counts then. */
  cancel: runName.optional(),
});

/** A request that has been read. */
export type BackfillRequest = z.output<typeof backfillRequest>;

/** The filter of a request as the SyncRun holds it. */
export function filterOf({ mirror, source, scope, name, tag }: BackfillRequest): RunSpec['filter'] {
  return {
    ...(mirror === undefined ? {} : { mirrors: mirror }),
    ...(source === undefined ? {} : { sources: source }),
    ...(scope === undefined ? {} : { scope: pairsOf(scope) }),
    ...(name === undefined ? {} : { name }),
    ...(tag === undefined ? {} : { tags: pairsOf(tag) }),
  };
}

/** Refinements see what has issues too: then a single text is still no list. */
function pairsOf(map: Readonly<Record<string, string | readonly string[]>>): string[] {
  return Object.entries(map).flatMap(([key, values]) => [values].flat().map((value) => `${key}=${value}`));
}
