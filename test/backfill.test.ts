import { describe, expect, test } from 'vitest';
import { answerOf, cancelBackfill, type Ground, messagesOf, openRun } from '../lib/backfill.ts';
import { carryOut } from '../lib/backfill-here.ts';
import { type BackfillRequest, backfillRequest } from '../lib/backfill-request.ts';
import { ApiError } from '../lib/cluster.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { newRun } from '../lib/sync-run.ts';
import { removeExpiredRuns } from '../lib/sync-run-expiry.ts';
import { maxTargets, syncRun } from '../lib/sync-run-schema.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import { type MemoryCluster, memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type World } from './memory/memory-source.ts';
import { dyingAt } from './sync-run-world.ts';

const signal = new AbortController().signal;

/** Two mirrors of two regions each; the second mirror tells of its runs elsewhere. */
function setUp(change: Partial<ConfiguredTask> = {}, regions = ['r', 's']) {
  const rows = regions.map((region) => ({ id: idOf('thing', { account: '1', region }), state: 'available' }));
  const world: World = { rows: new Map(rows.map((row) => [row.id, row])), calls: [] };
  const cluster = memoryCluster();
  const source = memorySource({ world });
  const tasks = ['one', 'two'].flatMap((name) =>
    regions.map(
      (region): ConfiguredTask => ({
        mirror: mirrorOf({ name, namespace: name }),
        source,
        scope: { account: '1', region },
        access: {},
        clusters: ['memory'],
        accountName: 'home',
        every: 60,
        paused: false,
        ...change,
      }),
    ),
  );
  return { world, cluster, tasks, ground: groundOf(tasks, cluster) };
}

function groundOf(tasks: readonly ConfiguredTask[], cluster: ReturnType<MemoryCluster['client']>): Ground {
  return { tasks, signal, open: async () => new Map([['memory', cluster]]), spelt: (field) => field };
}

const ask = (wish: object = {}): BackfillRequest => backfillRequest.parse(wish);

