import {
  type ApiAnswer,
  type ApiCall,
  alreadyExists,
  notFound,
  Refusal,
  spoken,
  unknownToTheModel,
} from './api-answers.ts';
import { createdEvent, decodedEvent, replacedEvent } from './api-events.ts';
import { readBody } from './api-json.ts';
import type { Kind } from './api-kinds.ts';
import { newPager } from './api-lists.ts';
import { answerResources, type Change, type Ground } from './api-resources.ts';
import { isObject } from './api-schema.ts';
import { newStore, type Place, type Store } from './api-store.ts';

/** What is not in the store of a server, and what it tells of. */
export interface ApiServerOptions {
  /** The kinds that are installed. */
  kindOf(group: string, plural: string): Kind | undefined;
  /** Milliseconds. */
  now(): number;
  /** Left out: as requests make and delete them. */
  readonly namespacePhase?: (name: string) => string | undefined;
  readonly wrote?: (change: Change) => void;
}

/**
 * kube-apiserver in memory, as far as skymirror speaks to it: custom resources by their CRDs, Events, namespaces, and
 * the metadata of CRDs. What it does not know is answered with 501; api-server.e2e.test.ts holds the rest against a real one.
 */
export interface ApiServer {
  handle(call: ApiCall): ApiAnswer;
  readonly store: Store;
  readonly now: () => string;
  /** After this no continue token that was given before is good any more. */
  compact(): void;
}

const events = { group: 'events.k8s.io', plural: 'events' };
const noSuchPath: ApiAnswer = { status: 404, body: '404 page not found\n' };

/** Starts with nothing in it. */
export function apiServer(options: ApiServerOptions): ApiServer {
  const { kindOf, wrote = () => undefined } = options;
  const store = newStore();
  const pager = newPager();
  const namespaces = new Map<string, string>();
  const phaseOf = options.namespacePhase ?? ((name: string) => namespaces.get(name));
  const now = () => new Date(options.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  const ground: Ground = { store, pager, now, admit, wrote };
  return {
    store,
    now,
    compact: pager.compact,
    handle(call) {
      try {
        return route(call);
      } catch (error) {
        if (error instanceof Refusal) return error.answer;
        throw error;
      }
    },
  };

  function route(call: ApiCall): ApiAnswer {
    const [path = '', search = ''] = call.path.split('?');
    const query = new URLSearchParams(search);
    const [root, group = '', version, ...rest] = path.slice(1).split('/').map(decodeURIComponent);
    if (root === 'api')
      return namespace(call, rest.length === 0 && version === 'namespaces' ? undefined : (rest[0] ?? ''));
    if (group === 'apiextensions.k8s.io') return definition(call, rest[1] ?? '');
    const isIn = rest[0] === 'namespaces';
    const [plural = '', name, subresource, ...more] = isIn ? rest.slice(2) : rest;
    const at = isIn ? rest[1] : undefined;
    if (group === events.group) return event(call, { ...events, namespace: at ?? '', name: name ?? '' });
    const kind = kindOf(group, plural);
    if (kind === undefined || kind.version !== version) return noSuchPath;
    if (more.length > 0 || (subresource !== undefined && subresource !== 'status')) return noSuchPath;
    const { method, body, contentType = 'application/json' } = call;
    const part = subresource === undefined ? 'main' : 'status';
    return answerResources(ground, { kind, namespace: at, name, part, query, method, body, contentType });
  }

  function admit(place: Place): void {
    const phase = phaseOf(place.namespace);
    if (phase === undefined) throw notFound({ group: '', plural: 'namespaces', name: place.namespace });
    if (phase !== 'Terminating') return;
    const why = `unable to create new content in namespace ${place.namespace} because it is being terminated`;
    const named = { ...place, name: place.name === '' ? 'Unknown' : place.name };
    throw new Refusal(403, 'Forbidden', `${spoken(named)} is forbidden: ${why}`);
  }

  /** Only what `Accept: ...as=PartialObjectMetadata` asks for. */
  function definition({ method }: ApiCall, name: string): ApiAnswer {
    const dot = name.indexOf('.');
    const kind = kindOf(name.slice(dot + 1), name.slice(0, dot));
    if (method !== 'GET') throw unknownToTheModel(`${method} of a CRD`);
    if (kind === undefined)
      throw notFound({ group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions', name });
    const { annotations } = kind;
    const body = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name, annotations } };
    return { status: 200, body };
  }

  function namespace({ method, body }: ApiCall, wanted: string | undefined): ApiAnswer {
    const { metadata } = Object(readBody(body).body);
    const name = wanted ?? (isObject(metadata) ? String(metadata.name) : '');
    const named = { group: '', plural: 'namespaces', name };
    const phase = phaseOf(name);
    if (method === 'POST' && phase !== undefined) throw alreadyExists(named, phase === 'Terminating');
    if (method === 'POST') namespaces.set(name, 'Active');
    else if (phase === undefined) throw notFound(named);
    else if (method === 'DELETE') namespaces.set(name, 'Terminating');
    else if (method !== 'GET') throw unknownToTheModel(`${method} of a namespace`);
    const now = { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, status: { phase: phaseOf(name) } };
    return { status: method === 'POST' ? 201 : 200, body: now };
  }

  function event({ method, body }: ApiCall, at: Place): ApiAnswer {
    if (method === 'POST') {
      const sent = decodedEvent(readBody(body).body);
      const place = { ...at, name: sent.metadata.name };
      const known = store.get(place);
      admit(place);
      const made = createdEvent(sent, place, `uid-${store.next()}`, now());
      if (known !== undefined) throw alreadyExists(place, false);
      return { status: 201, body: store.set(place, { object: made, owners: undefined }).object };
    }
    const found = store.get(at);
    if (found === undefined && method === 'PUT') throw unknownToTheModel('a PUT that makes an Event');
    if (found === undefined) throw notFound(at);
    if (method === 'GET') return { status: 200, body: found.object };
    if (method !== 'PUT') throw unknownToTheModel(`${method} of an Event`);
    const known = decodedEvent(found.object);
    const next = replacedEvent(decodedEvent(readBody(body).body), at, known);
    if (next === known) return { status: 200, body: found.object };
    return { status: 200, body: store.set(at, { object: next, owners: undefined }).object };
  }
}
