import { describe, expect, test } from 'vitest';
import type { Unseen } from '../lib/conditions.ts';
import { groupOf, type TargetMessage } from '../lib/messages.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import { type Desk, maxHops, maxReceives, type NextStep, type Outcome, type QueueRecord, work } from '../lib/work.ts';

const scope = { account: '111122223333', region: 'us-east-1' };

function message(change: Partial<TargetMessage> = {}): TargetMessage {
  const base = { version: 1 as const, source: 'RDSInstance', scope, scheduledAt: '2026-11-22T21:39:00Z', hop: 0 };
  return { ...base, run: `schedule-60-${change.scheduledAt ?? base.scheduledAt}`, mirror: 'one', ...change };
}

let ids = 0;

/** As the queue delivers it; `newer` and broken bodies keep the group that they were sent with. */
function record(content: TargetMessage | string, change: Partial<QueueRecord> = {}): QueueRecord {
  ids += 1;
  const group = typeof content === 'string' ? groupOf(message()) : groupOf(content);
  const body = typeof content === 'string' ? content : JSON.stringify(content);
  return { id: `id-${ids}`, body, group, receiveCount: 1, receiptHandle: `receipt-${ids}`, ...change };
}

const newer = JSON.stringify({ version: 2, from: 'the future' });
const run = { cluster: 'main', namespace: 'external', name: 'backfill-1' };

const complete = { clusters: [] };
const interrupted = { ...complete, incomplete: { reason: 'Interrupted', message: 'ended before' } } as const;

const taskOf = (name: string, { paused = false, every = 60 } = {}): ConfiguredTask => ({
  mirror: mirrorOf({ name, namespace: 'external' }),
  source: rdsInstance,
  scope,
  access: {},
  clusters: ['main'],
  accountName: 'main',
  every,
  paused,
});

/** A worker's surroundings that note what is asked of them. */
function deskWith(change: Partial<Desk> & { paused?: boolean; every?: number } = {}) {
  const looks: string[] = [];
  const sent: TargetMessage[] = [];
  const buried: { id: string; reason: string }[] = [];
  const lasts: boolean[] = [];
  const ended: string[] = [];
  const outcomes: Outcome[] = [];
  const settled: string[][] = [];
  const desk: Desk = {
    signal: new AbortController().signal,
    taskOf: ({ mirror }) => (mirror === 'unknown' ? undefined : taskOf(mirror, change)),
    async endTarget(one, reason) {
      ended.push(`${one.syncRun.name}: ${reason}`);
    },
    async settled(records) {
      settled.push(records.map(({ id }) => id));
    },
    async sendOn(one) {
      sent.push(one);
    },
    async bury({ id }, reason) {
      buried.push({ id, reason });
    },
    told: (outcome) => outcomes.push(outcome),
    ...change,
    async pass(task, one) {
      looks.push(`${one.mirror} at ${one.scheduledAt.slice(11, 16)}`);
      return change.pass?.(task, one) ?? complete;
    },
    async passOfRun(task, one, isLast) {
      looks.push(`${one.mirror} for ${one.syncRun.name}`);
      lasts.push(isLast);
      return change.passOfRun?.(task, one, isLast) ?? { next: 'done' };
    },
  };
  return { desk, looks, sent, buried, lasts, ended, outcomes, settled };
}

async function worked(records: readonly QueueRecord[], change: Parameters<typeof deskWith>[0] = {}) {
  const around = deskWith(change);
  const returned = await work(records, around.desk);
  return { ...around, returned: returned.map(({ id }) => id), became: around.outcomes.map(({ became }) => became) };
}

test('each target of a batch is looked at, and all its messages are done with', async () => {
  const records = ['one', 'two', 'three'].map((mirror) => record(message({ mirror })));
  const { returned, looks, became } = await worked(records);
  expect(returned).toEqual([]);
  expect(looks).toEqual(['one at 21:39', 'two at 21:39', 'three at 21:39']);
  expect(became).toEqual(['passed', 'passed', 'passed']);
});

