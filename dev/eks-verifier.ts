import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import type { Keys } from './aws-identities.ts';
import { signatureOf } from './eks-signature.ts';

/** What the verifier is told about the cluster that it guards. */
export interface VerifierOptions {
  cluster: string;
  region: string;
  /** Its clock, in milliseconds; left out: that of this machine. */
  now?: () => number;
}

/** Stands in for what EKS asks when a token comes: for aws-iam-authenticator, STS and the cluster's access entries. */
export interface EksVerifier {
  /** For kube-apiserver's `--authentication-token-webhook-config-file`. */
  url: string;
  /** The reasons for which tokens were refused, in order. */
  refusals: readonly string[];
  /** The tokens that were accepted, each once. */
  accepted: ReadonlySet<string>;
  /** Tells it keys that AWS would know, and whose they are; from `expires` on they no longer count. */
  learn(keys: Keys, arn: string, expires?: number): void;
  /** Makes an access entry. */
  admit(principal: string, groups: readonly string[]): void;
  stop(): Promise<void>;
}

/** Who a token is of. */
interface Caller {
  arn: string;
  accessKeyId: string;
}

interface Known {
  keys: Keys;
  arn: string;
  expires: number;
}

const review = z.looseObject({ spec: z.looseObject({ token: z.string() }) });
const prefix = 'k8s-aws-v1.';
const longestToken = 4096;
const lifetime = 15 * 60_000;
/** STS takes a signature as "not yet current" that is further ahead. */
const tolerance = 5 * 60_000;
const allowed = [
  'action',
  'version',
  ...['algorithm', 'credential', 'date', 'expires', 'security-token', 'signature', 'signedheaders'].map(
    (name) => `x-amz-${name}`,
  ),
];

/** Starts a verifier on a free port of this machine. */
export async function startEksVerifier(options: VerifierOptions): Promise<EksVerifier> {
  const known = new Map<string, Known>();
  const entries = new Map<string, readonly string[]>();
  const refusals: string[] = [];
  const accepted = new Set<string>();

  async function answer(token: string): Promise<object> {
    try {
      const { arn, accessKeyId } = await callerOf(token, known, options);
      const groups = entries.get(principalOf(arn));
      if (groups === undefined) throw new Error(`no access entry for ${principalOf(arn)}`);
      accepted.add(token);
      return { authenticated: true, user: { username: arn, uid: `aws-iam-authenticator:${accessKeyId}`, groups } };
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error));
      return { authenticated: false };
    }
  }

  const server = createServer((request, response) => {
    json(request)
      .then((body) => answer(review.parse(body).spec.token))
      .then((status) => {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', status }));
      })
      .catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('dev/eks-verifier.ts: no TCP port');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    refusals,
    accepted,
    learn: (keys, arn, expires = Number.POSITIVE_INFINITY) => known.set(keys.accessKeyId, { keys, arn, expires }),
    admit: (principal, groups) => entries.set(principal, groups),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Decodes a token as aws-iam-authenticator does (pkg/token/token.go, `Verify`), then asks the signature as STS does, with
 * an implementation that is not ours. Throws the reason for which it is refused.
 */
async function callerOf(
  token: string,
  known: ReadonlyMap<string, Known>,
  { cluster, region, now = Date.now }: VerifierOptions,
): Promise<Caller> {
  if (token.length > longestToken) throw new Error('token is too large');
  if (!token.startsWith(prefix)) throw new Error(`token is missing expected "${prefix}" prefix`);
  const url = new URL(Buffer.from(token.slice(prefix.length), 'base64url').toString());
  if (url.protocol !== 'https:') throw new Error(`unexpected scheme "${url.protocol}"`);
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  if (url.host !== `sts.${region}.${suffix}`) throw new Error(`unexpected hostname "${url.host}"`);
  if (url.pathname !== '/') throw new Error('unexpected path in pre-signed URL');
  const parameters = parametersOf(url);
  if (parameters.action !== 'GetCallerIdentity') throw new Error('unexpected action parameter');
  const signed = parameters['x-amz-signedheaders']?.split(';') ?? [];
  if (!signed.includes('x-k8s-aws-id')) throw new Error('client did not sign the x-k8s-aws-id header');
  const expires = Number(parameters['x-amz-expires']);
  if (!(Number.isInteger(expires) && expires >= 0 && expires <= 900)) throw new Error('invalid X-Amz-Expires');
  const date = dateOf(parameters['x-amz-date']);
  if (now() > date + lifetime) throw new Error('X-Amz-Date parameter is expired');
  if (date > now() + tolerance) throw new Error('Signature not yet current');

  const [accessKeyId = '', ...scope] = parameters['x-amz-credential']?.split('/') ?? [];
  const caller = known.get(accessKeyId);
  if (caller === undefined) throw new Error('InvalidClientTokenId');
  if (caller.expires <= now()) throw new Error('ExpiredToken');
  if (scope.slice(1).join('/') !== `${region}/sts/aws4_request`)
    throw new Error('credential should be scoped to a valid region');
  if ((caller.keys.sessionToken ?? '') !== (parameters['x-amz-security-token'] ?? ''))
    throw new Error('InvalidClientTokenId');
  const expected = await signatureOf({ host: url.host, cluster, region, keys: caller.keys, date, expires });
  if (expected !== parameters['x-amz-signature']) throw new Error('SignatureDoesNotMatch');
  return { arn: caller.arn, accessKeyId };
}

function parametersOf(url: URL): Record<string, string | undefined> {
  const parameters: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    const key = name.toLowerCase();
    if (!allowed.includes(key)) throw new Error(`non-whitelisted query parameter "${name}"`);
    if (key in parameters) throw new Error(`query parameter "${name}" with multiple values not supported`);
    parameters[key] = value;
  }
  return parameters;
}

function dateOf(text = ''): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  if (year === undefined) throw new Error('error parsing X-Amz-Date parameter');
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** `arn:aws:sts::1:assumed-role/name/session` is of `arn:aws:iam::1:role/name`. */
function principalOf(arn: string): string {
  return arn.replace(/^(arn:[^:]+):sts::(\d+):assumed-role\/([^/]+)\/.*$/, '$1:iam::$2:role/$3');
}
