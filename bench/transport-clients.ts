import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import * as z from 'zod';

/** Where to send requests and as whom; handed from the benchmark to the process of one client. */
export const targetSchema = z.object({
  server: z.string(),
  certificateAuthority: z.string(),
  token: z.string(),
  group: z.string(),
  version: z.string(),
  plural: z.string(),
  namespace: z.string(),
  inFlight: z.int(),
});
/** What a client is measured against. */
export type Target = z.infer<typeof targetSchema>;

/** The two requests of the workload. An answer above 299 must be an error. */
export interface Client {
  get(name: string): Promise<unknown>;
  replaceStatus(name: string, body: object): Promise<unknown>;
  close(): Promise<void> | void;
}

/** All ways to carry a request that are compared. Each imports what it needs, and only that, when it is opened. */
export const clients = {
  'client-node': (target: Target) => openClientNode(target, false),
  'client-node, one dispatcher': (target: Target) => openClientNode(target, true),
  'lib/transport.ts': openOurs,
  'undici Pool request(), HTTP/1.1': (target: Target) => openPool(target, false),
  'undici Pool request(), HTTP/2': (target: Target) => openPool(target, true),
  'undici fetch, one Agent': openFetch,
  'node:https, keep-alive': openHttps,
  'node:http2, one session': openHttp2,
} satisfies Record<string, (target: Target) => Promise<Client>>;

/** What the others are compared to. */
export const baseline = 'lib/transport.ts';

async function openClientNode(target: Target, shared: boolean): Promise<Client> {
  const { CustomObjectsApi, KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  const caData = Buffer.from(target.certificateAuthority).toString('base64');
  config.loadFromOptions({
    clusters: [{ name: 'bench', server: target.server, caData, skipTLSVerify: false }],
    users: [{ name: 'bench', token: target.token }],
    contexts: [{ name: 'bench', cluster: 'bench', user: 'bench' }],
    currentContext: 'bench',
  });
  if (shared) {
    const { Agent } = await import('undici');
    const agent = new Agent({ connect: { ca: target.certificateAuthority } });
    // The method is private upstream and makes such an Agent for every request (kubernetes-client/javascript#2893).
    Reflect.set(config, 'createDispatcher', () => agent);
  }
  const api = config.makeApiClient(CustomObjectsApi);
  const { group, version, plural, namespace } = target;
  return {
    get: (name) => api.getNamespacedCustomObject({ group, version, plural, namespace, name }),
    replaceStatus: (name, body) =>
      api.replaceNamespacedCustomObjectStatus({ group, version, plural, namespace, name, body }),
    close: () => {},
  };
}

async function openOurs(target: Target): Promise<Client> {
  const { openTransport } = await import('../lib/transport.ts');
  const connection = {
    name: 'bench',
    server: new URL(target.server),
    tls: { ca: target.certificateAuthority },
    headers: async () => ({ Authorization: `Bearer ${target.token}` }),
  };
  const transport = openTransport(connection, { connections: target.inFlight, deadline: 30_000 });
  const { signal } = new AbortController();
  return {
    get: (name) => transport.request({ method: 'GET', path: pathOf(target, name), signal }),
    replaceStatus: (name, body) =>
      transport.request({ method: 'PUT', path: `${pathOf(target, name)}/status`, body, signal }),
    close: transport.close,
  };
}

async function openPool(target: Target, allowH2: boolean): Promise<Client> {
  const { Pool } = await import('undici');
  const connect = { ca: target.certificateAuthority };
  const pool = new Pool(target.server, { connections: target.inFlight, allowH2, connect });
  const send = async (method: 'GET' | 'PUT', path: string, body?: object) => {
    const headers = headersOf(target);
    const answer = await pool.request({ method, path, headers, body: body ? JSON.stringify(body) : null });
    return parsed(answer.statusCode, await answer.body.text());
  };
  return clientOf(target, send, () => pool.close());
}

async function openFetch(target: Target): Promise<Client> {
  const { Agent, fetch } = await import('undici');
  const dispatcher = new Agent({ connect: { ca: target.certificateAuthority } });
  const send = async (method: string, path: string, body?: object) => {
    const init = { method, headers: headersOf(target), body: body ? JSON.stringify(body) : null, dispatcher };
    const answer = await fetch(`${target.server}${path}`, init);
    return parsed(answer.status, await answer.text());
  };
  return clientOf(target, send, () => dispatcher.close());
}

async function openHttps(target: Target): Promise<Client> {
  const { Agent, request } = await import('node:https');
  const agent = new Agent({ keepAlive: true, maxSockets: target.inFlight, ca: target.certificateAuthority });
  const send = async (method: string, path: string, body?: object) => {
    const content = body ? JSON.stringify(body) : '';
    const length = body ? { 'content-length': Buffer.byteLength(content) } : {};
    const headers = { ...headersOf(target), ...length };
    const { promise, resolve, reject } = Promise.withResolvers<[number, string]>();
    const asked = request(`${target.server}${path}`, { method, headers, agent }, (answer) => {
      text(answer).then((body) => resolve([answer.statusCode ?? 0, body]), reject);
    });
    asked.on('error', reject).end(content);
    return parsed(...(await promise));
  };
  return clientOf(target, send, () => agent.destroy());
}

async function openHttp2(target: Target): Promise<Client> {
  const { connect } = await import('node:http2');
  const session = connect(target.server, { ca: target.certificateAuthority });
  await once(session, 'connect');
  const send = async (method: string, path: string, body?: object) => {
    const stream = session.request({ ':method': method, ':path': path, ...headersOf(target) });
    let status = 0;
    stream.on('response', (headers) => {
      status = headers[':status'] ?? 0;
    });
    stream.end(body ? JSON.stringify(body) : undefined);
    const content = await text(stream);
    return parsed(status, content);
  };
  return clientOf(target, send, () => session.close());
}

function clientOf(
  target: Target,
  send: (method: 'GET' | 'PUT', path: string, body?: object) => Promise<unknown>,
  close: Client['close'],
): Client {
  return {
    get: (name) => send('GET', pathOf(target, name)),
    replaceStatus: (name, body) => send('PUT', `${pathOf(target, name)}/status`, body),
    close,
  };
}

function pathOf({ group, version, namespace, plural }: Target, name: string): string {
  return `/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}`;
}

function headersOf({ token }: Target): Record<string, string> {
  return { authorization: `Bearer ${token}`, accept: 'application/json', 'content-type': 'application/json' };
}

function parsed(status: number, body: string): unknown {
  if (status >= 200 && status < 300) return JSON.parse(body);
  throw new Error(`the API server answered ${status}: ${body.slice(0, 300)}`);
}
