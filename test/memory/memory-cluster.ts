import type { Cluster } from '../../lib/cluster.ts';
import type { EventObject } from '../../lib/events.ts';
import { fieldManager, type KubernetesObject } from '../../lib/object.ts';
import type { ApiRequest, Transport } from '../../lib/transport.ts';
import type { ApiAnswer } from './api-answers.ts';
import { ownersAfter } from './api-fields.ts';
import { ofRevision } from './api-kinds.ts';
import { withOwners } from './api-objects.ts';
import { isObject, isSame } from './api-schema.ts';
import { type ApiServer, apiServer } from './api-server.ts';
import type { Place } from './api-store.ts';
import { type Engine, engine as realEngine } from './engine.ts';
import { installedKind } from './installed-kinds.ts';

type Verb = 'revision' | 'namespace' | 'list' | 'get' | 'create' | 'replace' | 'replaceStatus' | 'remove' | 'record';

/** One request as a hook sees it; `name` is empty for lists and revisions. */
export interface ClusterRequest {
  readonly verb: Verb;
  readonly plural: string;
  readonly name: string;
}

/** What may happen to the requests of one client. A hook that throws fails the request, one that hangs delays it. */
export interface ClusterHooks {
  /** Before the request takes effect. */
  readonly before?: (request: ClusterRequest) => void | Promise<void>;
  /** After it took effect, before the client hears of it. */
  readonly after?: (request: ClusterRequest) => void | Promise<void>;
  /** True: the connection is reset after the effect, and the client sees what its retry is answered. */
  readonly resets?: (request: ClusterRequest) => boolean;
  /** What the client read, for records. */
  readonly read?: (object: KubernetesObject) => void;
}

/** One change of the store; `before` and `after` are missing where there was or is no object. */
export interface Write {
  readonly verb: Verb | 'tamper';
  readonly manager: string;
  readonly plural: string;
  readonly name: string;
  readonly before: KubernetesObject | undefined;
  readonly after: KubernetesObject | undefined;
  readonly at: number;
}

/** A clock that a test turns; milliseconds. */
export interface Time {
  now: number;
}

/** A cluster in memory, and what only a test may do with it. */
export interface MemoryCluster extends Cluster {
  readonly time: Time;
  /** Every change of the store, ours and others'; a write without difference is none, as on the real server. */
  readonly writes: Write[];
  /** By plural; `undefined` is a missing CRD, not set is a CRD newer than any code. */
  readonly revisions: Map<string, number | undefined>;
  /** By name, with how often each was recorded. */
  readonly events: Map<string, EventObject & { readonly count: number }>;
  namespaceState: 'active' | 'missing' | 'terminating';
  /** What its clients speak to. */
  readonly server: ApiServer;
  /** The same cluster through a client of its own. */
  client(hooks: ClusterHooks): Cluster;
  objects(plural: string): KubernetesObject[];
  /** Somebody else makes an object, or changes one in any way, `status` and deletionTimestamp included. */
  put(manager: string, plural: string, object: KubernetesObject): KubernetesObject;
  tamper(manager: string, plural: string, name: string, change: (object: KubernetesObject) => KubernetesObject): void;
  /** Somebody else deletes an object at once. */
  drop(plural: string, name: string): void;
}

/** Who the cluster is, whose ApiError it throws, and by which clock it lives. */
export interface MemoryClusterOptions {
  readonly name?: string;
  readonly engine?: Pick<Engine, 'ApiError' | 'clusterOver'>;
  readonly time?: Time;
  readonly hooks?: ClusterHooks;
}

/**
 * A cluster whose API server is in memory (api-server.ts) and whose client is the real one: what the engine sends, and
 * what it makes of the answers, is the code of lib/kubernetes-cluster.ts.
 */
