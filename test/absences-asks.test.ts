import { describe, expect, test } from 'vitest';
import { conditionOf } from '../lib/object.ts';
import { asked, existsAt, idAt, isBlocked, left, mirrored, nameAt, take } from './absences-world.ts';
import type { RunOptions } from './laws/simulation.ts';

const grace = 600;
const nobodyAnswers = { source: { found: () => new Error('no answer') } };
/** The listing holds nothing, without an error. */
const emptyListing = { page: () => [] };

describe('the questions about what a listing does not hold', () => {
  test('are budgeted, and what was not asked for in one pass has its turn in a later one', async () => {
    const sim = await mirrored(12);
    take(sim, 0, 12);
    const run = { ...nobodyAnswers, limits: { confirmations: 4 } };
    const { report } = await sim.pass(run);
    expect(report.clusters[0]?.counts).toMatchObject({ kept: 8, failed: 4 });
    expect(asked(sim).flat()).toHaveLength(4);
    for (let round = 0; round < 30; round += 1) {
      sim.wait(10);
      await sim.pass(run);
    }
    expect(new Set(asked(sim).flat()).size).toBe(12);
  });

  test('are shared among the clusters: one in which very much is missing does not use them up', async () => {
    const sim = await mirrored(31, { clusters: 2 });
    sim.clusters[0]?.drop('things', sim.nameOf(idAt(0)));
    for (let index = 1; index < 31; index += 1) sim.clusters[1]?.drop('things', sim.nameOf(idAt(index)));
    take(sim, 0, 31);
    await sim.pass({ limits: { confirmations: 4 } });
    const missing = Array.from({ length: 31 }, (_, index) => idAt(index));
    expect(asked(sim).flat()).toHaveLength(4);
    expect(missing).toEqual(expect.arrayContaining(asked(sim).flat()));
    expect(asked(sim).flat()).toContain(idAt(0));
  });

  test('end at the first batch in which something is there after all', async () => {
    const sim = await mirrored(40);
    let batches = 0;
    const source: RunOptions['source'] = {
      ...emptyListing,
      before: ({ verb }) => {
        if (verb === 'get') batches += 1;
      },
      found: (_, row) => (batches > 1 ? row : undefined),
    };
    const { report } = await sim.pass({ source });
    expect(report.incomplete?.reason).toBe('Untrusted');
    expect(asked(sim).map(({ length }) => length)).toEqual([10, 25]);
    const gone = Array.from({ length: 40 }, (_, index) => index).filter((index) => existsAt(sim, index) === 'False');
    expect(gone.map(idAt).toSorted()).toEqual(asked(sim)[0]?.toSorted());
  });

  test('that are answered with a row that names nobody say nothing about anybody', async () => {
    const sim = await mirrored(6);
    const found = (id: string) => (id === idAt(3) ? { id: undefined } : undefined);
    const { report } = await sim.pass({ source: { ...emptyListing, found } });
    expect(report).toMatchObject({ incomplete: { reason: 'Untrusted' }, clusters: [{ counts: { kept: 6 } }] });
    expect(existsAt(sim, 3)).toBe('True');
  });

  test('that nobody answers make the scan incomplete, also where only one of the clusters asks', async () => {
    const sim = await mirrored(3, { clusters: 2 });
    sim.clusters[1]?.drop('things', sim.nameOf(idAt(0)));
    take(sim, 0, 1);
    const { report } = await sim.pass(nobodyAnswers);
    expect(report.incomplete?.message).toContain(idAt(0));
    expect(report.clusters[0]?.failures).toEqual([
      { name: sim.nameOf(idAt(0)), message: 'could not be asked for: no answer' },
    ]);
  });

  test('make what they found seen, however long nobody saw it before', async () => {
    const sim = await mirrored(3);
    sim.wait(16 * 60);
    await sim.pass({ source: { ...emptyListing, found: (id, row) => (id === idAt(1) ? row : undefined) } });
    expect([0, 1, 2].map((index) => existsAt(sim, index))).toEqual(['Unknown', 'True', 'Unknown']);
  });
});

test('what a source of bare ids says of an object that is not selected is asked once more before the delete', async () => {
  let selects = true;
  const sim = await mirrored(1, { refreshSeconds: 60, mirror: { graceSeconds: 60, selects: () => selects } });
  selects = false;
  sim.wait(60);
  await sim.pass();
  sim.wait(60);
  sim.world.calls.length = 0;
  const { report } = await sim.pass();
  expect(report.clusters[0]?.counts?.deleted).toBe(1);
  expect(asked(sim)).toEqual([[idAt(0)], [idAt(0)]]);
});

