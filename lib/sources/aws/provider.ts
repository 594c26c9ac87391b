import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import * as z from 'zod';
import type { Unseen } from '../../conditions.ts';
import { type Explanation, type Provider, type Scope, UnseenError } from '../../source.ts';

/** How to get into an account. Nothing: the credentials at hand are those of the account itself. */
const access = z.strictObject({
  roleArn: z.string().optional(),
  externalId: z.string().optional(),
});

/** What it takes to read an account: the role to assume and its external id, if there is one. */
export type AwsAccess = z.infer<typeof access>;

type Credentials = ReturnType<typeof fromNodeProviderChain>;

/** Milliseconds before their end at which credentials are renewed; the SDK's own clients take the same. */
const renewedBefore = 300_000;

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
  calls: number;
}

/** Milliseconds; the SDK's default is to wait for ever. */
const requestHandler = { connectionTimeout: 5_000, requestTimeout: 20_000, throwOnRequestTimeout: true };

/**
 * AWS: a scope is an account and a region. Endpoints follow the SDK's own variables (`AWS_ENDPOINT_URL`,
 * `AWS_ENDPOINT_URL_RDS`, ...).
 */
export const aws: Provider<AwsAccess, AwsSession> = {
  name: 'aws',
  group: 'aws.skymirror.dev',
  scope: ['account', 'region'],
  access,
  permissions: ['sts:GetCallerIdentity'],
  connect({ region = '' }, { roleArn, externalId }) {
    const clientConfig = { region, requestHandler };
    const provider =
      roleArn === undefined
        ? fromNodeProviderChain({ clientConfig })
        : fromTemporaryCredentials({
            clientConfig,
            params: {
              RoleArn: roleArn,
              RoleSessionName: 'skymirror',
              ...(externalId === undefined ? {} : { ExternalId: externalId }),
            },
          });
    return {
      settings: { region, credentials: shared(provider), retryMode: 'adaptive', maxAttempts: 3, requestHandler },
      clients: new Map(),
      calls: 0,
    };
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
    for (const client of session.clients.values()) client.destroy();
  },
  explain,
};

/** One set of credentials for all clients of a session: each would assume the role for itself. */
function shared(provider: Credentials): Credentials {
  let asked: ReturnType<Credentials> | undefined;
  return async (...options) => {
    const expiration = (await asked?.catch(() => undefined))?.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
    if (asked === undefined || expiration - Date.now() < renewedBefore) asked = provider(...options);
    const current = asked;
    current.catch(() => {
      if (asked === current) asked = undefined;
    });
    return current;
  };
}

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
  [
    'CredentialsProviderError',
    'no AWS credentials were found: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run under a role',
  ],
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

function explain(error: unknown): Explanation {
  const known = awsError.safeParse(error).data;
  if (known === undefined) return { reason: 'Unreachable', message: `AWS could not be asked: ${String(error)}` };
  const mend = mendOf(known);
  const said = `${known.name}: ${known.message}`.replace(/\s+/g, ' ');
  if (mend !== undefined) return { reason: 'AccessDenied', message: `AWS refused (${said}). To mend it: ${mend}` };
  if (throttled.has(known.name)) return { reason: 'Throttled', message: `AWS throttles this account (${said})` };
  if (known.$metadata?.httpStatusCode === 403) return { reason: 'AccessDenied', message: `AWS refused (${said})` };
  const reason: Unseen =
    known.name === 'SyntaxError' || known.message.includes('Deserialization') ? 'BadAnswer' : 'Unreachable';
  return { reason, message: `AWS could not be asked (${said})` };
}

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
