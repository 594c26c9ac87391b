import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mirrorOf } from '../../lib/mirror.ts';
import { conditionOf, fieldManager, type KubernetesObject } from '../../lib/object.ts';
import { nameOf } from '../../lib/resource.ts';
import { type Engine, engine } from '../memory/engine.ts';
import { idOf, memorySource } from '../memory/memory-source.ts';
import { condition } from './difference.ts';
import { isNoticed } from './sabotage.ts';
import { overlaps, playOverlap, tries } from './schedule.ts';
import { type Run, type Simulation, scope, simulation } from './simulation.ts';

const day = Date.UTC(2026, 0, 5);
const text = (milliseconds: number) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');

/** What a decision may rest on: any object in any state, at any time, in any kind of run. */
const cases = fc.record({
  sight: fc.oneof(
    fc.record({
      state: fc.constant('present' as const),
      note: fc.constantFrom('shown', 'hidden'),
      by: fc.constantFrom('list', 'get'),
    }),
    fc.record({ state: fc.constant('excluded' as const), by: fc.constantFrom('list', 'get') }),
    fc.record({ state: fc.constantFrom('absent' as const, 'gone' as const, 'invalid' as const, 'unseen' as const) }),
  ),
  exists: fc.constantFrom('True/Found', 'False/NotFound', 'False/NotFound', 'Unknown/NotSeen', undefined),
  synced: fc.constantFrom('True/Observed', 'False/NotSelected', 'False/Invalid', undefined),
  age: fc.constantFrom(0, 599, 600, 5000),
  grace: fc.constantFrom(0, 600),
  whole: fc.constantFrom(true, true, true, false),
  released: fc.constantFrom(true, true, true, false),
  removal: fc.constantFrom('Delete', 'Delete', 'Delete', 'Retain' as const),
});

type Given = typeof cases extends fc.Arbitrary<infer Value> ? Value : never;

const source = memorySource({ world: { rows: new Map(), calls: [] } });
const identity = source.identify(idOf('a')) ?? {};

function objectOf({ exists, synced, age }: Given): KubernetesObject {
  const conditions = Object.entries({ Exists: exists, Synced: synced }).flatMap(([type, value]) => {
    const [status, reason = ''] = value?.split('/') ?? [];
    const lastTransitionTime = text(day - age * 1000);
    return status === undefined ? [] : [{ type, status: status as 'True', reason, message: '', lastTransitionTime }];
  });
  const metadata = { name: nameOf(source, idOf('a'), identity), managedFields: [{ manager: fieldManager }] };
  return { apiVersion: 'v1', kind: 'Thing', metadata, spec: { ...identity }, status: { conditions } };
}

function sightOf({ sight }: Given): Parameters<Engine['decide']>[0]['sight'] {
  if (sight.state === 'present') {
    const health = { status: 'True', reason: '', message: '' } as const;
    return { state: 'present', fields: { state: 'available', note: sight.note }, health, by: sight.by as 'get' };
  }
  if (sight.state === 'invalid') return { state: 'invalid', issues: 'odd' };
  if (sight.state === 'excluded') return { state: 'excluded', issues: 'odd', by: sight.by as 'get' };
  if (sight.state === 'unseen') return { state: 'unseen', reason: 'Throttled', message: '', since: 0 };
  return { state: sight.state };
}

/** The whole of law 2, as far as one decision can keep it. */
const decides = (of: Engine) =>
  fc.asyncProperty(cases, async (given) => {
    const { grace, removal, whole, released, exists, synced, age } = given;
    const selects = ({ note }: { readonly note?: unknown }) => note !== 'hidden';
    const mirror = mirrorOf({ name: 'test', namespace: 'external', graceSeconds: grace, removal, selects });
    const target = { mirror, source, scope };
    const [object, sight] = [objectOf(given), sightOf(given)];
    const name = object.metadata.name;
    const action = of.decide({ target, name, identity, sight, object, now: day, whole, released });
    const unselected = sight.state === 'excluded' || (sight.state === 'present' && !selects(sight.fields));
    if (action.do === 'delete') {
      const marked = exists === 'False/NotFound' || synced === 'False/NotSelected';
      expect({ whole, released, removal, marked, over: age >= grace }).toEqual({
        whole: true,
        released: true,
        removal: 'Delete',
        marked: true,
        over: true,
      });
      expect(sight.state === 'gone' || (unselected && sight.by === 'get')).toBe(true);
      expect(unselected && exists === 'False/NotFound').toBe(false);
    }
    const after = 'object' in action && action.do !== 'delete' ? action.object : object;
    if (condition(after, 'Exists') === 'False/NotFound' && exists !== 'False/NotFound')
      expect(sight.state).toBe('gone');
    if (
      ['present', 'excluded', 'invalid'].includes(sight.state) &&
      action.do !== 'delete' &&
      action.do !== 'ask' &&
      action.do !== 'keep'
    ) {
      expect(condition(after, 'Exists')).toBe('True');
    }
  });

const isMarked = (object: KubernetesObject | undefined) =>
  condition(object, 'Exists') === 'False/NotFound' || condition(object, 'Synced') === 'False/NotSelected';

