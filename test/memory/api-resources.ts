import type { KubernetesObject } from '../../lib/object.ts';
import { type ApiAnswer, alreadyExists, badRequest, conflict, notFound, unknownToTheModel } from './api-answers.ts';
import type { Writer } from './api-fields.ts';
import { type Read, readBody } from './api-json.ts';
import type { Kind } from './api-kinds.ts';
import type { Pager } from './api-lists.ts';
import { finalizersOf } from './api-metadata.ts';
import { checkPreconditions, checkVersion, created, decoded, type Part, updated } from './api-objects.ts';
import { isObject } from './api-schema.ts';
import type { Place, Store, Stored } from './api-store.ts';

/** What requests work on. */
export interface Ground {
  readonly store: Store;
  readonly pager: Pager;
  /** In seconds, as the API writes times. */
  now(): string;
  /** Throws where nothing may be made in the namespace (admission plugin NamespaceLifecycle). */
  admit(place: Place): void;
  /** Told of each change of a custom resource. */
  wrote(change: Change): void;
}

/** One change; `before` and `after` are missing where there was or is no object. */
export interface Change {
  readonly verb: 'create' | 'replace' | 'replaceStatus' | 'remove';
  readonly manager: string;
  readonly place: Place;
  readonly before: KubernetesObject | undefined;
  readonly after: KubernetesObject | undefined;
}

/** A request for custom resources, taken apart. */
export interface Asked {
  readonly kind: Kind;
  /** Undefined: in all of them. */
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly part: Part;
  readonly query: URLSearchParams;
  readonly method: string;
  readonly body: unknown;
  readonly contentType: string;
}

const writeQuery = ['fieldManager', 'fieldValidation'];

/** Answers a request for custom resources. */
export function answerResources(ground: Ground, asked: Asked): ApiAnswer {
  const { kind, namespace, name, part, method, query } = asked;
  if (name === undefined && method === 'GET') return list(ground, asked);
  if (namespace === undefined) throw unknownToTheModel(`${method} of a whole collection`);
  if (name === undefined) {
    if (method === 'POST') return create(ground, asked, namespace);
    throw unknownToTheModel(`${method} of a collection`);
  }
  const place = { group: kind.group, plural: kind.plural, namespace, name };
  const found = ground.store.get(place);
  if (method === 'GET' && query.size === 0) {
    if (found === undefined) throw notFound(place);
    return { status: 200, body: found.object };
  }
  if (method === 'PUT') return put(ground, asked, place, found, part);
  if (method === 'PATCH' && part === 'main') return patch(ground, asked, place, found);
  if (method === 'DELETE' && part === 'main') return remove(ground, asked, place, found);
  throw unknownToTheModel(`${method} ${part} with ${query}`);
}

function list({ store, pager }: Ground, { kind, namespace, query }: Asked): ApiAnswer {
  const keyOf = ({ metadata }: KubernetesObject) => `${metadata.namespace}/${metadata.name}`;
  const { items, metadata } = pager.page(kind, query, () => ({
    version: store.version(),
    objects: store
      .all(kind.group, kind.plural)
      .map(({ object }) => object)
      .filter((object) => namespace === undefined || object.metadata.namespace === namespace)
      .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
  }));
  const apiVersion = `${kind.group}/${kind.version}`;
  return { status: 200, body: { apiVersion, kind: `${kind.kind}List`, metadata, items } };
}

function create(ground: Ground, asked: Asked, namespace: string): ApiAnswer {
  const { kind } = asked;
  const { object } = sentBy(asked, readBody(asked.body));
  const place = { group: kind.group, plural: kind.plural, namespace, name: object.metadata.name };
  checkNamespace(object, place);
  ground.admit(place);
  const writer = writerOf(asked, ground);
  const made = created({ kind, writer, object }, place, `uid-${ground.store.next()}`);
  const known = ground.store.get(place);
  if (known !== undefined) throw alreadyExists(place, known.object.metadata.deletionTimestamp !== undefined);
  const { object: after } = ground.store.set(place, made);
  ground.wrote({ verb: 'create', manager: writer.manager, place, before: undefined, after });
  return { status: 201, body: after };
}

