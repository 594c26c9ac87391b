import { isDeepStrictEqual } from 'node:util';
import type { Cluster, RequestOptions } from '../../lib/cluster.ts';
import type { EventObject } from '../../lib/events.ts';
import { fieldManager, type KubernetesObject, type ResourceType } from '../../lib/object.ts';
import { type Engine, engine as realEngine } from './engine.ts';

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
  readonly engine?: Pick<Engine, 'ApiError'>;
  readonly time?: Time;
  readonly hooks?: ClusterHooks;
}

const copy = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value));

/**
 * The rules of a real API server, in memory: JSON in and out, resourceVersion and uid preconditions, `status` as a
 * subresource, immutable identity, managedFields, field selectors, namespaces that are missing or going away.
 */
export function memoryCluster(options: MemoryClusterOptions = {}): MemoryCluster {
  const { name = 'memory', engine = realEngine, time = { now: Date.UTC(2026, 0, 5) }, hooks = {} } = options;
  const stored = new Map<string, KubernetesObject>();
  const writes: Write[] = [];
  const revisions = new Map<string, number | undefined>();
  const events: MemoryCluster['events'] = new Map();
  let versions = 0;
  const named = (plural: string, wanted: string) =>
    [...stored.keys()].find((key) => key.startsWith(`${plural}/`) && key.endsWith(`/${wanted}`));
  const fail = (status: number, reason: string, message: string) => new engine.ApiError(status, reason, message);

  function commit(request: Omit<Write, 'before' | 'after' | 'at' | 'name'>, key: string, next?: KubernetesObject) {
    const before = stored.get(key);
    const after = next && {
      ...next,
      metadata: { ...next.metadata, resourceVersion: String(++versions), managedFields: managed(request, next) },
    };
    if (after === undefined) stored.delete(key);
    else stored.set(key, after);
    writes.push({ ...request, name: key.slice(key.lastIndexOf('/') + 1), before, after, at: time.now });
    return after ?? next;
  }

  function create(manager: string, plural: string, body: KubernetesObject): KubernetesObject {
    const { status: _, ...object } = copy(body);
    const key = keyOf(plural, object);
    const namespace = `namespaces "${object.metadata.namespace}"`;
    if (cluster.namespaceState === 'missing') throw fail(404, 'NotFound', `${namespace} not found`);
    if (cluster.namespaceState === 'terminating') {
      throw fail(403, 'Forbidden', `unable to create new content: ${namespace} is being terminated`);
    }
    if (stored.has(key)) throw fail(409, 'AlreadyExists', `${plural} "${object.metadata.name}" already exists`);
    const creationTimestamp = new Date(time.now).toISOString().replace(/\.\d+Z$/, 'Z');
    const metadata = { ...object.metadata, uid: `uid-${++versions}`, generation: 1, creationTimestamp };
    const fresh = { ...object, metadata: { ...metadata, managedFields: [] } };
    return copy(commit({ verb: 'create', manager, plural }, key, fresh) ?? fresh);
  }

  function current(plural: string, body: KubernetesObject): KubernetesObject {
    const { name: wanted, resourceVersion, uid } = body.metadata;
    const found = stored.get(keyOf(plural, body));
    if (found === undefined) throw fail(404, 'NotFound', `${plural} "${wanted}" not found`);
    if (resourceVersion === undefined) throw fail(422, 'Invalid', 'metadata.resourceVersion: must be specified');
    if (resourceVersion !== found.metadata.resourceVersion || (uid !== undefined && uid !== found.metadata.uid)) {
      throw fail(409, 'Conflict', `${plural} "${wanted}": the object has been modified`);
    }
    return found;
  }

  function replace(verb: 'replace' | 'replaceStatus', plural: string, sent: KubernetesObject): KubernetesObject {
    const body = copy(sent);
    const found = current(plural, body);
    const next = verb === 'replace' ? mainOf(found, body) : { ...found, status: body.status };
    if (JSON.stringify(next.status?.observed ?? {}).includes('null')) throw fail(422, 'Invalid', 'null is not allowed');
    const moved = Object.entries(found.spec ?? {}).find(([key, value]) => !isDeepStrictEqual(next.spec?.[key], value));
    if (moved !== undefined) throw fail(422, 'Invalid', `spec.${moved[0]} is immutable`);
    if (isDeepStrictEqual(copy(next), copy(found))) return copy(found);
    const key = keyOf(plural, body);
    return copy(commit({ verb, manager: fieldManager, plural }, key, next) ?? next);
  }

  function remove(plural: string, sent: KubernetesObject): void {
    current(plural, sent);
    commit({ verb: 'remove', manager: fieldManager, plural }, keyOf(plural, sent));
  }

  function client(hooks: ClusterHooks): Cluster {
    async function send<Answer>(request: ClusterRequest, bound: RequestOptions, effect: () => Answer): Promise<Answer> {
      await hooks.before?.(request);
      bound.signal.throwIfAborted();
      bound.beforeSend?.();
      let outcome = attempt(effect);
      if (hooks.resets?.(request) === true) {
        bound.beforeSend?.();
        outcome = attempt(effect);
      }
      await hooks.after?.(request);
      if ('error' in outcome) throw outcome.error;
      return outcome.answer;
    }
    const seen = (object: KubernetesObject): KubernetesObject => {
      hooks.read?.(object);
      return object;
    };
    const of = (verb: Verb, type: ResourceType, wanted = '') => ({ verb, plural: type.plural, name: wanted });
    return {
      name,
      now: () => time.now,
      schemaRevision: ({ plural, ...type }, bound) =>
        send(of('revision', { plural, ...type }), bound, () => (revisions.has(plural) ? revisions.get(plural) : 1_000)),
      namespacePhase: (wanted, bound) =>
        send(
          of('namespace', { plural: 'namespaces', group: '', version: 'v1', kind: 'Namespace' }, wanted),
          bound,
          () =>
            cluster.namespaceState === 'missing'
              ? undefined
              : cluster.namespaceState === 'active'
                ? 'Active'
                : 'Terminating',
        ),
      list: (type, namespace, fields, bound) =>
        send(of('list', type), bound, () =>
          cluster
            .objects(type.plural)
            .filter(({ metadata }) => metadata.namespace === namespace)
            .filter(({ spec }) => Object.entries(fields).every(([key, value]) => spec?.[key.slice(5)] === value))
            .map(seen),
        ),
      get: (type, namespace, wanted, bound) =>
        send(of('get', type, wanted), bound, () => {
          const found = stored.get(keyOf(type.plural, { metadata: { name: wanted, namespace } }));
          return found === undefined ? undefined : seen(copy(found));
        }),
      create: (type, object, bound) =>
        send(of('create', type, object.metadata.name), bound, () => create(fieldManager, type.plural, object)),
      replace: (type, object, bound) =>
        send(of('replace', type, object.metadata.name), bound, () => replace('replace', type.plural, object)),
      replaceStatus: (type, object, bound) =>
        send(of('replaceStatus', type, object.metadata.name), bound, () =>
          replace('replaceStatus', type.plural, object),
        ),
      remove: (type, object, bound) =>
        send(of('remove', type, object.metadata.name), bound, () => remove(type.plural, object)),
      record: (event, bound) =>
        send({ verb: 'record', plural: 'events', name: event.metadata.name }, bound, () => {
          const known = events.get(event.metadata.name);
          events.set(event.metadata.name, { ...(known ?? copy(event)), count: (known?.count ?? 0) + 1 });
        }),
    };
  }

  const cluster: MemoryCluster = {
    ...client(hooks),
    time,
    writes,
    revisions,
    events,
    namespaceState: 'active',
    client,
    objects: (plural) => [...stored].filter(([key]) => key.startsWith(`${plural}/`)).map(([, object]) => copy(object)),
    put(manager, plural, object) {
      const made = create(manager, plural, object);
      if (object.status !== undefined)
        cluster.tamper(manager, plural, made.metadata.name, () => ({ ...made, ...object }));
      return made;
    },
    tamper(manager, plural, wanted, change) {
      const key = named(plural, wanted);
      const found = key === undefined ? undefined : stored.get(key);
      if (key === undefined || found === undefined) return;
      const changed = copy(change(copy(found)));
      const { uid, managedFields } = found.metadata;
      const next = { ...changed, metadata: { ...changed.metadata, uid, managedFields } };
      if (!isDeepStrictEqual(next, copy(found))) commit({ verb: 'tamper', manager, plural }, key, next);
    },
    drop: (plural, wanted) => {
      const key = named(plural, wanted);
      if (key !== undefined) commit({ verb: 'remove', manager: 'kubectl', plural }, key);
    },
  };
  return cluster;
}

