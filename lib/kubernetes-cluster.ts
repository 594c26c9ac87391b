import * as z from 'zod';
import { ApiError, type Cluster, type ClusterReader, type RequestOptions } from './cluster.ts';
import type { Connection } from './connection.ts';
import { fieldManager, type KubernetesObject, parseObject, type ResourceType, revisionAnnotation } from './object.ts';
import { openTransport, type Transport } from './transport.ts';

const pageSize = 500;
const restarts = 3;
const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';
const listPage = z.looseObject({
  items: z.array(z.unknown()),
  metadata: z.looseObject({ continue: z.string().optional() }),
});

const seriesOf = z.looseObject({ series: z.looseObject({ count: z.number() }).nullish() });
const objectSchema = z.looseObject({});
const namespaceObject = z.looseObject({ status: z.looseObject({ phase: z.string().optional() }).optional() });

/** A cluster that is spoken to over one pool; `close` ends it. */
export interface KubernetesCluster extends Cluster, KubernetesReader {}

/** One that only reads: no request of it is another than a GET. */
export interface KubernetesReader extends ClusterReader {
  /** All objects of a kind in all namespaces that have these labels; no pass asks for so much. */
  listEverywhere(type: ResourceType, labelSelector: string, options: RequestOptions): Promise<KubernetesObject[]>;
  close(): Promise<void>;
}

/** `deadline`: milliseconds within which a request must succeed, its retries included. */
interface PoolOptions {
  readonly connections?: number;
  readonly deadline?: number;
}

/** Opens a real cluster, under the name by which reports call it. */
export function openCluster(connection: Connection, options: PoolOptions = {}): KubernetesCluster {
  return clusterOver(connection.name, transportOf(connection, options));
}

