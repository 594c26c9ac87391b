import { clearLine, cursorTo } from 'node:readline';
import { isClusterWide, isOvertaken } from '../lib/cluster.ts';
import { mapConcurrent } from '../lib/concurrent.ts';
import { type Administration, openAdministration } from './administration.ts';
import type { Item } from './left-behind-item.ts';
import { connectionTo, type Session } from './session.ts';
import type { Surroundings } from './surroundings.ts';

/** How each item ended. */
export interface CarriedOut {
  readonly done: readonly Item[];
  /** Written by somebody else since they were shown: left as they are. */
  readonly changed: readonly Item[];
  readonly failed: readonly { readonly item: Item; readonly message: string }[];
}

/** As many as an Administration has connections. */
const inFlight = 8;

/**
 * Does that to every item, many at once. A cluster that fails as a whole ends its own part; the others go on. After
 * Ctrl-C nothing new is begun, and what had not ended is in no list.
 */
export async function carryOut(
  items: readonly Item[],
  clusters: ReadonlyMap<string, Administration>,
  work: (cluster: Administration, item: Item) => Promise<void>,
  { signal }: Pick<Surroundings, 'signal'>,
): Promise<CarriedOut> {
  const [done, changed, failed]: [Item[], Item[], { item: Item; message: string }[]] = [[], [], []];
  const broken = new Map<string, string>();
  const progress = counter(items.length);
  await mapConcurrent(items, inFlight, async (item) => {
    if (signal.aborted) return;
    const cluster = clusters.get(item.cluster);
    const message = broken.get(item.cluster);
    if (cluster === undefined || message !== undefined) {
      failed.push({ item, message: message ?? `cluster ${item.cluster} could not be opened` });
      return;
    }
    try {
      await work(cluster, item);
      done.push(item);
      progress.count(done.length);
    } catch (error) {
      if (signal.aborted) return;
      const said = error instanceof Error ? error.message : String(error);
      if (isOvertaken(error)) {
        changed.push(item);
        return;
      }
      failed.push({ item, message: said });
      if (isClusterWide(error)) broken.set(item.cluster, said);
    }
  }).finally(progress.clear);
  return { done, changed, failed };
}

/** DELETE under the version that was looked at. */
export function removeOne(cluster: Administration, { type, object }: Item): Promise<void> {
  return cluster.remove(type, object);
}

/** Opens the clusters of these items for writing; the caller closes them. */
export async function openFor(
  session: Session,
  items: readonly Item[],
  { signal }: Pick<Surroundings, 'signal'>,
): Promise<ReadonlyMap<string, Administration>> {
  const names = [...new Set(items.map(({ cluster }) => cluster))];
  const opened = names.map(async (name): Promise<[string, Administration]> => {
    return [name, openAdministration({ ...(await connectionTo(session, name)), name }, signal)];
  });
  return new Map(await Promise.all(opened));
}

/** A line on a terminal that says how far it is; nothing where nobody watches. */
function counter(total: number, stream: NodeJS.WriteStream = process.stderr) {
  if (stream.isTTY !== true) return { count: () => {}, clear: () => {} };
  const clear = () => {
    clearLine(stream, 0);
    cursorTo(stream, 0);
  };
  return {
    count(done: number) {
      clear();
      stream.write(`${done} of ${total}`);
    },
    clear,
  };
}