function keyOf(plural: string, { metadata }: { metadata: { name: string; namespace?: string | undefined } }): string {
  return `${plural}/${metadata.namespace}/${metadata.name}`;
}

function attempt<Answer>(effect: () => Answer): { readonly answer: Answer } | { readonly error: unknown } {
  try {
    return { answer: effect() };
  } catch (error) {
    return { error };
  }
}

/** A PUT of the object itself: `status` and what the server sets stay as they are. */
function mainOf(found: KubernetesObject, body: KubernetesObject): KubernetesObject {
  const { uid, creationTimestamp, deletionTimestamp, managedFields, resourceVersion } = found.metadata;
  const generation = Number(found.metadata.generation ?? 1) + (isDeepStrictEqual(found.spec, body.spec) ? 0 : 1);
  const kept = { uid, creationTimestamp, deletionTimestamp, managedFields, resourceVersion, generation };
  return { ...body, status: found.status, metadata: { ...body.metadata, ...kept } };
}

function managed(request: Pick<Write, 'verb' | 'manager'>, next: KubernetesObject) {
  const subresource = request.verb === 'replaceStatus' ? { subresource: 'status' } : {};
  const entry = { manager: request.manager, operation: 'Update', ...subresource };
  const others = (next.metadata.managedFields ?? []).filter((known) => !isDeepStrictEqual(known, entry));
  return [...others, entry];
}