/** The cluster behind a transport, of which nothing but answers and ApiErrors is expected. */
export function clusterOver(name: string, transport: Transport): KubernetesCluster {
  const { request } = transport;

  async function write(
    method: 'POST' | 'PUT',
    path: string,
    object: KubernetesObject,
    bound: RequestOptions,
  ): Promise<KubernetesObject> {
    const query = `fieldManager=${fieldManager}&fieldValidation=Strict`;
    // Left out, managedFields stay as the server has them; sent back, they would be a third of the bytes.
    const { managedFields, ...metadata } = object.metadata;
    const body = { ...object, metadata };
    const answer = await request({ method, path: `${path}?${query}`, body, ...bound });
    return readable(name, () => objectAt(answer, namespaceOf(object), metadata.name), answer);
  }

  return {
    ...readerOver(name, transport),
    create: (type, object, bound) => write('POST', collection(type, namespaceOf(object)), object, bound),
    replace: (type, object, bound) => write('PUT', pathOf(type, object), object, bound),
    replaceStatus: (type, object, bound) => write('PUT', `${pathOf(type, object)}/status`, object, bound),
    async remove(type, object, bound) {
      const { uid, resourceVersion } = object.metadata;
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } };
      await request({ method: 'DELETE', path: pathOf(type, object), body, ...bound });
    },
    async record(event, bound) {
      const { metadata } = event;
      const events = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(metadata.namespace)}/events`;
      const path = `${events}/${metadata.name}`;
      try {
        await request({ method: 'POST', path: events, body: event, ...bound });
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 409)) throw error;
        const known = seriesOf.parse(await request({ method: 'GET', path, ...bound }));
        const series = { count: (known.series?.count ?? 1) + 1, lastObservedTime: event.eventTime };
        await request({ method: 'PUT', path, body: { ...known, series }, ...bound });
      }
    },
  };
}

/** Opens a real cluster for looking at it alone. */
export function openReader(connection: Connection, options: PoolOptions = {}): KubernetesReader {
  return readerOver(connection.name, transportOf(connection, options));
}

function transportOf(connection: Connection, { connections = 16, deadline = 30_000 }: PoolOptions): Transport {
  return openTransport(connection, { connections, deadline });
}

function readerOver(name: string, { request, now, close }: Transport): KubernetesReader {
  const read = (path: string, bound: RequestOptions, accept?: string) =>
    request({ method: 'GET', path, ...bound, ...(accept === undefined ? {} : { accept }) });

  async function listOnce(type: ResourceType, path: string, bound: RequestOptions): Promise<KubernetesObject[]> {
    const objects: KubernetesObject[] = [];
    const tokens = new Set<string>();
    for (let token = ''; ; ) {
      const query = token === '' ? path : `${path}&continue=${encodeURIComponent(token)}`;
      const page = readable(name, (answer) => listPage.parse(answer), await read(query, bound));
      const kind = { apiVersion: `${type.group}/${type.version}`, kind: type.kind };
      objects.push(
        ...page.items.map((item) => readable(name, () => parseObject({ ...kind, ...objectSchema.parse(item) }), item)),
      );
      token = page.metadata.continue ?? '';
      if (token === '') return objects;
      if (tokens.has(token)) {
        throw new ApiError(
          0,
          'Unreadable',
          `cluster ${name}: its list of ${type.plural} gave the same continue token twice`,
        );
      }
      tokens.add(token);
    }
  }

  async function list(type: ResourceType, path: string, query: string, bound: RequestOptions) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await listOnce(type, `${path}?limit=${pageSize}&${query}`, bound);
      } catch (error) {
        // The continue token ran out in the middle (about five minutes, or a compaction): only a new read is consistent.
        if (!(error instanceof ApiError && error.status === 410) || attempt > restarts) throw error;
      }
    }
  }

  return {
    name,
    now,
    close,
    async schemaRevision(type, bound) {
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${type.plural}.${type.group}`;
      const crd = await missingAsUndefined(read(path, bound, metadataOnly));
      if (crd === undefined) return undefined;
      return Number(readable(name, parseObject, crd).metadata.annotations?.[revisionAnnotation] ?? 0);
    },
    async namespacePhase(namespace, bound) {
      const found = await missingAsUndefined(read(`/api/v1/namespaces/${encodeURIComponent(namespace)}`, bound));
      return found === undefined ? undefined : (namespaceObject.parse(found).status?.phase ?? 'Active');
    },
    async list(type, namespace, fields, bound) {
      const selector = Object.entries(fields).map(([field, value]) => `${field}=${value.replace(/[\\,=]/g, '\\$&')}`);
      const query = `fieldSelector=${encodeURIComponent(selector.join(','))}`;
      const objects = await list(type, collection(type, namespace), query, bound);
      return objects.map((object) => readable(name, () => objectAt(object, namespace, object.metadata.name), object));
    },
    listEverywhere(type, labelSelector, bound) {
      const path = `/apis/${type.group}/${type.version}/${type.plural}`;
      return list(type, path, `labelSelector=${encodeURIComponent(labelSelector)}`, bound);
    },
    async get(type, namespace, wanted, bound) {
      const found = await missingAsUndefined(read(`${collection(type, namespace)}/${wanted}`, bound));
      return found === undefined ? undefined : readable(name, () => objectAt(found, namespace, wanted), found);
    },
  };
}

/** What is written next goes where the answer says that its object is, so it must be the object that was asked for. */
function objectAt(answer: unknown, namespace: string, wanted: string): KubernetesObject {
  const object = parseObject(answer);
  const { name, namespace: found } = object.metadata;
  if (name === wanted && found === namespace) return object;
  throw new Error(`asked for ${namespace}/${wanted}, the answer is ${found ?? 'no namespace'}/${name}`);
}

/** What a proxy answers in the place of an API server may be JSON too. */
function readable<Value>(name: string, parse: (answer: unknown) => Value, answer: unknown): Value {
  try {
    return parse(answer);
  } catch (error) {
    const said = `cluster ${name}: the answer is not what an API server says. Is this its address, or that of a proxy?`;
    throw new ApiError(0, 'Unreadable', said, { cause: error });
  }
}

function collection(type: ResourceType, namespace: string): string {
  return `/apis/${type.group}/${type.version}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`;
}

/** Where an object lies. Throws ApiError where it does not say in which namespace. */
export function pathOf(type: ResourceType, object: KubernetesObject): string {
  return `${collection(type, namespaceOf(object))}/${object.metadata.name}`;
}

/** There is no default: what is written must lie where the mirror has its objects. */
function namespaceOf({ metadata: { name, namespace } }: KubernetesObject): string {
  if (namespace !== undefined) return namespace;
  throw new ApiError(0, 'Unreadable', `the object ${name} is in no namespace: it is not written or deleted`);
}

async function missingAsUndefined(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    // Without that reason it is the whole kind that is not there.
    if (error instanceof ApiError && error.status === 404 && error.reason === 'NotFound') return undefined;
    throw error;
  }
}
