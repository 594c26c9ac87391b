import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Engine, engine } from '../memory/engine.ts';
import type { ClusterHooks, ClusterRequest } from '../memory/memory-cluster.ts';
import { idOf } from '../memory/memory-source.ts';
import { differenceFrom } from './difference.ts';
import { isNoticed } from './sabotage.ts';
import { thing, tries } from './schedule.ts';
import { type Simulation, simulation } from './simulation.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const kinds = ['good', 'good', 'good', 'invalid', 'refused', 'forbidden', 'failing', 'foreign', 'unanswered'] as const;
const states = ['up', 'down', 'fails', 'locked', 'noSchema', 'noNamespace', 'unreadable'] as const;

type State = (typeof states)[number];

const reads = ['get', 'list', 'revision', 'namespace'];

/** The kinds whose write alone does not work: a schema, a policy or quota, a webhook that is down. */
const troubles: Readonly<Record<string, readonly [number, string]>> = {
  refused: [422, 'Invalid'],
  forbidden: [403, 'Forbidden'],
  failing: [500, 'InternalError'],
};

/** What the first cluster answers about single names, and the second one to all. */
function hooksOf(sim: Simulation, state: State, kindOf: (name: string) => string): (cluster: number) => ClusterHooks {
  const { ApiError } = sim.engine;
  const fails = ({ verb, name }: ClusterRequest, cluster: number): Error | undefined => {
    const isRead = reads.includes(verb);
    const trouble = cluster === 0 && !isRead ? troubles[kindOf(name)] : undefined;
    if (trouble !== undefined) return new ApiError(...trouble, 'no');
    if (cluster === 0) return undefined;
    if (state === 'down') return new ApiError(0, 'Unreachable', 'reset');
    if (state === 'fails' && !isRead) return new ApiError(500, '', 'etcd');
    if (state === 'locked' && !isRead) return new ApiError(401, 'Unauthorized', 'no');
    return state === 'unreadable' && (verb === 'get' || verb === 'list') ? new Error('not JSON') : undefined;
  };
  return (cluster) => ({
    before(request) {
      const error = fails(request, cluster);
      if (error !== undefined) throw error;
    },
  });
}

/** A world in which some resources and one of two clusters are bad; everything else is as good as ever. */
const isolates = (of: Engine) =>
  fc.asyncProperty(
    fc.array(fc.constantFrom(...kinds), { minLength: names.length, maxLength: names.length }),
    fc.constantFrom(...states),
    fc.boolean(),
    async (of7, state, narrowed) => {
      const sim = simulation({ engine: of, clusters: 2 });
      const being = (kind: (typeof kinds)[number]) => names.filter((_, index) => of7[index] === kind);
      for (const name of names) sim.set(thing(name, 1));
      for (const name of being('invalid')) sim.set({ ...thing(name, 1), state: 7 });
      const [first, second] = sim.clusters;
      for (const name of being('foreign')) {
        const metadata = { name: sim.nameOf(idOf(name)), namespace: 'external' };
        first?.put('kubectl', 'things', {
          apiVersion: 'v1',
          kind: 'Thing',
          metadata,
          spec: { ...sim.target.source.identify(idOf(name)) },
        });
      }
      if (second && state === 'noSchema') second.revisions.set('things', undefined);
      if (second && state === 'noNamespace') second.namespaceState = 'missing';
      const kindOf = (wanted: string) => of7[names.findIndex((name) => sim.nameOf(idOf(name)) === wanted)] ?? '';
      const troubled = Object.keys(troubles).flatMap((kind) => being(kind as (typeof kinds)[number]));
      const unanswered = narrowed ? being('unanswered') : [];
      const { report } = await sim.pass({
        perCluster: hooksOf(sim, state, kindOf),
        ...(narrowed ? { ids: names.map((name) => idOf(name)) } : {}),
        source: {
          found: (id, row) => (unanswered.includes(id.split(':').at(-1) ?? '') ? new Error('AccessDenied') : row),
        },
      });
      const good = names.filter(
        (name) => ![...troubled, ...being('invalid'), ...being('foreign'), ...unanswered].includes(name),
      );
      const same = (cluster = first) =>
        good.flatMap(
          (name) => differenceFrom({ ...sim, object: (id) => sim.object(id, cluster) }, thing(name, 1)) ?? [],
        );
      expect(same()).toEqual([]);
      if (state === 'up') expect(same(second)).toEqual([]);
      const [one, two] = report.clusters;
      const bad = [...being('invalid'), ...troubled, ...being('foreign'), ...unanswered];
      expect(one?.failures.map(({ name }) => name).toSorted()).toEqual(
        bad.map((name) => (unanswered.includes(name) ? idOf(name) : sim.nameOf(idOf(name)))).toSorted(),
      );
      if (['down', 'noSchema', 'noNamespace', 'unreadable'].includes(state))
        expect(two?.skipped).toEqual(expect.any(String));
      else if (state !== 'up' && good.length > 0) expect(two?.failures.length).toBeGreaterThan(0);
      expect(report.ok).toBe(
        bad.length === 0 && (state === 'up' || (two?.skipped === undefined && two?.failures.length === 0)),
      );
    },
  );

const breaks = {
  'a refused write ends the pass of its cluster': {
    file: 'inside.ts',
    find: 'if (isClusterWide(error) || ',
    replace: 'if (true || ',
  },
  'a forbidden write ends the pass of its cluster': {
    file: 'cluster.ts',
    find: '[0, 401, 429].includes',
    replace: '[0, 401, 403, 429].includes',
  },
  'a write that fails ends the pass of its cluster': {
    file: 'inside.ts',
    find: 'const brokenLimit = inFlight;',
    replace: 'const brokenLimit = 1;',
  },
  'a failed write is not told': {
    file: 'inside.ts',
    find: 'inside.failures.push({ name: entry.name, message });',
    replace: '',
  },
  'a cluster that cannot be read ends the pass': {
    file: 'taking-part.ts',
    find: 'const { namespace } = task.mirror;',
    replace: 'const { namespace } = task.mirror; throw error;',
  },
  'a cluster that cannot be written to ends the pass': {
    file: 'sync.ts',
    find: 'working(pass).length === 0',
    replace: 'working(pass).length < pass.served.length',
  },
  'an invalid row ends the pass': {
    file: 'pages.ts',
    find: "if (sight.state === 'invalid') pass.seen.invalid += 1;",
    replace: "if (sight.state === 'invalid') throw new Error('invalid');",
  },
  'an id without an answer ends the run': {
    file: 'sync.ts',
    find: 'if (answer instanceof Error) fail(pass,',
    replace: 'if (answer instanceof Error) throw answer; else if (false) fail(pass,',
  },
};

describe('law 6: one bad thing is one line in the report', () => {
  test('bad resources, refused writes and a cluster that is down or incomplete stop nothing else', async () => {
    await fc.assert(isolates(engine), tries(400));
  });
  for (const [what, rule] of Object.entries(breaks)) {
    test(`law 6 breaks where ${what}`, async () => {
      expect(await isNoticed(isolates, rule)).toBe(true);
    });
  }
});
