import { messagesOf } from '../../lib/backfill.ts';
import type { BackfillRequest } from '../../lib/backfill-request.ts';
import type { Cluster } from '../../lib/cluster.ts';
import { groupOf, messageVersion, type TargetMessage } from '../../lib/messages.ts';
import type { Report } from '../../lib/report.ts';
import type { Desk, QueueRecord } from '../../lib/work.ts';
import { type Activity, nextFault } from './activity.ts';
import type { Installation } from './installation.ts';

type Clusters = Map<string, Cluster>;
type Body = (who: Activity, at: Installation, clusters: Clusters, of: number) => Promise<readonly Report[]>;

/** How each kind of activity calls lib/; `of` says which of several things it looks at. */
export const bodies: Readonly<Record<string, Body>> = {
  async poll(who, at, clusters, of) {
    const task = at.taskOf(at.regions[of % at.regions.length] ?? 'r', who);
    return [await at.engine.sync(task, [...clusters.values()], { signal: who.abort.signal })];
  },
  async sync(who, at, clusters) {
    const reports: Report[] = [];
    for (const region of at.regions) {
      const options = { signal: who.abort.signal };
      reports.push(await at.engine.syncChosen(at.taskOf(region, who), [...clusters.values()], {}, options));
    }
    return reports;
  },
  async narrow(who, at, clusters, of) {
    const name = ['a', 'b', 'c', 'a'][of];
    const choice = { name: (readable: string) => readable === name };
    const options = { signal: who.abort.signal };
    return [await at.engine.syncChosen(at.taskOf('r', who), [...clusters.values()], choice, options)];
  },
  async plan(who, at, clusters) {
    const dry = [...clusters.values()].map((one) => at.engine.dryRun(one));
    return [await at.engine.syncChosen(at.taskOf('r', who), dry, {}, { signal: who.abort.signal })];
  },
  async events(who, at, clusters, of) {
    // Late and out of order: any of those that wait, the newest first half of the time.
    const waiting = of % 2 === 0 ? at.events : at.events.toReversed();
    const messages = waiting.slice(0, 1 + of);
    at.events = at.events.filter((one) => !messages.includes(one));
    const again = (failed: readonly string[]) => {
      const left = messages.filter(({ messageId }) => failed.includes(messageId));
      at.events.push(...left.map((one) => ({ ...one, receiveCount: one.receiveCount + 1 })));
    };
    const tasks = at.regions.map((region) => at.taskOf(region, who));
    const open = async () => clusters;
    const result = await at.engine.syncEvents(messages, tasks, { signal: who.abort.signal, clusters: open });
    again(result.failed);
    for (const error of result.errors) throw error;
    return result.reports;
  },
  async worker(who, at, clusters, of) {
    if (at.queue.size() === 0) at.queue.send(scheduled(at, of));
    const records = at.queue.receive();
    const reports: Report[] = [];
    const returned = await at.engine.work(records, deskOf(who, at, clusters, reports));
    at.queue.giveBack(returned);
    at.queue.delete(records.filter((record) => !returned.includes(record)));
    return reports;
  },
  async backfill(who, at, clusters, of) {
    const name = `backfill-${at.backfills.length + 1}`;
    at.backfills.push(name);
    const request: BackfillRequest = { ...(of === 1 ? { name: 'a' } : {}), ...(of === 2 ? { mode: 'plan' } : {}) };
    const tasks = at.regions.map((region) => at.taskOf(region, who));
    const open = async () => clusters;
    const ground = { tasks, signal: who.abort.signal, open, spelt: (field: string) => field };
    try {
      for (const message of messagesOf(await at.engine.openRun(request, name, ground))) await send(who, at, message);
      at.sent.add(name);
    } catch (error) {
      // What could not be made or sent is the answer of the function to whoever asked.
      if (error instanceof TypeError || error instanceof ReferenceError) throw error;
    }
    return [];
  },
};

function scheduled(at: Installation, of: number): TargetMessage {
  const region = at.regions[of % at.regions.length] ?? 'r';
  const minute = Math.floor(at.time.now / 60_000) * 60_000;
  return {
    version: messageVersion,
    run: `schedule-${minute}`,
    mirror: at.mirror.name,
    source: 'Thing',
    scope: at.scopeOf(region),
    scheduledAt: new Date(minute).toISOString(),
    hop: 0,
  };
}

/** Puts a message into the queue over a line that fails as others do. */
async function send(who: Activity, at: Installation, message: TargetMessage): Promise<void> {
  await at.points.pass(who, 'send on');
  const fault = nextFault(who);
  if (fault === 'die') at.die(who);
  if (fault !== undefined && ['throttled', 'denied', 'timeout', 'error', 'die'].includes(fault)) {
    if (who.dead) await at.points.pass(who, 'dead');
    throw new Error(`the queue did not take the message: ${fault}`);
  }
  at.queue.send(message);
  at.tell(who, `sends on the target ${message.scope.region}, hop ${message.hop}`);
  if (fault === 'reset') at.queue.send(message);
  if (fault === 'dies after') at.die(who);
  await at.points.pass(who, 'sent');
  if (fault === 'lost') throw new Error('the answer of the queue was lost');
}

/** The desk of the worker (handlers/worker-desk.ts), over the queue and the clusters of the simulator. */
function deskOf(who: Activity, at: Installation, clusters: Clusters, reports: Report[]): Desk {
  const { signal } = who.abort;
  const home = (): Cluster => {
    const [first] = clusters.values();
    if (first === undefined) throw new Error('there is no cluster');
    return first;
  };
  return {
    signal,
    taskOf: ({ scope }) => at.taskOf(String(scope.region), who),
    async pass(task) {
      const report = await at.engine.sync(task, [...clusters.values()], { signal });
      reports.push(report);
      return report;
    },
    async passOfRun(task, message, isLast) {
      const options = { signal, isLast, run: message.run };
      const pass = await at.engine.passOfRun(task, [...clusters.values()], home(), message.syncRun, options);
      return pass;
    },
    endTarget: (message, reason) =>
      at.engine.endTarget(home(), message.syncRun, groupOf(message), reason, { signal: AbortSignal.timeout(10_000) }),
    sendOn: (message) => send(who, at, message),
    async bury(record) {
      await at.points.pass(who, 'bury');
      at.queue.bury(record);
    },
    async settled(records: readonly QueueRecord[]) {
      await at.points.pass(who, 'settled');
      at.queue.delete(records);
    },
    told() {},
  };
}
