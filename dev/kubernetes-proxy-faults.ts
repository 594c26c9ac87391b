import type { IncomingHttpHeaders } from 'node:http';
import type { ApiCall } from './kubernetes-proxy-request.ts';
import { answer, change, type Effect, type FaultsOf, type RuleOf } from './proxy-rules.ts';

/** Which requests a fault is for: all that are named must agree. */
export type CallWhen = Partial<Pick<ApiCall, 'verb' | 'resource' | 'subresource' | 'namespace' | 'name'>> & {
  readonly match?: (call: ApiCall) => boolean;
};

/** One fault of the proxy before an API server. */
export type CallRule = RuleOf<CallWhen, Effect>;

/** The faults of the proxy before an API server. */
export type CallFaults = FaultsOf<ApiCall, CallWhen, Effect>;

/** Whether a request is one of those that `when` describes. */
export function matchesCall({ match = () => true, ...when }: CallWhen, call: ApiCall): boolean {
  return (
    (when.verb ?? call.verb) === call.verb &&
    (when.resource ?? call.resource) === call.resource &&
    (when.subresource ?? call.subresource) === call.subresource &&
    (when.namespace ?? call.namespace) === call.namespace &&
    (when.name ?? call.name) === call.name &&
    match(call)
  );
}

/** The API server refuses, with a Status object as it writes them. */
export function refuse(code: number, reason: string, message: string, headers: IncomingHttpHeaders = {}): Effect {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
  return answer(code, JSON.stringify(status), { 'content-type': 'application/json', ...headers });
}

/**
 * 429 as priority and fairness writes it (text, not a Status object: `tooManyRequests` in k8s.io/apiserver's
 * filters/priority-and-fairness.go), with its `Retry-After` where one is given: seconds, or a date as HTTP allows (RFC
 * 9110, 10.2.3) and proxies in between may write it.
 */
export function tooManyRequests(retryAfter?: number | Date): Effect {
  const told = retryAfter instanceof Date ? retryAfter.toUTCString() : retryAfter?.toString();
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    ...(told === undefined ? {} : { 'retry-after': told }),
  };
  return answer(429, 'Too many requests, please try again later.\n', headers);
}

/** 401: the token is not known, or no longer. */
export function unauthorized(): Effect {
  return refuse(401, 'Unauthorized', 'Unauthorized');
}

/** A server error, in the words that kube-apiserver (500, 504) or a proxy before it (502, 503) has for it. */
export function brokenServer(code: 500 | 502 | 503 | 504): Effect {
  if (code === 500) return refuse(500, 'InternalError', 'Internal error occurred: etcdserver: leader changed');
  if (code === 504) return refuse(504, 'Timeout', 'Timeout: request did not complete within the allotted timeout');
  const said = code === 502 ? 'Bad Gateway' : 'Service Unavailable';
  return answer(code, `<html><body><h1>${code} ${said}</h1></body></html>`, { 'content-type': 'text/html' });
}

/** 410 for a further page of a list: its token is older than what etcd keeps. */
export function expiredContinue(): Effect {
  const message = 'The provided continue parameter is too old to display a consistent list result.';
  return refuse(410, 'Expired', message);
}

/** The page of a list, given out as the last one. */
export function lastPage(): Effect {
  return change((real) => {
    const { metadata, ...list } = JSON.parse(real.body.toString());
    const { continue: token, remainingItemCount, ...kept } = metadata;
    return { ...real, body: Buffer.from(JSON.stringify({ ...list, metadata: kept })) };
  });
}
