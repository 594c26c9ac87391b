import { ApiError } from '../lib/cluster.ts';
import { mapConcurrent } from '../lib/concurrent.ts';
import { type KubernetesReader, openReader } from '../lib/kubernetes-cluster.ts';
import type { KubernetesObject, ResourceType } from '../lib/object.ts';
import { mirrorScan } from '../lib/scan-schema.ts';
import type { Source } from '../lib/source.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import type { Look } from './left-behind.ts';
import { type Item, itemOf, scanItemOf } from './left-behind-item.ts';
import { connectionTo, type Session } from './session.ts';

/** Something of a cluster that was not looked at, and why. */
export interface NotLookedAt {
  readonly cluster: string;
  readonly message: string;
  /** It should have been: the cluster, or a kind in a namespace that a mirror fills with it. */
  readonly failed: boolean;
}

/** What looking at one cluster gave; `look` is absent where it could not be looked at. */
export interface Looked {
  readonly look?: Look;
  readonly notLookedAt: readonly NotLookedAt[];
}

const inFlight = 4;

/** Looks at one cluster of the configuration for objects of ours, wherever in it they are. */
export async function lookAt(
  session: Session,
  cluster: string,
  sources: readonly Source[],
  signal: AbortSignal,
): Promise<Looked> {
  let reader: KubernetesReader | undefined;
  try {
    const connection = await connectionTo(session, cluster);
    reader = openReader({ ...connection, name: cluster });
    return await lookThrough(session, reader, sources, { server: connection.server.href, signal });
  } catch (error) {
    signal.throwIfAborted();
    return { notLookedAt: [{ cluster, message: said(error), failed: true }] };
  } finally {
    await reader?.close();
  }
}

async function lookThrough(
  session: Session,
  reader: KubernetesReader,
  sources: readonly Source[],
  { server, signal }: { readonly server: string; readonly signal: AbortSignal },
): Promise<Looked> {
  const cluster = reader.name;
  const listings = await Promise.all(
    [...sources, mirrorScan].map((type) => listAll(session, reader, type, signal).then((one) => ({ ...one, type }))),
  );
  const items: Item[] = [];
  let others = 0;
  for (const { type, objects } of listings) {
    const source = sources.find(({ kind, group }) => kind === type.kind && group === type.group);
    for (const object of objects) {
      const item = source === undefined ? scanItemOf(cluster, sources, object) : itemOf(cluster, source, object);
      if (item === undefined) others += 1;
      else items.push(item);
    }
  }
  const namespaces = [...new Set(items.map(({ namespace }) => namespace))];
  const phases = await mapConcurrent(namespaces, inFlight, (namespace) => phaseOf(reader, namespace, signal));
  const messages = new Map(listings.flatMap(({ missed }) => missed.map((one) => [one.message, one])));
  return {
    look: {
      ...{ cluster, server, now: reader.now(), items, others },
      scansKnown: listings.every(({ type, isWhole }) => type !== mirrorScan || isWhole),
      terminating: namespaces.filter((_, index) => phases[index] === 'Terminating'),
    },
    notLookedAt: [...messages.values()],
  };
}

interface Listing {
  readonly objects: readonly KubernetesObject[];
  /** Every namespace that was to be looked at was. */
  readonly isWhole: boolean;
  readonly missed: readonly NotLookedAt[];
}

/** All objects of a kind, labelled or not, as a label may be lost; in the namespaces at hand where no more is allowed. */
async function listAll(
  session: Session,
  reader: KubernetesReader,
  type: ResourceType,
  signal: AbortSignal,
): Promise<Listing> {
  try {
    return { objects: await reader.listEverywhere(type, '', { signal }), isWhole: true, missed: [] };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // There is no such kind in this cluster.
    if (error.status === 404) return { objects: [], isWhole: true, missed: [] };
    if (error.status !== 403) throw error;
  }
  const cluster = reader.name;
  const namespaces = [...new Set(session.tasks.flatMap(namespacesOf))];
  const found = await mapConcurrent(namespaces, inFlight, async (namespace): Promise<Listing> => {
    try {
      return { objects: await reader.list(type, namespace, {}, { signal }), isWhole: true, missed: [] };
    } catch (error) {
      if (!(error instanceof ApiError && [403, 404].includes(error.status))) throw error;
      if (error.status === 404) return { objects: [], isWhole: true, missed: [] };
      const failed = session.tasks.some(
        (task) =>
          task.clusters.includes(cluster) &&
          namespacesOf(task).includes(namespace) &&
          (type === mirrorScan || type === task.source),
      );
      return {
        objects: [],
        isWhole: false,
        missed: [{ cluster, message: `namespace ${namespace}: ${error.message}`, failed }],
      };
    }
  });
  const message = `this user may not list in all namespaces: only those of the configuration were looked at (${namespaces.join(', ')})`;
  return {
    objects: found.flatMap(({ objects }) => objects),
    isWhole: found.every(({ isWhole }) => isWhole),
    missed: [{ cluster, message, failed: false }, ...found.flatMap(({ missed }) => missed)],
  };
}

const namespacesOf = ({ parts, mirror }: ConfiguredTask) => (parts ?? [mirror]).map(({ namespace }) => namespace);

/** Unknown counts as there: what goes away by itself is left alone where that can be told. */
async function phaseOf(reader: KubernetesReader, namespace: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await reader.namespacePhase(namespace, { signal });
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return undefined;
    throw error;
  }
}

const said = (error: unknown) => (error instanceof Error ? error.message : String(error));
