import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import * as z from 'zod';
import type { Unseen } from '../../conditions.ts';
import type { Provider } from '../../define-source.ts';
import { publicText } from '../../public-text.ts';
import { type Explanation, type Scope, UnseenError } from '../../source.ts';
import { type Credentials, credentialsOf, requestHandler } from './credentials.ts';

/** How to get into an account. Nothing: the credentials at hand are those of the account itself. */
const access = z.strictObject({
  roleArn: z.string().optional(),
  externalId: z.string().optional(),
});

/** What it takes to read an account: the role to assume and its external id, if there is one. */
export type AwsAccess = z.infer<typeof access>;

/** The SDK client settings of one account and region, shared by all sources, with a count of the calls made. */
export interface AwsSession {
  readonly settings: {
    readonly region: string;
    readonly credentials: Credentials;
    readonly retryMode: 'adaptive';
    readonly maxAttempts: number;
    readonly requestHandler: typeof requestHandler;
  };
  /** One for each service, made at first use. */
  readonly clients: Map<string, { destroy(): void }>;
  /** Aborted by `close`: no role is assumed for a session that is over. */
  readonly closed: AbortController;
  calls: number;
}

/**
 * AWS: a scope is an account and a region. Endpoints follow the SDK's own variables (`AWS_ENDPOINT_URL`,
 * `AWS_ENDPOINT_URL_RDS`, ...).
 */
export const aws: Provider<AwsAccess, AwsSession> = {
  group: 'aws.skymirror.dev',
  scope: ['account', 'region'],
  access,
  permissions: ['sts:GetCallerIdentity'],
  connect({ region = '' }, access) {
    const closed = new AbortController();
    const onCall = () => {
      session.calls += 1;
    };
    const credentials = credentialsOf(access, { region, signal: closed.signal, onCall });
    const session: AwsSession = {
      settings: { region, credentials, retryMode: 'adaptive', maxAttempts: 3, requestHandler },
      clients: new Map(),
      closed,
      calls: 0,
    };
    return session;
  },
  async prove(session, scope, signal) {
    checkRegion(scope);
    const client = clientOf(session, 'sts', () => new STSClient(session.settings));
    session.calls += 1;
    const { Account: account } = await client.send(new GetCallerIdentityCommand({}), { abortSignal: signal });
    if (account === scope.account) return;
    throw new UnseenError(
      'WrongPlace',
      `the credentials are those of account ${account}, the mirror names account ${scope.account}: nothing was looked at. Correct the account, or the role that is assumed`,
    );
  },
  calls: (session) => session.calls,
  close(session) {
    session.closed.abort();
    for (const client of session.clients.values()) client.destroy();
  },
  explain,
};

/** The session's client of a service; every source that asks for it shares its connections and its rate. */
export function clientOf<Client extends { destroy(): void }>(
  session: AwsSession,
  service: string,
  make: () => Client & { destroy(): void },
): Client {
  const known = session.clients.get(service);
  // A service name stands for one client class, so the cast cannot go wrong where this function is the only writer.
  if (known !== undefined) return known as Client;
  const client = make();
  session.clients.set(service, client);
  return client;
}

/** What an error says about itself; the SDK's classes differ by service, these fields do not. */
const awsError = z.looseObject({
  name: z.string(),
  message: z.string(),
  code: z.unknown().optional(),
  $metadata: z.looseObject({ httpStatusCode: z.number().optional() }).optional(),
});

/** Error codes of AWS's "Common errors" page and of STS, by what they mean for a mirror. */
const denied = new Map<string, string>([
  ['AccessDenied', 'grant the missing action to the role that reads'],
  ['AccessDeniedException', 'grant the missing action to the role that reads'],
  ['UnauthorizedOperation', 'grant the missing action to the role that reads'],
  ['NotAuthorized', 'grant the missing action to the role that reads'],
  ['OptInRequired', 'enable the service or region for this account'],
  ['ExpiredToken', 'renew the credentials'],
  ['ExpiredTokenException', 'renew the credentials'],
  ['InvalidClientTokenId', 'the access key does not exist, or the region is not enabled for this account'],
  ['UnrecognizedClientException', 'the access key does not exist, or the region is not enabled for this account'],
  ['SignatureDoesNotMatch', 'the secret key does not fit the access key, or the clock is off'],
  ['AuthFailure', 'check the credentials'],
  ['MissingAuthenticationToken', 'check the credentials'],
  ['CredentialsProviderError', 'set AWS_PROFILE to a profile that exists, or AWS_ACCESS_KEY_ID, or run under a role'],
  ['RegionDisabledException', 'enable the region for this account'],
]);

const throttled = new Set([
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'SlowDown',
]);

/** Our own bugs and those of a user's `selects`; what the SDK throws of these has `$metadata`, what Node throws a code. */
const internal = new Set(['TypeError', 'ReferenceError', 'RangeError']);

function explain(error: unknown): Explanation {
  const known = awsError.safeParse(error).data;
  if (known === undefined)
    return { reason: 'Unreachable', message: `AWS could not be asked: ${publicText(String(error))}` };
  const said = `${known.name}: ${publicText(known.message)}`;
  const mend = mendOf(known);
  if (mend !== undefined) {
    // Nobody was asked: the SDK found nothing to sign with.
    const what = known.name === 'CredentialsProviderError' ? 'there are no AWS credentials' : 'AWS refused';
    return { reason: 'AccessDenied', message: `${what} (${said}). To mend it: ${mend}` };
  }
  if (throttled.has(known.name)) return { reason: 'Throttled', message: `AWS throttles this account (${said})` };
  if (known.$metadata?.httpStatusCode === 403) return { reason: 'AccessDenied', message: `AWS refused (${said})` };
  if (internal.has(known.name) && known.$metadata === undefined && known.code === undefined) {
    return { reason: 'BadAnswer', message: `internal error: ${said}` };
  }
  const reason: Unseen =
    known.name === 'SyntaxError' || known.message.includes('Deserialization') ? 'BadAnswer' : 'Unreachable';
  const nameless = /\b(ENOTFOUND|EAI_AGAIN)\b/.test(known.message);
  return { reason, message: `AWS could not be asked (${said})${nameless ? `. To mend it: ${mendName}` : ''}` };
}

const mendName =
  'check that the region is right and enabled for this account, and that there is a network and a DNS server';

function mendOf({ name, message }: z.infer<typeof awsError>): string | undefined {
  if (denied.has(name) && message.includes('sts:AssumeRole')) {
    return 'let the role trust this identity, and give the external id that the role asks for';
  }
  return denied.get(name);
}

function checkRegion({ region = '' }: Scope): void {
  if (/^[a-z]+(-[a-z]+)+-\d+$/.test(region)) return;
  throw new UnseenError('WrongPlace', `"${region}" is not the name of an AWS region (such as eu-west-1)`);
}
