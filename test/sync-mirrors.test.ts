import { describe, expect, test } from 'vitest';
import { type Mirror, mirrorOf } from '../lib/mirror.ts';
import { conditionOf } from '../lib/object.ts';
import { sync } from '../lib/sync.ts';
import { thing } from './laws/schedule.ts';
import { type Simulation, simulation } from './laws/simulation.ts';
import { idOf } from './memory/memory-source.ts';

const grace = 60;
const brief = (sim: Simulation, name: string) =>
  sim.object(idOf(name))?.status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`);

describe('two mirrors in one namespace', () => {
  const setUp = () => {
    const sim = simulation();
    const names = ['a', 'b', 'c', 'd'];
    for (const [index, name] of names.entries()) {
      sim.set({ ...thing(name, 0), fields: { note: index % 2 === 0 ? 'even' : 'odd' } });
    }
    const mirror = (name: string, selects: Mirror['selects'] = () => true) => {
      const wish = mirrorOf({ name, namespace: 'external', graceSeconds: grace, maxRemovalPercent: 100, selects });
      return () => sync({ ...sim.target, mirror: wish, access: {} }, [sim.cluster], { clock: () => sim.time.now });
    };
    return { sim, mirror };
  };

  test('refuse what the other made, delete nothing and write nothing, pass after pass', async () => {
    const { sim, mirror } = setUp();
    const one = mirror('one');
    const two = mirror('two');
    await one();
    const writes = sim.writes().length;
    for (let round = 0; round < 5; round += 1) {
      expect(await one()).toMatchObject({ ok: true, clusters: [{ counts: { unchanged: 4, refused: 0 } }] });
      const report = await two();
      expect(report).toMatchObject({ ok: false, clusters: [{ counts: { refused: 4, updated: 0, marked: 0 } }] });
      expect(report.clusters[0]?.failures[0]?.message).toMatch(
        /^OtherMirror: .* by its label skymirror\.dev\/mirror; left alone\. Give each mirror a namespace of its own or, /,
      );
      sim.wait(grace + 10);
    }
    expect(sim.writes()).toHaveLength(writes);
    expect(sim.cluster.objects('things')).toHaveLength(4);
  });

  test('of which each selects a part leave the part of the other alone', async () => {
    const { sim, mirror } = setUp();
    const odd = mirror('odd', ({ note }) => note === 'odd');
    const even = mirror('even', ({ note }) => note === 'even');
    await odd();
    await even();
    const writes = sim.writes().length;
    for (let round = 0; round < 5; round += 1) {
      await odd();
      await even();
      sim.wait(grace + 10);
    }
    expect(sim.writes()).toHaveLength(writes);
    expect(sim.cluster.objects('things')).toHaveLength(4);
  });

  test('take away only what is their own', async () => {
    const { sim, mirror } = setUp();
    const one = mirror('one');
    const two = mirror('two');
    await one();
    sim.world.rows.clear();
    for (let round = 0; round < 3; round += 1) {
      await two();
      sim.wait(grace + 10);
    }
    expect(new Set(sim.cluster.objects('things').map((object) => conditionOf(object, 'Exists')?.status))).toEqual(
      new Set(['True']),
    );
    await one();
    sim.wait(grace + 10);
    await one();
    expect(sim.cluster.objects('things')).toEqual([]);
  });
});

describe('a selection that throws', () => {
  const teamOf = ({ tags }: Parameters<Mirror['selects']>[0]) => (tags as { team: string }).team;

  test('on one row makes that row invalid, and the others are mirrored', async () => {
    const sim = simulation({ mirror: { selects: (fields) => teamOf(fields) === 'x' } });
    sim.set({ ...thing('a', 0), fields: { tags: { team: 'x' } } });
    sim.set({ ...thing('b', 0), fields: {} });
    const { report } = await sim.pass();
    expect(report).toMatchObject({ ok: false, outside: { seen: 2, invalid: 1, unselected: 0 } });
    expect(report.incomplete).toBeUndefined();
    expect(report.clusters[0]).toMatchObject({ counts: { created: 1, refused: 1 } });
    expect(report.clusters[0]?.failures[0]?.message).toContain('the selection of the mirror test failed on it: ');
  });

  test('on a row that has an object keeps the object, and says so on it', async () => {
    const sim = simulation({ mirror: { selects: (fields) => teamOf(fields) === 'x', graceSeconds: grace } });
    sim.set({ ...thing('a', 0), fields: { tags: { team: 'x' } } });
    await sim.pass();
    sim.set({ ...thing('a', 0), fields: {} });
    for (let round = 0; round < 3; round += 1) {
      const { report } = await sim.pass(round === 1 ? { ids: [idOf('a')] } : {});
      expect(report.incomplete).toBeUndefined();
      sim.wait(grace);
    }
    expect(brief(sim, 'a')).toContain('Synced False Invalid');
    expect(brief(sim, 'a')).toContain('Exists True Found');
  });
});

describe('a row that turns out to be of another kind', () => {
  const setUp = async () => {
    const sim = simulation({ mirror: { graceSeconds: grace } });
    sim.set(thing('a', 0));
    await sim.pass();
    sim.set({ ...thing('a', 0), excluded: 'engine docdb' });
    return sim;
  };

  test('marks its object as not selected, and takes it after the grace', async () => {
    const sim = await setUp();
    const first = await sim.pass();
    expect(first.report).toMatchObject({ ok: true, outside: { seen: 0, excluded: 1 } });
    expect(first.report.clusters[0]?.counts).toMatchObject({ marked: 1 });
    expect(brief(sim, 'a')).toEqual(expect.arrayContaining(['Exists True Found', 'Synced False NotSelected']));
    sim.wait(grace - 1);
    expect((await sim.pass()).report.clusters[0]?.counts).toMatchObject({ kept: 1, deleted: 0 });
    sim.wait(1);
    expect((await sim.pass()).report.clusters[0]?.counts).toMatchObject({ deleted: 1 });
    expect(sim.object(idOf('a'))).toBeUndefined();
  });

  test('marks it in a narrowed run as well, which never deletes', async () => {
    const sim = await setUp();
    const named = async () => (await sim.pass({ ids: [idOf('a')] })).report.clusters[0]?.counts;
    expect(await named()).toMatchObject({ marked: 1 });
    sim.wait(grace);
    expect(await named()).toMatchObject({ kept: 1, deleted: 0 });
  });

  test('is told as such where somebody else deletes its object', async () => {
    const sim = await setUp();
    sim.cluster.tamper('kubectl', 'things', sim.nameOf(idOf('a')), (object) => ({
      ...object,
      metadata: { ...object.metadata, deletionTimestamp: '2026-01-05T00:00:00Z' },
    }));
    const { report } = await sim.pass();
    expect(report.clusters[0]?.failures[0]?.message).toMatch(/^BeingDeleted/);
  });

  test('has no object made for it, and is not counted as unchanged', async () => {
    const sim = simulation();
    sim.set({ ...thing('a', 0), excluded: 'engine docdb' });
    const { report } = await sim.pass();
    expect(report.clusters[0]?.counts).toMatchObject({ created: 0, unchanged: 0 });
  });
});
