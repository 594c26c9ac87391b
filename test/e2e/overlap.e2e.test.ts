import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../../lib/cluster.ts';
import { type Stack, startStack } from './stack.ts';
import { done, type World } from './world.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

describe('two passes over the same scope that saw opposite worlds', () => {
  /** The cluster, whose first write of this kind waits behind a gate: after the observation, before the send. */
  function gated(verb: 'create' | 'replaceStatus' | 'remove') {
    const { cluster } = stack;
    const reached = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const write = cluster[verb] as (...parameters: unknown[]) => Promise<never>;
    const late: Cluster = {
      ...cluster,
      async [verb](...parameters: unknown[]) {
        reached.resolve();
        await open.promise;
        return write(...parameters);
      },
    };
    return { late, reached: reached.promise, release: () => open.resolve() };
  }

  /** Every class that the object has had since then, in order, as a watch tells it. */
  async function classesSince(world: World, version: string | undefined): Promise<(string | undefined)[]> {
    const query = `watch=1&resourceVersion=${version}&timeoutSeconds=2`;
    const { body } = await stack.kubernetes.request(`${world.path}?${query}`);
    const events =
      typeof body === 'string'
        ? body
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line))
        : [body];
    return events.map(({ object }) => object.status?.observed?.class);
  }

  test('the older observation never replaces the later one', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    const { resourceVersion } = (await world.object('orders')).metadata;
    await world.resize('orders', 'db.r7g.large');
    const gate = gated('replaceStatus');
    const older = world.pass({ clusters: [gate.late] });
    await gate.reached;
    await world.resize('orders', 'db.r7g.xlarge');
    expect(done(await world.pass())).toEqual({ updated: 1 });
    gate.release();
    expect(await older).toMatchObject({ ok: true, clusters: [{ counts: { unchanged: 1 } }] });
    expect(await classesSince(world, resourceVersion)).toEqual(['db.r7g.xlarge']);
  });

  test('the older creation does not replace the later one', async () => {
    const world = await stack.world({ instances: ['orders'] });
    const gate = gated('create');
    const older = world.pass({ clusters: [gate.late] });
    await gate.reached;
    await world.resize('orders', 'db.r7g.xlarge');
    expect(done(await world.pass())).toEqual({ created: 1 });
    const later = await world.object('orders');
    gate.release();
    await older;
    expect(await world.object('orders')).toEqual(later);
  });

  test('the older mark does not replace the later return', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    await world.remove('orders');
    const gate = gated('replaceStatus');
    const older = world.pass({ clusters: [gate.late] });
    await gate.reached;
    await world.create('orders', { instanceClass: 'db.r7g.xlarge' });
    expect(done(await world.pass())).toEqual({ updated: 1 });
    const later = await world.object('orders');
    gate.release();
    await older;
    expect(await world.object('orders')).toEqual(later);
  });

  test('the older delete does not take what came back', async () => {
    const world = await stack.world({ instances: ['orders'], mirror: { graceSeconds: 0 } });
    await world.pass();
    await world.remove('orders');
    await world.pass();
    const gate = gated('remove');
    const older = world.pass({ clusters: [gate.late] });
    await gate.reached;
    await world.create('orders');
    expect(done(await world.pass())).toEqual({ updated: 1 });
    const later = await world.object('orders');
    gate.release();
    await older;
    expect(await world.object('orders')).toEqual(later);
  });
});