test('a pass that failed is done with all the same, because the next slot comes', async () => {
  const failed = { ...complete, incomplete: { reason: 'Unreachable', message: 'no' } } as const;
  const { returned, sent, became } = await worked([record(message())], { pass: async () => failed });
  expect([returned, sent, became]).toEqual([[], [], ['passed']]);
});

test('no more than four targets are looked at at once', async () => {
  let running = 0;
  let most = 0;
  const pass = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
    return complete;
  };
  const records = Array.from({ length: 10 }, (_, index) => record(message({ mirror: `m-${index}` })));
  await worked(records, { pass });
  expect(most).toBe(4);
});

describe('messages that piled up for one target', () => {
  const at = (minute: number, hop = 0) => message({ scheduledAt: `2026-11-22T21:${minute}:00Z`, hop });

  test('are one look, by the newest of them in whatever order they come', async () => {
    for (const minutes of [
      [39, 40, 41],
      [41, 39, 40],
      [40, 41, 39],
    ]) {
      const { looks, returned, outcomes } = await worked(minutes.map((minute) => record(at(minute))));
      expect([looks, returned]).toEqual([['one at 21:41'], []]);
      expect(outcomes).toMatchObject([{ became: 'passed', records: [{}, {}, {}] }]);
    }
  });

  test('keep the count of the one that was sent on most often', async () => {
    const { sent } = await worked([record(at(40)), record(at(39, 7))], { pass: async () => interrupted });
    expect(sent).toMatchObject([{ scheduledAt: '2026-11-22T21:40:00Z', hop: 8 }]);
  });

  test('are one look also where a message was delivered twice', async () => {
    const twice = record(at(39));
    const { looks } = await worked([twice, { ...twice, receiveCount: 2 }]);
    expect(looks).toEqual(['one at 21:39']);
  });

  test('of two backfills are two looks, and one more for the schedule', async () => {
    const other = { ...run, name: 'backfill-2' };
    const records = [{ syncRun: run }, { syncRun: run }, { syncRun: other }, {}].map((one) => record(message(one)));
    const { looks, outcomes } = await worked(records);
    expect(looks).toEqual(['one for backfill-1', 'one for backfill-2', 'one at 21:39']);
    expect(outcomes.map(({ records }) => records.length)).toEqual([2, 1, 1]);
  });

  test('are not taken for those of another target that somebody sent into the same group', async () => {
    const records = ['one', 'two'].map((mirror) => record(message({ mirror }), { group: 'by hand' }));
    expect((await worked(records)).looks).toEqual(['one at 21:39', 'two at 21:39']);
  });

  test('do not hold up another target of the same batch that is broken', async () => {
    const records = [record(at(39)), record('broken', { group: 'other' }), record(at(40))];
    const { looks, buried, returned } = await worked(records);
    expect([looks.length, buried.length, returned]).toEqual([1, 1, []]);
  });
});

