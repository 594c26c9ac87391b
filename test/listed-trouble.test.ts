import { describe, expect, test } from 'vitest';
import { ApiError } from '../lib/cluster.ts';
import type { Mirror } from '../lib/mirror.ts';
import { denied, manyNames, setUp } from './listed-world.ts';
import { memoryCluster } from './memory/memory-cluster.ts';
import { idOf, type SourceHooks } from './memory/memory-source.ts';

const withoutA: SourceHooks = { found: (id, row) => (id === idOf('a') ? denied(id) : row) };

describe('where nobody may read what is listed', () => {
  test('the objects say so when it lasts', async () => {
    const { pass, passEachMinute, brief, cluster } = setUp(manyNames(120));
    await pass();
    for (let minute = 0; minute < 80; minute += 1) {
      const before = cluster.writes.length;
      await passEachMinute(1, { found: denied });
      const written = cluster.writes.slice(before).filter(({ plural }) => plural === 'things');
      if (minute < 15) expect(written).toEqual([]);
    }
    const said = manyNames(120).map((name) => brief(name)?.slice(0, 2));
    expect(new Set(said.map(String))).toEqual(new Set(['Exists True Found,Synced False AccessDenied']));
    await passEachMinute(1);
    expect(brief('thing-0119')).toContain('Synced True Observed');
  });

  test('a hundred that sort first do not hide the others behind them for ever', async () => {
    const { passEachMinute, object } = setUp([...manyNames(100, 'a'), ...manyNames(100, 'b')]);
    await passEachMinute(5, { found: (id, row) => (id.includes(':a-') ? denied(id) : row) });
    expect(manyNames(100, 'b').filter((name) => object(name) === undefined)).toEqual([]);
  });

  test('one that lost a label says so in its time as well', async () => {
    const { pass, passEachMinute, cluster, brief, object } = setUp(['a', 'b']);
    await pass();
    const name = object('a')?.metadata.name ?? '';
    cluster.tamper('kubectl', 'things', name, (found) => ({ ...found, metadata: { ...found.metadata, labels: {} } }));
    await passEachMinute(15, withoutA);
    expect(brief('a')).toContain('Synced True Observed');
    await passEachMinute(5, withoutA);
    expect(brief('a')).toContain('Synced False AccessDenied');
  });

  test('a selection that changes meanwhile is read anew for staleAfter, not for ever', async () => {
    const { pass, passEachMinute, asked, brief } = setUp(['a', 'b']);
    await pass();
    await passEachMinute(20, withoutA, { selection: 'another' });
    expect(brief('a')).toContain('Synced False AccessDenied');
    asked();
    await passEachMinute(1, withoutA, { selection: 'another' });
    expect(asked()).toEqual(['a']);
  });

  test('and the scan was deleted by hand, all is read anew for staleAfter, not for ever', async () => {
    const { pass, passEachMinute, cluster, asked, brief } = setUp(['a', 'b']);
    await pass();
    cluster.drop('mirrorscans', cluster.objects('mirrorscans')[0]?.metadata.name ?? '');
    await passEachMinute(20, withoutA);
    expect(brief('a')).toContain('Synced False AccessDenied');
    asked();
    await passEachMinute(1, withoutA);
    expect(asked()).toEqual(['a']);
  });

  test('each cluster counts from when its own objects were read, whatever another one missed', async () => {
    const { pass, passEachMinute, later, cluster, brief } = setUp(['a', 'b']);
    const second = memoryCluster({ name: 'second', time: cluster.time });
    await pass({}, {}, [cluster, second]);
    await passEachMinute(120);
    later(1);
    await pass(withoutA, {}, [cluster, second]);
    expect(brief('a')).toContain('Synced True Observed');
    expect(brief('a', second)).toContain('Synced False AccessDenied');
  });
});

test('objects of another mirror that nobody may read are lines in the report, not the trouble of the place', async () => {
  const { pass, cluster, object } = setUp(manyNames(12));
  await pass();
  for (const name of manyNames(12)) {
    cluster.tamper('kubectl', 'things', object(name)?.metadata.name ?? '', (found) => ({
      ...found,
      metadata: { ...found.metadata, labels: { ...found.metadata.labels, 'skymirror.dev/mirror': 'other' } },
    }));
  }
  const report = await pass({ found: denied });
  expect(report.incomplete).toBeUndefined();
  expect(report.clusters[0]?.counts).toMatchObject({ failed: 12 });
});

test('what is left out by its name goes in two steps, also where nobody may read it', async () => {
  const { pass, later, object } = setUp(['a', 'secret']);
  await pass();
  const change: Partial<Mirror> = { selectsName: (name) => name !== 'secret', selection: 'x' };
  const access: SourceHooks = { found: (id, row) => (id === idOf('secret') ? denied(id) : row) };
  await pass(access, change);
  later(11);
  expect(await pass(access, change)).toMatchObject({ ok: true, clusters: [{ counts: { deleted: 1 } }] });
  expect(object('secret')).toBeUndefined();
});