describe('what is not selected by its name', () => {
  const dropping = async (many: number) => {
    const dropped = new Set<string>();
    const selectsName = (name: string) => !dropped.has(name);
    const sim = await mirrored(many, { refreshSeconds: 3600, mirror: { selectsName, graceSeconds: grace } });
    return { sim, drop: (index: number) => dropped.add(nameAt(index)) };
  };

  test('may be let go by who may not read it, and that is no trouble of the scan', async () => {
    const { sim, drop } = await dropping(3);
    drop(0);
    await sim.pass();
    sim.wait(grace);
    take(sim, 1, 2);
    const { report } = await sim.pass({
      source: { found: (id, row) => (id === idAt(0) ? new Error('no access') : row) },
    });
    expect(report.incomplete).toBeUndefined();
    expect(report.clusters[0]).toMatchObject({ counts: { deleted: 1, marked: 1, failed: 0 }, failures: [] });
    expect(sim.object(idAt(0))).toBeUndefined();
  });

  test('and not listed either is asked for as everything else is', async () => {
    const { sim, drop } = await dropping(3);
    drop(0);
    await sim.pass();
    sim.wait(grace);
    take(sim, 0, 1);
    const { report } = await sim.pass(nobodyAnswers);
    expect(report.incomplete?.message).toContain(idAt(0));
    expect(report.clusters[0]?.counts).toMatchObject({ deleted: 0, failed: 1 });
    expect(left(sim)).toBe(3);
  });
});

describe('what a complete listing does not hold', () => {
  test('and belongs to another mirror is reported and left alone, as it is where the listing holds it', async () => {
    const sim = await mirrored(2);
    const labels = { 'skymirror.dev/mirror': 'staging' };
    sim.cluster.tamper('kubectl', 'things', sim.nameOf(idAt(0)), ({ metadata, ...object }) => ({
      ...object,
      metadata: { ...metadata, labels: { ...metadata.labels, ...labels } },
    }));
    for (const end of [0, 1]) {
      take(sim, 0, end);
      const { report } = await sim.pass();
      expect(report.clusters[0]).toMatchObject({
        counts: { refused: 1 },
        failures: [{ name: sim.nameOf(idAt(0)), message: expect.stringContaining('OtherMirror') }],
      });
    }
    expect(asked(sim)).toEqual([]);
  });

  test('and was never given a status is marked as everything else is', async () => {
    const sim = await mirrored(1);
    sim.cluster.tamper('kubectl', 'things', sim.nameOf(idAt(0)), ({ status: _, ...object }) => object);
    take(sim, 0, 1);
    await sim.pass();
    expect(existsAt(sim, 0)).toBe('False');
  });

  test('and was marked as not selected begins its removal anew, and nothing of it is due', async () => {
    let selects = true;
    const sim = await mirrored(7, { mirror: { graceSeconds: grace, selects: () => selects } });
    selects = false;
    await sim.pass();
    sim.wait(grace);
    take(sim, 0, 7);
    const { report } = await sim.pass();
    expect([report.clusters[0]?.counts?.marked, isBlocked(sim)]).toEqual([7, 'False']);
  });

  test('and is being deleted by somebody else is neither asked for nor counted, and the brake does not reckon with it', async () => {
    const sim = await mirrored(6, { mirror: { graceSeconds: grace } });
    take(sim, 0, 6);
    await sim.pass();
    sim.wait(grace);
    sim.cluster.tamper('kubectl', 'things', sim.nameOf(idAt(0)), ({ metadata, ...object }) => ({
      ...object,
      metadata: { ...metadata, deletionTimestamp: '2026-01-05T00:00:00Z' },
    }));
    const { report } = await sim.pass();
    expect(report.clusters[0]).toMatchObject({ blocked: 0, counts: { deleted: 5, kept: 0 } });
  });
});

describe('a pass that could not see everything', () => {
  const failing: RunOptions = {
    source: {
      before: ({ verb }) => {
        if (verb === 'page') throw new Error('throttled');
      },
    },
  };

  test('counts what waits for its removal among what is kept', async () => {
    let selects = true;
    const sim = await mirrored(3, { pageSize: 1, mirror: { graceSeconds: grace, selects: () => selects } });
    selects = false;
    await sim.pass();
    sim.wait(grace);
    let pages = 0;
    const secondPage: RunOptions['source'] = {
      before: ({ verb }) => {
        if (verb === 'page' && ++pages === 2) throw new Error('throttled');
      },
    };
    const { report } = await sim.pass({ source: secondPage });
    expect(report.clusters[0]?.counts?.kept).toBe(3);
    expect(conditionOf(sim.object(idAt(0)) ?? expect.fail(), 'Synced')?.reason).toBe('NotSelected');
  });

  test('does not read the scan again while nothing is stale', async () => {
    const sim = await mirrored(3);
    const reads = async (run: RunOptions) => {
      let count = 0;
      const before = ({ verb, plural }: { verb: string; plural: string }) => {
        if (verb === 'get' && plural === 'mirrorscans') count += 1;
      };
      await sim.pass({ ...run, cluster: { before } });
      return count;
    };
    const complete = await reads({});
    expect(await reads(failing)).toBe(complete);
    sim.wait(16 * 60);
    expect(await reads(failing)).toBe(complete + 1);
  });
});
