import { devNull } from 'node:os';
import { RDSClient } from '@aws-sdk/client-rds';
import { SQSClient } from '@aws-sdk/client-sqs';
import { baseUser, createIdentities, type Keys, type Policy, readerPolicy } from './aws-identities.ts';
import { type Moto, type ProgressOptions, startMoto } from './aws-moto.ts';
import { estateRules, seedEstate } from './estate.ts';
import { type AwsProxy, startProxy } from './proxy.ts';
import type { Faults } from './proxy-faults.ts';

export type { Keys, Policy } from './aws-identities.ts';
export { type Moto, provideMoto, startMoto } from './aws-moto.ts';

const home = '111122223333';
const accounts: readonly string[] = [home, '444455556666'];
const regions: readonly string[] = ['us-east-1', 'eu-west-1'];
const externalId = 'skymirror-7f3a91c2';
const reader = 'skymirror-reader';

/** Emulated AWS: two accounts, two regions, behind one endpoint that can be broken on request. */
export type Aws = {
  /** What skymirror is pointed at: the proxy. */
  readonly endpoint: string;
  /** moto itself, for changes that skymirror must find out about. */
  readonly motoEndpoint: string;
  readonly accounts: readonly string[];
  readonly regions: readonly string[];
  /** The account of the base keys. */
  readonly home: string;
  /** What AssumeRole must name for each `roleArn(account)`. */
  readonly externalId: string;
  readonly baseKeys: Keys;
  readonly faults: Faults;
  readonly requests: AwsProxy['requests'];
  readonly moto: Moto;
  /** The role that skymirror assumes in an account. */
  roleArn(account: string): string;
  /** A client that may do everything, past the proxy. */
  rds(account: string, region: string): RDSClient;
  /** Keys that may do everything in an account. */
  administrator(account: string): Keys;
  /** The proxy, for roles that it is to hold to their policies. */
  readonly proxy: Pick<AwsProxy, 'documents' | 'learn'>;
  /** As `rds`, for queues. */
  sqs(account: string, region: string): SQSClient;
  /** Environment variables that point any AWS SDK or CLI at the proxy with the base keys, and at nothing of this machine. */
  environment(): Record<string, string>;
  /**
   * Switches on the enforcement of IAM for all calls, and gives the keys of a session that may do only this. Per call
   * moto knows the resource `*` for all of RDS: statements for other resources allow nothing.
   */
  reader(policy: Policy, account?: string): Promise<Keys>;
  stop(): Promise<void>;
};

/** Starts moto, the proxy before it, and fills both with the estate of estate.ts unless `seed` is false. */
export async function startAws({ seed = true, ...options }: ProgressOptions & { seed?: boolean } = {}): Promise<Aws> {
  const moto = await startMoto(options);
  let proxy: AwsProxy | undefined;
  try {
    const roleArn = (account: string) => `arn:aws:iam::${account}:role/${reader}`;
    const roles = new Map(accounts.map((account) => [roleArn(account), externalId]));
    proxy = await startProxy(moto.endpoint, { roles, always: seed ? estateRules : [] });
    const aws = await assemble(moto, proxy, roleArn);
    if (seed) await seedEstate(aws);
    return aws;
  } catch (error) {
    await proxy?.stop();
    await moto.stop();
    throw error;
  }
}

async function assemble(moto: Moto, proxy: AwsProxy, roleArn: Aws['roleArn']): Promise<Aws> {
  const identities = createIdentities(moto.endpoint);
  const administrators = new Map<string, Keys>();
  await Promise.all(
    accounts.map(async (account) => {
      await identities.createRole(account, reader, readerPolicy);
      const { keys, identity } = await identities.administrator(account);
      administrators.set(account, keys);
      proxy.learn(keys.accessKeyId, identity);
    }),
  );
  const base = await identities.createUser(home, baseUser, readerPolicy);
  proxy.learn(base.keys.accessKeyId, base.identity);
  const clients = new Map<string, { readonly rds: RDSClient; readonly sqs: SQSClient }>();
  const administrator = (account: string) => {
    const keys = administrators.get(account);
    if (keys === undefined) throw new Error(`Aws: no account ${account}; there are ${accounts.join(', ')}`);
    return keys;
  };
  const clientsOf = (account: string, region: string) => {
    const settings = { endpoint: moto.endpoint, region, credentials: administrator(account) };
    const place = `${account} ${region}`;
    const made = clients.get(place) ?? { rds: new RDSClient(settings), sqs: new SQSClient(settings) };
    clients.set(place, made);
    return made;
  };
  let readers = 0;

  return {
    endpoint: proxy.endpoint,
    motoEndpoint: moto.endpoint,
    accounts,
    regions,
    home,
    externalId,
    baseKeys: base.keys,
    faults: proxy.faults,
    requests: proxy.requests,
    moto,
    roleArn,
    administrator,
    proxy,
    rds: (account, region) => clientsOf(account, region).rds,
    sqs: (account, region) => clientsOf(account, region).sqs,
    environment: () => ({
      AWS_ENDPOINT_URL: proxy.endpoint,
      AWS_ACCESS_KEY_ID: base.keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: base.keys.secretAccessKey,
      AWS_SESSION_TOKEN: '',
      AWS_PROFILE: '',
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_CONFIG_FILE: devNull,
      AWS_SHARED_CREDENTIALS_FILE: devNull,
      AWS_EC2_METADATA_DISABLED: 'true',
    }),
    async reader(policy, account = home) {
      readers += 1;
      await moto.enforceIam(false);
      await identities.createRole(account, `reader-${readers}`, policy);
      const session = await identities.assumeRole(account, `reader-${readers}`);
      proxy.learn(session.keys.accessKeyId, session.identity);
      await moto.enforceIam(true);
      return session.keys;
    },
    async stop() {
      for (const { rds, sqs } of clients.values()) for (const client of [rds, sqs]) client.destroy();
      await proxy.stop();
      await moto.stop();
    },
  };
}
