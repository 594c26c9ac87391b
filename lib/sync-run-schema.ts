import * as z from 'zod';
import type { ResourceType } from './object.ts';

/** Where SyncRuns live in the API. */
export const syncRun: ResourceType = {
  group: 'skymirror.dev',
  version: 'v1alpha1',
  kind: 'SyncRun',
  plural: 'syncruns',
};

/** Raised with every change of the schemas below. */
export const syncRunRevision = 1;

/** So that the status, which holds all of them, stays far below what an API server takes in one object. */
export const maxTargets = 500;

const text = z.string().max(256);
const texts = z.array(text).max(200);

/** What a backfill is about; what is left out means all. */
export const runFilter = z.object({
  mirrors: texts.optional().describe('Only these mirrors.'),
  sources: texts.optional().describe('Only these kinds.'),
  scope: texts.optional().describe('Only these scopes, as key=value; of each key one value has to fit.'),
  name: text.optional().describe('Only resources with this name; * and ? stand for others.'),
  tags: texts.optional().describe('Only resources with these tags, as key=value; of each key one value has to fit.'),
});

/** `spec` of a SyncRun. */
export const runSpec = z.object({
  mode: z.enum(['Plan', 'Apply']).describe('Plan counts what would change; Apply changes it.').meta({ column: 'Mode' }),
  filter: runFilter.describe('What it is about.'),
  cancelled: z.boolean().describe('Set to true, it ends the run: what is under way stops within seconds.'),
});

/** How a run or one of its targets stands. */
export const runState = z.enum(['Pending', 'Running', 'Done', 'Failed', 'Cancelled']);

const count = (what: string) => z.int().optional().describe(what);
const time = (what: string) => z.iso.datetime().optional().describe(what);

const counted = {
  created: count('Objects created, in all clusters together; with Plan, those that would be.'),
  updated: count('Objects changed.'),
  marked: count('Objects marked as gone or not selected.'),
  deleted: count('Objects deleted.'),
  unchanged: count('Objects that were right already.'),
  kept: count('Objects that are not seen or not selected and stay: grace, Retain, brake.'),
  refused: count('Resources that could not be mirrored: the name is taken, or their row fails the schema.'),
  failed: count('Writes or questions that failed.'),
};

/** How one target stands, in the status of its run. */
export const runTarget = z.object({
  state: runState.describe('How it stands.'),
  mirror: z.string().describe('Name of the mirror.'),
  source: z.string().describe('Kind that is mirrored.'),
  scope: z.record(z.string(), z.string()).describe('The scope that is listed as one.'),
  seen: count('Resources seen outside by its last pass.'),
  ...counted,
  passes: count('Passes begun: more than one where the time of a function was over, or a pass failed or died.'),
  message: z.string().optional().describe('Why it is not done, or what did not work.'),
  began: time('When its first pass began.'),
  ended: time('When it ended.'),
  pass: z
    .object({
      id: z.string().describe('Which pass it is.'),
      began: z.iso.datetime().describe('When it began.'),
      versions: z
        .record(z.string(), z.string())
        .describe('For each cluster and namespace the highest resourceVersion of the objects when it began.'),
      counted: z
        .object({ created: z.int(), updated: z.int(), marked: z.int() })
        .optional()
        .describe('What it has reported, where it was cut: the rest is told by resourceVersion.'),
    })
    .optional()
    .describe('The pass that is under way, was cut or died: what it wrote is told by resourceVersion then.'),
});

/** `status` of a SyncRun, conditions aside. */
export const runStatus = z.object({
  state: runState.optional().describe('How the run stands.').meta({ column: 'State' }),
  progress: z.string().optional().describe('Targets that have ended, of all.').meta({ column: 'Targets' }),
  seen: count('Resources seen outside.').meta({ column: 'Seen' }),
  changed: count('Objects created, updated, marked or deleted.').meta({ column: 'Changed' }),
  counts: z.object(counted).optional().describe('The counts of all targets together.'),
  began: time('When the first pass began.'),
  ended: time('When the last target ended.').meta({ column: { name: 'Ended', wide: true } }),
  targets: z.record(z.string(), runTarget).optional().describe('How each target stands.'),
});
