import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { parse } from 'yaml';
import * as z from 'zod';

/** Whose the AWS credentials at hand are. */
export interface Caller {
  readonly account: string;
  readonly arn: string;
}

/** Where STS is asked when nothing says a region: it answers the same everywhere in a partition. */
const anyRegion = 'us-east-1';

/** Milliseconds; without them a machine outside AWS would wait for EC2's metadata. */
const requestHandler = {
  connectionTimeout: 5_000,
  requestTimeout: 20_000,
  socketTimeout: 20_000,
  throwOnRequestTimeout: true,
};

/** Asks STS for the identity of the credentials that the AWS SDK finds. Throws what the SDK throws. */
export async function callerIdentity(region: string | undefined, signal: AbortSignal): Promise<Caller> {
  const client = new STSClient({ region: region ?? anyRegion, requestHandler });
  try {
    const { Account: account, Arn: arn } = await client.send(new GetCallerIdentityCommand({}), { abortSignal: signal });
    if (account !== undefined && arn !== undefined) return { account, arn };
    throw new Error('STS answered GetCallerIdentity without an account');
  } finally {
    client.destroy();
  }
}

/** The region of the environment or the profile, by the SDK's rules, or that of the AWS CLI's own variable. */
export async function regionAtHand(): Promise<string | undefined> {
  const client = new STSClient();
  try {
    return await client.config.region();
  } catch {
    // What the SDK throws where there is none; AWS_DEFAULT_REGION is read by the AWS CLI and not by this SDK.
    return process.env.AWS_DEFAULT_REGION;
  } finally {
    client.destroy();
  }
}

/** The contexts that kubectl would know. `inPod`: there is no kubeconfig, and this process runs in a cluster. */
export interface Contexts {
  readonly names: readonly string[];
  readonly current: string | undefined;
  readonly inPod: boolean;
}

const kubeconfigFile = z.looseObject({
  contexts: z.array(z.looseObject({ name: z.string() })).nullish(),
  'current-context': z.string().nullish(),
});

/** Reads the contexts of that kubeconfig, or of those that kubectl finds. Throws where a named one is not there. */
export function contextsAtHand(kubeconfig?: string): Contexts {
  const named = (process.env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '');
  const found = named.length > 0 ? named : [join(homedir(), '.kube', 'config')];
  const files = kubeconfig === undefined ? found.filter((file) => existsSync(file)) : [kubeconfig];
  const contents = files.map((file) => {
    try {
      return kubeconfigFile.parse(parse(readFileSync(file, 'utf8'), { logLevel: 'error' }));
    } catch {
      // Without its cause: a parser quotes the file, and the file may hold a token.
      throw new Error(`${file} cannot be read as a kubeconfig: is it there, and is it YAML?`);
    }
  });
  const names = contents.flatMap(({ contexts }) => (contexts ?? []).map(({ name }) => name));
  // As kubectl merges: the first file that says something is right.
  const current = contents.map((content) => content['current-context'] ?? '').find((name) => name !== '');
  const inPod = files.length === 0 && process.env.KUBERNETES_SERVICE_HOST !== undefined;
  return { names: [...new Set(names)], current, inPod };
}