describe('a target that no time was left for', () => {
  test('is sent on with one hop more, and the old message is done with', async () => {
    const { sent, returned, became } = await worked([record(message({ hop: 3 }))], { pass: async () => interrupted });
    expect(sent).toEqual([message({ hop: 4 })]);
    expect([returned, became]).toEqual([[], ['sent on']]);
  });

  test('is sent on without a look where the time was over before it began', async () => {
    const { sent, looks } = await worked([record(message())], { signal: AbortSignal.abort() });
    expect([sent.length, looks]).toEqual([1, []]);
  });

  test('is not lost where the queue does not take it: the old message comes again', async () => {
    const sendOn = async () => {
      throw new Error('the queue did not take it');
    };
    const one = record(message());
    const { returned, outcomes, buried } = await worked([one], { pass: async () => interrupted, sendOn });
    expect([returned, buried]).toEqual([[one.id], []]);
    expect(outcomes).toMatchObject([{ became: 'returned', reason: expect.stringContaining('did not take it') }]);
  });

  test('is given up after a hundred invocations in a row, until its next slot', async () => {
    const { sent, returned, outcomes } = await worked([record(message({ hop: maxHops }))], {
      pass: async () => interrupted,
    });
    expect([sent, returned]).toEqual([[], []]);
    expect(outcomes).toMatchObject([{ became: 'given up', reason: 'not through after 100 invocations in a row' }]);
  });

  describe('of a backfill, after a hundred invocations in a row,', () => {
    const spent = message({ syncRun: run, hop: maxHops });
    const passOfRun = async (): Promise<NextStep> => ({ next: 'send on' });

    test.each([
      ['its pass was not through', { passOfRun }],
      ['there was no time to begin one', { signal: AbortSignal.abort() }],
    ])('is ended in its SyncRun where %s', async (_, change) => {
      const { ended, returned, sent, buried, became } = await worked([record(spent)], change);
      expect(ended).toEqual(['backfill-1: not through after 100 invocations in a row']);
      expect([returned, sent, buried, became]).toEqual([[], [], [], ['given up']]);
    });

    test('comes again where its SyncRun cannot be told, and is buried in the end', async () => {
      const endTarget = async () => {
        throw new Error('the cluster is down');
      };
      const first = await worked([record(spent)], { passOfRun, endTarget });
      expect([first.became, first.buried]).toEqual([['returned'], []]);
      const last = await worked([record(spent, { receiveCount: maxReceives })], { passOfRun, endTarget });
      expect([last.returned, last.became]).toEqual([[], ['buried']]);
    });

    test('may still fail and be tried again: only its last delivery is the last try', async () => {
      const { lasts, returned } = await worked([record(spent)], { passOfRun: async () => ({ next: 'retry' }) });
      expect([lasts, returned.length]).toEqual([[false], 1]);
    });
  });

  test('of a backfill is sent on also at its last delivery, because being out of time is no failure', async () => {
    const passOfRun = async (): Promise<NextStep> => ({ next: 'send on' });
    const last = record(message({ syncRun: run }), { receiveCount: maxReceives });
    const { lasts, sent, buried } = await worked([last], { passOfRun });
    expect([lasts, sent.length, buried]).toEqual([[true], 1, []]);
  });
});

describe('a message that fails', () => {
  const pass = async () => {
    throw new Error('a bug');
  };

  test('comes again, and the later ones of its group with it, unread', async () => {
    const second = message({ syncRun: run });
    const records = [record(message()), record(second), record(message({ mirror: 'two' }))];
    const { returned, looks } = await worked(records, { pass });
    expect(returned.toSorted()).toEqual(records.map(({ id }) => id).toSorted());
    expect(looks).toEqual(['one at 21:39', 'two at 21:39']);
  });

  test('does not keep other targets of the batch from being done', async () => {
    const bad = record(message());
    const { returned } = await worked([bad, record(message({ mirror: 'two' }))], {
      pass: async (task) => {
        if (task.mirror.name === 'one') throw new Error('a bug');
        return complete;
      },
    });
    expect(returned).toEqual([bad.id]);
  });

  test('is buried with the reason at its last delivery, and later ones of its group go on', async () => {
    const last = record(message(), { receiveCount: maxReceives });
    const next = record(message({ syncRun: run }));
    const { returned, buried, looks, became } = await worked([last, next], { pass });
    expect(returned).toEqual([]);
    expect(buried).toEqual([{ id: last.id, reason: 'Error: a bug' }]);
    expect(looks).toHaveLength(2);
    expect(became).toEqual(['buried', 'passed']);
  });

  test('says why in words that hold no credentials', async () => {
    const secret =
      'The signature does not match. The Canonical String for this request should have been x-amz-security-token:IQ';
    const { outcomes } = await worked([record(message())], {
      pass: async () => {
        throw new Error(secret);
      },
    });
    expect(outcomes).toMatchObject([{ reason: 'Error: The signature does not match.' }]);
  });

  test('comes again where it cannot be buried, so that the queue does it in the end', async () => {
    const last = record(message(), { receiveCount: maxReceives });
    const bury = async () => {
      throw new Error('no access');
    };
    const { returned, outcomes } = await worked([last], { pass, bury });
    expect(returned).toEqual([last.id]);
    expect(outcomes).toMatchObject([{ became: 'returned', reason: 'could not be buried: Error: no access' }]);
  });

  test('among several that piled up is buried alone where only it came for the last time', async () => {
    const records = [record(message(), { receiveCount: maxReceives }), record(message())];
    const { returned, buried } = await worked(records, { pass });
    expect(returned).toEqual([records[1]?.id]);
    expect(buried.map(({ id }) => id)).toEqual([records[0]?.id]);
  });
});

