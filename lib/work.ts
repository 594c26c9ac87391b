import { isDeepStrictEqual } from 'node:util';
import { mapConcurrent } from './concurrent.ts';
import { groupOf, messageVersion, type ParsedMessage, parseMessage, type TargetMessage } from './messages.ts';
import { mayPass } from './passing.ts';
import { publicText } from './public-text.ts';
import type { Report } from './report.ts';
import type { ConfiguredTask } from './targets.ts';

/** A message as a queue delivers it. */
export interface QueueRecord {
  readonly id: string;
  readonly body: string;
  readonly group: string;
  /** This delivery included. */
  readonly receiveCount: number;
  /** By which this delivery is deleted. */
  readonly receiptHandle: string;
}

/** A message whose pass reports to a SyncRun. */
export type BackfillMessage = TargetMessage & { readonly syncRun: NonNullable<TargetMessage['syncRun']> };

/** What becomes of a message after its pass; `retry` uses up a delivery. */
export interface NextStep {
  readonly next: 'done' | 'send on' | 'retry';
  readonly reason?: string;
}

/** What working on a batch takes from the outside. */
export interface Desk {
  readonly signal: AbortSignal;
  /** The target in the configuration as it is now. */
  taskOf(message: TargetMessage): ConfiguredTask | undefined;
  pass(task: ConfiguredTask, message: TargetMessage): Promise<Pick<Report, 'incomplete' | 'clusters'>>;
  /** `isLast`: where it fails now, nobody will try again. What is out of time may be sent on all the same. */
  passOfRun(task: ConfiguredTask, message: BackfillMessage, isLast: boolean): Promise<NextStep>;
  /** Tells the SyncRun that nothing comes of the target any more, and why. */
  endTarget(message: BackfillMessage, reason: string): Promise<void>;
  /** Puts it into the queue that it came from; rejects where the queue did not take it. */
  sendOn(message: TargetMessage): Promise<void>;
  /** As `sendOn`, for the dead-letter queue. */
  bury(record: QueueRecord, reason: string): Promise<void>;
  /** Told of messages that are done with while others of the batch go on: deleted now, their group is free. Never rejects. */
  settled(records: readonly QueueRecord[]): Promise<void>;
  /** Told of each message, or of several that were worked on as one, when it is known what becomes of them. */
  told(outcome: Outcome): void;
}

/**
 * What became of messages. `passed`: looked at, well or not. `sent on`: the rest is a new message. `given up`: not looked
 * at in full, and nothing more comes of it. `dropped`: there was nothing to do. `returned`: will be delivered again.
 * `buried`: put into the dead-letter queue.
 */
export interface Outcome {
  readonly became: 'passed' | 'sent on' | 'given up' | 'dropped' | 'returned' | 'buried';
  readonly records: readonly QueueRecord[];
  readonly message?: TargetMessage;
  readonly reason?: string;
  readonly error?: unknown;
}

/** At its last delivery a message that fails is buried here, with the reason; what only crashes, the queue buries. */
export const maxReceives = 5;

/** A target that so many invocations in a row did not get through. */
export const maxHops = 100;

/** Seconds. Up to this the next slot is the retry; a longer wait is worth another delivery. */
const longestWait = 900;

/** Targets at once: one waits for AWS while another writes. */
const atOnce = 4;

/**
 * Works on a batch of messages and says which have to be delivered again. Those of a group are worked on in their order,
 * and after one that has to come again the later ones of the group come again too (Lambda Developer Guide, "Handling
 * errors for an SQS event source"). Never throws.
 */
export async function work(records: readonly QueueRecord[], desk: Desk): Promise<readonly QueueRecord[]> {
  const groups = Map.groupBy(records, ({ group }) => group);
  const settling: Promise<void>[] = [];
  let going = groups.size;
  const returned = await mapConcurrent(groups.values(), atOnce, async (group) => {
    const again = await workInOrder(unitsOf(group), desk);
    const done = group.filter((record) => !again.includes(record));
    going -= 1;
    // After the last of them Lambda deletes at once itself.
    if (going > 0 && done.length > 0) settling.push(desk.settled(done));
    return again;
  });
  await Promise.all(settling);
  return returned.flat();
}

/** Messages that one pass answers. */
interface Unit {
  readonly records: readonly QueueRecord[];
  readonly parsed: ParsedMessage;
}

/** Neighbours that ask for the same look are one unit: a target that is slow would else be looked at over and over. */
function unitsOf(records: readonly QueueRecord[]): Unit[] {
  const units: Unit[] = [];
  for (const record of records) {
    const parsed = parseMessage(record.body);
    const last = units.at(-1);
    const before = last !== undefined && 'message' in last.parsed ? last.parsed.message : undefined;
    if (last !== undefined && before !== undefined && 'message' in parsed && isSame(before, parsed.message)) {
      const message = merged(before, parsed.message);
      units[units.length - 1] = { records: [...last.records, record], parsed: { message } };
    } else {
      units.push({ records: [record], parsed });
    }
  }
  return units;
}

/** Those of a schedule are all the same; those of a backfill, where they are of one. */
function isSame(one: TargetMessage, other: TargetMessage): boolean {
  return groupOf(one) === groupOf(other) && isDeepStrictEqual(one.syncRun, other.syncRun);
}

