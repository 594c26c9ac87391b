import * as fc from 'fast-check';
import { ApiError, type Cluster } from '../../../lib/cluster.ts';
import { passLines } from '../../../lib/log-lines.ts';
import { groupOf, parseMessage, type TargetMessage } from '../../../lib/messages.ts';
import { mirrorOf } from '../../../lib/mirror.ts';
import { type KubernetesObject, parseObject } from '../../../lib/object.ts';
import { plainText } from '../../../lib/plain-text.ts';
import type { Report } from '../../../lib/report.ts';
import { nameOf } from '../../../lib/resource.ts';
import { sync } from '../../../lib/sync.ts';
import { newRun, pendingTargets, withTargets } from '../../../lib/sync-run.ts';
import { passOfRun } from '../../../lib/sync-run-pass.ts';
import { syncRun } from '../../../lib/sync-run-schema.ts';
import { endTarget, readRun } from '../../../lib/sync-run-writer.ts';
import type { ConfiguredTask } from '../../../lib/targets.ts';
import { type Desk, maxHops, maxReceives, type Outcome, type QueueRecord, work } from '../../../lib/work.ts';
import { type MemoryCluster, memoryCluster } from '../../memory/memory-cluster.ts';
import { idOf, memorySource, type World } from '../../memory/memory-source.ts';
import type { Finding } from '../attempt.ts';
import { defineBorder } from '../border.ts';
import { canary } from '../canaries.ts';
import { damaged, damagedJson } from '../damage.ts';

const at = { namespace: 'external', name: 'backfill-1' };
const bound = { signal: new AbortController().signal };
const scope = { account: '1', region: 'r' };

const rows = ['one', 'two'].map((name) => ({ id: idOf(name), state: 'available', fields: { tags: { team: 'a' } } }));
const world = (): World => ({ rows: new Map(rows.map((row) => [row.id, row])), calls: [] });
const { kind } = memorySource({ world: world() });

const messages: readonly unknown[] = [
  { version: 1, run: 'schedule-60-x', mirror: 'often', source: kind, scope, scheduledAt: '2026-11-22T21:39:00Z' },
  { version: 1, run: 'r', mirror: 'rare', source: kind, scope, scheduledAt: '2026-11-22T21:39:00.5Z', hop: maxHops },
  { version: 1, run: 'r', mirror: 'paused', source: kind, scope, scheduledAt: '2026-11-22T21:39:00Z', hop: 1 },
  { version: 1, run: 'r', mirror: 'gone', source: kind, scope, scheduledAt: '2026-11-22T21:39:00Z', token: canary },
  ...['often', 'paused', 'gone'].map((mirror) => ({
    version: 1,
    run: at.name,
    mirror,
    source: kind,
    scope,
    scheduledAt: '2026-11-22T21:39:00Z',
    syncRun: { cluster: 'main', ...at },
  })),
  { version: 2 },
];

/** A SyncRun in memory, as `made` leaves it there; the same in each run, so that its versions fit. */
async function runIn(cluster: MemoryCluster, spec: object): Promise<KubernetesObject> {
  const wanted = { mode: 'Apply', filter: {}, cancelled: false, ...spec } as const;
  await cluster.create(syncRun, newRun(at, wanted), bound);
  const run = await readRun(cluster, at, bound);
  if (run === undefined) throw new Error('the run was not made');
  const targets = pendingTargets(['often', 'paused'].map((mirror) => ({ mirror, source: kind, scope })));
  return cluster.replaceStatus(syncRun, withTargets(run, targets, cluster.now()), bound);
}

const specs = [{}, { mode: 'Plan' }, { cancelled: true }, { filter: { name: 'o*', tags: ['team=a', 'team=?'] } }];
const runs = await Promise.all(specs.map((spec) => runIn(memoryCluster(), spec)));
const entered = runs.map((run) => {
  const pass = { id: 'p', began: '2026-01-05T00:00:00Z', versions: { 'main/external': '1' } };
  const target = { state: 'Running', mirror: 'often', source: kind, scope, passes: 1, created: 1, pass };
  return {
    ...run,
    status: { ...run.status, targets: { [groupOf({ mirror: 'often', source: kind, scope })]: target } },
  };
});

interface Input {
  readonly records: readonly Omit<QueueRecord, 'id'>[];
  /** What the cluster says that the SyncRun is. */
  readonly run: unknown;
  readonly outOfTime: boolean;
}

const record = fc.record({
  body: damagedJson(messages),
  group: fc.constantFrom('one', 'two'),
  receiveCount: fc.integer({ min: 1, max: maxReceives }),
  receiptHandle: fc.constant('receipt'),
});