describe('a turn counts as taken only where what was read is written', () => {
  const refusal = new ApiError(403, 'Forbidden', 'the policy of the cluster said no');

  test('so that a refused write is tried again in the next pass, and the scan says so until then', async () => {
    let isRefusing = false;
    const { pass, put, later, object, scan } = setUp(
      ['a'],
      {},
      {
        before: ({ verb, plural }) => {
          if (isRefusing && plural === 'things' && verb === 'replaceStatus') throw refusal;
        },
      },
    );
    await pass();
    put('a', { resourceId: 'new' });
    later(61);
    isRefusing = true;
    await pass();
    later(1);
    await pass();
    expect(scan().error).toContain('said no');
    isRefusing = false;
    later(1);
    await pass();
    expect(object('a')?.status?.observed?.resourceId).toBe('new');
    expect(scan().error).toBeUndefined();
  });

  test('but one write that is refused for ever does not make every pass read all', async () => {
    const { pass, put, passEachMinute, object, asked } = setUp(
      manyNames(60),
      {},
      {
        before: ({ verb, name }) => {
          if (verb === 'replaceStatus' && isRefusing && name === refused) throw refusal;
        },
      },
    );
    let isRefusing = false;
    await pass();
    const refused = object('thing-0000')?.metadata.name;
    put('thing-0000', { resourceId: 'new' });
    isRefusing = true;
    await passEachMinute(80);
    asked();
    await passEachMinute(60);
    // Were no turn taken, each of the 60 passes would read all 60.
    expect(asked().length).toBeLessThan(6 * 60);
  });

  test('and a cluster that could not be written to any more has its turns again', async () => {
    const { pass, put, later, cluster, object } = setUp(['a', 'b']);
    let isBroken = false;
    const second = memoryCluster({
      name: 'second',
      time: cluster.time,
      hooks: {
        before: ({ verb, plural }) => {
          if (isBroken && plural === 'things' && verb === 'replaceStatus') throw new ApiError(429, 'Busy', 'slow down');
        },
      },
    });
    const both = [cluster, second];
    await pass({}, {}, both);
    for (const name of ['a', 'b']) put(name, { resourceId: 'new' });
    later(61);
    isBroken = true;
    await pass({}, {}, both);
    isBroken = false;
    later(1);
    await pass({}, {}, both);
    for (const name of ['a', 'b']) expect(object(name, second)?.status?.observed?.resourceId).toBe('new');
  });
});

describe('what is read out of turn although it may be in vain', () => {
  const thousand = manyNames(1000);
  const nothing: Partial<Mirror> = { selects: () => false, selection: 'nothing' };

  test('is five hundred in a pass of those that the brake holds, and the brake counts them all', async () => {
    const { pass, asked, later, scan, put, cluster } = setUp(thousand, { maxRemovalPercent: 10 });
    await pass();
    await pass({}, nothing);
    later(11);
    await pass({}, nothing);
    asked();
    later(1);
    const report = await pass({}, nothing);
    expect(report).toMatchObject({ clusters: [{ blocked: 1000, counts: { kept: 1000, unchanged: 0 } }] });
    expect(scan()).toMatchObject({ held: 1000, kept: 1000, blockedRemoval: { members: { length: 1000 } } });
    expect(asked()).toHaveLength(500);
    expect(cluster.objects('things')).toHaveLength(1000);
    for (const name of thousand) put(name, { state: 'stopped' });
    later(61);
    const change: Partial<Mirror> = { selects: ({ state }) => state === 'stopped', selection: 'stopped' };
    expect(await pass({}, change)).toMatchObject({ clusters: [{ blocked: 0, counts: { updated: 1000 } }] });
  });

  test('of those of another mirror, and of those that fail the schema', async () => {
    const { pass, put, asked, later } = setUp(thousand);
    await pass();
    await pass({}, { name: 'renamed' });
    asked();
    later(1);
    await pass({}, { name: 'renamed' });
    expect(asked()).toHaveLength(500);
    for (const name of thousand) put(name, { state: 7 });
    later(61);
    await pass();
    asked();
    later(1);
    await pass();
    expect(asked()).toHaveLength(500);
  });

  test('but never what is marked as gone and listed again', async () => {
    const { pass, world, asked, later } = setUp(manyNames(600));
    await pass();
    const rows = [...world.rows];
    world.rows.clear();
    for (let round = 0; round < 6; round += 1) await pass();
    for (const [id, row] of rows) world.rows.set(id, row);
    asked();
    later(1);
    expect(await pass()).toMatchObject({ clusters: [{ counts: { updated: 600 } }] });
    expect(asked()).toHaveLength(600);
  });
});
