import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { Aws } from '../../dev/aws.ts';
import type { Kubernetes } from '../../dev/kubernetes.ts';
import type { Effect } from '../../dev/proxy-faults.ts';

/** A request of the worker at which it dies: before the server gets it, or after it took effect and before the worker hears of it. */
export interface Death {
  /** What it means. */
  readonly step: string;
  readonly when: 'before' | 'after';
  /** As `nameOf` says it of a request to the cluster, or service and action of one to AWS. */
  readonly at: string;
  /** Which of those requests; the first when left out. */
  readonly nth?: number;
  /** Which page of the listing is held back for as long as the worker lives. */
  readonly holds?: number;
  /** Milliseconds within which the worker hears that its time is over; twice that is its time-out. */
  readonly time?: number;
}

/** A death that waits for its request. */
export interface Armed {
  hits(): number;
  disarm(): void;
}

/** A way into a cluster on which deaths wait. */
export interface Gate {
  readonly kubeconfig: string;
  arm(death: Death, die: () => void, target: string): Armed;
  stop(): Promise<void>;
}

const kinds = ['rdsinstances', 'mirrorscans', 'syncruns', 'events'];

/**
 * `PUT rdsinstances/status`, `LIST rdsinstances`; of a write of a SyncRun also how that target stands in it. A request that
 * reads no kind of ours is named by its path.
 */
function nameOf(method: string, url: string, body: string, target: string): string {
  const { pathname } = new URL(url, 'https://cluster');
  const parts = pathname.split('/');
  const at = parts.findIndex((part) => kinds.includes(part));
  if (at < 0) return `${method} ${pathname}`;
  const [kind = '', name, status] = parts.slice(at);
  const verb = method === 'GET' && name === undefined ? 'LIST' : method;
  const whole = `${verb} ${kind}${status === undefined ? '' : `/${status}`}`;
  return kind === 'syncruns' && verb === 'PUT'
    ? `${whole} ${JSON.parse(body).status?.targets?.[target]?.state}`
    : whole;
}

/** A server between the worker and kube-apiserver that holds the latter's own certificate. */
export async function startGate(kubernetes: Kubernetes): Promise<Gate> {
  const file = (name: string) => readFile(join(kubernetes.folder, 'certificates', name));
  const [cert, key] = await Promise.all([file('apiserver.crt'), file('apiserver.key')]);
  const agent = new Agent({ keepAlive: true, ca: cert });
  let armed:
    | { readonly death: Death; readonly die: () => void; readonly target: string; seen: number; hits: number }
    | undefined;
  const server = createServer({ cert, key, keepAliveTimeout: 60_000 }, (incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers, socket } = incoming;
    const body = await buffer(incoming);
    const deadly = hit(nameOf(method, url, body.toString(), armed?.target ?? ''));
    if (deadly?.death.when === 'before') kill(deadly.die);
    // What a dead worker left here has not reached the server.
    if (socket.destroyed) return;
    const asked = request(new URL(url, kubernetes.url), { method, headers, agent }).end(body);
    const [answer]: IncomingMessage[] = await once(asked, 'response');
    if (answer === undefined)
      throw new Error('an answer without a message: this is a bug in test/e2e/backfill-kill.ts');
    const text = await buffer(answer);
    if (deadly?.death.when === 'after') kill(deadly.die);
    const { connection, 'transfer-encoding': encoding, ...kept } = answer.headers;
    if (!socket.destroyed)
      response.writeHead(answer.statusCode ?? 502, { ...kept, 'content-length': text.length }).end(text);
  }

  function hit(name: string) {
    if (armed?.death.at !== name) return undefined;
    armed.seen += 1;
    if (armed.seen !== (armed.death.nth ?? 1)) return undefined;
    armed.hits += 1;
    return armed;
  }

  function kill(die: () => void): void {
    die();
    server.closeAllConnections();
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('startGate: a server without a port');
  const direct = await readFile(kubernetes.kubeconfig('skymirror'), 'utf8');
  return {
    kubeconfig: direct.replaceAll(kubernetes.url, `https://127.0.0.1:${address.port}`),
    arm(death, die, target) {
      const own = { death, die, target, seen: 0, hits: 0 };
      armed = own;
      return {
        hits: () => own.hits,
        disarm() {
          armed = undefined;
        },
      };
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

/** The same for a request to AWS. */
export function armAws(aws: Aws, { at, when, nth = 1 }: Death, die: () => void): Armed {
  const [service = '', action = ''] = at.split(' ');
  const before: Effect = { kind: 'wait', wait: (gone) => dieAndLeave(die, gone) };
  const after: Effect = {
    kind: 'rewrite',
    rewrite(body) {
      die();
      return body;
    },
  };
  const rule = { when: { service, action }, after: nth - 1, times: 1, do: when === 'before' ? before : after };
  const fault = aws.faults.add(rule);
  return { hits: () => fault.hits, disarm: fault.remove };
}

/** The request of the dead goes no further. */
async function dieAndLeave(die: () => void, gone: AbortSignal): Promise<void> {
  die();
  if (!gone.aborted) await once(gone, 'abort');
  throw new Error('the worker is dead');
}
