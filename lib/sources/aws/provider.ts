import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import * as z from 'zod';
import type { Provider } from '../../define-source.ts';
import { type Scope, UnseenError } from '../../source.ts';
import { type Credentials, credentialsOf, requestHandler } from './credentials.ts';
import { errorTable } from './errors.ts';
import { explain } from './explain.ts';

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
    if (account === undefined) {
      throw new UnseenError(
        'BadAnswer',
        'the answer to sts:GetCallerIdentity names no account: something between here and AWS answers in its place. Check AWS_ENDPOINT_URL and the proxy',
      );
    }
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
  errors: errorTable,
  explain: (error) => explain(error),
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

function checkRegion({ region = '' }: Scope): void {
  if (/^[a-z]+(-[a-z]+)+-\d+$/.test(region)) return;
  throw new UnseenError('WrongPlace', `"${region}" is not the name of an AWS region (such as eu-west-1)`);
}
