import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Unseen } from '../lib/conditions.ts';
import { conditionOf, type KubernetesObject } from '../lib/object.ts';
import { tries } from './laws/schedule.ts';
import { type Blind, type Estate, estateOf } from './staleness-world.ts';

/** Seconds: the default staleAfter, the heartbeat of a scan (a third of it), and how far apart passes are here. */
const staleAfter = 900;
const heartbeat = staleAfter / 3;
const every = 240;

const reasons: readonly Unseen[] = [
  'AccessDenied',
  'Throttled',
  'Unreachable',
  'WrongPlace',
  'BadAnswer',
  'InternalError',
];
/** The reasons that objects show by name (design.md 4); all others are told by the scan alone. */
const shown = (reason: Unseen) => (['AccessDenied', 'Throttled', 'Unreachable'].includes(reason) ? reason : 'Stale');

/** A time without sight of some places, whose reason may change on the way, or without one of the clusters. */
const outage = fc.record({
  what: fc.constantFrom('everything', 'an account', 'a region', 'one place', 'a cluster' as const),
  from: fc.nat(8),
  passes: fc.integer({ min: 1, max: 24 }),
  reasons: fc.array(fc.constantFrom(...reasons), { minLength: 1, maxLength: 3 }),
  at: fc.constantFrom('prove', 'page', 'next page' as const),
});
type Outage = typeof outage extends fc.Arbitrary<infer Value> ? Value : never;

const isIn = ({ from, passes }: Outage, round: number) => round >= from && round < from + passes;

function hits({ what }: Outage, { account, region }: Readonly<Record<string, string>>): boolean {
  const [ofAccount, ofRegion] = [account === '1', region === 'r'];
  if (what === 'a cluster') return false;
  if (what === 'an account') return ofAccount;
  if (what === 'a region') return ofRegion;
  return what === 'everything' || (ofAccount && ofRegion);
}

function blindIn(
  outages: readonly Outage[],
  scope: Readonly<Record<string, string>>,
  round: number,
): Blind | undefined {
  const one = outages.find((outage) => isIn(outage, round) && hits(outage, scope));
  if (one === undefined) return undefined;
  const reason = one.reasons[Math.floor(((round - one.from) * one.reasons.length) / one.passes)] ?? 'Unreachable';
  return { reason, at: one.at };
}

const said = (object: KubernetesObject | undefined, type: string) => {
  const { status, reason = '', lastTransitionTime = '' } = conditionOf(object ?? expect.fail(), type) ?? {};
  return { status, reason, since: Date.parse(lastTransitionTime) / 1000 };
};

/** What is known of one object, times by its cluster's clock, and why it was not seen since. */
interface Known {
  /** When a complete pass saw it last: only that is remembered inside. */
  readonly seen: number;
  /** When any pass did. */
  readonly seenAtAll: number;
  readonly why: ReadonlySet<string>;
}

/** Design.md 4, the table: what an object of a cluster that could be written to has to say now. */
function expectTrue(object: KubernetesObject | undefined, { seen, seenAtAll, why }: Known, now: number): void {
  const [exists, synced, ready] = [said(object, 'Exists'), said(object, 'Synced'), said(object, 'Ready')];
  expect(exists.status).not.toBe('False');
  const isStale = exists.status === 'Unknown';
  // The scan remembers the last complete pass to a heartbeat, because it is not written more often.
  const earliest = staleAfter - heartbeat;
  const latest = staleAfter + every;
  if (now - seen <= earliest || now === seenAtAll) expect(isStale, `${now - seen} s after it was seen`).toBe(false);
  if (now - seenAtAll > latest) expect(isStale, `${now - seenAtAll} s after it was seen`).toBe(true);
  if (isStale) {
    expect(exists).toMatchObject({ reason: 'NotSeen' });
    expect(synced.status).toBe('False');
    expect([...why]).toContain(synced.reason);
    expect(exists.since - seen).toBeGreaterThan(earliest);
  } else expect(synced).toMatchObject({ status: 'True', reason: 'Observed' });
  const staleFor = isStale ? now - synced.since : 0;
  if (staleFor <= staleAfter) expect(ready).toMatchObject({ status: 'True', reason: 'Available' });
  if (staleFor > staleAfter + every) expect(ready).toMatchObject({ status: 'Unknown', reason: 'NotSynced' });
}

/** One pass of every target, and what each object and each scan has to say after it. */
async function round(estate: Estate, outages: readonly Outage[], number: number, known: Map<string, Known>) {
  for (const [index, cluster] of estate.clusters.entries()) {
    cluster.isDown = index === 0 && outages.some((one) => one.what === 'a cluster' && isIn(one, number));
  }
  for (const target of estate.targets) {
    const blind = blindIn(outages, target.scope, number);
    const report = await estate.pass(target, blind);
    for (const [index, { time, isDown, name }] of estate.clusters.entries()) {
      const now = time.now / 1000;
      const counts = report.clusters.find((one) => one.cluster === name)?.counts;
      if (isDown) {
        expect(counts).toBeUndefined();
        continue;
      }
      expect(counts).toMatchObject({ marked: 0, deleted: 0, failed: 0 });
      const complete = conditionOf(estate.scanOf(index, target) ?? expect.fail(), 'Complete');
      expect(complete).toMatchObject(
        blind === undefined ? { status: 'True' } : { status: 'False', reason: blind.reason },
      );
      const objects = estate.objectsOf(index);
      for (const [position, id] of target.ids.entries()) {
        const key = `${index} ${id}`;
        const before = known.get(key) ?? { seen: now, seenAtAll: now, why: new Set() };
        const isSeen = blind === undefined || (blind.at === 'next page' && position < 2);
        const after: Known = {
          seen: blind === undefined ? now : before.seen,
          seenAtAll: isSeen ? now : before.seenAtAll,
          why: blind === undefined ? new Set() : new Set([...before.why, shown(blind.reason)]),
        };
        known.set(key, after);
        expectTrue(objects.get(id), after, now);
      }
    }
  }
}

test('every object says at each moment of any outages what is known of it, and comes back with the first good pass', async () => {
  const property = fc.asyncProperty(fc.array(outage, { minLength: 1, maxLength: 3 }), async (outages) => {
    const estate = estateOf({ accounts: ['1', '2'], regions: ['r', 's'], clusters: 2, names: ['a', 'b', 'c'] });
    const known = new Map<string, Known>();
    await round(estate, [], 0, known);
    const end = Math.max(...outages.map(({ from, passes }) => from + passes));
    for (let number = 0; number <= end; number += 1) {
      estate.wait(every);
      await round(estate, outages, number, known);
    }
    estate.wait(every);
    await round(estate, [], end + 1, known);
  });
  await fc.assert(property, tries(8));
});
