import { expect } from 'vitest';
import type { CallRule } from '../../dev/kubernetes-proxy-faults.ts';
import type { Rule } from '../../dev/proxy-faults.ts';
import type { KubernetesCluster } from '../../lib/kubernetes-cluster.ts';
import type { Counts, Report } from '../../lib/report.ts';
import { blameless, playRound } from './faults-round.ts';
import { createFaultsWorld, type FaultsWorld, type Stage, startStage } from './faults-world.ts';
import { parseMirrored, statusOf } from './truth.ts';
import { done } from './world.ts';

/** How many there are outside whenever a pass begins. */
export const size = 45;

/** What a pass under faults came to. */
export interface Happened {
  readonly report: Report;
  /** By cluster, the objects that were due to be deleted. */
  readonly due: readonly number[];
}

/** A world in which, in each step, something of everything happens outside, and a pass over that meets faults. */
export interface Steps {
  readonly stage: Stage;
  readonly faulty: FaultsWorld;
  /** Past the proxy. */
  readonly direct: { readonly first: KubernetesCluster; readonly second: KubernetesCluster };
  /** The number of the oldest that is there outside. */
  oldest(): number;
  /** A pass over both clusters, past the proxy. */
  cleanPass(): Promise<Report>;
  /**
   * Before each of these passes three come, three change, three go, and some that went before are due to be deleted.
   * Whatever they meet: nothing may be wrong at any time, and a clean pass at the end must reach the truth, with no
   * write too many.
   */
  underFaults(...passes: readonly (() => Promise<Report>)[]): Promise<Happened[]>;
  /** One such pass, where the first cluster is met by the proxy; the second must be served in full. */
  passByProxy(rules: readonly CallRule[], deadline?: number): Promise<Happened & { readonly hits: number[] }>;
  /** Such passes, in each of which AWS fails in these ways. */
  passesOverFaults(ways: readonly (readonly Rule[])[]): Promise<(Happened & { readonly hits: number[] })[]>;
  stop(): Promise<void>;
}

/** What a whole pass does in a cluster in which so many are due to be deleted. */
export function everything(due: number): Partial<Counts> {
  return { created: 3, updated: 3, marked: 3, deleted: due, unchanged: size - 6 };
}

/** Starts all servers, makes the world and mirrors it once. */
export async function startSteps(): Promise<Steps> {
  const stage = await startStage();
  const faulty = await createFaultsWorld(stage);
  const direct = { first: await stage.open('first'), second: await stage.open('second') };
  let oldest = 0;
  let next = 0;
  const cleanPass = () => faulty.world.pass({ clusters: [direct.first, direct.second] });
  const come = (count: number) => {
    for (; count > 0; count -= 1, next += 1) faulty.chronicle.change(faulty.arn(next));
  };
  const go = (count: number) => {
    for (; count > 0; count -= 1, oldest += 1) faulty.chronicle.remove(faulty.arn(oldest));
  };
  const exchange = () => {
    go(3);
    come(3);
  };
  come(size);
  expect(done(await cleanPass())).toEqual({ created: size });
  exchange();
  expect(done(await cleanPass())).toEqual({ created: 3, marked: 3, unchanged: size - 3 });

  async function underFaults(...passes: readonly (() => Promise<Report>)[]): Promise<Happened[]> {
    const happened: Happened[] = [];
    const happens = async () => {
      for (const pass of passes) {
        const views = Object.values(faulty.views).map((view) => view.objects());
        const due = (await Promise.all(views)).map((objects) => objects.filter(isMarked).length);
        for (let number = oldest + 20; number < oldest + 23; number += 1) faulty.chronicle.change(faulty.arn(number));
        exchange();
        happened.push({ report: await pass(), due });
      }
    };
    const between = () => {
      stage.proxy.faults.clear();
      exchange();
    };
    const { verdict, clean } = await playRound(faulty, [direct.first, direct.second], happens, between);
    expect(verdict).toEqual(blameless);
    expect(clean).toMatchObject({ ok: true, clusters: [{ failures: [] }, { failures: [] }] });
    return happened;
  }

  return {
    stage,
    faulty,
    direct,
    oldest: () => oldest,
    cleanPass,
    underFaults,
    async passByProxy(rules, deadline) {
      const cluster = await stage.open('first by the proxy', deadline);
      const faults = rules.map((rule) => stage.proxy.faults.add(rule));
      const [happened] = await underFaults(() => faulty.world.pass({ clusters: [cluster, direct.second] }));
      if (happened === undefined) return expect.fail('there was no pass');
      expect(happened.report.clusters[1]).toMatchObject({ failures: [], counts: everything(happened.due[1] ?? 0) });
      return { ...happened, hits: faults.map(({ hits }) => hits) };
    },
    async passesOverFaults(ways) {
      const all: number[][] = [];
      const passes = ways.map((rules) => async () => {
        const faults = rules.map((rule) => stage.stack.aws.faults.add(rule));
        const report = await cleanPass();
        all.push(faults.map(({ hits }) => hits));
        for (const fault of faults) fault.remove();
        return report;
      });
      return (await underFaults(...passes)).map((one, index) => ({ ...one, hits: all[index] ?? [] }));
    },
    async stop() {
      await faulty.close();
      await stage.stop();
    },
  };
}

function isMarked(object: unknown): boolean {
  return statusOf(parseMirrored(object), 'Exists') === 'False';
}
