import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { UnseenError } from '../../source.ts';
import { explain } from './explain.ts';

/** A role to assume, and the external id that its trust policy asks for. Nothing: the identity at hand. */
export interface AwsEntrance {
  readonly roleArn?: string | undefined;
  readonly externalId?: string | undefined;
}

/** What credentials are asked for with. */
export interface CredentialsOptions {
  readonly region: string;
  /** Once it is aborted, no role is assumed. */
  readonly signal?: AbortSignal;
  /** Called before each call to AWS. */
  readonly onCall?: () => void;
}

/** A provider of credentials, as the SDK's clients take it. */
export type Credentials = ReturnType<typeof fromNodeProviderChain>;

/** Milliseconds before their end at which credentials are renewed; the SDK's own clients take the same. */
const renewedBefore = 300_000;

/**
 * Milliseconds; the SDK's default is to wait for ever, for the beginning of an answer (`requestTimeout`) as for the rest of
 * it (`socketTimeout`).
 */
export const requestHandler = {
  connectionTimeout: 5_000,
  requestTimeout: 20_000,
  socketTimeout: 20_000,
  throwOnRequestTimeout: true,
};

/**
 * One set of credentials for whoever asks, renewed before it ends, or at once with `forceRefresh`. Endpoints follow the
 * SDK's variables.
 */
export function credentialsOf(entrance: AwsEntrance, options: CredentialsOptions): Credentials {
  const atHand = fromNodeProviderChain({ clientConfig: { region: options.region, requestHandler } });
  const { roleArn } = entrance;
  return shared(roleArn === undefined ? atHand : () => assumeRole(atHand, { ...entrance, roleArn }, options));
}

/** Ours and not the SDK's `fromTemporaryCredentials`, which never destroys its client and whose calls nobody counts. */
async function assumeRole(
  credentials: Credentials,
  { roleArn, externalId }: AwsEntrance & { readonly roleArn: string },
  { region, signal, onCall }: CredentialsOptions,
) {
  const client = new STSClient({ region, credentials, requestHandler, retryMode: 'adaptive', maxAttempts: 3 });
  try {
    onCall?.();
    const role = { RoleArn: roleArn, RoleSessionName: 'skymirror', ExternalId: externalId };
    const bound = signal === undefined ? {} : { abortSignal: signal };
    const asked = client.send(new AssumeRoleCommand(role), bound);
    const { Credentials: given } = await asked.catch((error: unknown) => Promise.reject(unassumed(error)));
    if (given?.AccessKeyId === undefined || given.SecretAccessKey === undefined) {
      throw new UnseenError('BadAnswer', `AssumeRole of ${roleArn} answered without credentials`);
    }
    return {
      accessKeyId: given.AccessKeyId,
      secretAccessKey: given.SecretAccessKey,
      ...(given.SessionToken === undefined ? {} : { sessionToken: given.SessionToken }),
      ...(given.Expiration === undefined ? {} : { expiration: given.Expiration }),
    };
  } finally {
    client.destroy();
  }
}

/** Told here, because whoever needs the credentials would take it for the answer to what it asked itself. */
function unassumed(cause: unknown): UnseenError {
  const { reason, message } = explain(cause, 'sts:AssumeRole');
  return new UnseenError(reason, message, { cause });
}

/** One set of credentials for all clients of a session: each would assume the role for itself. */
function shared(provider: Credentials): Credentials {
  let asked: ReturnType<Credentials> | undefined;
  return async (options) => {
    const known = asked;
    const expiration = (await known?.catch(() => undefined))?.expiration?.getTime() ?? Number.POSITIVE_INFINITY;
    const isExpired = expiration - Date.now() < renewedBefore || options?.forceRefresh === true;
    // Of many that find it expired at once, the first renews for all.
    if (asked === undefined || (asked === known && isExpired)) asked = provider(options);
    const current = asked;
    current.catch(() => {
      if (asked === current) asked = undefined;
    });
    return current;
  };
}
