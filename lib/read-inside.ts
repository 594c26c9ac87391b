import { ApiError, type Cluster } from './cluster.ts';
import { namespaceRefusal, schemaRefusal } from './cluster-refusal.ts';
import { mapConcurrent } from './concurrent.ts';
import { type Inside, inFlight } from './inside.ts';
import { scopeFields, type Target } from './resource.ts';
import { scanName } from './scan.ts';
import { mirrorScan, mirrorScanRevision } from './scan-schema.ts';

const longestPause = 300_000;

/** Clusters that failed, why, and until when (monotonic milliseconds) they sit out. Lives as long as the process. */
const pauses = new WeakMap<Cluster, { readonly failures: number; readonly until: number; readonly message: string }>();

/** The cluster answers, and this kind or namespace of it cannot be served: the message says how to mend it. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/**
 * Reads a cluster for a pass: schema revisions, the scan, and the objects of the scope (of the named ids, where there
 * are some). Throws an Error in words for people; a cluster that does not answer sits out for a growing pause.
 */
export async function readInside(
  target: Target,
  cluster: Cluster,
  names: readonly string[] | undefined,
  options: { readonly signal: AbortSignal; readonly deadline?: AbortSignal; readonly clock: () => number },
): Promise<Inside> {
  const pause = pauses.get(cluster);
  const left = (pause?.until ?? 0) - options.clock();
  if (pause !== undefined && left > 0)
    throw new Error(`left out for ${Math.ceil(left / 1000)} s more: ${pause.message}`);
  const { signal, deadline } = options;
  try {
    const inside = await read(
      target,
      cluster,
      names,
      deadline === undefined ? signal : AbortSignal.any([signal, deadline]),
    );
    pauses.delete(cluster);
    return inside;
  } catch (error) {
    if (signal.aborted || !(deadline?.aborted === true || isSilent(error))) throw error;
    const failures = (pause?.failures ?? 0) + 1;
    const until = options.clock() + Math.min(longestPause, 1000 * 2 ** (failures - 1));
    pauses.set(cluster, { failures, until, message: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

/** True where the server did not answer, or said that it cannot now; what it refused to this target says nothing else. */
function isSilent(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
}

async function read(
  target: Target,
  cluster: Cluster,
  names: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<Inside> {
  const { source, mirror } = target;
  const bound = { signal };
  const refusal = await refused(target, cluster, signal);
  if (refusal !== undefined) throw new RefusedError(`cluster ${cluster.name}: ${refusal}`);
  const [scan, objects] = await Promise.all([
    cluster.get(mirrorScan, mirror.namespace, scanName(target), bound),
    names === undefined
      ? listed(target, cluster, signal)
      : mapConcurrent(names, inFlight, (name) => cluster.get(source, mirror.namespace, name, bound)),
  ]);
  const held = objects.filter((object) => object !== undefined);
  return {
    target,
    cluster,
    began: cluster.now(),
    objects: new Map(held.map((object) => [object.metadata.name, object])),
    counts: { created: 0, updated: 0, marked: 0, deleted: 0, unchanged: 0, kept: 0, refused: 0, failed: 0 },
    failures: [],
    happened: [],
    postponed: [],
    scan,
    errorsInARow: 0,
    unbooked: 0,
    brake: undefined,
    untold: undefined,
    broken: undefined,
  };
}

/**
 * The objects of the scope. Somebody in between who overlooks the selector, or mixes up answers, would give out those of
 * another scope: asked for by its id in this one, each would be proven gone.
 */
async function listed({ source, mirror, scope }: Target, cluster: Cluster, signal: AbortSignal) {
  const objects = await cluster.list(source, mirror.namespace, scopeFields(scope), { signal });
  const stranger = objects.find(
    ({ metadata, spec }) =>
      (metadata.namespace ?? mirror.namespace) !== mirror.namespace ||
      Object.entries(scope).some(([key, value]) => spec?.[key] !== value),
  );
  if (stranger === undefined) return objects;
  const { namespace = '', name } = stranger.metadata;
  const place = `${mirror.namespace} and ${Object.values(scope).join('/')}`;
  throw new ApiError(
    0,
    'Unreadable',
    `cluster ${cluster.name}: asked for the objects of ${place}, it answered with ${namespace}/${name} too: nothing is written. Is there a proxy before the API server that overlooks field selectors?`,
  );
}

async function refused(target: Target, cluster: Cluster, signal: AbortSignal): Promise<string | undefined> {
  const [own, scans] = await Promise.all([
    cluster.schemaRevision(target.source, { signal }),
    cluster.schemaRevision(mirrorScan, { signal }),
  ]);
  return (
    schemaRefusal(target.source, own) ??
    schemaRefusal({ ...mirrorScan, revision: mirrorScanRevision }, scans) ??
    (await namespaceRefused(target.mirror.namespace, cluster, signal))
  );
}

async function namespaceRefused(namespace: string, cluster: Cluster, signal: AbortSignal): Promise<string | undefined> {
  try {
    return namespaceRefusal(namespace, await cluster.namespacePhase(namespace, { signal }));
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 403)) throw error;
    // The right to look is bound in the namespace itself, so where there is none this is the answer too.
    return `either there is no namespace ${namespace} (kubectl create namespace ${namespace}), or the writer role is not bound in it: ${error.message}`;
  }
}
