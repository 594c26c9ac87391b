import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mirrorOf } from '../../lib/mirror.ts';
import { fieldManager, type KubernetesObject } from '../../lib/object.ts';
import { baseLabels } from '../../lib/resource.ts';
import { type Engine, engine } from '../memory/engine.ts';
import { idOf } from '../memory/memory-source.ts';
import { condition, differenceFrom } from './difference.ts';
import { isNoticed } from './sabotage.ts';
import { thing, tries } from './schedule.ts';
import { type Simulation, simulation } from './simulation.ts';

const names = ['a', 'b', 'c', 'd'];
const owners = ['ours', 'foreign', 'collision', 'deleting', 'other mirror'] as const;
const fates = ['same', 'changed', 'gone', 'invalid'] as const;

const worlds = fc.record({
  owners: fc.tuple(...names.map(() => fc.constantFrom(...owners))),
  fates: fc.tuple(...names.map(() => fc.constantFrom(...fates))),
  labels: fc.constantFrom('kept', 'lost', 'forged'),
  grace: fc.constantFrom(0, 600),
});

/** Puts an object of that owner where the mirrored object of the name belongs. */
function own(sim: Simulation, name: string, owner: (typeof owners)[number]): void {
  const id = idOf(name);
  const at = sim.nameOf(id);
  const identity = { ...sim.target.source.identify(id) };
  const made: KubernetesObject = {
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name: at, namespace: 'external' },
    spec: identity,
  };
  if (owner === 'deleting') {
    const deletionTimestamp = '2026-01-05T00:00:00Z';
    sim.cluster.tamper('kubectl', 'things', at, (object) => ({
      ...object,
      metadata: { ...object.metadata, deletionTimestamp },
    }));
  }
  if (owner !== 'foreign' && owner !== 'collision') return;
  sim.cluster.drop('things', at);
  // Whoever copies an object and its field manager still has not made it stand for the same resource.
  if (owner === 'foreign') sim.cluster.put('kubectl', 'things', { ...made, status: { observed: { state: 'theirs' } } });
  else sim.cluster.put(fieldManager, 'things', { ...made, spec: { ...identity, arn: idOf('other') } });
}

/** A second mirror in the same namespace: the misconfiguration in which each has to leave the other's objects alone. */
async function otherMirror(sim: Simulation, its: readonly string[]): Promise<void> {
  const selects = ({ resourceId }: { readonly resourceId?: unknown }) =>
    its.some((name) => resourceId === thing(name, 0).resourceId);
  const mirror = mirrorOf({ name: 'other', namespace: 'external', selects });
  for (const name of its) sim.cluster.drop('things', sim.nameOf(idOf(name)));
  const before = sim.cluster.objects('things');
  await sim.engine.sync({ ...sim.target, mirror, access: {} }, [sim.cluster.client({})], { clock: () => sim.time.now });
  const mine = sim.cluster
    .objects('things')
    .filter(({ metadata }) => metadata.labels?.['skymirror.dev/mirror'] !== 'other');
  expect(mine).toEqual(before);
  expect(sim.cluster.objects('things')).toHaveLength(before.length + its.length);
}

const stranger = {
  type: 'Audited',
  status: 'True',
  reason: 'Yes',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
} as const;

function touch(sim: Simulation, name: string, how: 'kept' | 'lost' | 'forged'): void {
  sim.cluster.tamper('somebody', 'things', sim.nameOf(idOf(name)), (object) => {
    const base = how === 'lost' ? {} : { ...object.metadata.labels };
    const labels = { ...base, mine: 'yes', ...(how === 'forged' ? { 'skymirror.dev/scope': 'other' } : {}) };
    const conditions = [...(object.status?.conditions ?? []), stranger];
    return {
      ...object,
      metadata: { ...object.metadata, labels, annotations: { mine: 'yes' } },
      status: { ...object.status, conditions },
    };
  });
}

