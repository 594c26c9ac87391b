import * as z from 'zod';
import type { ResourceType } from './object.ts';
import { approvalAnnotation } from './removal.ts';

/** Where MirrorScans live in the API. */
export const mirrorScan: ResourceType = {
  group: 'skymirror.dev',
  version: 'v1alpha1',
  kind: 'MirrorScan',
  plural: 'mirrorscans',
};

/** Raised with every change of the schemas below. */
export const mirrorScanRevision = 2;

const count = (what: string) => z.int().optional().describe(what);
const time = (what: string) => z.iso.datetime().optional().describe(what);

/** `spec` of a MirrorScan: which scan it tells of. */
export const scanSpec = z.object({
  mirror: z.string().describe('Name of the mirror.').meta({ column: 'Mirror', selectable: true }),
  source: z.string().describe('Kind that is mirrored.').meta({ column: 'Source', selectable: true }),
  scope: z.record(z.string(), z.string()).describe('The scope that is listed as one, for example account and region.'),
});

/** `status` of a MirrorScan, conditions aside. Counts are those of the last pass over the whole scope. */
export const scanStatus = z.object({
  scope: z.string().optional().describe('The scope in one line.').meta({ column: 'Scope' }),
  seen: count('Resources that the last pass saw outside.').meta({ column: 'Seen' }),
  held: count('Objects of this scope in the cluster after the last pass.').meta({ column: 'Held' }),
  created: count('Objects created by the last pass.').meta({ column: { name: 'Created', wide: true } }),
  updated: count('Objects changed by the last pass.').meta({ column: { name: 'Updated', wide: true } }),
  marked: count('Objects marked as gone or not selected by the last pass.').meta({
    column: { name: 'Marked', wide: true },
  }),
  deleted: count('Objects deleted by the last pass.').meta({ column: { name: 'Deleted', wide: true } }),
  kept: count('Objects that are not seen or not selected and stay: grace, Retain, brake, or nobody could look.'),
  refused: count('Resources that could not be mirrored: the name is taken, or their row fails the schema.'),
  failed: count('Writes or questions that failed.'),
  invalid: count('Resources whose row fails the schema.'),
  unselected: count('Resources that exist and that the mirror does not select.'),
  excluded: count('Rows of the listing that are not of this kind, for example Neptune among RDS instances.'),
  labelsLeftOut: count('Tags that were to become labels and are not legal ones.'),
  calls: count('API calls made outside by the last pass.').meta({ column: { name: 'Calls', wide: true } }),
  lastStarted: time(
    'When the pass began that reported last: one that changed something, else one every third of staleAfter.',
  ).meta({ column: 'Last Report' }),
  lastCompleted: time('When the last complete pass began: what exists was known in full then.').meta({
    column: 'Last Complete',
  }),
  staleAfterSeconds: count('Silence for longer than so many seconds means that the mirror does not run.'),
  lastListed: time('When the last pass began that reached the end of the listing, complete or not.'),
  refreshed: time('Until when the turns of resources that are listed by name alone have been read.'),
  selection: z.string().optional().describe('Stands for what was selected then; another selection reads all anew.'),
  attributesAsOf: time('When the oldest attributes of this scope were read.'),
  error: z.string().optional().describe('Why the last pass was not complete or not applied.'),
  history: z
    .array(
      z.object({
        hour: z.iso.datetime().describe('When the hour began.'),
        held: z.int().describe('The most objects held in a pass of that hour.'),
        deleted: z.int().describe('Objects deleted in that hour.'),
      }),
    )
    .optional()
    .describe('Objects held and deleted in each hour of the last day: what the brake on removals decides by.'),
  blockedRemoval: z
    .object({
      approval: z.string().describe(`What the annotation ${approvalAnnotation} has to say to let this set go.`),
      members: z
        .array(
          z.object({
            name: z.string().describe('Name of the object.'),
            uid: z.string().describe('Its uid.'),
            since: z.string().describe('When its mark began.'),
          }),
        )
        .describe('The objects of the set.'),
    })
    .optional()
    .describe('The set of objects that is due for removal and waits for a person.'),
});