/** What a run wrote without having looked as law 2 demands. */
function unlawful(sim: Simulation, run: Run): string[] {
  const { graceSeconds, removal } = sim.target.mirror;
  const { reads, answers, listed } = run.trace;
  return run.trace.writes.flatMap(({ verb, before, after, at, plural }) => {
    if (plural !== 'things' || before === undefined) return [];
    const id = String(before.spec?.arn);
    const unselected = (row: unknown) => JSON.stringify(row ?? '').includes('"version":1');
    const missed = listed !== undefined && !listed.includes(undefined) && !listed.includes(id);
    if (verb === 'remove') {
      const { uid, resourceVersion } = before.metadata;
      const read = reads.find(
        ({ object }) => object.metadata.uid === uid && object.metadata.resourceVersion === resourceVersion,
      );
      const reason = conditionOf(before, condition(before, 'Exists') === 'False/NotFound' ? 'Exists' : 'Synced');
      const held = at - Date.parse(reason?.lastTransitionTime ?? '');
      const proof = answers.find(
        (one) =>
          one.id === id &&
          read !== undefined &&
          one.asked > read.at &&
          (one.answer === undefined || unselected(one.answer)),
      );
      return [
        ...(run.whole && removal === 'Delete' ? [] : [`deletes ${id} in a narrowed run or in spite of Retain`]),
        ...(isMarked(before) && held >= graceSeconds * 1000 ? [] : [`deletes ${id} before its time`]),
        ...(proof === undefined ? [`deletes ${id} without a get after it was read with the mark`] : []),
        ...(missed || proof?.answer !== undefined ? [] : [`deletes ${id} though no complete listing misses it`]),
      ];
    }
    if (condition(after, 'Exists') !== 'False/NotFound' || condition(before, 'Exists') === 'False/NotFound') return [];
    const asked = answers.some((one) => one.id === id && one.answer === undefined);
    // An unselected object is asked for before its delete, and may turn out to be gone.
    return asked && (missed || !run.whole || isMarked(before)) ? [] : [`marks ${id} without having asked`];
  });
}

/** Runs that overlap at one resource, with and without grace; then passes until it must be gone. */
const removes = (of: Engine) =>
  fc.asyncProperty(
    overlaps,
    fc.constantFrom(0, 600),
    fc.constantFrom('Delete' as const, 'Retain' as const),
    async (overlap, graceSeconds, removal) => {
      const selects = ({ version }: { readonly version?: unknown }) => version !== 1;
      const sim = simulation({ engine: of, gated: true, mirror: { graceSeconds, removal, selects } });
      await playOverlap(sim, overlap);
      await sim.finish(overlap.order);
      for (let pass = 0; pass < 3; pass += 1) {
        sim.wait(700);
        await sim.pass();
      }
      expect(sim.runs.flatMap((run) => unlawful(sim, run))).toEqual([]);
      const object = sim.object(idOf('a'));
      if (removal === 'Delete' && overlap.last !== 0) expect(object).toBeUndefined();
      if (removal === 'Retain') expect(sim.writes().some(({ verb }) => verb === 'remove')).toBe(false);
      if (overlap.last === 0) expect(condition(object, 'Exists')).toBe('True');
    },
  );

const rules = {
  'a run of named ids may delete': { find: 'if (!input.whole) return', replace: 'if (false) return' },
  'Retain is not heeded': {
    find: "if (input.target.mirror.removal === 'Retain') return",
    replace: 'if (false) return',
  },
  'the brake is not heeded': { find: 'if (!input.released) return', replace: 'if (false) return' },
  'the grace is not awaited': {
    file: 'mark.ts',
    find: 'due: heldFor(condition, input.now) >= grace,',
    replace: 'due: true,',
  },
  'absence in a listing is proof enough for a delete': {
    find: "return proven ? { do: 'delete', object } : { do: 'ask' };",
    replace: "return { do: 'delete', object };",
  },
  'absence in a listing is proof enough for a mark': {
    find: "if (state === 'absent') return { do: 'ask' };",
    replace: '',
  },
  'a resource seen again is not said to exist': {
    find: 'return { Exists: found, Synced: judgement',
    replace: 'return { Synced: judgement',
  },
  'the mark and the proof are one get': {
    find: "state: 'absent' | 'gone'): Action {\n  const mark = markOf(object, input);",
    replace:
      "state: 'absent' | 'gone'): Action {\n  const mark = markOf(object, input) ?? { reason: 'NotFound', due: input.target.mirror.graceSeconds === 0 };",
  },
};

describe('law 2: removal has two steps', () => {
  test('no decision deletes what is not marked, over its grace, proven gone by a get, released and of a whole pass', async () => {
    await fc.assert(decides(engine), tries(3000));
  });
  test('runs that overlap mark only what they asked for and delete only what they read with its mark and asked for then', async () => {
    await fc.assert(removes(engine), tries(200));
  });
  for (const [what, rule] of Object.entries(rules)) {
    test(`law 2 breaks where ${what}`, async () => {
      expect(await isNoticed(decides, { file: 'plan.ts', ...rule })).toBe(true);
    });
  }
  test('law 2 breaks where nobody asks before a mark or a delete', async () => {
    const unasked = {
      file: 'absences.ts',
      find: 'await first.writer.outside.get(batch, first.writer.signal)',
      replace: 'new Map(batch.map((id) => [id, undefined]))',
    };
    expect(await isNoticed(removes, unasked)).toBe(true);
  });
});
