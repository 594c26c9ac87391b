import type { AwsRequest } from './proxy-request.ts';
import {
  createRules,
  type FaultsOf,
  malformed as malformedBy,
  type RuleOf,
  type Effect as WireEffect,
} from './proxy-rules.ts';

export { cut, delay, type Fault, type Gate, hold, reset } from './proxy-rules.ts';

/** What a fault does to a call: what can befall any HTTP (proxy-rules.ts), or what only AWS says. */
export type Effect =
  | WireEffect
  | { readonly kind: 'answer'; readonly answer: (request: AwsRequest) => AwsError }
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

/** One fault of the proxy before AWS. */
export type Rule = RuleOf<When, Effect>;

/** The faults of the proxy before AWS. */
export type Faults = FaultsOf<AwsRequest, When, Effect>;

/** An empty list of faults. */
export function createFaults(): Faults {
  return createRules(matches);
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

/** HTTP 200 with a body that no parser takes. */
export function malformed(): Effect {
  return malformedBy('<DescribeDB<<Instances');
}

/** The real answer changed by a function; see proxy-rows.ts for ready-made changes of rows. */
export function rewrite(change: Rewrite): Effect {
  return { kind: 'rewrite', rewrite: change };
}
