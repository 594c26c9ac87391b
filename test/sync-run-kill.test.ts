import { describe, expect, test } from 'vitest';
import { sync } from '../lib/sync.ts';
import { idOf } from './memory/memory-source.ts';
import { dyingAt, type RunWorld, runWorld } from './sync-run-world.ts';

/** How often each object was written, by name. */
function writesOf({ cluster }: RunWorld): Map<string, string[]> {
  const writes = cluster.writes.filter(({ plural }) => plural === 'things');
  const byName = Map.groupBy(writes, ({ name }) => name);
  return new Map([...byName].map(([name, list]) => [name, list.map(({ verb }) => verb)]));
}

async function expectWhole(all: RunWorld, things: number): Promise<void> {
  const target = await all.target();
  expect(target).toMatchObject({ state: 'Done', seen: things, failed: 0, refused: 0 });
  expect(target).not.toHaveProperty('pass');
  // One whose creation was cut in two is written on by the next pass, which counts it as updated.
  expect((target.created ?? 0) + (target.updated ?? 0)).toBe(things);
  const writes = [...writesOf(all).values()];
  expect(writes).toHaveLength(things);
  for (const verbs of writes) expect(verbs).toEqual(['create', 'replaceStatus']);
  const { status } = await all.run();
  expect(status).toMatchObject({ state: 'Done', progress: '1/1', seen: things, changed: things });
}

describe('a worker that dies', () => {
  const things = 7;

  test.each(['before', 'after'] as const)(
    '%s any of its requests takes effect loses and repeats nothing',
    async (how) => {
      let cuts = 0;
      for (let when = 1; ; when += 1) {
        const all = await runWorld(things);
        const hooks = dyingAt(when, how);
        await all.deliver({ hooks });
        if (hooks.requests() < when) break;
        cuts += 1;
        expect(await all.deliver()).toMatchObject({ next: 'done' });
        await expectWhole(all, things);
      }
      // Reads of the run and the cluster, the entry, two writes for each thing, the scan and the report.
      expect(cuts).toBeGreaterThan(2 * things + 10);
    },
  );

  test.each(['before', 'after'] as const)(
    '%s any of its requests counts what it changed and marked once',
    async (how) => {
      for (let when = 1; ; when += 1) {
        const all = await runWorld(5);
        await sync(all.task, [all.cluster]);
        const change = (name: string, state: string) => all.world.rows.set(idOf(name), { id: idOf(name), state });
        for (const name of ['thing-0000', 'thing-0001']) change(name, 'stopped');
        all.world.rows.delete(idOf('thing-0002'));
        change('thing-new', 'available');
        const before = all.cluster.writes.length;
        const hooks = dyingAt(when, how);
        await all.deliver({ hooks });
        if (hooks.requests() < when) break;
        expect(await all.deliver()).toMatchObject({ next: 'done' });
        const writes = all.cluster.writes.slice(before).filter(({ plural }) => plural === 'things');
        expect(writes.map(({ name }) => name.slice(0, 10)).toSorted()).toEqual([
          'thing-0000',
          'thing-0001',
          'thing-0002',
          'thing-new-',
          'thing-new-',
        ]);
        expect(await all.target()).toMatchObject({ state: 'Done', seen: 5, marked: 1, unchanged: 2 });
        expect((await all.run()).status).toMatchObject({ changed: 4 });
      }
    },
  );

  test('at the first requests of every delivery, one later each time, gets through all the same', async () => {
    const all = await runWorld(things);
    for (let when = 1; (await all.target()).state !== 'Done'; when += 1) {
      await all.deliver({ hooks: dyingAt(when, when % 2 === 0 ? 'before' : 'after') });
    }
    await expectWhole(all, things);
  });

  test('again and again over 2,000 resources leaves the right counts', async () => {
    const all = await runWorld(2000, {}, { pageSize: 100 });
    let deliveries = 0;
    for (const when of [3, 40, 500, 777, 1300, 2001]) {
      await all.deliver({ hooks: dyingAt(when, deliveries % 2 === 0 ? 'after' : 'before') });
      deliveries += 1;
    }
    expect(await all.deliver()).toMatchObject({ next: 'done' });
    expect((await all.target()).passes).toBeGreaterThan(4);
    await expectWhole(all, 2000);
  });

  test('after it has reported is not followed by another pass', async () => {
    const all = await runWorld(things);
    await all.deliver();
    const { calls } = all.world;
    const before = { calls: calls.length, writes: all.cluster.writes.length };
    expect(await all.deliver()).toMatchObject({ next: 'done', reason: expect.stringContaining('ended before: Done') });
    expect({ calls: calls.length, writes: all.cluster.writes.length }).toEqual(before);
  });
});