describe('where the next slot is more than 15 minutes away', () => {
  const down = { cluster: 'main', namespace: 'external', failures: [], blocked: 0, skipped: 'no answer' } as const;
  const unseen = (reason: Unseen) => ({ ...complete, incomplete: { reason, message: 'of the test' } });

  test.each([
    ['the outside was throttled', unseen('Throttled'), true],
    ['the outside did not answer', unseen('Unreachable'), true],
    ['no cluster answered', { ...unseen('NoCluster'), clusters: [down] }, true],
    ['one cluster did not answer', { clusters: [down] }, true],
    ['a cluster went down on the way', { clusters: [{ ...down, skipped: undefined, broken: 'reset' }] }, true],
    ['a permission is missing', unseen('AccessDenied'), false],
    ['a person has to mend the cluster', { clusters: [{ ...down, refused: true as const }] }, false],
    ['all was seen and written', complete, false],
  ])('a pass in which %s comes again: %s', async (_, report, again) => {
    const pass = async () => report as Awaited<ReturnType<Desk['pass']>>;
    const one = record(message());
    const { returned, became } = await worked([one], { pass, every: 3_600 });
    expect([returned, became]).toEqual(again ? [[one.id], ['returned']] : [[], ['passed']]);
    const last = await worked([record(message(), { receiveCount: maxReceives })], { pass, every: 3_600 });
    expect([last.returned, last.became, last.buried]).toEqual([[], ['passed'], []]);
    expect((await worked([record(message())], { pass, every: 900 })).returned).toEqual([]);
  });
});

describe('targets that are done while others of their batch go on', () => {
  /** The last of the targets goes on until nothing more is heard of the others. */
  async function besideASlowOne(records: readonly QueueRecord[], change: Parameters<typeof deskWith>[0] = {}) {
    const others = Promise.withResolvers<void>();
    const left = new Set(records.map(({ group }) => group)).size - 1;
    const heard: string[][] = [];
    const { returned } = await worked(records, {
      ...change,
      async settled(done) {
        heard.push(done.map(({ id }) => id));
        if (heard.length === left) others.resolve();
      },
      async pass(task, one) {
        if (task.mirror.name === 'slow') await others.promise;
        return change.pass?.(task, one) ?? complete;
      },
    });
    return { heard, returned };
  }

  test('are told at once, all but the last', async () => {
    const records = ['slow', 'two', 'three'].map((mirror) => record(message({ mirror })));
    const { heard, returned } = await besideASlowOne(records);
    expect(heard).toEqual([[records[1]?.id], [records[2]?.id]]);
    expect(returned).toEqual([]);
  });

  test('are told without the messages that come again', async () => {
    const records = [record(message({ mirror: 'slow' })), record(message()), record(message({ syncRun: run }))];
    const { heard, returned } = await besideASlowOne(records, {
      passOfRun: async () => ({ next: 'retry' }),
    });
    expect(heard).toEqual([[records[1]?.id]]);
    expect(returned).toEqual([records[2]?.id]);
  });

  test('are not told where the batch has no others, because Lambda hears of them anyway', async () => {
    expect((await worked([record(message())])).settled).toEqual([]);
  });
});

