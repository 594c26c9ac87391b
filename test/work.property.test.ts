import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TargetMessage } from '../lib/messages.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { type Desk, maxReceives, type Outcome, type QueueRecord, work } from '../lib/work.ts';

const scope = { account: '111122223333', region: 'us-east-1' };
const kinds = ['good', 'interrupted', 'bug', 'rare', 'unknown', 'newer', 'broken', 'backfill'] as const;

/** What one message of a batch is, in which group it is, and how often it came. */
const content = fc.record({
  kind: fc.constantFrom(...kinds),
  group: fc.integer({ min: 0, max: 2 }),
  receiveCount: fc.integer({ min: 1, max: maxReceives }),
});

type Content = typeof content extends fc.Arbitrary<infer Value> ? Value : never;

function recordOf({ kind, group, receiveCount }: Content, index: number): QueueRecord {
  const message: TargetMessage = {
    version: 1,
    run: `run-${index}`,
    mirror: kind,
    source: 'RDSInstance',
    scope,
    scheduledAt: '2026-11-22T21:39:00Z',
    hop: 0,
    ...(kind === 'backfill' ? { syncRun: { cluster: 'main', namespace: 'external', name: `run-${index}` } } : {}),
  };
  const bodies = { newer: '{"version":2}', broken: '{', other: JSON.stringify(message) };
  const body = kind === 'newer' || kind === 'broken' ? bodies[kind] : bodies.other;
  return { id: `${index}`, group: `${group}`, receiveCount, body, receiptHandle: `receipt-${index}` };
}

interface Trouble {
  readonly sending: boolean;
  readonly burying: boolean;
  readonly outOfTime: boolean;
}

async function worked(contents: readonly Content[], trouble: Trouble) {
  const records = contents.map(recordOf);
  const outcomes: Outcome[] = [];
  const sent: TargetMessage[] = [];
  const buried: string[] = [];
  const settled: string[] = [];
  const desk: Desk = {
    signal: trouble.outOfTime ? AbortSignal.abort() : new AbortController().signal,
    taskOf: ({ mirror: name }) =>
      name === 'unknown'
        ? undefined
        : {
            mirror: mirrorOf({ name, namespace: 'external' }),
            source: rdsInstance,
            scope,
            access: {},
            clusters: [],
            accountName: 'main',
            every: name === 'rare' ? 3_600 : 60,
            paused: false,
          },
    async pass({ mirror: { name } }) {
      await Promise.resolve();
      if (name === 'bug') throw new Error('a bug');
      if (name === 'rare') return { clusters: [], incomplete: { reason: 'Unreachable', message: '' } };
      return name === 'good' ? { clusters: [] } : { clusters: [], incomplete: { reason: 'Interrupted', message: '' } };
    },
    passOfRun: async () => ({ next: 'retry' }),
    async settled(done) {
      settled.push(...done.map(({ id }) => id));
    },
    endTarget: async () => {},
    async sendOn(message) {
      if (trouble.sending) throw new Error('not sent');
      sent.push(message);
    },
    async bury({ id }) {
      if (trouble.burying) throw new Error('not buried');
      buried.push(id);
    },
    told: (outcome) => outcomes.push(outcome),
  };
  const returned = new Set((await work(records, desk)).map(({ id }) => id));
  return { records, outcomes, sent, buried, settled, returned };
}

const anyTrouble = fc.record({ sending: fc.boolean(), burying: fc.boolean(), outOfTime: fc.boolean() });

test('no message of any batch is lost: each comes again, or it is said what became of it, and that is true', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(content, { maxLength: 10 }), anyTrouble, async (contents, trouble) => {
      const { records, outcomes, sent, buried, settled, returned } = await worked(contents, trouble);
      const became = new Map(outcomes.flatMap((one) => one.records.map(({ id }) => [id, one.became] as const)));
      for (const { id } of records) {
        if (returned.has(id)) expect([undefined, 'returned']).toContain(became.get(id));
        else expect(['passed', 'sent on', 'dropped', 'buried']).toContain(became.get(id));
      }
      expect(settled.filter((id) => returned.has(id))).toEqual([]);
      expect(new Set(settled).size).toBe(settled.length);
      expect(outcomes.filter((one) => one.became === 'sent on')).toHaveLength(sent.length);
      const saidBuried = [...became].filter(([, one]) => one === 'buried').map(([id]) => id);
      expect(buried.toSorted()).toEqual(saidBuried.toSorted());
    }),
  );
});

test('nothing of a group is worked on behind a message that comes again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(content, { maxLength: 10 }), anyTrouble, async (contents, trouble) => {
      const { records, outcomes, returned } = await worked(contents, trouble);
      const done = new Set(
        outcomes.filter(({ became }) => became !== 'returned' && became !== 'buried').flatMap((one) => one.records),
      );
      for (const group of Map.groupBy(records, (record) => record.group).values()) {
        const first = group.findIndex(({ id }) => returned.has(id));
        if (first < 0) continue;
        expect(group.slice(first).filter((record) => done.has(record))).toEqual([]);
      }
    }),
  );
});
