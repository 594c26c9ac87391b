import { ApiError } from '../lib/cluster.ts';
import type { Unseen } from '../lib/conditions.ts';
import { mirrorOf } from '../lib/mirror.ts';
import type { KubernetesObject } from '../lib/object.ts';
import type { Report } from '../lib/report.ts';
import type { Target } from '../lib/resource.ts';
import { scanName } from '../lib/scan.ts';
import { mirrorScan } from '../lib/scan-schema.ts';
import { UnseenError } from '../lib/source.ts';
import { type Limits, sync } from '../lib/sync.ts';
import { memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type SourceHooks, type World } from './memory/memory-source.ts';

/** Where a pass cannot look, and why. */
export interface Blind {
  readonly reason: Unseen;
  /** Where it ends: at the proof of place, at the first page, or behind it. */
  readonly at: 'prove' | 'page' | 'next page';
}

/** What may differ from the smallest installation: one account, one region, one cluster, rows that are listed whole. */
export interface EstateOptions {
  readonly accounts?: readonly string[];
  readonly regions?: readonly string[];
  readonly clusters?: number;
  readonly names: readonly string[];
  readonly pageSize?: number;
  readonly refreshSeconds?: number;
  readonly limits?: Partial<Limits>;
}

/** Mirrors of several accounts and regions into several clusters, each with a clock of its own, minute after minute. */
export function estateOf(options: EstateOptions) {
  const { accounts = ['1'], regions = ['r'], names, pageSize = 2, refreshSeconds, limits = {} } = options;
  const world: World = { rows: new Map(), calls: [] };
  const turns = refreshSeconds === undefined ? {} : { refreshSeconds };
  const source = memorySource({ world, pageSize, ...turns });
  const mirror = mirrorOf({ name: 'test', namespace: 'external', staleAfterSeconds: 900, graceSeconds: 0 });
  const targets = accounts.flatMap((account) =>
    regions.map((region): Target & { readonly ids: readonly string[] } => {
      const scope = { account, region };
      const ids = names.map((name) => idOf(name, scope));
      for (const id of ids) world.rows.set(id, { id, state: 'available' });
      return { mirror, source, scope, ids };
    }),
  );
  const clusters = Array.from({ length: options.clusters ?? 1 }, (_, index) => {
    const time = { now: Date.UTC(2026, 0, 5) };
    return { ...memoryCluster({ name: `cluster-${index}`, time }), time, isDown: false };
  });
  let monotonic = 0;

  return {
    world,
    targets,
    clusters,
    /** Time goes by for all. */
    wait(seconds: number) {
      monotonic += seconds * 1000;
      for (const { time } of clusters) time.now += seconds * 1000;
    },
    pass(target: Target, blind?: Blind, hooks: SourceHooks = {}): Promise<Report> {
      let pages = 0;
      const before: SourceHooks['before'] = ({ verb }) => {
        if (verb === 'page') pages += 1;
        const isReached = verb === 'prove' ? blind?.at === 'prove' : pages >= (blind?.at === 'next page' ? 2 : 1);
        if (blind !== undefined && isReached) throw new UnseenError(blind.reason, `blind: ${blind.reason}`);
      };
      const reached = clusters.map(({ client, isDown }) =>
        client({
          before: () => {
            if (isDown) throw new ApiError(0, 'Unreachable', 'the cluster is down');
          },
        }),
      );
      return sync({ ...target, access: { before, ...hooks } }, reached, {
        clock: () => monotonic,
        limits: { patience: 2 ** 31 - 1, ...limits },
      });
    },
    /** The mirrored objects of a cluster by what they stand for. */
    objectsOf: (cluster: number): ReadonlyMap<unknown, KubernetesObject> =>
      new Map(clusters[cluster]?.objects('things').map((object) => [object.spec?.arn, object])),
    scanOf: (cluster: number, target: Target): KubernetesObject | undefined =>
      clusters[cluster]?.objects(mirrorScan.plural).find(({ metadata }) => metadata.name === scanName(target)),
  };
}

/** What `estateOf` gives. */
export type Estate = ReturnType<typeof estateOf>;
