import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Kubernetes } from '../../dev/kubernetes.ts';

/** A request to the API server that has arrived whole. */
export interface Passing {
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

/** What the API server answered. */
export interface Passed {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Decides about a request: `forward` takes it to the API server; without an answer whoever asked is hung up on. */
export type Keeper = (passing: Passing, forward: () => Promise<Passed>) => Promise<Passed | undefined>;

/** A way into a cluster on which every request is seen. */
export interface Gate {
  readonly kubeconfig: string;
  /** The same as a file in the cluster's folder. */
  readonly kubeconfigFile: string;
  /** Ends all connections. What has not been forwarded by then, its asker has not sent. */
  cut(): void;
  stop(): Promise<void>;
}

/** A server between skymirror and kube-apiserver that holds the latter's own certificate. */
export async function startGate(kubernetes: Kubernetes, keeper: Keeper): Promise<Gate> {
  const file = (name: string) => readFile(join(kubernetes.folder, 'certificates', name));
  const [cert, key] = await Promise.all([file('apiserver.crt'), file('apiserver.key')]);
  const agent = new Agent({ keepAlive: true, ca: cert });
  const server = createServer({ cert, key, keepAliveTimeout: 60_000 }, (incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers, socket } = incoming;
    const body = await buffer(incoming);
    if (socket.destroyed) return;
    const forward = () => ask(new URL(url, kubernetes.url), { method, headers }, body);
    const passed = await keeper({ method, url, body: body.toString() }, forward);
    if (passed === undefined) response.destroy();
    if (passed === undefined || socket.destroyed) return;
    const { connection, 'transfer-encoding': encoding, ...kept } = passed.headers;
    response.writeHead(passed.status, { ...kept, 'content-length': passed.body.length }).end(passed.body);
  }

  async function ask(url: URL, options: { method: string; headers: IncomingMessage['headers'] }, body: Buffer) {
    const asked = request(url, { ...options, agent }).end(body);
    const [answer]: IncomingMessage[] = await once(asked, 'response');
    if (answer === undefined) throw new Error('an answer without a message: this is a bug in test/e2e/kills-gate.ts');
    return { status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) };
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('startGate: a server without a port');
  const direct = await readFile(kubernetes.kubeconfig('skymirror'), 'utf8');
  const kubeconfig = direct.replaceAll(kubernetes.url, `https://127.0.0.1:${address.port}`);
  const kubeconfigFile = join(kubernetes.folder, `gate-${address.port}.kubeconfig`);
  await writeFile(kubeconfigFile, kubeconfig, { mode: 0o600 });
  return {
    kubeconfig,
    kubeconfigFile,
    cut: () => server.closeAllConnections(),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

const kinds = ['rdsinstances', 'mirrorscans', 'syncruns', 'events'];

/** `PUT rdsinstances/status`, `LIST rdsinstances`; a request that reads no kind of ours is named by its path. */
export function nameOf({ method, url }: Pick<Passing, 'method' | 'url'>): string {
  const { pathname } = new URL(url, 'https://cluster');
  const parts = pathname.split('/');
  const at = parts.findIndex((part) => kinds.includes(part));
  if (at < 0) return `${method} ${pathname}`;
  const [kind = '', name, status] = parts.slice(at);
  const verb = method === 'GET' && name === undefined ? 'LIST' : method;
  return `${verb} ${kind}${status === undefined ? '' : `/${status}`}`;
}