/** The newest, with the hops of whichever has most: a target that is never got through is to be noticed. */
function merged(one: TargetMessage, other: TargetMessage): TargetMessage {
  const newest = Date.parse(one.scheduledAt) > Date.parse(other.scheduledAt) ? one : other;
  return { ...newest, hop: Math.max(one.hop, other.hop) };
}

async function workInOrder(units: readonly Unit[], desk: Desk): Promise<readonly QueueRecord[]> {
  for (const [index, unit] of units.entries()) {
    const returned = await workOn(unit, desk);
    if (returned.length > 0) return [...returned, ...units.slice(index + 1).flatMap(({ records }) => records)];
  }
  return [];
}

/** The records of the unit that have to be delivered again. */
async function workOn({ records, parsed }: Unit, desk: Desk): Promise<readonly QueueRecord[]> {
  if ('problem' in parsed) return bury(records, { reason: parsed.problem }, desk);
  if ('newer' in parsed) {
    const reason = `version ${parsed.newer} of the message is newer than this function, which knows ${messageVersion}`;
    return giveBack(records, { reason }, desk);
  }
  const { message } = parsed;
  try {
    const { became, ...said } = await lookAt(message, records, desk);
    if (became === 'returned') return giveBack(records, { message, ...said }, desk);
    desk.told({ became, records, message, ...said });
    return [];
  } catch (error) {
    return giveBack(records, { message, reason: words(error), error }, desk);
  }
}

type Said = Omit<Outcome, 'became' | 'records'>;

async function lookAt(
  message: TargetMessage,
  records: readonly QueueRecord[],
  desk: Desk,
): Promise<Pick<Outcome, 'became' | 'reason'>> {
  const task = desk.taskOf(message);
  if (task === undefined) {
    const reason = 'the configuration has no such target any more';
    await endTarget(message, reason, desk);
    return { became: 'dropped', reason };
  }
  // A SyncRun is told that its target is paused.
  if (task.paused && message.syncRun === undefined) return { became: 'dropped', reason: 'the mirror is paused' };
  const { next, ...why } = await onePass(task, message, records.some(isLastDelivery), desk);
  if (next === 'done') return { became: 'passed', ...why };
  if (next === 'retry') return { became: 'returned', ...why };
  if (message.hop >= maxHops) {
    const reason = `not through after ${maxHops} invocations in a row`;
    await endTarget(message, reason, desk);
    return { became: 'given up', reason };
  }
  await desk.sendOn({ ...message, hop: message.hop + 1 });
  return { became: 'sent on', ...why };
}

/**
 * A failed pass of a schedule is done all the same: the next slot comes, and the MirrorScan says what is wrong. Where that
 * slot is far, what may pass is tried again, as often as the queue delivers it.
 */
async function onePass(task: ConfiguredTask, message: TargetMessage, isLast: boolean, desk: Desk): Promise<NextStep> {
  if (desk.signal.aborted) return { next: 'send on', reason: 'no time was left to begin' };
  const { syncRun } = message;
  if (syncRun !== undefined) return desk.passOfRun(task, { ...message, syncRun }, isLast);
  const report = await desk.pass(task, message);
  if (report.incomplete?.reason === 'Interrupted') return { next: 'send on' };
  if (isLast || task.every <= longestWait || !mayPass(report)) return { next: 'done' };
  return { next: 'retry', reason: `the next slot is up to ${task.every} s away, and this may pass before` };
}

const words = (error: unknown) => publicText(String(error));

const isLastDelivery = ({ receiveCount }: QueueRecord) => receiveCount >= maxReceives;

/** To the queue, so that they are delivered again; those that were delivered for the last time are buried. */
async function giveBack(records: readonly QueueRecord[], said: Said, desk: Desk): Promise<readonly QueueRecord[]> {
  const again = records.filter((record) => !isLastDelivery(record));
  if (again.length > 0) desk.told({ became: 'returned', records: again, ...said });
  return [...again, ...(await bury(records.filter(isLastDelivery), said, desk))];
}

/** Whoever follows a backfill would wait for ever for what left the queue. */
async function endTarget(message: TargetMessage, reason: string, desk: Desk): Promise<undefined> {
  const { syncRun } = message;
  if (syncRun !== undefined) await desk.endTarget({ ...message, syncRun }, reason);
  return undefined;
}

/** What cannot be buried goes back: in the end the queue buries it. */
async function bury(records: readonly QueueRecord[], said: Said, desk: Desk): Promise<readonly QueueRecord[]> {
  const left: QueueRecord[] = [];
  for (const record of records) {
    try {
      const reason = said.reason ?? 'no reason was given';
      const untold = said.message && (await endTarget(said.message, reason, desk).catch(words));
      await desk.bury(record, untold === undefined ? reason : `${reason}; the SyncRun was not told: ${untold}`);
      desk.told({ became: 'buried', records: [record], ...said });
    } catch (error) {
      left.push(record);
      desk.told({
        became: 'returned',
        records: [record],
        ...said,
        reason: `could not be buried: ${words(error)}`,
        error,
      });
    }
  }
  return left;
}