function put(ground: Ground, asked: Asked, place: Place, found: Stored | undefined, part: Part): ApiAnswer {
  const { object } = sentBy(asked, readBody(asked.body));
  checkNamespace(object, place);
  const { name } = object.metadata;
  if (name === '') {
    throw badRequest(`the name of the object (${place.name} based on URL) was undeterminable: name must be provided`);
  }
  if (name !== place.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${place.name})`);
  }
  if (found === undefined) throw notFound(place);
  checkPreconditions(object.metadata, place, found);
  return write(ground, asked, place, found, object, part);
}

/** RFC 7386, of which the server takes the result as it takes a PUT. */
function patch(ground: Ground, asked: Asked, place: Place, found: Stored | undefined): ApiAnswer {
  if (asked.contentType !== 'application/merge-patch+json') throw unknownToTheModel(asked.contentType);
  if (asked.query.get('fieldValidation') === 'Strict') throw unknownToTheModel('a strict patch');
  if (found === undefined) throw notFound(place);
  const { managedFields: _, ...metadata } = found.object.metadata;
  const { object } = sentBy(asked, readBody(merged({ ...found.object, metadata }, readBody(asked.body).body)));
  checkVersion(object.metadata.resourceVersion, place, found);
  return write(ground, asked, place, found, object, 'main');
}

function write(
  ground: Ground,
  asked: Asked,
  place: Place,
  found: Stored,
  object: KubernetesObject,
  part: Part,
): ApiAnswer {
  const writer = writerOf(asked, ground);
  const next = updated({ kind: asked.kind, writer, object }, found, part);
  if (next === found) return { status: 200, body: found.object };
  const change = {
    verb: part === 'main' ? 'replace' : 'replaceStatus',
    manager: writer.manager,
    place,
    before: found.object,
  } as const;
  const { deletionTimestamp, resourceVersion } = found.object.metadata;
  if (deletionTimestamp !== undefined && finalizersOf(next.object.metadata).length === 0) {
    ground.store.delete(place);
    ground.wrote({ ...change, verb: 'remove', after: undefined });
    return { status: 200, body: { ...next.object, metadata: { ...next.object.metadata, resourceVersion } } };
  }
  const { object: after } = ground.store.set(place, next);
  ground.wrote({ ...change, after });
  return { status: 200, body: after };
}

function remove(ground: Ground, asked: Asked, place: Place, found: Stored | undefined): ApiAnswer {
  if (asked.query.size > 0) throw unknownToTheModel(`a delete with ${asked.query}`);
  if (found === undefined) throw notFound(place);
  const { body } = readBody(asked.body);
  const { apiVersion, kind, preconditions, ...more } = isObject(body) ? body : {};
  if (Object.keys(more).length > 0) throw unknownToTheModel(`a delete with ${Object.keys(more)}`);
  const is = found.object.metadata;
  for (const key of ['uid', 'resourceVersion'] as const) {
    const wanted = isObject(preconditions) ? preconditions[key] : undefined;
    if (wanted !== undefined && wanted !== is[key]) throw conflict(place, `the ${key} in the precondition is another`);
  }
  const change = { verb: 'remove', manager: 'unknown', place, before: found.object } as const;
  if (finalizersOf(is).length === 0) {
    ground.store.delete(place);
    ground.wrote({ ...change, after: undefined });
    const { name, group, plural } = place;
    const details = { name, group, kind: plural, uid: is.uid };
    return { status: 200, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details } };
  }
  if (is.deletionTimestamp !== undefined) return { status: 200, body: found.object };
  const going = {
    deletionTimestamp: ground.now(),
    deletionGracePeriodSeconds: 0,
    generation: Number(is.generation) + 1,
  };
  const marked = { ...found, object: { ...found.object, metadata: { ...is, ...going } } };
  const { object: after } = ground.store.set(place, marked);
  ground.wrote({ ...change, after });
  return { status: 200, body: after };
}

function sentBy({ kind, query }: Asked, { body, duplicates }: Read): { readonly object: KubernetesObject } {
  const odd = [...query.keys()].find((key) => !writeQuery.includes(key));
  if (odd !== undefined) throw unknownToTheModel(`${odd} in the query of a write`);
  return { object: decoded(kind, body, { strict: query.get('fieldValidation') === 'Strict', duplicates }) };
}

/** Without a name of its own a client is called after its User-Agent; the model has none. */
function writerOf({ kind, query, part }: Asked, ground: Ground): Writer {
  const door = part === 'status' ? ({ subresource: 'status' } as const) : {};
  const manager = query.get('fieldManager') ?? 'unknown';
  return { manager, apiVersion: `${kind.group}/${kind.version}`, time: ground.now(), ...door };
}

function checkNamespace({ metadata: { namespace = '' } }: KubernetesObject, place: Place): void {
  if (namespace === '' || namespace === place.namespace) return;
  throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const base = isObject(target) ? target : {};
  const given = Object.entries(patch).filter(([, value]) => value !== undefined);
  const changed = given.map(([key, value]) => [key, merged(base[key], value)] as const);
  return Object.fromEntries(
    Object.entries({ ...base, ...Object.fromEntries(changed) }).filter(([, is]) => is !== null),
  );
}
