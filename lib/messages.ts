import * as z from 'zod';
import { shortHash } from './names.ts';
import { issuesText } from './plain-text.ts';
import { safeParse } from './safe-parse.ts';

/**
 * What the queues of the worker carry: one target to look at. Later versions of skymirror only add optional fields, so
 * that during a deployment old messages are drained by new code; a change that old code would get wrong raises this.
 */
export const messageVersion = 1;

const dnsLabel = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'is not a DNS label');

/** What becomes part of a group or deduplication id holds to their alphabet and their 128 characters. */
const messageSchema = z.object({
  version: z.literal(messageVersion),
  /** From the schedule to the write: in every log line, and in the names of what a backfill leaves behind. */
  run: z.string().regex(/^[\w.:-]{1,80}$/, 'is not the id of a run'),
  mirror: dnsLabel,
  source: z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,39}$/, 'is not a kind'),
  scope: z.record(z.string().max(63), z.string().max(63)),
  /** When the schedule fired, or the backfill was asked for. */
  scheduledAt: z.iso.datetime(),
  /** How often the rest of this target was sent on. */
  hop: z.int().min(0).default(0),
  /** The SyncRun that a backfill reports to. */
  syncRun: z
    .object({
      cluster: z.string().min(1).max(63),
      namespace: dnsLabel,
      name: z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'is not the name of an object'),
    })
    .optional(),
});

/** One target to look at, and why. */
export type TargetMessage = z.output<typeof messageSchema>;

/** `newer`: written by a later version of skymirror, whose worker will understand it. */
export type ParsedMessage =
  | { readonly message: TargetMessage }
  | { readonly newer: number }
  | { readonly problem: string };

const versioned = z.object({ version: z.int() });

/** Reads the body of a message; never throws. */
export function parseMessage(body: string): ParsedMessage {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { problem: 'the message is no JSON' };
  }
  const version = versioned.safeParse(value).data?.version ?? 0;
  if (version > messageVersion) return { newer: version };
  const parsed = safeParse(messageSchema, value);
  return parsed.success ? { message: parsed.data } : { problem: issuesText(parsed.error) };
}

/** A target by name alone, as messages hold it. */
export type TargetName = Pick<TargetMessage, 'mirror' | 'source' | 'scope'>;

/** The group of a FIFO queue that a target is, so that it is looked at by one worker at a time. */
export function groupOf({ mirror, source, scope }: TargetName): string {
  return `${mirror}.${source}.${shortHash(mirror, source, ...Object.entries(scope).toSorted().flat())}`;
}

/**
 * The same for what is sent twice within five minutes (SQS Developer Guide, "Exactly-once processing"): by a
 * schedule that fires twice, or because the answer of the queue was lost. A worker that died after it had sent comes
 * later, and sends another.
 */
export function deduplicationOf(message: TargetMessage): string {
  return `${message.run}.${shortHash(groupOf(message))}.${message.hop}`;
}
