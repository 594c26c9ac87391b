import type { KubernetesCluster } from './kubernetes-cluster.ts';
import { type Unusable, unusable } from './open-clusters.ts';
import { unlessAborted } from './unless-aborted.ts';

/** Milliseconds that an invocation waits for the way into a cluster: as long as a pass waits for it to be read. */
const longestWait = 5_000;

/**
 * Milliseconds by the wall clock after which an attempt is begun anew: a function that was frozen meanwhile has lost its
 * connections, and each request to AWS counts as lost after 20 s.
 */
const attemptLifetime = 20_000;

/** One try to open a cluster, which goes on when an invocation no longer waits for it. */
interface Attempt {
  readonly at: number;
  readonly stop: AbortController;
  readonly opened: Promise<KubernetesCluster | Unusable>;
}

/** The clusters with these names. One that is not open in time is there too, and fails at every request. */
type Clusters = (names: readonly string[]) => Promise<ReadonlyMap<string, KubernetesCluster>>;

/**
 * Clusters that an environment opens once, each by itself, so that one that hangs holds up no other. What comes back is
 * made for each invocation, whose signal ends its wait; what could not be opened is tried again by the next.
 */
export function keepClusters(
  open: (name: string, signal: AbortSignal) => Promise<KubernetesCluster | Unusable>,
): (signal: AbortSignal) => Clusters {
  const kept = new Map<string, KubernetesCluster>();
  const attempts = new Map<string, Attempt>();

  function keep(name: string, cluster: KubernetesCluster | Unusable): void {
    attempts.delete(name);
    if (!('isUnusable' in cluster)) kept.set(name, cluster);
  }

  function attemptAt(name: string): Attempt {
    const known = attempts.get(name);
    if (known !== undefined && Math.abs(Date.now() - known.at) < attemptLifetime) return known;
    known?.stop.abort(new Error('another attempt has begun'));
    const stop = new AbortController();
    const attempt: Attempt = {
      at: Date.now(),
      stop,
      opened: open(name, stop.signal).then((cluster) => {
        // Aborted when it was as good as open: there is to be one pool to a cluster.
        if (attempts.get(name) !== attempt) void cluster.close();
        else keep(name, cluster);
        return cluster;
      }),
    };
    attempts.set(name, attempt);
    return attempt;
  }

  async function opened(name: string, signal: AbortSignal): Promise<KubernetesCluster> {
    const late = `AWS has not told within ${longestWait / 1000} s how to enter it. Is AWS within reach from here?`;
    const wait = AbortSignal.any([signal, AbortSignal.timeout(longestWait)]);
    const why = () => (signal.aborted ? signal.reason : new Error(late));
    return unlessAborted(attemptAt(name).opened, wait, why).catch((error: unknown) => unusable(name, error));
  }

  return (signal) => {
    const asked = new Map<string, Promise<KubernetesCluster>>();
    async function ask(name: string): Promise<[string, KubernetesCluster]> {
      const known = kept.get(name);
      if (known !== undefined) return [name, known];
      const answer = asked.get(name) ?? opened(name, signal);
      asked.set(name, answer);
      return [name, await answer];
    }
    return async (names) => new Map(await Promise.all(names.map(ask)));
  };
}
