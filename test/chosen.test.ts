import { describe, expect, test } from 'vitest';
import { type Choice, idsChosen, syncChosen } from '../lib/chosen.ts';
import { ApiError } from '../lib/cluster.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { sync } from '../lib/sync.ts';
import { memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type SourceHooks, type World } from './memory/memory-source.ts';

const { signal } = new AbortController();
const ofPayments: Choice = { fields: ({ tags }) => JSON.stringify(tags) === '{"team":"payments"}' };

/** Things by their names, each with its team. */
function setUp(teams: Readonly<Record<string, string>>, refreshSeconds?: number) {
  const rows = Object.entries(teams).map(([name, team]) => ({
    id: idOf(name),
    state: 'available',
    fields: { tags: { team } },
  }));
  const world: World = { rows: new Map(rows.map((row) => [row.id, row])), calls: [] };
  const listing = refreshSeconds === undefined ? {} : { refreshSeconds };
  const task = {
    mirror: mirrorOf({ name: 'production', namespace: 'external' }),
    source: memorySource({ world, pageSize: 1_000, ...listing }),
    scope: { account: '1', region: 'r' },
    access: {},
  };
  const cluster = memoryCluster();
  const chosen = async (choice: Choice, access: SourceHooks = {}, clusters = [cluster]) =>
    (await idsChosen({ ...task, access }, clusters, choice, signal)).map((id) => id.split(':').at(-1));
  return { world, task, cluster, chosen };
}

describe('of what is gone outside', () => {
  /** A cluster that shows all of them, and an outside that has none any more. */
  async function gone() {
    const all = setUp({ bill: 'payments', cart: 'orders', invoice: 'payments' });
    await sync(all.task, [all.cluster]);
    all.world.rows.clear();
    return all;
  }

  test('is chosen what its object showed last', async () => {
    const { chosen } = await gone();
    expect(await chosen(ofPayments)).toEqual(['bill', 'invoice']);
    expect(await chosen({ name: (name) => name !== 'bill' })).toEqual(['cart', 'invoice']);
    expect(await chosen({ ...ofPayments, name: (name) => name !== 'bill' })).toEqual(['invoice']);
  });

  test('an object that shows nothing yet fits no tag, and one that names nothing fits no name', async () => {
    const { chosen, cluster } = await gone();
    const [first, second] = cluster.objects('things').map(({ metadata }) => metadata.name);
    cluster.tamper('kubectl', 'things', first ?? '', ({ status: _, ...object }) => object);
    expect(await chosen(ofPayments)).toEqual(['invoice']);
    cluster.tamper('kubectl', 'things', second ?? '', (object) => ({ ...object, spec: { ...object.spec, arn: 1 } }));
    expect(await chosen({ name: () => true })).toEqual(['bill', 'invoice']);
  });

  test('a cluster that cannot be read adds nothing, and takes nothing away', async () => {
    const { chosen, cluster } = await gone();
    const down = memoryCluster({
      hooks: {
        before() {
          throw new ApiError(503, 'ServiceUnavailable', 'not now');
        },
      },
    });
    expect(await chosen(ofPayments, {}, [down, cluster])).toEqual(['bill', 'invoice']);
  });
});

describe('of bare ids', () => {
  test('the fields are asked for in batches, and of those alone whose name fits', async () => {
    const teams = Array.from({ length: 250 }, (_, index) => [`thing-${index}`, index === 7 ? 'orders' : 'payments']);
    const { chosen, world } = setUp({ ...Object.fromEntries(teams), other: 'payments' }, 3_600);
    const found = await chosen({ ...ofPayments, name: (name) => name !== 'other' });
    expect(found).toHaveLength(249);
    expect(found).not.toContain('thing-7');
    expect(world.calls.flatMap(({ verb, ids }) => (verb === 'get' ? ids.length : []))).toEqual([100, 100, 50]);
  });

  test('one that went between the listing and the question fits nothing, and one that could not be read may fit', async () => {
    const { chosen } = setUp({ bill: 'payments', cart: 'orders', invoice: 'payments' }, 3_600);
    const found: SourceHooks['found'] = (id, row) => {
      if (id === idOf('bill')) return undefined;
      return id === idOf('cart') ? new Error('no access') : row;
    };
    expect(await chosen(ofPayments, { found })).toEqual(['cart', 'invoice']);
  });
});

describe('a pass over what is chosen', () => {
  test('that cannot look the choice up is a pass that saw nothing, and touches no cluster', async () => {
    const { task, cluster, world } = setUp({ bill: 'payments' });
    await sync(task, [cluster]);
    world.rows.clear();
    const before = cluster.writes.length;
    const access: SourceHooks = {
      before({ verb }) {
        if (verb === 'page') throw new Error('no route to host');
      },
    };
    const report = await syncChosen({ ...task, access }, [cluster], ofPayments, { signal });
    expect(report).toEqual({
      ...{ mirror: 'production', source: 'Thing', scope: task.scope, ok: false },
      incomplete: { reason: 'Unreachable', message: 'no route to host' },
      outside: { seen: 0, invalid: 0, unselected: 0, excluded: 0, labelsLeftOut: 0 },
      ...{ calls: 0, milliseconds: expect.any(Number), clusters: [] },
    });
    expect(cluster.writes).toHaveLength(before);
  });

  test('leaves alone what is not chosen, also where it has changed', async () => {
    const { task, cluster, world } = setUp({ bill: 'payments', cart: 'orders' });
    await sync(task, [cluster]);
    for (const [id, row] of world.rows) world.rows.set(id, { ...row, state: 'stopped' });
    expect(await syncChosen(task, [cluster], ofPayments, { signal })).toMatchObject({ ok: true, outside: { seen: 1 } });
    const shown = cluster.objects('things').map(({ spec, status }) => [spec?.name, status?.observed?.state]);
    expect(Object.fromEntries(shown)).toEqual({ bill: 'stopped', cart: 'available' });
  });
});
