import { describe, expect, test } from 'vitest';
import { mirrorOf } from '../../lib/mirror.ts';
import { fieldManager, type KubernetesObject } from '../../lib/object.ts';
import { nameOf } from '../../lib/resource.ts';
import { sync } from '../../lib/sync.ts';
import { type MemoryCluster, memoryCluster } from '../memory/memory-cluster.ts';
import { idOf, memorySource, type World } from '../memory/memory-source.ts';

const scope = { account: '1', region: 'r' };
const minute = 60_000;

/** An outside, and a mirror of it into two clusters, of which the second may be anybody's. */
function setUp() {
  const world: World = { rows: new Map(), calls: [] };
  for (const name of ['a', 'b', 'c']) world.rows.set(idOf(name), { id: idOf(name), state: 'available' });
  const source = memorySource({ world });
  const mirror = mirrorOf({ name: 'production', namespace: 'external', graceSeconds: 60 });
  const [honest, other] = [memoryCluster({ name: 'honest' }), memoryCluster({ name: 'other' })];
  const pass = () => sync({ mirror, source, scope, access: {} }, [honest, other]);
  const later = (milliseconds: number) => {
    for (const { time } of [honest, other]) time.now += milliseconds;
  };
  return { world, source, pass, later, honest, other };
}

type All = ReturnType<typeof setUp>;

/** An object of a resource that never was, as if skymirror had written it. */
function forged({ source, other }: All, name: string): void {
  const id = idOf(name);
  const identity = { arn: id, ...scope, name };
  other.put(fieldManager, 'things', {
    apiVersion: `${source.group}/${source.version}`,
    kind: source.kind,
    metadata: { name: nameOf(source, id, identity), namespace: 'external' },
    spec: identity,
    status: { observed: { state: 'available', tags: { vip: 'yes' } } },
  });
}

const changed = ({ other }: All, plural: string, change: (object: KubernetesObject) => KubernetesObject) => {
  for (const { metadata } of other.objects(plural)) other.tamper(fieldManager, plural, metadata.name, change);
};

const longAgo = '2001-01-01T00:00:00Z';
const gone = { type: 'Exists', status: 'False', reason: 'NotFound', message: '', lastTransitionTime: longAgo } as const;

/** What whoever may write everything in the other cluster could do there. */
const attacks: readonly (readonly [what: string, attack: (all: All) => void])[] = [
  ['nothing', () => {}],
  ['objects of resources that never were', (all) => ['x', 'y', 'z'].forEach((name) => void forged(all, name))],
  [
    'more forged objects than a pass asks for',
    (all) => Array.from({ length: 1000 }, (_, number) => forged(all, `x${number}`)),
  ],
  [
    'marks on what exists, with their grace long over',
    (all) => changed(all, 'things', (object) => ({ ...object, status: { ...object.status, conditions: [gone] } })),
  ],
  [
    'other facts in every object',
    (all) => changed(all, 'things', (object) => ({ ...object, status: { observed: { state: 'x'.repeat(10_000) } } })),
  ],
  [
    'a scan that says that all is seen, held and approved',
    (all) =>
      changed(all, 'mirrorscans', ({ metadata, ...object }) => ({
        ...object,
        metadata: { ...metadata, annotations: { 'skymirror.dev/approve-removals': '1-0000000000000' } },
        status: {
          ...object.status,
          ...{ lastStarted: '2999-01-01T00:00:00Z', lastCompleted: '2999-01-01T00:00:00Z', staleAfterSeconds: 1 },
          history: [{ hour: longAgo, held: 1e9, deleted: -1e9 }],
        },
      })),
  ],
  [
    'its scan and all its objects removed',
    ({ other }) => {
      for (const plural of ['things', 'mirrorscans'])
        for (const { metadata } of other.objects(plural)) other.drop(plural, metadata.name);
    },
  ],
  [
    'a clock that is years ahead',
    ({ other: { time } }) => {
      time.now += 5 * 365 * 24 * 60 * minute;
    },
  ],
];

/** All that the honest cluster holds, without what differs from run to run. */
const contentOf = (cluster: MemoryCluster) =>
  ['things', 'mirrorscans'].flatMap((plural) =>
    cluster
      .objects(plural)
      .map(({ metadata: { uid, resourceVersion, managedFields, ...metadata }, status, ...object }) => {
        const { calls, ...said } = status ?? {};
        return { ...object, metadata, status: said };
      }),
  );

/** A life: all is mirrored, the attack, one resource goes, a new one comes, and the grace is over. */
async function lifeUnder(attack: (all: All) => void) {
  const all = setUp();
  await all.pass();
  attack(all);
  all.world.rows.delete(idOf('b'));
  all.world.rows.set(idOf('d'), { id: idOf('d'), state: 'creating' });
  const reports = [];
  for (let round = 0; round < 4; round += 1) {
    all.later(minute);
    reports.push((await all.pass()).clusters[0]?.counts);
  }
  return { reports, content: contentOf(all.honest) };
}

describe('in one of two clusters that one mirror fills', () => {
  test.each(attacks)('%s: the other cluster is as it would be without', async (_, attack) => {
    const quiet = await lifeUnder(() => {});
    expect(quiet.reports).toMatchObject([{ marked: 1, created: 1 }, { deleted: 1 }, {}, {}]);
    expect(await lifeUnder(attack)).toEqual(quiet);
  });

  test.each(attacks)(
    '%s: nothing that exists is lost even there, but what was removed by hand comes back',
    async (_, attack) => {
      const all = setUp();
      await all.pass();
      attack(all);
      for (let round = 0; round < 3; round += 1) {
        all.later(2 * minute);
        await all.pass();
      }
      const named = new Map(all.other.objects('things').map((object) => [object.spec?.name, object]));
      for (const name of ['a', 'b', 'c']) {
        expect(named.get(name)?.status).toMatchObject({
          observed: { state: 'available' },
          conditions: expect.arrayContaining([expect.objectContaining({ type: 'Exists', status: 'True' })]),
        });
      }
    },
  );
});