export function memoryCluster(options: MemoryClusterOptions = {}): MemoryCluster {
  const { name = 'memory', engine = realEngine, time = { now: Date.UTC(2026, 0, 5) }, hooks = {} } = options;
  const writes: Write[] = [];
  const revisions = new Map<string, number | undefined>();
  let namespaceState: MemoryCluster['namespaceState'] = 'active';
  const server = apiServer({
    kindOf(group, plural) {
      const kind = installedKind(plural);
      const revision = revisions.has(plural) ? revisions.get(plural) : 1_000;
      return kind?.group !== group || revision === undefined ? undefined : ofRevision(kind, revision);
    },
    now: () => time.now,
    namespacePhase: () => ({ active: 'Active', missing: undefined, terminating: 'Terminating' })[namespaceState],
    wrote: ({ place: { plural, name: of }, manager, ...change }) => {
      // A DELETE does not say who sends it; only the engine sends any.
      const by = change.verb === 'remove' ? fieldManager : manager;
      writes.push({ ...change, manager: by, plural, name: of, at: time.now });
    },
  });
  const { store } = server;

  function transport({ before, after, resets, read }: ClusterHooks): Transport {
    const handle = ({ method, path, body, contentType = 'application/json' }: ApiRequest) => {
      const answer = server.handle({ method, path, body, contentType });
      if (read !== undefined) for (const object of objectsIn(method, answer)) read(object);
      return answer;
    };
    return {
      now: () => time.now,
      close: async () => undefined,
      async request(wanted) {
        const seen = seenAs(wanted);
        await before?.(seen);
        wanted.signal.throwIfAborted();
        wanted.beforeSend?.();
        let answer = handle(wanted);
        if (resets?.(seen) === true) {
          wanted.beforeSend?.();
          answer = handle(wanted);
        }
        await after?.(seen);
        if (answer.status < 300) return answer.body;
        const { reason, message } = Object(answer.body);
        throw new engine.ApiError(answer.status, reason ?? '', message ?? String(answer.body));
      },
    };
  }
  const client = (of: ClusterHooks) => engine.clusterOver(name, transport(of));

  const kindNamed = (plural: string) => installedKind(plural) ?? fail(`test/memory: there is no CRD of ${plural}`);

  function placeIn(plural: string, { namespace = 'default', name: wanted }: KubernetesObject['metadata']): Place {
    return { group: kindNamed(plural).group, plural, namespace, name: wanted };
  }

  /** By name alone, as tests name objects. */
  function found(
    plural: string,
    wanted: string,
  ): { readonly place: Place; readonly object: KubernetesObject } | undefined {
    const object = cluster.objects(plural).find(({ metadata }) => metadata.name === wanted);
    return object && { place: placeIn(plural, object.metadata), object };
  }

  function commit(verb: 'create' | 'tamper', manager: string, place: Place, next: KubernetesObject): KubernetesObject {
    const known = store.get(place);
    const writer = { manager, apiVersion: next.apiVersion, time: server.now() };
    const change = { before: known?.object ?? {}, after: next, ignored: [] };
    const owners = ownersAfter(known?.owners ?? [], writer, kindNamed(place.plural).schema, change);
    const { object: after } = store.set(place, withOwners(next, owners));
    writes.push({ verb, manager, plural: place.plural, name: place.name, before: known?.object, after, at: time.now });
    return after;
  }

  const cluster: MemoryCluster = {
    ...client(hooks),
    time,
    writes,
    revisions,
    server,
    get events() {
      const told = store.all('events.k8s.io', 'events').map(({ object }) => countedEvent(object));
      return new Map(told.map((event) => [event.metadata.name, event]));
    },
    get namespaceState() {
      return namespaceState;
    },
    set namespaceState(state) {
      namespaceState = state;
    },
    client,
    objects: (plural) => store.all(installedKind(plural)?.group ?? '', plural).map(({ object }) => object),
    put(manager, plural, { status, ...object }) {
      const place = placeIn(plural, object.metadata);
      const { group, version, kind } = kindNamed(plural);
      const own = { uid: `uid-${store.next()}`, generation: 1, creationTimestamp: server.now() };
      const metadata = { ...object.metadata, namespace: place.namespace, ...own };
      const made = { ...object, apiVersion: `${group}/${version}`, kind, metadata };
      const bare = commit('create', manager, place, json(made));
      return status === undefined ? bare : commit('tamper', manager, place, json({ ...bare, status }));
    },
    tamper(manager, plural, wanted, change) {
      const known = found(plural, wanted);
      if (known === undefined) return;
      const changed = json(change(known.object));
      const { uid, managedFields } = known.object.metadata;
      const next = { ...changed, metadata: { ...changed.metadata, uid, managedFields } };
      if (!isSame(next, known.object)) commit('tamper', manager, known.place, next);
    },
    drop(plural, wanted) {
      const known = found(plural, wanted);
      if (known === undefined) return;
      store.delete(known.place);
      const change = { plural, name: wanted, before: known.object, after: undefined, at: time.now };
      writes.push({ verb: 'remove', manager: 'kubectl', ...change });
    },
  };
  return cluster;
}

const json = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value));

function fail(message: string): never {
  throw new Error(message);
}

/** A request by what it is for, as tests tell them apart. */
function seenAs({ method, path, body }: ApiRequest): ClusterRequest {
  const [, root, group, , ...rest] = (path.split('?')[0] ?? '').split('/').map(decodeURIComponent);
  if (root === 'api') return { verb: 'namespace', plural: 'namespaces', name: rest[0] ?? '' };
  if (group === 'apiextensions.k8s.io') return { verb: 'revision', plural: rest[1]?.split('.')[0] ?? '', name: '' };
  const [plural = '', inPath, part] = rest[0] === 'namespaces' ? rest.slice(2) : rest;
  const name = inPath ?? Object(body).metadata?.name ?? '';
  if (group === 'events.k8s.io') return { verb: 'record', plural, name };
  const verbs = {
    POST: 'create',
    PUT: part === 'status' ? 'replaceStatus' : 'replace',
    PATCH: 'replace',
    DELETE: 'remove',
  } as const;
  return { verb: method === 'GET' ? (inPath === undefined ? 'list' : 'get') : verbs[method], plural, name };
}

/** The objects that a request read; what a write is answered with is none. */
function objectsIn(method: string, { status, body }: ApiAnswer): readonly KubernetesObject[] {
  if (method !== 'GET' || status !== 200 || !isObject(body)) return [];
  return Array.isArray(body.items) ? body.items : 'spec' in body ? [body as KubernetesObject] : [];
}

function countedEvent(object: KubernetesObject): EventObject & { readonly count: number } {
  const event = object as unknown as EventObject & { readonly series?: { readonly count: number } };
  return { ...event, count: event.series?.count ?? 1 };
}
