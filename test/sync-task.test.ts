import { describe, expect, test } from 'vitest';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { sync } from '../lib/sync.ts';
import { thing } from './laws/schedule.ts';
import { simulation } from './laws/simulation.ts';

describe('the scope of a task', () => {
  test('means the same in any order: same objects, same scan', async () => {
    const sim = simulation();
    for (const name of ['a', 'b', 'c']) sim.set(thing(name, 0));
    await sim.pass();
    await sim.pass();
    const writes = sim.cluster.writes.length;
    const turned = { ...sim.target, scope: { region: 'r', account: '1' }, access: {} };
    const report = await sync(turned, [sim.cluster], { clock: () => sim.time.now });
    expect(report).toMatchObject({ ok: true, clusters: [{ counts: { unchanged: 3 } }] });
    expect(Object.keys(report.scope)).toEqual(['account', 'region']);
    expect(sim.cluster.writes).toHaveLength(writes);
    expect(sim.cluster.objects('mirrorscans')).toHaveLength(1);
  });

  test.each([
    ['lacks a key', { account: '1' }, 'account'],
    ['has a key too many', { account: '1', region: 'r', zone: 'z' }, 'account and region and zone'],
    ['has another key', { account: '1', zone: 'z' }, 'account and zone'],
    ['is empty', {}, 'empty'],
  ])('that %s is an error in words, before anything is read', async (_, scope, said) => {
    const sim = simulation();
    const run = sync({ ...sim.target, scope, access: {} }, [sim.cluster]);
    await expect(run).rejects.toThrow(`a scope of Thing is account and region; this one is ${said}`);
    expect([sim.world.calls, sim.cluster.writes]).toEqual([[], []]);
  });
});

test('access that the provider does not take is one sentence: which mirror, which source, where, and what is wrong', async () => {
  const sim = simulation();
  const scope = { account: '111122223333', region: 'us-east-1' };
  const run = sync({ ...sim.target, source: rdsInstance, scope, access: { rolearn: 'x' } }, [sim.cluster]);
  await expect(run).rejects.toThrow(
    /^mirror test, RDSInstance 111122223333\/us-east-1: the access is wrong: .*rolearn/s,
  );
  await expect(run).rejects.toMatchObject({ cause: expect.any(Error) });
});
