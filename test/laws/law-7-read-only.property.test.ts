import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sources } from '../../lib/sources.ts';
import { type Engine, engine } from '../memory/engine.ts';
import { idOf, memorySource } from '../memory/memory-source.ts';
import { isNoticed } from './sabotage.ts';
import { play, schedules, tries } from './schedule.ts';
import { simulation } from './simulation.ts';

const metadataRead = /^[a-z0-9-]+:(Describe|List|Get)[A-Za-z]+$/;
const readsContent = /:(ReceiveMessage|GetItem|GetRecords|GetObject|GetSecretValue|GetQueryResults)/;

/** Whatever sources are declared, their role holds their own actions, each a metadata read, and no wildcard. */
const policyReads = (of: Engine) =>
  fc.asyncProperty(fc.subarray([...sources], { minLength: 1 }), fc.nat(3), async (chosen, more) => {
    const extra = Array.from({ length: more }, () => memorySource({ world: { rows: new Map(), calls: [] } }));
    const { Statement } = of.readerPolicy([...chosen, ...extra]);
    const actions = Statement.flatMap(({ Action }) => Action);
    expect(actions.filter((action) => !metadataRead.test(action) || readsContent.test(action))).toEqual([]);
    expect(actions).toEqual([...new Set([...chosen, ...extra].flatMap(({ permissions }) => permissions))].toSorted());
    expect(Statement.map(({ Effect }) => Effect)).toEqual(['Allow']);
  });

/** Any schedule of runs, with faults, asks and never changes anything. */
const onlyAsks = (of: Engine) =>
  fc.asyncProperty(schedules({ faults: true, values: 2, length: 12 }), async (steps) => {
    const sim = simulation({ engine: of, gated: true });
    const rows = sim.world.rows;
    await play(sim, steps);
    const before = JSON.stringify([...rows]);
    await sim.finish();
    await sim.pass();
    await sim.pass({ ids: [idOf('a')] });
    expect(JSON.stringify([...rows])).toBe(before);
    expect(sim.world.calls.filter(({ verb }) => !['prove', 'page', 'get'].includes(verb))).toEqual([]);
  });

describe('law 7: read-only by proof', () => {
  test('the role that reads holds metadata reads of its sources and nothing more', async () => {
    await fc.assert(policyReads(engine), tries(20));
  });
  test('no schedule of runs does anything outside but ask', async () => {
    await fc.assert(onlyAsks(engine), tries(100));
  });
  test('law 7 breaks where the policy is not that of the sources', async () => {
    const broad = {
      file: 'iam.ts',
      find: 'sources.flatMap(({ permissions }) => permissions)',
      replace: "sources.flatMap(() => ['rds:*'])",
    };
    expect(await isNoticed(policyReads, broad)).toBe(true);
  });
  test('law 7 breaks where a code path writes outside', async () => {
    const writes = {
      file: 'define-source.ts',
      find: 'provider.prove(session, scope, signal)',
      replace: '(session.modify(), provider.prove(session, scope, signal))',
    };
    expect(await isNoticed(onlyAsks, writes)).toBe(true);
  });
});
