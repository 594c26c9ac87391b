import { Agent, request as send } from 'undici';
import { z } from 'zod';
import { until } from './until.ts';

/** How a request differs from `GET` as `admin`. A string is sent as it is, everything else as JSON. */
export interface KubernetesRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  body?: unknown;
  user?: string;
  headers?: Record<string, string>;
  contentType?: string;
}

/** The body is parsed where the server says that it is JSON, else a string. */
export interface KubernetesResponse {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
}

/** A small client for set-up and tests, on one connection pool; deliberately not the one under test. */
export interface KubernetesClient {
  request(path: string, options?: KubernetesRequest): Promise<KubernetesResponse>;
  /**
   * Server-side apply as field manager `setup`, one object after the other. An error, an unknown field and a warning
   * of the server are all errors. A CustomResourceDefinition is served when this returns; RBAC takes effect a moment
   * later.
   */
  apply(objects: readonly unknown[], user?: string): Promise<void>;
  /** kube-apiserver's own metrics, in Prometheus' text format. */
  metrics(): Promise<string>;
  close(): Promise<void>;
}

const manifestSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});
type Manifest = z.infer<typeof manifestSchema>;

const discoverySchema = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

const definitionSchema = z.object({
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    versions: z.array(z.object({ name: z.string(), served: z.boolean() })),
  }),
  status: z
    // A definition that was just made has `conditions: null`.
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish() })
    .default({ conditions: [] }),
});

/** Trusts only this certificate authority; tokens are by user. */
export function createKubernetesClient(
  url: string,
  certificateAuthority: string,
  tokens: Record<string, string>,
): KubernetesClient {
  const dispatcher = new Agent({ connect: { ca: certificateAuthority }, headersTimeout: 60_000, bodyTimeout: 60_000 });
  return { request, apply, metrics, close: () => dispatcher.destroy() };

  async function request(path: string, options: KubernetesRequest = {}): Promise<KubernetesResponse> {
    const { method = 'GET', body, user = 'admin', headers, contentType = 'application/json' } = options;
    const token = tokens[user];
    if (!token) throw new Error(`kubernetes: no user "${user}"; there are ${Object.keys(tokens).join(', ')}`);
    const response = await send(url + path, {
      dispatcher,
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': contentType, ...headers },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.body.text();
    const isJson = String(response.headers['content-type']).startsWith('application/json');
    return { status: response.statusCode, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  async function apply(objects: readonly unknown[], user = 'admin'): Promise<void> {
    for (const object of objects) {
      const manifest = parseManifest(object);
      const query = 'fieldManager=setup&force=true&fieldValidation=Strict';
      const response = await request(`${await pathOf(manifest)}?${query}`, {
        method: 'PATCH',
        contentType: 'application/apply-patch+yaml',
        body: manifest,
        user,
      });
      const { warning } = response.headers;
      if (response.status >= 300 || warning) {
        throw new Error(
          `kubernetes: cannot apply ${nameOf(manifest)} as ${user}: ${response.status} ${warning ?? describe(response)}`,
        );
      }
      if (manifest.kind === 'CustomResourceDefinition') await served(manifest);
    }
  }

  async function metrics(): Promise<string> {
    const response = await request('/metrics');
    if (response.status === 200) return String(response.body);
    throw new Error(`kubernetes: no metrics: ${response.status} ${describe(response)}`);
  }

  /** The API's path of an object, by discovery. */
  async function pathOf(manifest: Manifest): Promise<string> {
    const { apiVersion, kind, metadata } = manifest;
    const resource = await discover(apiVersion, kind);
    if (!resource) {
      throw new Error(
        `kubernetes: the cluster does not serve ${nameOf(manifest)}; apply its CustomResourceDefinition first`,
      );
    }
    const namespace = resource.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${rootOf(apiVersion)}${namespace}/${resource.name}/${metadata.name}`;
  }

  async function discover(apiVersion: string, kind: string) {
    const response = await request(rootOf(apiVersion));
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw new Error(`kubernetes: no discovery of ${apiVersion}: ${describe(response)}`);
    const { resources } = discoverySchema.parse(response.body);
    return resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
  }

  /** Established is not enough: discovery, and with it every client that uses it, learns of a kind a moment later. */
  async function served(manifest: Manifest): Promise<void> {
    const path = await pathOf(manifest);
    const isServed = async () => {
      const { spec, status } = definitionSchema.parse((await request(path)).body);
      if (!status.conditions?.some(({ type, status }) => type === 'Established' && status === 'True')) return false;
      const versions = spec.versions.filter((version) => version.served);
      const found = versions.map(({ name }) => discover(`${spec.group}/${name}`, spec.names.kind));
      return (await Promise.all(found)).every((resource) => resource !== undefined);
    };
    await until(isServed, { what: `the serving of ${nameOf(manifest)}` });
  }
}

function parseManifest(object: unknown): Manifest {
  const { data, error } = manifestSchema.safeParse(object);
  if (data) return data;
  throw new Error(`kubernetes: cannot apply ${JSON.stringify(object)}: ${z.prettifyError(error)}`, { cause: error });
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function nameOf({ apiVersion, kind, metadata }: Manifest): string {
  return `${apiVersion} ${kind} ${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name}`;
}

function describe({ body }: KubernetesResponse): string {
  const status = z.object({ message: z.string() }).safeParse(body);
  return status.success ? status.data.message : JSON.stringify(body);
}
