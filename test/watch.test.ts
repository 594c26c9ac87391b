import { expect, test } from 'vitest';
import { ApiError } from '../lib/cluster.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { scanName } from '../lib/scan.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { syncRun } from '../lib/sync-run-schema.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import { unlessAborted } from '../lib/unless-aborted.ts';
import { removeOldRuns, watch } from '../lib/watch.ts';
import { type MemoryCluster, memoryCluster } from './memory/memory-cluster.ts';

const { signal } = new AbortController();

function task(change: Partial<ConfiguredTask> & { readonly name?: string } = {}): ConfiguredTask {
  const { name = 'one', ...further } = change;
  return {
    mirror: mirrorOf({ name, namespace: 'external', staleAfterSeconds: 600 }),
    source: rdsInstance,
    scope: { account: '111122223333', region: 'us-east-1' },
    access: {},
    clusters: ['main'],
    accountName: 'main',
    every: 60,
    paused: false,
    ...further,
  };
}

/** A scan that was made so long ago, and has not seen anything in full since. */
function scan(cluster: MemoryCluster, of: ConfiguredTask, secondsAgo: number, namespace = 'external') {
  const { now } = cluster.time;
  cluster.time.now = now - secondsAgo * 1000;
  cluster.put('skymirror', 'mirrorscans', {
    apiVersion: 'skymirror.dev/v1alpha1',
    kind: 'MirrorScan',
    metadata: { name: scanName(of), namespace },
  });
  cluster.time.now = now;
}

const clustersOf = (...clusters: MemoryCluster[]) => new Map(clusters.map((cluster) => [cluster.name, cluster]));

test('the scan that is overdue the most is found in whatever cluster it is, by the time of that cluster', async () => {
  const main = memoryCluster({ name: 'main' });
  const other = memoryCluster({ name: 'other', time: { now: main.time.now + 86_400_000 } });
  const one = task({ clusters: ['main', 'other'] });
  scan(main, one, 60);
  scan(other, one, 300);
  const { oldest, unreadable } = await watch([one], clustersOf(main, other), signal);
  expect(oldest).toMatchObject({ cluster: 'other', percent: 50, why: 'Seen' });
  expect(unreadable.size).toBe(0);
});

test('each namespace that tags lead to has a scan of its own', async () => {
  const main = memoryCluster({ name: 'main' });
  const base = task();
  const parts = ['a', 'b'].map((namespace) => ({ ...base.mirror, namespace }));
  const one = { ...base, parts };
  scan(main, one, 60, 'a');
  expect((await watch([one], clustersOf(main), signal)).oldest).toMatchObject({ namespace: 'b', why: 'NoScan' });
  scan(main, one, 120, 'b');
  expect((await watch([one], clustersOf(main), signal)).oldest).toMatchObject({ namespace: 'b', percent: 20 });
});

test('a mirror that is paused is not overdue, and where all are, nothing is', async () => {
  const main = memoryCluster({ name: 'main' });
  expect((await watch([task({ paused: true })], clustersOf(main), signal)).oldest).toBeUndefined();
});

test('a cluster that cannot be read, or that nobody declared, is named with why, and the others are read', async () => {
  const main = memoryCluster({ name: 'main' });
  const down = memoryCluster({
    name: 'down',
    hooks: {
      before() {
        throw new Error('no answer');
      },
    },
  });
  const one = task({ clusters: ['main', 'down', 'missing'] });
  scan(main, one, 60);
  const { oldest, unreadable } = await watch([one], clustersOf(main, down), signal);
  expect(Object.fromEntries(unreadable)).toEqual({
    down: 'no answer',
    missing: 'the configuration does not name it',
  });
  expect(oldest).toMatchObject({ percent: 200, why: 'ClusterUnreadable' });
});

test('a cluster that does not answer is not asked for each of its namespaces, and costs no other its time', async () => {
  const asked: string[] = [];
  const silent = (name: string): MemoryCluster => ({
    ...memoryCluster({ name }),
    list(_, __, ___, bound) {
      asked.push(name);
      return unlessAborted(new Promise<never>(() => {}), bound.signal);
    },
  });
  const main = memoryCluster({ name: 'main' });
  const down = Array.from({ length: 12 }, (_, index) => silent(`down-${index}`));
  const one = task({ name: 'good' });
  scan(main, one, 60);
  const base = task();
  const parts = Array.from({ length: 40 }, (_, index) => ({ ...base.mirror, namespace: `namespace-${index}` }));
  const tasks = [...down.map(({ name }) => ({ ...base, parts, clusters: [name] })), one];
  const { unreadable } = await watch(tasks, clustersOf(...down, main), AbortSignal.timeout(60_000), 200);
  expect([...unreadable.keys()].toSorted()).toEqual(down.map(({ name }) => name).toSorted());
  expect(unreadable.get('down-0')).toMatch(/timeout/);
  expect(asked.length).toBeLessThanOrEqual(12 * 8);
});

test('a namespace that may not be read says nothing of the others of its cluster', async () => {
  const main = memoryCluster({ name: 'main' });
  const guarded: MemoryCluster = {
    ...main,
    async list(type, namespace, ...further) {
      if (namespace === 'closed') throw new ApiError(403, 'Forbidden', 'no');
      return main.list(type, namespace, ...further);
    },
  };
  const base = task();
  const names = ['closed', ...Array.from({ length: 20 }, (_, index) => `open-${index}`)];
  const one = { ...base, parts: names.map((namespace) => ({ ...base.mirror, namespace })) };
  for (const name of names) scan(main, one, name === 'open-19' ? 6_000 : 60, name);
  const { oldest, unreadable } = await watch([one], clustersOf(guarded), signal);
  expect(oldest).toMatchObject({ namespace: 'open-19', percent: 1_000 });
  expect(unreadable.get('main')).toBe('no');
});

test('runs that ended a week ago are removed where they are kept, once for each place, and trouble is a sentence', async () => {
  const [main, other] = [memoryCluster({ name: 'main' }), memoryCluster({ name: 'other' })];
  const run = (cluster: MemoryCluster, name: string, days: number) =>
    cluster.put('skymirror', syncRun.plural, {
      apiVersion: 'skymirror.dev/v1alpha1',
      kind: 'SyncRun',
      metadata: { name, namespace: 'external' },
      spec: { mode: 'Apply', filter: {}, cancelled: false },
      status: { state: 'Done', ended: new Date(cluster.time.now - days * 86_400_000).toISOString() },
    });
  run(main, 'old', 8);
  run(main, 'young', 1);
  const down = memoryCluster({
    name: 'down',
    hooks: {
      before() {
        throw new Error('no answer');
      },
    },
  });
  const tasks = [
    task({ clusters: ['main', 'other'] }),
    task({ name: 'two' }),
    task({ clusters: ['down'] }),
    task({ clusters: [] }),
  ];
  const removed = await removeOldRuns(tasks, clustersOf(main, other, down), signal);
  expect(removed).toEqual({ removed: 1, problems: ['old SyncRuns in down/external stay: no answer'] });
  expect(main.objects(syncRun.plural).map(({ metadata }) => metadata.name)).toEqual(['young']);
});
