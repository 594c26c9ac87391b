import { describe, expect, test } from 'vitest';
import { ApiError, type Cluster } from '../lib/cluster.ts';
import { conditionOf } from '../lib/object.ts';
import { UnseenError } from '../lib/source.ts';
import { syncRun } from '../lib/sync-run-schema.ts';
import { endTarget, updateTarget } from '../lib/sync-run-writer.ts';
import { memoryCluster } from './memory/memory-cluster.ts';
import { idOf, type SourceHooks } from './memory/memory-source.ts';
import { at, type RunWorld, runWorld } from './sync-run-world.ts';

const signal = new AbortController().signal;
const things = ({ cluster }: RunWorld) => cluster.objects('things').length;

/** What a hook waits for, and what lets it go on. */
function gate() {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  const wait = () => {
    reached.resolve();
    return opened.promise;
  };
  return { wait, reached: reached.promise, open: opened.resolve };
}

describe('a pass of a backfill', () => {
  test('mirrors its target and says in the SyncRun what it did', async () => {
    const all = await runWorld(3);
    expect(await all.deliver()).toMatchObject({ next: 'done', report: { ok: true } });
    expect(things(all)).toBe(3);
    expect(await all.target()).toEqual({
      ...{ state: 'Done', mirror: 'production', source: 'Thing', scope: { account: '1', region: 'r' } },
      ...{ seen: 3, created: 3, unchanged: 0, kept: 0, refused: 0, failed: 0, passes: 1 },
      ...{ began: expect.any(String), ended: expect.any(String) },
    });
    const { object, status } = await all.run();
    expect(status).toMatchObject({ state: 'Done', progress: '1/1', seen: 3, changed: 3, counts: { created: 3 } });
    expect(conditionOf(object, 'Complete')).toMatchObject({ status: 'True', reason: 'Done' });
  });

  test('of mode Plan counts what would change, and writes nothing but the SyncRun', async () => {
    const all = await runWorld(3, { mode: 'Plan' });
    const before = all.cluster.writes.length;
    await all.deliver();
    expect(await all.target()).toMatchObject({ state: 'Done', seen: 3, created: 3 });
    const written = all.cluster.writes.slice(before).map(({ plural }) => plural);
    expect(new Set(written)).toEqual(new Set([syncRun.plural]));
  });

  test('of mode Plan that is made anew counts anew', async () => {
    const all = await runWorld(3, { mode: 'Plan' });
    const before = (request: { verb: string }) => {
      if (request.verb === 'list') throw new ApiError(503, 'ServiceUnavailable', 'not now');
    };
    expect(await all.deliver({ hooks: { before } })).toMatchObject({ next: 'retry' });
    await all.deliver();
    expect(await all.target()).toMatchObject({ state: 'Done', created: 3, passes: 2 });
  });

  test('with a name touches only what has it, and deletes nothing', async () => {
    const all = await runWorld(12, { filter: { name: 'thing-000?' } });
    await all.deliver();
    expect(things(all)).toBe(10);
    all.world.rows.delete(idOf('thing-0003'));
    expect(await all.target()).toMatchObject({ state: 'Done', seen: 10, created: 10 });
  });

  test.each([undefined, 3600])(
    'with tags touches what has them outside (bare ids read again within %s s)',
    async (refreshSeconds) => {
      const options = refreshSeconds === undefined ? {} : { refreshSeconds };
      const all = await runWorld(4, { filter: { tags: ['team=order*', 'team=shop'] } }, options);
      for (const [name, team] of [
        ['thing-0001', 'orders'],
        ['thing-0002', 'shop'],
      ] as const) {
        all.world.rows.set(idOf(name), { id: idOf(name), state: 'available', fields: { tags: { team } } });
      }
      await all.deliver();
      expect(things(all)).toBe(2);
      expect(await all.target()).toMatchObject({ state: 'Done', created: 2, seen: 2 });
    },
  );

  test('with tags asks again for what could not be read, and says why it cannot be told', async () => {
    const all = await runWorld(3, { filter: { tags: ['team=payments'] } }, { refreshSeconds: 3600 });
    const found: SourceHooks['found'] = (id, row) => (id === idOf('thing-0001') ? new Error('not this one') : row);
    expect(await all.deliver({ access: { found } })).toMatchObject({ next: 'retry', reason: 'not this one' });
    expect(await all.target()).toMatchObject({ state: 'Running', created: 2, failed: 1 });
  });

  test('with tags finds what is gone by the tags that its object shows', async () => {
    const first = await runWorld(2);
    await first.deliver();
    const id = idOf('thing-0000');
    first.world.rows.delete(id);
    await first.cluster.drop(syncRun.plural, at.name);
    const again = await runWorld(0, { filter: { tags: ['team=payments'] } });
    for (const object of first.cluster.objects('things')) again.cluster.put('skymirror', 'things', object);
    const { metadata } = again.cluster.objects('things')[0] ?? { metadata: { managedFields: [] } };
    expect(metadata.managedFields?.map(({ manager }) => manager)).toContain('skymirror');
    again.world.rows.set(idOf('thing-0001'), first.world.rows.get(idOf('thing-0001')) ?? { id: idOf('thing-0001') });
    await again.deliver();
    expect(await again.target()).toMatchObject({ state: 'Done', marked: 1 });
  });
});