/** Messages of the worker's queues, and the SyncRuns that they name. */
export const queueMessages = defineBorder<Input>({
  name: 'queue messages',
  arbitrary: fc.record({
    records: fc.array(record, { minLength: 1, maxLength: 3 }),
    run: damaged([...runs, ...entered], 3),
    outOfTime: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
  }),
  async run({ records: contents, run, outOfTime }) {
    const records = contents.map((content, index) => ({ ...content, id: String(index) }));
    const memory = memoryCluster({ name: 'main' });
    await runIn(memory, {});
    const before = memory.writes.length;
    const home = answering(memory, run);
    const source = memorySource({ world: world() });
    const reports: Report[] = [];
    const outcomes: Outcome[] = [];
    const sent: TargetMessage[] = [];
    const buried: string[] = [];
    const signal = outOfTime ? AbortSignal.abort(new Error('out of time')) : bound.signal;
    const desk: Desk = {
      signal,
      taskOf: ({ mirror, source: named, scope: place }) =>
        tasksOver(source).find(
          (task) => task.mirror.name === mirror && named === kind && JSON.stringify(place) === JSON.stringify(scope),
        ),
      async pass(task) {
        const report = await sync(task, [memory], { signal });
        reports.push(report);
        return report;
      },
      async passOfRun(task, { syncRun: place, run: id }, isLast) {
        const { report, ...step } = await passOfRun(task, [memory], home, place, { signal, isLast, run: id });
        if (report !== undefined) reports.push(report);
        return step;
      },
      endTarget: (message, reason) => endTarget(home, message.syncRun, groupOf(message), reason, bound),
      async sendOn(message) {
        sent.push(message);
      },
      async bury({ id }, reason) {
        buried.push(id);
        outcomes.push({ became: 'buried', records: [], reason });
      },
      async settled() {},
      told: (outcome) => outcomes.push(outcome),
    };
    const returned = await work(records, desk);
    const lines = reports.flatMap((report) => passLines(report).map(({ message }) => message));
    return {
      said: [...outcomes.flatMap(({ reason }) => reason ?? []), ...lines],
      errors: outcomes.flatMap(({ error }) => error ?? []),
      left: [outcomes.map(({ reason }) => reason), reports],
      finding:
        unlawfulEnd(records, outcomes, returned) ??
        unlawfulMessage(sent) ??
        unlawfulWrite(memory.writes.slice(before).map(({ plural, name }) => `${plural}/${name}`)),
    };
  },
});

function tasksOver(source: ConfiguredTask['source']): ConfiguredTask[] {
  const shared = { source, scope, access: {}, clusters: ['main'], accountName: 'home' };
  return (['often', 'rare', 'paused'] as const).map((name) => ({
    ...shared,
    mirror: mirrorOf({ name, namespace: at.namespace }),
    every: name === 'rare' ? 3_600 : 60,
    paused: name === 'paused',
  }));
}

/** The cluster, with this in the place of every SyncRun; checked as the real one checks its answers. */
function answering(cluster: Cluster, run: unknown): Cluster {
  return {
    ...cluster,
    replaceStatus: (type, object, options) => cluster.replaceStatus(type, object, options).catch(asTransport),
    async get(type, namespace, name, options) {
      if (type.plural !== syncRun.plural) return cluster.get(type, namespace, name, options);
      if (name !== at.name) return undefined;
      try {
        return parseObject(run);
      } catch (cause) {
        throw new ApiError(0, 'Unreadable', 'the answer is not what an API server says', { cause });
      }
    },
  };
}

/** The API server in memory repeats what it refuses as it is; over a real connection it is made plain. */
function asTransport(error: unknown): never {
  throw error instanceof ApiError ? new ApiError(error.status, error.reason, plainText(error.message)) : error;
}

function unlawfulEnd(
  records: readonly QueueRecord[],
  outcomes: readonly Outcome[],
  returned: readonly QueueRecord[],
): Finding | undefined {
  const told = outcomes.flatMap((outcome) => outcome.records.map(({ id }) => id));
  // What stood behind a message of its group that comes again is not told of: it comes again too.
  const silent = returned.map(({ id }) => id).filter((id) => !told.includes(id));
  const ends = [...told, ...silent].toSorted();
  const wanted = records.map(({ id }) => id).toSorted();
  if (JSON.stringify(ends) === JSON.stringify(wanted)) return undefined;
  return { kind: 'rules', what: `of the messages ${wanted} became ${ends}` };
}

function unlawfulMessage(sent: readonly TargetMessage[]): Finding | undefined {
  const odd = sent.find((message) => !('message' in parseMessage(JSON.stringify(message))) || message.hop > maxHops);
  return odd === undefined ? undefined : { kind: 'rules', what: `sent on: ${JSON.stringify(odd)}` };
}

const source = memorySource({ world: world() });
const names = rows.flatMap(({ id }) => nameOf(source, id, source.identify(id) ?? {}));

function unlawfulWrite(writes: readonly string[]): Finding | undefined {
  const allowed = (write: string) =>
    write === `${syncRun.plural}/${at.name}` ||
    write.startsWith('mirrorscans/') ||
    names.some((name) => write === `${source.plural}/${name}`);
  const odd = writes.find((write) => !allowed(write));
  return odd === undefined ? undefined : { kind: 'writes', what: odd };
}
