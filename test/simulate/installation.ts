import type { Cluster } from '../../lib/cluster.ts';
import type { EventMessage } from '../../lib/event-sync.ts';
import { type Mirror, mirrorOf } from '../../lib/mirror.ts';
import { fieldManager, type KubernetesObject } from '../../lib/object.ts';
import { nameOf } from '../../lib/resource.ts';
import type { Scope, Source } from '../../lib/source.ts';
import type { ConfiguredTask } from '../../lib/targets.ts';
import { type MemoryCluster, memoryCluster } from '../memory/memory-cluster.ts';
import type { Activity, Order } from './activity.ts';
import type { WholeEngine } from './engine.ts';
import { connection } from './network.ts';
import { outside } from './outside.ts';
import { points } from './points.ts';
import { type Queue, queue } from './queue.ts';
import type { World } from './schedule.ts';
import { type Ground, idOf, thingSource } from './thing.ts';
import { virtualTime } from './virtual-time.ts';

/** The namespace of all mirrored objects. */
export const namespace = 'external';

/** One cluster and what is wrong with it. */
export interface Place {
  readonly cluster: MemoryCluster;
  readonly state: { down: boolean; refuses: string | undefined };
}

/** Told of every change of a cluster's store, by whom (`undefined`: nobody of ours). */
export type Witness = (place: Place, write: MemoryCluster['writes'][number], who: Activity | undefined) => void;

/** The outside, the clusters and the functions of one schedule, with the time that goes by in it. */
export interface Installation extends Ground {
  readonly world: World;
  readonly mirror: Mirror;
  readonly regions: readonly string[];
  readonly places: readonly Place[];
  readonly time: ReturnType<typeof virtualTime>;
  readonly activities: Activity[];
  readonly queue: Queue;
  /** Events that have been sent and not been handled. */
  events: EventMessage[];
  /** Names of the backfills that were begun, and of those whose messages are all in the queue. */
  readonly backfills: string[];
  readonly sent: Set<string>;
  readonly log: string[];
  /** Shows the witness what was written since the last look. */
  look(who: Activity | undefined): void;
  scopeOf(region: string): Scope;
  sourceOf(release: 1 | 2): Source;
  taskOf(region: string, who: Activity): ConfiguredTask;
  /** The connections of a process of that release: of one that is idle, else new ones. */
  connect(who: Activity): Map<string, Cluster>;
  /** The process is idle again. */
  release(who: Activity): void;
  nameOf(id: string): string;
  object(place: Place, id: string): KubernetesObject | undefined;
}

/** An installation before anything has happened. `isTraced`: what happens is written into `log`. */
export function installation(
  engine: WholeEngine,
  world: World,
  options: { readonly witness: Witness; readonly isTraced: boolean },
): Installation {
  const begin = Date.UTC(2026, 0, 5);
  const time = virtualTime(begin);
  const activities: Activity[] = [];
  const log: string[] = [];
  const seen = new Map<MemoryCluster, number>();
  let count = 0;
  const order: Order = { next: () => ++count };

  const places = Array.from({ length: world.clusters }, (_, index): Place => {
    const cluster = memoryCluster({ name: `cluster-${index}`, engine, time });
    cluster.revisions.set('things', 1);
    return { cluster, state: { down: false, refuses: undefined } };
  });

  function look(who: Activity | undefined): void {
    for (const place of places) {
      const { writes } = place.cluster;
      for (let index = seen.get(place.cluster) ?? 0; index < writes.length; index += 1) {
        const write = writes[index];
        seen.set(place.cluster, index + 1);
        if (write !== undefined) options.witness(place, write, write.manager === fieldManager ? who : undefined);
      }
    }
  }

  const waiting = points(time, world.landing, (who) => look(activities.find(({ id }) => id === who?.id)));
  const minutes = () => new Date(time.now).toISOString().slice(8, 23).replace('T', ' ');
  const ground: Ground = {
    engine,
    outside: outside(time),
    points: waiting,
    order,
    tell(who, what) {
      if (options.isTraced) log.push(`${minutes()}  ${who.name.padEnd(11)} ${what}`);
    },
    die(who) {
      ground.tell(who, 'its process dies');
      waiting.die(who);
    },
  };
  const sources = { 1: thingSource(engine, 1, world.listing), 2: thingSource(engine, 2, world.listing) };
  const mirror = mirrorOf({
    name: 'production',
    namespace,
    graceSeconds: world.graceSeconds,
    removal: world.removal,
    maxRemovalPercent: world.maxPercent,
    selects: ({ note }) => note !== 'hidden',
    selection: 'not hidden',
  });
  const scopeOf = (region: string) => ({ account: '1', region });
  const idle: Record<1 | 2, Seat[]> = { 1: [], 2: [] };
  const taken = new Map<Activity, Seat>();

  function seat(): Seat {
    const holder: { who: Activity | undefined } = { who: undefined };
    const whose = () => {
      if (holder.who === undefined) throw new Error('a request of a process that does nothing');
      return holder.who;
    };
    const made = places.map((place) => connection(place.cluster, { ...ground, state: place.state }, whose));
    return { holder, connections: new Map(made.map((one) => [one.name, one])) };
  }

  const nameOfId = (id: string) => nameOf(sources[1], id, sources[1].identify(id) ?? {});
  return {
    ...ground,
    world,
    mirror,
    regions: ['r', 'far'].slice(0, world.regions),
    places,
    time,
    activities,
    queue: queue(time),
    events: [],
    backfills: [],
    sent: new Set(),
    log,
    look,
    scopeOf,
    sourceOf: (release) => sources[release],
    taskOf: (region, who) => ({
      mirror,
      source: sources[who.release],
      scope: scopeOf(region),
      access: { who, ground },
      clusters: places.map(({ cluster }) => cluster.name),
      accountName: 'main',
      every: 60,
      paused: false,
    }),
    connect(who) {
      const own = idle[who.release].pop() ?? seat();
      own.holder.who = who;
      taken.set(who, own);
      return own.connections;
    },
    release(who) {
      const own = taken.get(who);
      if (own === undefined || who.dead) return;
      taken.delete(who);
      idle[who.release].push(own);
    },
    nameOf: nameOfId,
    object: ({ cluster }, id) => cluster.objects('things').find(({ metadata }) => metadata.name === nameOfId(id)),
  };
}

/** The connections of one process, and what runs in it. */
interface Seat {
  readonly holder: { who: Activity | undefined };
  readonly connections: Map<string, Cluster>;
}

/** The id of a name; two of them lie in the second region. */
export function idNamed(name: string): string {
  return idOf(name, name === 'x' || name === 'y' ? 'far' : 'r');
}
