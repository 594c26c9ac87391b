import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
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
import { type Answer, change, type Effect as WireEffect } from './proxy-rules.ts';
import { type Course, type Forward, faultsAt, startFaultServer } from './proxy-server.ts';

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

/**
 * A proxy in front of moto that understands AWS calls, counts them, and breaks them on request. It also mends where
 * moto differs from AWS: see proxy-mend.ts.
 */
export async function startProxy(target: string, { roles, always = [] }: ProxyOptions = {}): Promise<AwsProxy> {
  const faults = createFaults();
  const standing = createFaults();
  for (const rule of [...mends, ...always]) standing.add(rule);
  const identities = new Map<string, Identity>();
  const documents = new Map<string, RoleDocuments>();
  const recorded: AwsRequest[] = [];

  function plan(incoming: IncomingMessage, body: Buffer, forward: Forward): Course {
    const { headers, url = '/' } = incoming;
    const call = parseRequest({ headers, url, body: body.toString() }, identities);
    if (call === undefined) return { effects: [], forward: () => forward(incoming, body) };
    recorded.push(call);
    const effects = faults.effects(call);
    const { refused: byRole, isTrusted } = roleRefusal(call, documents);
    const refused = byRole ?? refusal(call, isTrusted ? undefined : roles);
    return {
      // What moto would not refuse comes last: a fault that answers is faster, one that only waits is not.
      effects: [...effects.map((effect) => carriedOut(effect, call)), ...(refused ? [errorEffect(call, refused)] : [])],
      async forward() {
        const real = await forward(incoming, body);
        const learned = learnIdentity(call, real.body.toString());
        if (learned !== undefined) identities.set(...learned);
        return standing.effects(call).reduce((answer, effect) => rewritten(answer, call, effect), real);
      },
    };
  }

  const { door, stop } = await startFaultServer({ url: target }, { secure: false }, plan);
  return {
    endpoint: door.url,
    faults: faultsAt(door, faults),
    requests: {
      all: recorded,
      count: (filter = {}) => recorded.filter((call) => matches(filter, call)).length,
      clear: () => recorded.splice(0),
    },
    documents,
    learn: (accessKey, identity) => identities.set(accessKey, identity),
    stop,
  };
}

/** The effect in terms of HTTP. */
function carriedOut(effect: Effect, call: AwsRequest): WireEffect {
  if (effect.kind === 'answer') return errorEffect(call, effect.answer(call));
  return effect.kind === 'rewrite' ? change((real) => rewritten(real, call, effect)) : effect;
}

function rewritten(answer: Answer, call: AwsRequest, effect: Effect): Answer {
  if (effect.kind !== 'rewrite') return answer;
  const next = effect.rewrite(answer.body.toString(), call, answer.status);
  const { body, status } = typeof next === 'string' ? { body: next, status: answer.status } : next;
  return { ...answer, status, body: Buffer.from(body) };
}

function errorEffect(call: AwsRequest, error: AwsError): WireEffect {
  return { kind: 'instead', answer: errorAnswer(call, error) };
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
