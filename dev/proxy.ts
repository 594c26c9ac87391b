import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { buffer } from 'node:stream/consumers';
import {
  type AwsError,
  createFaults,
  type Effect,
  type Faults,
  matches,
  type Rule,
  type When,
} from './proxy-faults.ts';
import type { RoleDocuments } from './proxy-iam.ts';
import { mends, refusal, roleRefusal } from './proxy-mend.ts';
import { type AwsRequest, type Identity, learnIdentity, parseRequest } from './proxy-request.ts';

/** What the proxy is told about the accounts behind it. */
export type ProxyOptions = {
  /** Roles that may be assumed, with the external id each asks for. Without this any role may be. */
  readonly roles?: ReadonlyMap<string, string>;
  /** Rules that `faults.clear()` leaves alone, for what moto cannot do. */
  readonly always?: readonly Rule[];
};

/** The calls that reached the proxy, also those that a fault answered. */
export type Recorder = {
  readonly all: readonly AwsRequest[];
  count(filter?: When): number;
  clear(): void;
};

/** A running proxy. */
export type AwsProxy = {
  readonly endpoint: string;
  readonly faults: Faults;
  readonly requests: Recorder;
  /** Roles by ARN whose policies the proxy holds to the letter, resources and trust included; empty at first. */
  readonly documents: Map<string, RoleDocuments>;
  /** Tells the proxy whose an access key is, when it did not pass through it. */
  learn(accessKey: string, identity: Identity): void;
  stop(): Promise<void>;
};

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

/**
 * A proxy in front of moto that understands AWS calls, counts them, and breaks them on request. It also mends where
 * moto differs from AWS: see proxy-mend.ts.
 */
export async function startProxy(target: string, { roles, always = [] }: ProxyOptions = {}): Promise<AwsProxy> {
  const agent = new Agent({ keepAlive: true });
  const faults = createFaults();
  const standing = createFaults();
  for (const rule of [...mends, ...always]) standing.add(rule);
  const identities = new Map<string, Identity>();
  const documents = new Map<string, RoleDocuments>();
  const recorded: AwsRequest[] = [];

  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, response) => {
    handle(incoming, response).catch((error: unknown) => {
      if (response.destroyed) return;
      response.writeHead(502).end(`dev/proxy.ts could not ask ${target}: ${error}. Is moto still running?`);
    });
  });

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const body = await buffer(incoming);
    const { headers, url = '/' } = incoming;
    const call = parseRequest({ headers, url, body: body.toString() }, identities);
    if (call === undefined) return send(response, await forward(target, agent, incoming, body));
    recorded.push(call);
    const effects = faults.effects(call);
    for (const effect of effects) {
      if (effect.kind === 'wait') await effect.wait(gone.signal);
      if (effect.kind === 'reset') return void incoming.socket.destroy();
      if (effect.kind === 'answer') return send(response, errorAnswer(call, effect.answer(call)));
    }
    const { refused: byRole, isTrusted } = roleRefusal(call, documents);
    const refused = byRole ?? refusal(call, isTrusted ? undefined : roles);
    if (refused !== undefined) return send(response, errorAnswer(call, refused));
    const real = await forward(target, agent, incoming, body);
    const learned = learnIdentity(call, real.body.toString());
    if (learned !== undefined) identities.set(...learned);
    send(response, changed(real, call, [...standing.effects(call), ...effects]), effects.some(isCut));
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('The AWS proxy did not get a TCP port: this is a bug in dev/proxy.ts');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    faults,
    requests: {
      all: recorded,
      count: (filter = {}) => recorded.filter((call) => matches(filter, call)).length,
      clear: () => recorded.splice(0),
    },
    documents,
    learn: (accessKey, identity) => identities.set(accessKey, identity),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

/** A call to moto. A kept connection that moto closed meanwhile gives one reset, so that case is tried again. */
async function forward(target: string, agent: Agent, incoming: IncomingMessage, body: Buffer): Promise<Answer> {
  const { method, headers, url } = incoming;
  const asked = request(new URL(url ?? '/', target), { method: method ?? 'POST', headers, agent });
  try {
    asked.end(body);
    const [answer]: IncomingMessage[] = await once(asked, 'response');
    if (answer === undefined) throw new Error('an answer without a message: this is a bug in dev/proxy.ts');
    return { status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) };
  } catch (error) {
    if (asked.reusedSocket) return forward(target, agent, incoming, body);
    throw error;
  }
}

function changed(real: Answer, call: AwsRequest, effects: readonly Effect[]): Answer {
  let answer = real;
  for (const effect of effects) {
    if (effect.kind === 'malformed') answer = { ...answer, status: 200, body: Buffer.from('<DescribeDB<<Instances') };
    if (effect.kind !== 'rewrite') continue;
    const next = effect.rewrite(answer.body.toString(), call, answer.status);
    const { body, status } = typeof next === 'string' ? { body: next, status: answer.status } : next;
    answer = { ...answer, status, body: Buffer.from(body) };
  }
  return answer;
}

function isCut(effect: Effect): boolean {
  return effect.kind === 'cut';
}

function errorAnswer({ protocol, service }: AwsRequest, { status, code, message }: AwsError): Answer {
  const id = randomUUID();
  const headers = {
    'x-amzn-requestid': id,
    'content-type': protocol === 'query' ? 'text/xml' : 'application/x-amz-json-1.0',
  };
  const body =
    protocol === 'query'
      ? errorXml(service, { status, code, message }, id)
      : JSON.stringify({ __type: `com.amazonaws.${service}#${code}`, message });
  return { status, headers, body: Buffer.from(body) };
}

const namespaces: Record<string, string> = {
  rds: 'http://rds.amazonaws.com/doc/2014-10-31/',
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
};

function errorXml(service: string, { status, code, message }: AwsError, id: string): string {
  const type = status < 500 ? 'Sender' : 'Receiver';
  const escaped = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const error = `<Error><Type>${type}</Type><Code>${code}</Code><Message>${escaped}</Message></Error>`;
  return `<ErrorResponse xmlns="${namespaces[service] ?? ''}">${error}<RequestId>${id}</RequestId></ErrorResponse>`;
}

function send(response: ServerResponse, { status, headers, body }: Answer, isHalf = false): void {
  const { connection, 'transfer-encoding': encoding, ...kept } = headers;
  response.writeHead(status, { ...kept, 'content-length': body.length });
  if (isHalf) response.write(body.subarray(0, body.length / 2), () => response.destroy());
  else response.end(body);
}