describe('a request', () => {
  test('takes one value or several, and nothing that it does not know', () => {
    expect(ask({ mirror: 'one', scope: { region: ['r', 's'] } })).toEqual({
      mirror: ['one'],
      scope: { region: ['r', 's'] },
    });
    expect(() => ask({ mirrors: 'one' })).toThrow('mirrors');
    expect(() => ask({ mode: 'delete' })).toThrow();
    expect(() => ask({ run: 'Not A Name' })).toThrow('is not the name of a run');
  });

  test('takes no more than the SyncRun that it becomes, and nothing that steers a terminal', () => {
    const many = Array.from({ length: 150 }, (_, index) => `value-${index}`);
    expect(() => ask({ tag: { team: many, env: many } })).toThrow('has more than 200 values');
    expect(() => ask({ tag: { ['k'.repeat(128)]: 'v'.repeat(128) } })).toThrow('more than 256 characters with its key');
    expect(() => ask({ scope: { account: many, region: many } })).toThrow('has more than 200 values');
    for (const wish of [{ mirror: 'a\u001b[2J' }, { name: '\u009b' }, { tag: { team: ['a', 'b\n'] } }]) {
      expect(() => ask(wish)).toThrow('has control characters');
    }
    expect(ask({ tag: { team: many } }).tag?.team).toHaveLength(150);
    expect(() => ask({ scope: { account: '' } })).toThrow('Too small');
    expect(() => ask({ tag: { team: 'a\u0001' } })).toThrow('has control characters');
  });

  test('becomes a SyncRun with all its targets, and a message for each', async () => {
    const { cluster, ground } = setUp();
    const open = await openRun(ask({ mirror: 'two', scope: { account: 'home' } }), 'run-1', ground);
    expect(answerOf(open)).toEqual({
      ...{ run: 'run-1', syncRun: { cluster: 'memory', namespace: 'two', name: 'run-1' } },
      ...{ mode: 'Apply', state: 'Pending', targets: 2 },
    });
    const [object] = cluster.objects(syncRun.plural);
    expect(object?.spec).toEqual({
      mode: 'Apply',
      filter: { mirrors: ['two'], scope: ['account=home'] },
      cancelled: false,
    });
    expect(object?.status).toMatchObject({ state: 'Pending', progress: '0/2' });
    expect(messagesOf(open)).toMatchObject([
      { version: 1, run: 'run-1', mirror: 'two', source: 'Thing', scope: { region: 'r' }, hop: 0 },
      { syncRun: { cluster: 'memory', namespace: 'two', name: 'run-1' }, scope: { account: '1', region: 's' } },
    ]);
  });

  test.each([
    [{ mirror: 'oen' }, 'mirror oen: the configuration has no such mirror: did you mean "one"?'],
    [{ source: 'Toaster' }, 'source Toaster: the configuration has no such source; it has Thing'],
    [{ scope: { zone: 'a' } }, 'scope zone=a: give it as account=...,region=...'],
  ])('for what is not there is refused, and leaves nothing (%j)', async (wish, said) => {
    const { cluster, ground } = setUp();
    await expect(openRun(ask(wish), 'run-1', ground)).rejects.toThrow(said);
    expect(cluster.writes).toEqual([]);
  });

  test('knows kinds by any of their names', async () => {
    const { ground } = setUp();
    expect(Object.keys((await openRun(ask({ source: 'THINGS' }), 'run-1', ground)).run.targets)).toHaveLength(4);
  });

  test('for more targets than a run can have says how to narrow it down', async () => {
    const regions = Array.from({ length: 251 }, (_, index) => `r-${index}`);
    const { cluster, ground } = setUp({}, regions);
    await expect(openRun(ask(), 'run-1', ground)).rejects.toThrow(
      /^502 targets .* are more than a run can have, 500: narrow it down by mirror, source, scope/,
    );
    expect(cluster.writes).toEqual([]);
    expect(Object.keys((await openRun(ask({ mirror: 'one' }), 'run-1', ground)).run.targets)).toHaveLength(251);
    expect(maxTargets).toBe(500);
  });

  test('leaves paused mirrors out, and is refused where nothing else is left', async () => {
    const { ground } = setUp({ paused: true });
    await expect(openRun(ask(), 'run-1', ground)).rejects.toThrow('the configuration has paused one, two');
  });

  test('into a cluster without the CRD says what is missing', async () => {
    const { cluster, ground } = setUp();
    cluster.revisions.set(syncRun.plural, undefined);
    await expect(openRun(ask(), 'run-1', ground)).rejects.toThrow('SchemaMissing: the CRD syncruns.skymirror.dev');
  });
});

describe('beside a paused mirror whose cluster cannot be entered', () => {
  function halfPaused() {
    const { cluster, tasks } = setUp();
    const all = tasks.map((task) =>
      task.mirror.name === 'two' ? { ...task, clusters: ['gone'], paused: true } : task,
    );
    const gone = cluster.client({
      before() {
        throw new ApiError(0, '', 'no route to host');
      },
    });
    const clusters = new Map(Object.entries({ memory: cluster, gone }));
    const ground: Ground = { ...groundOf(all, cluster), open: async () => clusters };
    return { all, ground };
  }

  test('a run begins under a name of its own', async () => {
    const { ground } = halfPaused();
    expect(answerOf(await openRun(ask({ run: 'mine' }), 'mine', ground))).toMatchObject({ run: 'mine', targets: 2 });
  });

  test('a run that may be told of there is not said to be missing', async () => {
    await expect(cancelBackfill('lost', halfPaused().ground)).rejects.toThrow('no route to host');
  });

  test('none begins while the cluster of a mirror that is not paused cannot be asked for its name', async () => {
    const { all, ground } = halfPaused();
    const tasks = all.map((task) => ({ ...task, paused: false }));
    await expect(openRun(ask({ run: 'mine' }), 'mine', { ...ground, tasks })).rejects.toThrow('no route to host');
  });
});

