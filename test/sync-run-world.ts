import type { Cluster } from '../lib/cluster.ts';
import { groupOf } from '../lib/messages.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { newRun, pendingTargets, type Run, type RunSpec, type RunTarget, runOf } from '../lib/sync-run.ts';
import { passOfRun, type RunPass, type RunPassOptions } from '../lib/sync-run-pass.ts';
import { syncRun } from '../lib/sync-run-schema.ts';
import { readRun, updateTargets } from '../lib/sync-run-writer.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import { type ClusterHooks, type MemoryCluster, memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type SourceHooks, type World } from './memory/memory-source.ts';

/** A run over one target in memory, and what tests do with it. */
export interface RunWorld {
  readonly world: World;
  readonly cluster: MemoryCluster;
  readonly task: ConfiguredTask;
  /** One delivery of the message, by a worker of its own; hooks cut its requests. */
  deliver(change?: Delivery): Promise<RunPass>;
  run(): Promise<Run>;
  target(): Promise<RunTarget>;
  /** Somebody sets `cancelled`, as kubectl would. */
  cancel(): void;
}

/** What is special about a delivery. */
export interface Delivery extends Partial<RunPassOptions> {
  readonly hooks?: ClusterHooks;
  readonly access?: SourceHooks;
  readonly task?: Partial<ConfiguredTask>;
  readonly clusters?: readonly Cluster[];
}

export const at = { namespace: 'external', name: 'backfill-1' };
const bound = { signal: new AbortController().signal };

/** So many things outside, and a run that was just begun. */
export async function runWorld(
  things: number,
  spec: Partial<RunSpec> = {},
  options: { readonly pageSize?: number; readonly refreshSeconds?: number } = {},
): Promise<RunWorld> {
  const names = Array.from({ length: things }, (_, index) => `thing-${String(index).padStart(4, '0')}`);
  const rows = names.map((name) => ({ id: idOf(name), state: 'available', fields: { tags: { team: 'payments' } } }));
  const world: World = { rows: new Map(rows.map((row) => [row.id, row])), calls: [] };
  const cluster = memoryCluster();
  const source = memorySource({ world, ...options });
  const task: ConfiguredTask = {
    mirror: mirrorOf({ name: 'production', namespace: at.namespace }),
    source,
    scope: { account: '1', region: 'r' },
    access: {},
    clusters: ['memory'],
    accountName: 'home',
    every: 60,
    paused: false,
  };
  const named = { mirror: 'production', source: source.kind, scope: task.scope };
  await cluster.create(syncRun, newRun(at, { mode: 'Apply', filter: {}, cancelled: false, ...spec }), bound);
  await updateTargets(cluster, at, () => pendingTargets([named]), bound);

  const run = async () => (await readRun(cluster, at, bound)) ?? Promise.reject(new Error('the run is gone'));
  return {
    world,
    cluster,
    task,
    run,
    async deliver({ hooks = {}, access = {}, task: change = {}, clusters, ...options } = {}) {
      // No two deliveries in the same second, so that times tell them apart.
      cluster.time.now += 1500;
      const client = cluster.client(hooks);
      const bounds = { signal: bound.signal, isLast: false, run: at.name, ...options };
      return passOfRun({ ...task, access, ...change }, clusters ?? [client], client, at, bounds);
    },
    async target() {
      const found = (await run()).targets[groupOf(named)];
      if (found === undefined) throw new Error('the run has no such target');
      return found;
    },
    cancel() {
      cluster.tamper('kubectl', syncRun.plural, at.name, (object) => ({
        ...object,
        spec: { ...runOf(object).spec, cancelled: true },
      }));
    },
  };
}

/** Hooks of a process that dies at its request number `at`, before it takes effect or after: nothing of it works then. */
export function dyingAt(when: number, how: 'before' | 'after'): ClusterHooks & { readonly requests: () => number } {
  let requests = 0;
  const die = () => {
    throw new Error('the process died');
  };
  return {
    requests: () => requests,
    before() {
      requests += 1;
      if (requests > when || (requests === when && how === 'before')) die();
    },
    after() {
      if (requests >= when) die();
    },
  };
}