describe('a message of a backfill', () => {
  test.each([
    ['is done with', 'done', false],
    ['is sent on', 'send on', false],
    ['comes again', 'retry', true],
  ] as const)('%s as the pass says: %s', async (_, next, comesAgain) => {
    const { returned, sent, lasts } = await worked([record(message({ syncRun: run }))], {
      passOfRun: async () => ({ next, reason: 'as told' }),
    });
    expect(returned).toHaveLength(comesAgain ? 1 : 0);
    expect(sent).toHaveLength(next === 'send on' ? 1 : 0);
    expect(lasts).toEqual([false]);
  });

  test('is told when it is delivered for the last time, and buried where it fails then', async () => {
    const { lasts, buried } = await worked([record(message({ syncRun: run }), { receiveCount: maxReceives })], {
      passOfRun: async () => ({ next: 'retry', reason: 'AccessDenied' }),
    });
    expect(lasts).toEqual([true]);
    expect(buried).toMatchObject([{ reason: 'AccessDenied' }]);
  });

  test('ends in its SyncRun where the configuration no longer has its target', async () => {
    const { ended, returned, became } = await worked([record(message({ mirror: 'unknown', syncRun: run }))]);
    expect(ended).toEqual(['backfill-1: the configuration has no such target any more']);
    expect([returned, became]).toEqual([[], ['dropped']]);
  });

  test('comes again where its SyncRun cannot be told, and is buried in the end, which is said', async () => {
    const endTarget = async () => {
      throw new Error('the cluster is down');
    };
    const lost = message({ mirror: 'unknown', syncRun: run });
    const first = await worked([record(lost)], { endTarget });
    expect([first.returned.length, first.became]).toEqual([1, ['returned']]);
    const last = await worked([record(lost, { receiveCount: maxReceives })], { endTarget });
    expect(last.returned).toEqual([]);
    expect(last.buried).toMatchObject([
      { reason: expect.stringContaining('the SyncRun was not told: Error: the cluster is down') },
    ]);
  });

  test('reaches its SyncRun also where the mirror is paused, so that the run ends', async () => {
    const { looks } = await worked([record(message({ syncRun: run }))], { paused: true });
    expect(looks).toEqual(['one for backfill-1']);
  });
});

describe('nothing is looked at, and nothing comes again,', () => {
  test.each([
    ['for a target that the configuration no longer has', message({ mirror: 'unknown' }), false],
    ['for a mirror that is paused', message(), true],
  ] as const)('%s', async (_, one, paused) => {
    const { looks, returned, buried, became } = await worked([record(one)], { paused });
    expect([looks, returned, buried]).toEqual([[], [], []]);
    expect(became).toEqual(['dropped']);
  });

  test('for a message that cannot be read: it is buried at its first delivery', async () => {
    const bad = record('not {json');
    const { looks, returned, buried } = await worked([bad, record(message())]);
    expect(looks).toEqual(['one at 21:39']);
    expect(returned).toEqual([]);
    expect(buried).toEqual([{ id: bad.id, reason: 'the message is no JSON' }]);
  });
});

describe('a message of a later version', () => {
  test('goes back for the code that can read it, with the later ones of its group', async () => {
    const records = [record(message()), record(newer), record(message())];
    const { returned, looks, outcomes } = await worked(records);
    expect(returned).toEqual([records[1]?.id, records[2]?.id]);
    expect(looks).toEqual(['one at 21:39']);
    expect(outcomes[1]?.reason).toMatch(/^version 2 of the message is newer than this function/);
  });

  test('is buried in the end where no such code comes', async () => {
    const { returned, buried } = await worked([record(newer, { receiveCount: maxReceives })]);
    expect([returned.length, buried.length]).toEqual([0, 1]);
  });
});

test('a clock that is wrong by ten minutes changes which of two slots is the newest, and nothing else', async () => {
  const records = [record(message({ scheduledAt: '2026-11-22T21:49:00Z' })), record(message())];
  const { looks, returned } = await worked(records);
  expect([looks, returned]).toEqual([['one at 21:49'], []]);
});