describe('a request that comes again', () => {
  test('makes nothing twice, and sends only for what has not ended', async () => {
    const { cluster, ground, tasks } = setUp();
    const open = await openRun(ask({ mirror: 'one' }), 'run-1', ground);
    const first = {
      ...open,
      run: { ...open.run, targets: Object.fromEntries(Object.entries(open.run.targets).slice(0, 1)) },
    };
    await carryOut(first, groundOf(tasks, cluster), { seen() {}, done() {} });
    const again = await openRun(ask({ mirror: 'one' }), 'run-1', ground);
    expect(cluster.objects(syncRun.plural)).toHaveLength(1);
    expect(answerOf(again)).toMatchObject({ state: 'Running', targets: 2 });
    expect(messagesOf(again)).toHaveLength(1);
  });

  test('by the name of a run finds it wherever it is told of, without its filters', async () => {
    const { ground } = setUp();
    await openRun(ask({ mirror: 'two', run: 'mine', mode: 'plan' }), 'mine', ground);
    const again = await openRun(ask({ run: 'mine' }), 'mine', ground);
    expect(answerOf(again)).toMatchObject({ syncRun: { namespace: 'two' }, mode: 'Plan', targets: 2 });
    await expect(openRun(ask({ run: 'mine', mirror: 'one' }), 'mine', ground)).rejects.toThrow(
      'this run has other filters',
    );
    await expect(openRun(ask({ run: 'mine', mode: 'apply' }), 'mine', ground)).rejects.toThrow('of mode Plan');
  });

  test.each(['before', 'after'] as const)('completes what died %s any of its requests took effect', async (how) => {
    let cuts = 0;
    for (let when = 1; ; when += 1) {
      const { cluster, ground, tasks } = setUp();
      const hooks = dyingAt(when, how);
      const dying = openRun(ask({ mirror: 'one' }), 'run-1', groundOf(tasks, cluster.client(hooks)));
      await dying.catch(() => undefined);
      if (hooks.requests() < when) break;
      cuts += 1;
      expect(messagesOf(await openRun(ask({ mirror: 'one' }), 'run-1', ground))).toHaveLength(2);
      expect(cluster.objects(syncRun.plural)).toHaveLength(1);
    }
    expect(cuts).toBe(4);
  });
});

describe('a run that somebody else touches while it is being made', () => {
  test('by the same request, which is through already, is answered with what that one did', async () => {
    const { cluster, ground, tasks } = setUp();
    let isFirst = true;
    const before = async ({ verb }: { verb: string }) => {
      if (verb !== 'replaceStatus' || !isFirst) return;
      isFirst = false;
      await carryOut(await openRun(ask({ mirror: 'one' }), 'run-1', ground), ground, { seen() {}, done() {} });
    };
    const second = await openRun(ask({ mirror: 'one' }), 'run-1', groundOf(tasks, cluster.client({ before })));
    expect(answerOf(second)).toMatchObject({ state: 'Done', targets: 2 });
    expect(messagesOf(second)).toEqual([]);
  });

  test('by deleting it is told so, and no message is sent', async () => {
    const { cluster, tasks } = setUp();
    const after = ({ verb }: { verb: string }) => {
      if (verb === 'create') cluster.drop(syncRun.plural, 'run-1');
    };
    const opening = openRun(ask({ mirror: 'one' }), 'run-1', groundOf(tasks, cluster.client({ after })));
    await expect(opening).rejects.toThrow('the SyncRun one/run-1 was deleted while it was being made');
  });

  test('with kubectl, by a tag that is no pair, gets no targets', async () => {
    const { cluster, ground } = setUp();
    const filter = { tags: ['payments'] };
    const made = newRun({ namespace: 'one', name: 'mine' }, { mode: 'Apply', filter, cancelled: false });
    await cluster.create(syncRun, made, { signal });
    await expect(openRun(ask({ run: 'mine' }), 'mine', ground)).rejects.toThrow(
      'the tag payments: give it as key=value',
    );
    expect(cluster.objects(syncRun.plural)).toMatchObject([made]);
  });
});