describe('a backfill that is cancelled', () => {
  test('before a target begins leaves it alone', async () => {
    const all = await runWorld(3);
    all.cancel();
    expect(await all.deliver()).toMatchObject({ next: 'done', reason: expect.stringContaining('was cancelled') });
    expect(things(all)).toBe(0);
    expect((await all.run()).status).toMatchObject({ state: 'Cancelled', progress: '1/1' });
  });

  test('while a target is looked at ends it soon, and says what was done until then', async () => {
    const all = await runWorld(6);
    const second = gate();
    let pages = 0;
    const before = async ({ verb }: { verb: string }) => {
      if (verb === 'page' && ++pages === 2) await second.wait();
    };
    const running = all.deliver({ lookEvery: 1, access: { before } });
    await second.reached;
    all.cancel();
    expect(await running).toMatchObject({ next: 'done' });
    expect(await all.target()).toMatchObject({ state: 'Cancelled', created: 2, seen: 2 });
    second.open();
  });

  test('is told from one whose SyncRun cannot be looked at for a while, which goes on', async () => {
    const all = await runWorld(6);
    const [second, failed, answered] = [gate(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let pages = 0;
    let looks = 0;
    const isLook = ({ verb, plural }: { verb: string; plural: string }) =>
      verb === 'get' && plural === syncRun.plural && pages === 2;
    const running = all.deliver({
      lookEvery: 1,
      access: { before: ({ verb }) => (verb === 'page' && ++pages === 2 ? second.wait() : undefined) },
      hooks: {
        before(request) {
          if (!isLook(request) || ++looks > 2) return;
          if (looks === 2) failed.resolve();
          throw new ApiError(503, 'ServiceUnavailable', 'not now');
        },
        after: (request) => (isLook(request) ? answered.resolve() : undefined),
      },
    });
    await Promise.all([second.reached, failed.promise, answered.promise]);
    second.open();
    expect(await running).toMatchObject({ next: 'done' });
    expect(await all.target()).toMatchObject({ state: 'Done', created: 6 });
  });

  test('by being deleted ends too', async () => {
    const all = await runWorld(6);
    const page = gate();
    const running = all.deliver({
      lookEvery: 1,
      access: { before: ({ verb }) => (verb === 'page' ? page.wait() : undefined) },
    });
    await page.reached;
    all.cluster.drop(syncRun.plural, at.name);
    expect(await running).toMatchObject({ next: 'done' });
    expect(await all.deliver()).toMatchObject({ next: 'done', reason: expect.stringContaining('it is gone') });
    page.open();
  });

  test('does not touch a mirror that was paused meanwhile', async () => {
    const all = await runWorld(3);
    expect(await all.deliver({ task: { paused: true } })).toMatchObject({ next: 'done' });
    expect(await all.target()).toMatchObject({
      state: 'Cancelled',
      message: 'The configuration has paused the mirror.',
    });
  });
});

describe('a pass that does not get through', () => {
  test('for want of time is sent on, and its successor counts only what is left', async () => {
    const all = await runWorld(6);
    const stop = new AbortController();
    let pages = 0;
    const before = ({ verb }: { verb: string }) => {
      if (verb === 'page' && ++pages === 3) stop.abort();
    };
    expect(await all.deliver({ signal: stop.signal, access: { before } })).toMatchObject({ next: 'send on' });
    expect(await all.target()).toMatchObject({
      state: 'Running',
      created: 4,
      seen: 4,
      pass: { counted: { created: 4 } },
    });
    expect((await all.run()).status).toMatchObject({ state: 'Running', progress: '0/1' });
    expect(await all.deliver()).toMatchObject({ next: 'done' });
    expect(await all.target()).toMatchObject({ state: 'Done', created: 6, unchanged: 0, seen: 6, passes: 2 });
  });

  test.each(['time', 'cancelled'] as const)(
    'and was cut with answers on their way counts each object once: %s',
    async (why) => {
      const all = await runWorld(20);
      const stop = new AbortController();
      const client = all.cluster.client({});
      let written = 0;
      const replaceStatus: Cluster['replaceStatus'] = async (type, object, options) => {
        const answer = await client.replaceStatus(type, object, options);
        if (type.plural !== 'things' || ++written !== 5) return answer;
        // It took effect, and its answer never comes.
        if (why === 'cancelled') all.cancel();
        else stop.abort();
        return endOf(options.signal);
      };
      await all.deliver({ lookEvery: 1, signal: stop.signal, clusters: [{ ...client, replaceStatus }] });
      if (why === 'time') await all.deliver();
      const { state, created = 0, updated = 0, unchanged } = await all.target();
      const whole = all.cluster.objects('things').filter(({ status }) => status !== undefined).length;
      expect([state, created + updated, unchanged]).toEqual([why === 'time' ? 'Done' : 'Cancelled', whole, 0]);
    },
  );

  test('because the outside does not answer is tried again, and fails at the last try with the reason', async () => {
    const all = await runWorld(2);
    const access = {
      before() {
        throw new Error('no route to host');
      },
    };
    expect(await all.deliver({ access })).toMatchObject({ next: 'retry', reason: 'no route to host' });
    expect(await all.target()).toMatchObject({ state: 'Running', message: 'no route to host' });
    expect(await all.deliver({ access, isLast: true })).toMatchObject({ next: 'done' });
    expect(await all.target()).toMatchObject({ state: 'Failed', message: 'no route to host' });
    const { object, status } = await all.run();
    expect(status.state).toBe('Failed');
    expect(conditionOf(object, 'Complete')).toMatchObject({
      ...{ status: 'False', reason: 'Failed', message: '0 of 1 targets are done. no route to host' },
    });
  });

  test.each(['AccessDenied', 'WrongPlace'] as const)('because of %s fails at once', async (reason) => {
    const all = await runWorld(2);
    const access = {
      before() {
        throw new UnseenError(reason, 'somebody has to mend it');
      },
    };
    expect(await all.deliver({ access })).toMatchObject({ next: 'done' });
    expect(await all.target()).toMatchObject({ state: 'Failed', message: 'somebody has to mend it' });
  });

  test('because its access is no access fails at once', async () => {
    const all = await runWorld(2);
    const source = {
      ...all.task.source,
      open: () => {
        throw new Error('no such access');
      },
    };
    expect(await all.deliver({ task: { source } })).toMatchObject({ next: 'done' });
    expect(await all.target()).toMatchObject({ state: 'Failed', message: expect.stringContaining('no such access') });
  });

  test('because a write failed is tried again; what is refused is counted, and is no failure', async () => {
    const all = await runWorld(2);
    let failed = false;
    const before = ({ verb, plural }: { verb: string; plural: string }) => {
      if (failed || verb !== 'create' || plural !== 'things') return;
      failed = true;
      throw new ApiError(422, 'Invalid', 'a policy says no');
    };
    expect(await all.deliver({ hooks: { before } })).toMatchObject({ next: 'retry', reason: 'a policy says no' });
    all.world.rows.set(idOf('odd'), { id: idOf('odd'), state: 1 });
    expect(await all.deliver()).toMatchObject({ next: 'done' });
    expect(await all.target()).toMatchObject({
      ...{ state: 'Done', created: 2, refused: 1, failed: 0, message: expect.stringContaining('Invalid') },
    });
  });

  test('because nobody can read its SyncRun is tried again', async () => {
    const all = await runWorld(2);
    all.cluster.tamper('kubectl', syncRun.plural, at.name, (object) => ({
      ...object,
      status: { ...object.status, targets: 'none' },
    }));
    expect(await all.deliver()).toMatchObject({ next: 'retry', reason: expect.stringContaining('cannot be read') });
    expect(things(all)).toBe(0);
  });

  test('because its time was over before it began is sent on, and writes nothing', async () => {
    const all = await runWorld(2);
    const before = all.cluster.writes.length;
    expect(await all.deliver({ signal: AbortSignal.abort() })).toEqual({ next: 'send on' });
    expect(all.cluster.writes).toHaveLength(before);
  });

  test('because its run has no such target touches nothing, and is not tried again', async () => {
    const all = await runWorld(2);
    const reason = expect.stringContaining('run backfill-1: it has no target production.Thing.');
    expect(await all.deliver({ task: { scope: { account: '1', region: 's' } } })).toEqual({ next: 'done', reason });
    expect(things(all)).toBe(0);
  });

  test('in one of two clusters has the other written, and is tried again', async () => {
    const all = await runWorld(2);
    const down = memoryCluster({
      name: 'down',
      hooks: {
        before() {
          throw new ApiError(503, 'ServiceUnavailable', 'not now');
        },
      },
    });
    const tried = await all.deliver({ clusters: [all.cluster, down] });
    expect(tried).toMatchObject({ next: 'retry', reason: expect.stringContaining('not now') });
    expect(await all.target()).toMatchObject({ state: 'Running', created: 2 });
  });

  test('because nobody can carry it out is ended from outside, once', async () => {
    const all = await runWorld(2);
    const [key = ''] = Object.keys((await all.run()).targets);
    await endTarget(all.cluster, at, key, 'no such target', { signal });
    await endTarget(all.cluster, at, key, 'another reason', { signal });
    expect(await all.target()).toMatchObject({ state: 'Failed', message: 'no such target' });
  });
});

describe('two workers with the same target', () => {
  test('count each object once, whoever of them is through first', async () => {
    const all = await runWorld(4);
    const page = gate();
    let pages = 0;
    const before = async ({ verb }: { verb: string }) => {
      if (verb === 'page' && ++pages === 2) await page.wait();
    };
    const slow = all.deliver({ access: { before } });
    await page.reached;
    expect(await all.deliver()).toMatchObject({ next: 'done' });
    page.open();
    await slow;
    expect(await all.target()).toMatchObject({ state: 'Done', created: 4, passes: 2 });
  });

  test('leave it alone where the other was through with it in the meantime', async () => {
    const all = await runWorld(2);
    let isFirst = true;
    // Between the look at the run and the entry of the pass.
    const before = async ({ verb, plural }: { verb: string; plural: string }) => {
      if (!isFirst || verb !== 'list' || plural !== 'things') return;
      isFirst = false;
      await all.deliver();
    };
    const reason = expect.stringContaining('the target has ended before: Done');
    expect(await all.deliver({ hooks: { before } })).toEqual({ next: 'done', reason });
    expect(await all.target()).toMatchObject({ state: 'Done', created: 2, passes: 1 });
  });

  test('do not wait for each other for ever', async () => {
    const all = await runWorld(2);
    const [key = ''] = Object.keys((await all.run()).targets);
    let entries = 0;
    const before = async ({ verb, plural }: { verb: string; plural: string }) => {
      if (verb !== 'list' || plural !== 'things') return;
      entries += 1;
      const message = `entered ${entries} times`;
      await updateTarget(all.cluster, at, key, (target) => ({ ...target, message }), { signal });
    };
    const reason = expect.stringContaining('others enter passes of the same target again and again');
    expect(await all.deliver({ hooks: { before } })).toEqual({ next: 'retry', reason });
    expect(things(all)).toBe(0);
  });

  test('write the run under the version that they read', async () => {
    const all = await runWorld(2);
    let overtaken = 0;
    const before = ({ verb, plural }: { verb: string; plural: string }) => {
      if (verb !== 'replaceStatus' || plural !== syncRun.plural || overtaken >= 3) return;
      overtaken += 1;
      all.cluster.tamper('kubectl', syncRun.plural, at.name, (object) => ({
        ...object,
        metadata: { ...object.metadata, annotations: { seen: String(overtaken) } },
      }));
    };
    expect(await all.deliver({ hooks: { before } })).toMatchObject({ next: 'done' });
    expect(await all.target()).toMatchObject({ state: 'Done', created: 2, passes: 1 });
    expect((await all.run()).object.metadata.annotations).toEqual({ seen: '3' });
  });

  test('count a report once whose answer was lost', async () => {
    const all = await runWorld(2);
    const resets = ({ verb, plural }: { verb: string; plural: string }) =>
      verb === 'replaceStatus' && plural === syncRun.plural;
    expect(await all.deliver({ hooks: { resets } })).toMatchObject({ next: 'done' });
    expect(await all.target()).toMatchObject({ state: 'Done', created: 2, passes: 1 });
  });
});

/** Never an answer, only the end of the wait. */
function endOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(signal.reason);
  signal.addEventListener('abort', () => reject(signal.reason));
  return promise;
}
