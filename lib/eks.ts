import { ApiError } from './cluster.ts';
import type { Configuration } from './configuration.ts';
import { eks as eksSetting } from './configuration-aws.ts';
import type { Connection } from './connection.ts';
import { accessEntryCommand } from './eks-access.ts';
import { eksToken } from './eks-token.ts';
import { plainText } from './plain-text.ts';
import { type Credentials, credentialsOf, requestHandler } from './sources/aws/credentials.ts';
import { explain, isGone } from './sources/aws/explain.ts';
import { unlessAborted } from './unless-aborted.ts';

type Eks = NonNullable<Configuration['clusters'][string]['eks']>;

/** What an EKS cluster is entered with. */
export interface EksOptions {
  readonly signal: AbortSignal;
  /** ARN of the role to enter with where the configuration names none. */
  readonly clusterRole?: string | undefined;
}

const placeShape = eksSetting.pick({ endpoint: true, certificateAuthority: true });

interface Place {
  readonly endpoint: string;
  /** Base64, as EKS gives it. */
  readonly authority: string;
}

/** Milliseconds for which a token is reused: it counts for 15 minutes, and each new one makes EKS ask STS. */
const tokenLifetime = 600_000;
/** Milliseconds that credentials still have to last when a token is sent that was signed with them. */
const credentialsMargin = 60_000;
/** Milliseconds between two questions to EKS about where the cluster is. */
const askedEvery = 60_000;

/**
 * The way into an EKS cluster, by AWS credentials and without a plugin. Times go by the wall clock, because a function is
 * frozen between two calls, and its monotonic clock may be too. Throws an Error that says what to mend.
 */
export async function openEks(eks: Eks, { signal, clusterRole }: EksOptions): Promise<Connection> {
  const roleArn = eks.role ?? clusterRole;
  const externalId = eks.role === undefined ? undefined : eks.externalId;
  const credentials = credentialsOf({ roleArn, externalId }, { region: eks.region });
  const tokens = tokensOf(eks, credentials);
  let asked: { readonly at: number; readonly place: Promise<Place> } | undefined;

  function ask(): Promise<Place> {
    const now = Date.now();
    if (asked === undefined || Math.abs(now - asked.at) >= askedEvery)
      asked = { at: now, place: describe(eks, credentials) };
    return asked.place;
  }

  function connectionAt(place: Place): Connection {
    return {
      name: eks.name,
      server: new URL(place.endpoint),
      tls: { ca: Buffer.from(place.authority, 'base64') },
      headers: tokens.headers,
      mend: `This identity may have no access entry. To make one: ${accessEntryCommand(eks, roleArn)}`,
      async renewed(trouble) {
        if (trouble.kind === 'refused') {
          tokens.refused(trouble.serverTime);
          return undefined;
        }
        const next = await ask();
        const isSame = next.endpoint === place.endpoint && next.authority === place.authority;
        return isSame ? undefined : connectionAt(next);
      },
    };
  }

  const { endpoint, certificateAuthority: authority } = eks;
  const isKnown = endpoint !== undefined && authority !== undefined;
  const described = isKnown ? { endpoint, authority } : await unlessAborted(ask(), signal);
  await unlessAborted(tokens.headers(), signal);
  return connectionAt({ endpoint: endpoint ?? described.endpoint, authority: authority ?? described.authority });
}

/** The tokens of a cluster, one at a time, dated by the API server's clock once that has refused one. */
function tokensOf(eks: Eks, credentials: Credentials) {
  let token: { readonly text: string; readonly from: number; readonly until: number } | undefined;
  /** Milliseconds by which the API server's clock is ahead of this one. */
  let ahead = 0;

  async function sign(at: number) {
    const lasts = ({ expiration }: { expiration?: Date }) =>
      (expiration?.getTime() ?? Number.POSITIVE_INFINITY) - credentialsMargin;
    let keys = await credentials();
    // By this machine's clock they were still good.
    if (lasts(keys) <= at) keys = await credentials({ forceRefresh: true });
    const text = eksToken({ cluster: eks.name, region: eks.region, keys, at });
    return { text, from: at, until: Math.min(at + tokenLifetime, lasts(keys)) };
  }

  return {
    async headers(): Promise<Record<string, string>> {
      const now = Date.now() + ahead;
      try {
        if (token === undefined || now < token.from || now >= token.until) token = await sign(now);
      } catch (error) {
        throw new ApiError(0, 'NoEntry', `${called(eks)} cannot be entered: ${explain(error).message}`);
      }
      return { Authorization: `Bearer ${token.text}` };
    },
    refused(serverTime: number | undefined): void {
      if (serverTime !== undefined) ahead = serverTime - Date.now();
      token = undefined;
    },
  };
}

async function describe(eks: Eks, credentials: Credentials): Promise<Place> {
  // Half a megabyte that no function needs whose configuration has endpoint and certificateAuthority.
  const { DescribeClusterCommand, EKSClient } = await import('@aws-sdk/client-eks');
  const client = new EKSClient({ region: eks.region, credentials, requestHandler, maxAttempts: 3 });
  try {
    const asked = client.send(new DescribeClusterCommand({ name: eks.name }));
    const { cluster } = await asked.catch((error: unknown) => Promise.reject(told(eks, error)));
    const { endpoint: server, certificateAuthority: { data } = {}, status } = cluster ?? {};
    // As strict as with what the configuration says itself: a token goes there.
    const { endpoint, certificateAuthority: authority } =
      placeShape.safeParse({ endpoint: server, certificateAuthority: data }).data ?? {};
    if (endpoint !== undefined && authority !== undefined) return { endpoint, authority };
    if (server !== undefined && data !== undefined) {
      const odd = 'what EKS says of its endpoint and authority has not the right form. Check AWS_ENDPOINT_URL';
      throw new Error(`${called(eks)} cannot be entered: ${odd}`);
    }
    const state = typeof status === 'string' ? plainText(status, 100) : 'in no state';
    throw new Error(`${called(eks)} has no endpoint: it is ${state}. Wait until it is ACTIVE`);
  } finally {
    client.destroy();
  }
}

function told(eks: Eks, error: unknown): Error {
  if (isGone('eks:DescribeCluster', error)) {
    const mend = 'Correct name and region in the configuration, or the role, whose account is where it is looked for';
    return new Error(`${called(eks)} does not exist. ${mend}`);
  }
  const { message } = explain(error, 'eks:DescribeCluster');
  const mend = message.includes('eks:DescribeCluster')
    ? ', or give endpoint and certificateAuthority in the configuration'
    : '';
  return new Error(`${called(eks)} cannot be looked up: ${message}${mend}`);
}

const called = ({ name, region }: Eks) => `EKS cluster "${name}" in ${region}`;