describe('a run', () => {
  test('in this process goes through all its targets, four at a time, and tells of each', async () => {
    const { cluster, ground } = setUp();
    const open = await openRun(ask(), 'run-1', ground);
    const told: string[] = [];
    const run = await carryOut(open, ground, {
      seen() {},
      done: ({ mirror, scope }) => told.push(`${mirror} ${scope.region}`),
    });
    expect(told.toSorted()).toEqual(['one r', 'one s', 'two r', 'two s']);
    expect(run?.status).toMatchObject({ state: 'Done', progress: '4/4', seen: 4, changed: 4 });
    expect(cluster.objects('things')).toHaveLength(4);
  });

  test('whose target left the configuration fails there, and does the others', async () => {
    const { cluster, ground, tasks } = setUp();
    const open = await openRun(ask(), 'run-1', ground);
    const run = await carryOut(open, groundOf(tasks.slice(1), cluster), { seen() {}, done() {} });
    expect(run?.status).toMatchObject({ state: 'Failed', progress: '4/4', seen: 3 });
    const failed = Object.values(run?.targets ?? {}).filter(({ state }) => state === 'Failed');
    expect(failed).toMatchObject([{ message: 'the configuration has no such target any more' }]);
  });

  test('in this process that is interrupted begins no further target, and the same again does the rest', async () => {
    const regions = ['a', 'b', 'c', 'd', 'e', 'f'];
    const { ground } = setUp({}, regions);
    const open = await openRun(ask({ mirror: 'one' }), 'run-1', ground);
    const stop = new AbortController();
    const told: unknown[] = [];
    await carryOut(
      open,
      { ...ground, signal: stop.signal },
      {
        seen() {},
        done({ scope }) {
          told.push(scope.region);
          stop.abort();
        },
      },
    );
    expect(told.toSorted()).toEqual(['a', 'b', 'c', 'd']);
    const again = await openRun(ask({ run: 'run-1' }), 'run-1', ground);
    const run = await carryOut(again, ground, { seen() {}, done() {} });
    expect(run?.status).toMatchObject({ state: 'Done', progress: '6/6', seen: 6 });
  });

  test('that is not there cannot be cancelled', async () => {
    await expect(cancelBackfill('nothing', setUp().ground)).rejects.toThrow('cancel nothing: there is no such run');
  });

  test('that kubectl has cancelled before ends with all that is left of it', async () => {
    const { cluster, ground } = setUp();
    await openRun(ask({ mirror: 'two' }), 'run-1', ground);
    cluster.tamper('kubectl', syncRun.plural, 'run-1', (object) => ({
      ...object,
      spec: { ...object.spec, cancelled: true },
    }));
    const run = await cancelBackfill('run-1', ground);
    expect(answerOf(run)).toMatchObject({ syncRun: { namespace: 'two' }, state: 'Cancelled', targets: 2 });
    expect(messagesOf(run)).toEqual([]);
  });

  test('that has ended stays as it is', async () => {
    const { ground } = setUp();
    const open = await openRun(ask({ mirror: 'two' }), 'run-1', ground);
    await carryOut(open, ground, { seen() {}, done() {} });
    const { run } = await cancelBackfill('run-1', ground);
    expect([run.status.state, run.spec.cancelled]).toEqual(['Done', false]);
  });

  test('that is deleted while it is being cancelled is said to be gone', async () => {
    const { cluster, ground, tasks } = setUp();
    await openRun(ask({ mirror: 'one' }), 'run-1', ground);
    const before = ({ verb }: { verb: string }) => {
      if (verb === 'replace') cluster.drop(syncRun.plural, 'run-1');
    };
    const cancelling = cancelBackfill('run-1', groundOf(tasks, cluster.client({ before })));
    await expect(cancelling).rejects.toThrow('cancel run-1: there is no such run');
  });

  test('is deleted a week after it ended, and three weeks after it was made where it never ended', async () => {
    const { cluster, ground } = setUp();
    const open = await openRun(ask({ mirror: 'one' }), 'ends', ground);
    await openRun(ask({ mirror: 'one' }), 'never-ends', ground);
    await carryOut(open, ground, { seen() {}, done() {} });
    const left = async (days: number) => {
      cluster.time.now += days * 86_400_000;
      const removed = await removeExpiredRuns(cluster, 'one', { signal });
      return { removed, names: cluster.objects(syncRun.plural).map(({ metadata }) => metadata.name) };
    };
    expect(await left(6.9)).toEqual({ removed: 0, names: ['ends', 'never-ends'] });
    expect(await left(0.2)).toEqual({ removed: 1, names: ['never-ends'] });
    expect(await left(13)).toEqual({ removed: 0, names: ['never-ends'] });
    expect(await left(1)).toEqual({ removed: 1, names: [] });
  });
});
