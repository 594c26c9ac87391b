import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { mapConcurrent } from '../../lib/concurrent.ts';
import { crdOf, mirrorScanCrd } from '../../lib/crd.ts';
import { loadConnection } from '../../lib/kubeconfig.ts';
import { type KubernetesCluster, openCluster } from '../../lib/kubernetes-cluster.ts';
import { mirrorOf } from '../../lib/mirror.ts';
import { conditionOf, type KubernetesObject } from '../../lib/object.ts';
import { sqsQueue } from '../../lib/sources/aws/sqs-queue.ts';
import { sync } from '../../lib/sync.ts';
import { account, arnOf, region, startWorld } from '../sources/aws/sqs-queue-world.ts';
import { objectWrites } from './metrics.ts';
import { allowWriter } from './stack.ts';
import { done } from './world.ts';

const namespace = 'external';
const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_';
const hostileTags: readonly Record<string, string>[] = [
  { 'aws_not/yours': 'x', team: 'payments' },
  { team: 'A Team; DROP TABLE', 'skymirror.dev/mirror': 'other' },
  { team: '-leading', 'kubernetes.io/x': 'y', env: '' },
  { team: 'x'.repeat(256), constructor: 'y' },
  { team: 'Ünïcode + @ : /', hasOwnProperty: '__proto__' },
];

/** A thousand names from hostile corners: equal slugs, only symbols, 80 characters, FIFO, numbers, prefixes of others. */
function hostileNames(): string[] {
  const names = new Set<string>();
  for (const one of alphabet) for (const other of '-_aA0') names.add(`${one}${other}`);
  for (const letter of ['a', 'A']) {
    for (const sign of ['-', '_', '--', '__', '-_']) for (const end of ['b', 'B']) names.add(`${letter}${sign}${end}`);
  }
  for (let length = 1; length <= 80; length += 1) {
    names.add('-'.repeat(length));
    names.add('_'.repeat(length));
    names.add('q'.repeat(length));
    names.add('Q'.repeat(length));
    if (length <= 75) names.add(`${'f'.repeat(length)}.fifo`);
  }
  for (let number = 0; names.size < 1000; number += 1) names.add(`${'n'.repeat(number % 60)}-${number}`);
  return [...names];
}

let world: Awaited<ReturnType<typeof startWorld>>;
let kubernetes: Kubernetes;
let cluster: KubernetesCluster;
beforeAll(async () => {
  [world, kubernetes] = await Promise.all([startWorld(), startKubernetes()]);
  await kubernetes.apply([crdOf(sqsQueue), mirrorScanCrd()]);
  await allowWriter(kubernetes, namespace, sqsQueue);
  cluster = openCluster(await loadConnection({ kubeconfig: kubernetes.kubeconfig('skymirror') }));
});
afterAll(async () => {
  await cluster?.close();
  await Promise.all([world?.stop(), kubernetes?.stop()]);
});

const pass = () =>
  sync(
    {
      mirror: mirrorOf({
        name: 'queues',
        namespace,
        tagLabels: ['team', 'env'],
        graceSeconds: 0,
        maxRemovalPercent: 100,
      }),
      source: sqsQueue,
      scope: { account, region },
      access: {},
    },
    [cluster],
  );

async function objects(): Promise<KubernetesObject[]> {
  return cluster.list(sqsQueue, namespace, { 'spec.account': account }, { signal: AbortSignal.timeout(60_000) });
}

test('a thousand queues with hostile names and tags come in without a collision, a lost or an extra object', async () => {
  world.stubEnvironment();
  const names = hostileNames();
  await mapConcurrent(names, 32, async (name) => {
    await world.create(name, name.endsWith('.fifo') ? { FifoQueue: 'true' } : {});
    await world.tag(name, hostileTags[names.indexOf(name) % hostileTags.length] ?? {});
  });
  const report = await pass();
  expect(report).toMatchObject({
    ok: true,
    outside: { seen: 1000 },
    clusters: [{ counts: { created: 1000 }, failures: [] }],
  });
  const mirrored = await objects();
  expect(mirrored.map(({ spec }) => spec?.arn).toSorted()).toEqual(names.map(arnOf).toSorted());
  expect(new Set(mirrored.map(({ metadata }) => metadata.name)).size).toBe(1000);
  expect(mirrored.every((object) => conditionOf(object, 'Ready')?.status === 'True')).toBe(true);

  const labels = mirrored.map(({ metadata }) => metadata.labels ?? {});
  expect(new Set(labels.map((one) => one['skymirror.dev/mirror']))).toEqual(new Set(['queues']));
  expect(new Set(labels.map((one) => one['tags.skymirror.dev/team']))).toEqual(new Set(['payments', undefined]));
  expect(new Set(labels.flatMap((one) => Object.keys(one).filter((key) => key.includes('kubernetes.io'))))).toEqual(
    new Set(['app.kubernetes.io/managed-by']),
  );

  const before = await objectWrites(kubernetes, 'sqsqueues');
  world.fake.requests.clear();
  expect(done(await pass())).toEqual({ unchanged: 1000 });
  expect(await objectWrites(kubernetes, 'sqsqueues')).toBe(before);
  expect(world.fake.requests.count({ action: 'GetQueueAttributes' })).toBe(0);

  // Edited by hand: one field of one object, which nobody would read again for an hour.
  const [edited] = mirrored;
  const path = `/apis/${sqsQueue.group}/v1alpha1/namespaces/${namespace}/sqsqueues/${edited?.metadata.name}`;
  const observed = { ...edited?.status?.observed, visibilityTimeoutSeconds: 1 };
  await kubernetes.request(`${path}/status`, {
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: { status: { observed } },
  });
  expect(done(await pass())).toEqual({ updated: 1, unchanged: 999 });
  expect((await kubernetes.request(path)).body).toMatchObject({ status: { observed: edited?.status?.observed } });
  expect(done(await pass())).toEqual({ unchanged: 1000 });
  expect(world.fake.requests.count({ action: 'GetQueueAttributes' })).toBe(1);

  for (const name of names.slice(0, 5)) await world.remove(name);
  expect(done(await pass())).toEqual({ marked: 5, unchanged: 995 });
  expect(done(await pass())).toEqual({ deleted: 5, unchanged: 995 });
  expect((await objects()).map(({ spec }) => spec?.arn).toSorted()).toEqual(names.slice(5).map(arnOf).toSorted());
});
