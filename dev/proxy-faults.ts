import { setTimeout as sleep } from 'node:timers/promises';
import type { AwsRequest } from './proxy-request.ts';

/** What a fault does to a call. Made by the functions of this file. */
export type Effect =
  | { readonly kind: 'answer'; readonly answer: (request: AwsRequest) => AwsError }
  | { readonly kind: 'reset' | 'cut' | 'malformed' }
  | { readonly kind: 'wait'; readonly wait: (gone: AbortSignal) => Promise<void> }
  | { readonly kind: 'rewrite'; readonly rewrite: Rewrite };

/** An error answer in AWS's words; the proxy puts it into the XML or JSON of the called API. */
export type AwsError = { readonly status: number; readonly code: string; readonly message: string };

/** The real answer changed: the new body, or with it a new status. */
export type Rewrite = (
  body: string,
  request: AwsRequest,
  status: number,
) => string | { readonly body: string; readonly status: number };

/** Which calls a fault is for: all that are named must agree. */
export type When = {
  readonly service?: string;
  readonly action?: string;
  readonly account?: string;
  readonly region?: string;
  readonly match?: (request: AwsRequest) => boolean;
};

/** One fault: let the first `after` matching calls through, then hit `times` of them (default: every one). */
export type Rule = { readonly when: When; readonly do: Effect; readonly times?: number; readonly after?: number };

/** A fault at work. */
export type Fault = { readonly hits: number; remove(): void };

/** The faults of a proxy. */
export type Faults = {
  add(rule: Rule): Fault;
  clear(): void;
  /**
   * The effects that this call gets, counted on its arrival, in the order in which the rules were added. The first effect that answers by
   * itself ends the list: rules behind it do not count the call.
   */
  effects(request: AwsRequest): Effect[];
};

/** An empty list of faults. */
export function createFaults(): Faults {
  const rules = new Set<{ rule: Rule; seen: number; hits: number }>();
  return {
    add(rule) {
      const entry = { rule, seen: 0, hits: 0 };
      rules.add(entry);
      return {
        get hits() {
          return entry.hits;
        },
        remove: () => rules.delete(entry),
      };
    },
    clear: () => rules.clear(),
    effects(request) {
      const effects: Effect[] = [];
      for (const entry of rules) {
        if (!matches(entry.rule.when, request)) continue;
        entry.seen += 1;
        if (entry.seen <= (entry.rule.after ?? 0) || entry.hits >= (entry.rule.times ?? Number.POSITIVE_INFINITY))
          continue;
        entry.hits += 1;
        effects.push(entry.rule.do);
        if (entry.rule.do.kind === 'answer' || entry.rule.do.kind === 'reset') break;
      }
      return effects;
    },
  };
}

/** Whether a call is one of those that `when` describes. */
export function matches({ match = () => true, ...when }: When, request: AwsRequest): boolean {
  return (
    (when.service ?? request.service) === request.service &&
    (when.action ?? request.action) === request.action &&
    (when.account ?? request.account) === request.account &&
    (when.region ?? request.region) === request.region &&
    match(request)
  );
}

/** Any error of AWS: its code, its sentence, its HTTP status. */
export function fail(code: string, message: string, status = 400): Effect {
  return { kind: 'answer', answer: () => ({ code, message, status }) };
}

/** `Throttling`, as RDS answers above its rate. SDKs retry it. */
export function throttle(): Effect {
  return fail('Throttling', 'Rate exceeded');
}

/** `AccessDenied` with the sentence that AWS gives when no policy allows the action. */
export function deny(): Effect {
  const resource = ({ service, region, account, parameters }: AwsRequest) =>
    service === 'rds' ? `arn:aws:rds:${region}:${account}:db:*` : (parameters.RoleArn ?? '*');
  return { kind: 'answer', answer: (request) => accessDenied(request, resource(request)) };
}

/** AWS's words for a caller whom no identity-based policy allows this. */
export function accessDenied({ caller, service, action }: AwsRequest, resource: string, because = true): AwsError {
  const permission = `${service}:${action}`;
  const reason = because ? ` because no identity-based policy allows the ${permission} action` : '';
  const message = `User: ${caller} is not authorized to perform: ${permission} on resource: ${resource}${reason}`;
  return { code: 'AccessDenied', status: 403, message };
}

/** `ExpiredToken`: the session is over. */
export function expiredToken(): Effect {
  return fail('ExpiredToken', 'The security token included in the request is expired', 403);
}

/** `InvalidClientTokenId`: AWS does not know the access key. */
export function invalidToken(): Effect {
  return fail('InvalidClientTokenId', 'The security token included in the request is invalid.', 403);
}

/** `SignatureDoesNotMatch`: a wrong secret key. */
export function signatureMismatch(): Effect {
  const reason = 'The request signature we calculated does not match the signature you provided.';
  return fail('SignatureDoesNotMatch', `${reason} Check your AWS Secret Access Key and signing method.`, 403);
}

/** `ServiceUnavailable` with HTTP 503. SDKs retry it. */
export function unavailable(): Effect {
  return fail('ServiceUnavailable', 'Service is unavailable, please try again.', 503);
}

/** The connection is destroyed before the call reaches AWS. */
export function reset(): Effect {
  return { kind: 'reset' };
}

/** Half of the real answer, then the connection is destroyed. */
export function cut(): Effect {
  return { kind: 'cut' };
}

/** HTTP 200 with a body that no parser takes. */
export function malformed(): Effect {
  return { kind: 'malformed' };
}

/** The answer comes so many milliseconds later. */
export function delay(milliseconds: number): Effect {
  return { kind: 'wait', wait: (signal) => sleep(milliseconds, undefined, { signal }) };
}

/** The real answer changed by a function; see proxy-rows.ts for ready-made changes of rows. */
export function rewrite(change: Rewrite): Effect {
  return { kind: 'rewrite', rewrite: change };
}

/** Calls that wait at a gate until a test opens it, before they reach AWS. */
export type Gate = { readonly effect: Effect; readonly reached: Promise<void>; release(): void };

/** A closed gate: `reached` resolves when the first call waits at it; after `release()` it lets all calls through. */
export function hold(): Gate {
  const reached = Promise.withResolvers<void>();
  const open = Promise.withResolvers<void>();
  const wait = (gone: AbortSignal) => {
    reached.resolve();
    const left = Promise.withResolvers<void>();
    gone.addEventListener('abort', () => left.reject(gone.reason), { once: true });
    return Promise.race([open.promise, left.promise]);
  };
  return { effect: { kind: 'wait', wait }, reached: reached.promise, release: () => open.resolve() };
}