/** Objects of four owners under the names of four resources; passes over whatever becomes of these. */
const leavesAlone = (of: Engine) =>
  fc.asyncProperty(worlds, async (world) => {
    const sim = simulation({ engine: of, mirror: { graceSeconds: world.grace } });
    for (const name of names) sim.set(thing(name, 0));
    await sim.pass();
    const its = names.filter((_, index) => world.owners[index] === 'other mirror');
    if (its.length > 0) await otherMirror(sim, its);
    for (const name of names) if (!its.includes(name)) touch(sim, name, world.labels);
    names.forEach((name, index) => {
      own(sim, name, world.owners[index] ?? 'ours');
    });
    names.forEach((name, index) => {
      const fate = world.fates[index];
      if (fate === 'changed') sim.set(thing(name, 1));
      if (fate === 'gone') sim.remove(idOf(name));
      if (fate === 'invalid') sim.set({ ...thing(name, 0), state: 7 });
    });
    const left = names.filter((_, index) => world.owners[index] !== 'ours').map((name) => sim.nameOf(idOf(name)));
    const isLeft = ({ metadata }: KubernetesObject) => left.includes(metadata.name);
    const before = sim.cluster.objects('things').filter(isLeft);
    const asked: string[] = [];
    const cluster = {
      before: ({ verb, name }: { readonly verb: string; readonly name: string }) => {
        if (!['get', 'list', 'revision', 'namespace'].includes(verb)) asked.push(name);
      },
    };
    const { report } = await sim.pass({ cluster });
    await sim.pass({ cluster, ids: names.map((name) => idOf(name)) });
    sim.wait(700);
    await sim.pass({ cluster });
    expect(sim.cluster.objects('things').filter(isLeft)).toEqual(before);
    expect(asked.filter((name) => left.includes(name))).toEqual([]);
    // What another mirror shows and nobody sees any more is a line too: nothing else would say that it is not kept true.
    const wanted = names.filter(
      (_, index) =>
        world.owners[index] === 'other mirror' || (world.owners[index] !== 'ours' && world.fates[index] !== 'gone'),
    );
    expect(report.clusters[0]?.counts?.refused).toBe(wanted.length);
    names.forEach((name, index) => {
      const object = sim.object(idOf(name));
      if (world.owners[index] !== 'ours' || object === undefined) return;
      expect(object.metadata.labels).toMatchObject({
        mine: 'yes',
        ...(world.fates[index] === 'gone' ? {} : baseLabels(sim.target)),
      });
      expect(object.metadata.annotations).toEqual({ mine: 'yes' });
      expect(object.status?.conditions).toContainEqual(stranger);
      const version = world.fates[index] === 'changed' ? 1 : 0;
      if (['same', 'changed'].includes(world.fates[index] ?? ''))
        expect(differenceFrom(sim, thing(name, version))).toBe(undefined);
    });
  });

/** A namespace that is missing or going away gets nothing, and the pass says so. */
const leavesNamespaces = (of: Engine) =>
  fc.asyncProperty(
    fc.constantFrom('missing' as const, 'terminating' as const),
    fc.subarray(names, { minLength: 1 }),
    async (state, present) => {
      const sim = simulation({ engine: of });
      for (const name of present) sim.set(thing(name, 0));
      sim.cluster.namespaceState = state;
      const { report } = await sim.pass();
      expect(sim.cluster.writes).toEqual([]);
      expect(report.ok).toBe(false);
      expect(report.clusters[0]?.skipped).toMatch(/Namespace(Missing|Terminating): .*external/);
      sim.cluster.namespaceState = 'active';
      await sim.pass();
      expect(present.map((name) => condition(sim.object(idOf(name)), 'Exists'))).toEqual(present.map(() => 'True'));
    },
  );

const breaks = {
  'any object with the identity counts as ours': {
    file: 'resource.ts',
    find: "if (managed !== true) return 'foreign';",
    replace: '',
  },
  'the objects of another mirror count as ours': {
    file: 'resource.ts',
    find: "return label === undefined || label === mirror.name ? 'ours' : 'other mirror';",
    replace: "return 'ours';",
  },
  'any object with our field manager counts as ours': {
    file: 'resource.ts',
    find: "if (!same) return 'collision';",
    replace: '',
  },
  'objects that others delete are written': {
    file: 'plan.ts',
    find: 'if (object.metadata.deletionTimestamp !== undefined) return',
    replace: 'if (false) return',
  },
  'lost labels stay lost': {
    file: 'resource.ts',
    find: 'return { ...Object.fromEntries(others), ...baseLabels(wish.target), ...tags };',
    replace: 'return { ...Object.fromEntries(others), ...tags };',
  },
  'labels of users are dropped': {
    file: 'resource.ts',
    find: 'return { ...Object.fromEntries(others), ...baseLabels(wish.target), ...tags };',
    replace: 'return { ...baseLabels(wish.target), ...tags };',
  },
  'conditions of others are dropped': {
    file: 'conditions.ts',
    find: 'return [...kept, ...added];',
    replace: "return [...kept, ...added].filter(({ type }) => type !== 'Audited');",
  },
};

describe("law 8: other people's objects are never touched", () => {
  test('objects that are foreign, collide, vanish or are of another mirror stay as they are and are counted; ours keep what users put on them', async () => {
    await fc.assert(leavesAlone(engine), tries(300));
  });
  test('a missing or terminating namespace is left alone and reported', async () => {
    await fc.assert(leavesNamespaces(engine), tries(30));
  });
  for (const [what, rule] of Object.entries(breaks)) {
    test(`law 8 breaks where ${what}`, async () => {
      expect(await isNoticed(leavesAlone, rule)).toBe(true);
    });
  }
});
