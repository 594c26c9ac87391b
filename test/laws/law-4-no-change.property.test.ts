import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Engine, engine } from '../memory/engine.ts';
import type { ClusterHooks } from '../memory/memory-cluster.ts';
import { idOf } from '../memory/memory-source.ts';
import { isNoticed } from './sabotage.ts';
import { thing, tries } from './schedule.ts';
import { simulation } from './simulation.ts';

const absent = fc.constantFrom(undefined, null);
const word = fc.oneof(absent, fc.constantFrom('', 'x', '\ud800', 'hidden'), fc.string());
const fields = fc.record(
  {
    version: fc.oneof(absent, fc.nat(3), fc.constant('odd')),
    size: fc.oneof(absent, fc.double()),
    note: word,
    groups: fc.oneof(absent, fc.array(word, { maxLength: 3 })),
    tags: fc.oneof(absent, fc.dictionary(fc.constantFrom('team', 'stage', 'a b'), word, { maxKeys: 3 })),
    endpoint: fc.oneof(absent, fc.record({ address: word, port: fc.oneof(absent, fc.nat(9)) }, { requiredKeys: [] })),
  },
  { requiredKeys: [] },
);

const worlds = fc.record({
  rows: fc.array(fc.record({ state: fc.constantFrom('available', 'stopped', 'odd', 7), fields }), {
    minLength: 1,
    maxLength: 4,
  }),
  gone: fc.boolean(),
  newer: fc.boolean(),
  users: fc.boolean(),
  passes: fc.array(fc.constantFrom('poll', 'narrow', 'overlap'), { minLength: 1, maxLength: 3 }),
});

/** Rows of any shape are mirrored; whatever is run after that finds nothing to write. */
const staysQuiet = (of: Engine) =>
  fc.asyncProperty(worlds, async ({ rows, gone, newer, users, passes }) => {
    const selects = ({ note }: { readonly note?: unknown }) => note !== 'hidden';
    const sim = simulation({ engine: of, gated: true, mirror: { tagLabels: ['team', 'a b'], selects } });
    rows.forEach(({ state, fields: given }, index) => {
      sim.set({ ...thing(`n${index}`, 0), state, fields: given });
    });
    sim.set(thing('z', 0));
    await sim.pass();
    if (gone) sim.remove(idOf('z'));
    await sim.pass();
    for (const { metadata } of users || newer ? sim.cluster.objects('things') : []) {
      sim.cluster.tamper('somebody', 'things', metadata.name, (object) => ({
        ...object,
        metadata: users
          ? { ...object.metadata, annotations: { mine: 'yes' }, labels: { ...object.metadata.labels, mine: 'yes' } }
          : object.metadata,
        status: {
          ...object.status,
          observed: { ...object.status?.observed, ...(newer ? { future: { deep: 1 } } : {}) },
        },
      }));
    }
    await sim.pass();
    expect(sim.cluster.objects('things').flatMap(({ status }) => empties(status?.observed))).toEqual([]);
    // Requests, not changes: the server takes a PUT without a difference and changes nothing, yet it was sent.
    const sent: string[] = [];
    const cluster: ClusterHooks = {
      before: ({ verb, plural }) => {
        if (!['get', 'list', 'revision', 'namespace'].includes(verb)) sent.push(plural);
      },
    };
    const began = sim.time.now;
    for (const kind of passes) {
      sim.wait(60);
      if (kind === 'overlap') sim.start({ cluster });
      await sim.pass({ cluster, ...(kind === 'narrow' ? { ids: [...sim.world.rows.keys()] } : {}) });
    }
    expect(sent).toEqual([]);
    sim.wait(301 - (sim.time.now - began) / 1000);
    await sim.pass({ cluster });
    expect(sent).toEqual(['mirrorscans']);
  });

/** Values that stand for nothing: absent is absent. */
function empties(value: unknown): unknown[] {
  if (value === null || value === undefined) return [value];
  if (typeof value !== 'object') return [];
  return Object.keys(value).length === 0 ? [value] : Object.values(value).flatMap(empties);
}

const breaks = {
  'an object is written whether it differs or not': {
    file: 'resource.ts',
    find: 'status: !isDeepStrictEqual(current.status ?? {}, desired.status),',
    replace: 'status: true,',
  },
  'keys without a value are compared': {
    file: 'json.ts',
    find: 'return json === undefined ? [] : [[',
    replace: 'return [[',
  },
  'an empty list is not absent': {
    file: 'json.ts',
    find: 'return items.length === 0 ? undefined : items;',
    replace: 'return items;',
  },
  'a condition is said to move whenever it is said': {
    file: 'conditions.ts',
    find: 'moves(condition, next) ? timestamp(now)',
    replace: 'true ? timestamp(now)',
  },
  'fields of a newer version count as a difference': {
    file: 'resource.ts',
    find: ': carryUnknown(source.known, current?.status?.observed ?? {}, wish.fields);',
    replace: ': wish.fields;',
  },
  'the heartbeat is written with every pass': { file: 'scan.ts', find: 'return due || ', replace: 'return true || ' },
};

describe('law 4: no change outside, no write inside', () => {
  test('a second look at rows of any shape writes nothing but the heartbeat', async () => {
    await fc.assert(staysQuiet(engine), tries(150));
  });
  for (const [what, rule] of Object.entries(breaks)) {
    test(`law 4 breaks where ${what}`, async () => {
      expect(await isNoticed(staysQuiet, rule)).toBe(true);
    });
  }
});
