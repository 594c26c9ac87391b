import { afterAll, beforeAll, expect, test } from 'vitest';
import { setStatus } from '../../dev/proxy-rows.ts';
import { eventOf } from '../../lib/events.ts';
import { type Stack, startStack } from './stack.ts';
import type { World } from './world.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

interface KubernetesEvent {
  readonly reason: string;
  readonly note: string;
  readonly type: string;
  readonly regarding: { readonly kind: string; readonly name: string; readonly uid: string };
  readonly series?: { readonly count: number };
}

async function events({ namespace }: World): Promise<KubernetesEvent[]> {
  const { body } = await stack.kubernetes.request(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
  return (body as { items: KubernetesEvent[] }).items;
}

test('what happens outside is told as Events on the object, once, and counted where it happens again', async () => {
  const world = await stack.world({ instances: ['orders', 'ledger'] });
  await world.pass();
  await world.pass();
  expect(await events(world)).toEqual([]);
  for (const state of ['storage-full', 'available', 'storage-full', 'available']) {
    stack.aws.faults.clear();
    stack.aws.faults.add(setStatus('orders', state, { account: world.account, region: world.region }));
    expect(await world.pass()).toMatchObject({ ok: true });
    await world.pass();
  }
  await world.remove('ledger');
  await world.pass();
  const told = (await events(world)).map(({ reason, type, note, regarding, series }) => ({
    reason,
    type,
    note: note.slice(0, 31),
    name: regarding.name,
    count: series?.count ?? 1,
  }));
  const orders = world.nameOf('orders');
  expect(told.toSorted((left, right) => (left.note < right.note ? -1 : 1))).toEqual([
    {
      reason: 'Gone',
      type: 'Warning',
      note: 'It is not there any more: asked',
      name: world.nameOf('ledger'),
      count: 1,
    },
    { reason: 'StateChanged', type: 'Warning', note: 'available -> storage-full', name: orders, count: 2 },
    { reason: 'StateChanged', type: 'Normal', note: 'storage-full -> available', name: orders, count: 2 },
  ]);
  const [one] = await events(world);
  expect(one?.regarding).toMatchObject({ kind: 'RDSInstance', uid: expect.any(String) });
});

test('the server takes the note of an Event whatever its letters, which it counts in bytes', async () => {
  const { namespace } = await stack.world({ instances: [] });
  const metadata = { name: 'orders', namespace, uid: '7d9f1f5e-0000-4000-8000-000000000000' };
  const object = { apiVersion: 'aws.skymirror.dev/v1alpha1', kind: 'RDSInstance', metadata };
  const message = '\u20ac'.repeat(1024);
  const event = eventOf(object, { reason: 'StateChanged', type: 'Normal', message }, Date.now());
  const options = { signal: AbortSignal.timeout(60_000) };
  await expect(stack.cluster.record({ ...event, note: message }, options)).rejects.toMatchObject({ status: 422 });
  await stack.cluster.record(event, options);
});
