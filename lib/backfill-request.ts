import * as z from 'zod';
import type { RunSpec } from './sync-run.ts';

const texts = z
  .union([z.string().min(1).max(256), z.array(z.string().min(1).max(256)).min(1).max(200)])
  .transform((value) => [value].flat());

const runName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'is not the name of a run: use a-z, 0-9 and dashes, at most 63');

/** What is asked of a backfill; of each filter one value has to fit, and what is left out means all. */
export const backfillRequest = z.strictObject({
  mirror: texts.optional(),
  source: texts.optional(),
  scope: z.record(z.string(), texts).optional(),
  name: z.string().min(1).max(256).optional(),
  tag: z.record(z.string().regex(/^[^=]+$/, 'is not the key of a tag'), texts).optional(),
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

function pairsOf(map: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(map).flatMap(([key, values]) => values.map((value) => `${key}=${value}`));
}
