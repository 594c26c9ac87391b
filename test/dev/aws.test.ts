import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteDBInstanceCommand,
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  paginateDescribeDBInstances,
  RDSClient,
} from '@aws-sdk/client-rds';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Aws, type Keys, provideMoto, startAws } from '../../dev/aws.ts';
import { deleteInstance, estate, failOver, failOverInstance, type Place, resize } from '../../dev/estate.ts';
import { isAlive } from '../../dev/guardian.ts';

let aws: Aws;
beforeAll(async () => {
  aws = await startAws();
}, 180_000);
afterAll(() => aws.stop());
afterEach(() => aws.moto.enforceIam(false));

const home = { account: '111122223333', region: 'us-east-1' };

function sts(credentials: Keys) {
  return new STSClient({ endpoint: aws.endpoint, region: 'us-east-1', credentials });
}

function rds({ account, region }: Place, credentials?: Keys) {
  const assumed = fromTemporaryCredentials({
    masterCredentials: aws.baseKeys,
    params: { RoleArn: aws.roleArn(account), ExternalId: aws.externalId, RoleSessionName: 'test' },
    clientConfig: { endpoint: aws.endpoint, region },
  });
  return new RDSClient({ endpoint: aws.endpoint, region, credentials: credentials ?? assumed, maxAttempts: 1 });
}

async function listed(client: RDSClient) {
  const rows = [];
  for await (const page of paginateDescribeDBInstances({ client, pageSize: 20 }, {}))
    rows.push(...(page.DBInstances ?? []));
  return rows;
}

async function row(client: RDSClient, identifier: string) {
  const page = await client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: identifier }));
  return page.DBInstances?.[0];
}

function byArn(one: { arn: string | undefined }, other: { arn: string | undefined }) {
  return (one.arn ?? '').localeCompare(other.arn ?? '');
}

describe('the estate', () => {
  const places = ['111122223333', '444455556666'].flatMap((account) =>
    ['us-east-1', 'eu-west-1'].map((region) => ({ account, region })),
  );

  test.each(places)('is in $account $region as promised', async (place) => {
    const rows = await listed(rds(place));
    const expected = estate.instances.filter(
      ({ account, region }) => account === place.account && region === place.region,
    );
    expect(expected.length).toBeGreaterThan(0);
    const actual = rows.map((one) => ({
      arn: one.DBInstanceArn,
      identifier: one.DBInstanceIdentifier,
      engine: one.Engine,
      engineVersion: one.EngineVersion,
      instanceClass: one.DBInstanceClass,
      storage: one.AllocatedStorage,
      multiAz: one.MultiAZ,
      encrypted: one.StorageEncrypted,
      tags: Object.fromEntries((one.TagList ?? []).map(({ Key, Value }) => [Key, Value])),
      cluster: one.DBClusterIdentifier,
      replicaOf: one.ReadReplicaSourceDBInstanceIdentifier,
    }));
    const promised = expected.map(({ account, region, mirrored: _, ...one }) => ({
      arn: `arn:aws:rds:${region}:${account}:db:${one.identifier}`,
      cluster: undefined,
      replicaOf: undefined,
      ...one,
    }));
    expect(actual.sort(byArn)).toEqual(promised.sort(byArn));
    expect(new Set(rows.map((one) => one.DbiResourceId)).size).toBe(rows.length);
  });

  test('is of 40 to 60 instances, two of which are not RDS, one with the longest name', () => {
    expect(estate.instances.length).toBeGreaterThanOrEqual(40);
    expect(estate.instances.length).toBeLessThanOrEqual(60);
    const foreign = estate.instances.filter(({ mirrored }) => !mirrored).map(({ engine }) => engine);
    expect(foreign.sort()).toEqual(['docdb', 'neptune']);
    expect(Math.max(...estate.instances.map(({ identifier }) => identifier.length))).toBe(63);
  });

  test('can be resized, failed over and deleted from outside', async () => {
    const client = rds(home);
    await resize(aws, { ...home, identifier: 'wiki' }, 'db.m7g.4xlarge');
    expect(await row(client, 'wiki')).toMatchObject({ DBInstanceClass: 'db.m7g.4xlarge' });

    const writer = async () => {
      const { DBClusters } = await client.send(new DescribeDBClustersCommand({ DBClusterIdentifier: 'orders-aurora' }));
      return DBClusters?.[0]?.DBClusterMembers?.find((member) => member.IsClusterWriter)?.DBInstanceIdentifier;
    };
    const before = await writer();
    await failOver(aws, { ...home, identifier: 'orders-aurora' });
    expect(await writer()).not.toBe(before);

    expect(await row(client, 'orders')).toMatchObject({
      AvailabilityZone: 'us-east-1a',
      SecondaryAvailabilityZone: 'us-east-1b',
    });
    const swapped = failOverInstance(aws, { ...home, identifier: 'orders' });
    expect(await row(client, 'orders')).toMatchObject({
      AvailabilityZone: 'us-east-1b',
      SecondaryAvailabilityZone: 'us-east-1a',
    });
    swapped.remove();

    await deleteInstance(aws, { ...home, identifier: 'crm' });
    await expect(row(client, 'crm')).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
  });
});

describe('identities', () => {
  test('the base keys are of the home account', async () => {
    const identity = await sts(aws.baseKeys).send(new GetCallerIdentityCommand({}));
    expect(identity).toMatchObject({ Account: aws.home, Arn: 'arn:aws:iam::111122223333:user/skymirror-dev' });
  });

  test.each(['111122223333', '444455556666'])('the role of %s is assumed with the external id', async (account) => {
    const { Credentials } = await sts(aws.baseKeys).send(
      new AssumeRoleCommand({ RoleArn: aws.roleArn(account), RoleSessionName: 's', ExternalId: aws.externalId }),
    );
    const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
    const keys = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
    expect(await sts(keys).send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: account });
  });

  test.each([
    { what: 'a wrong external id', ExternalId: 'guessed', RoleArn: 'arn:aws:iam::444455556666:role/skymirror-reader' },
    { what: 'no external id', RoleArn: 'arn:aws:iam::444455556666:role/skymirror-reader' },
    { what: 'an unknown role', ExternalId: 'skymirror-7f3a91c2', RoleArn: 'arn:aws:iam::444455556666:role/other' },
  ])('$what is refused in the words of AWS', async ({ what, ...input }) => {
    const assumed = sts(aws.baseKeys).send(new AssumeRoleCommand({ ...input, RoleSessionName: 's' }));
    await expect(assumed, what).rejects.toMatchObject({
      name: 'AccessDenied',
      message: `User: arn:aws:iam::111122223333:user/skymirror-dev is not authorized to perform: sts:AssumeRole on resource: ${input.RoleArn}`,
      $metadata: { httpStatusCode: 403 },
    });
  });

  test('the environment is all that an SDK needs', async () => {
    const before = { ...process.env };
    await aws.moto.enforceIam(true);
    Object.assign(process.env, aws.environment());
    try {
      expect(await new STSClient().send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: aws.home });
    } finally {
      process.env = before;
    }
  });
});

describe('enforced IAM', () => {
  test.each(['111122223333', '444455556666'])('a reader of %s may do only what its policy allows', async (account) => {
    const keys = await aws.reader(
      {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: ['rds:DescribeDBInstances', 'sts:GetCallerIdentity'], Resource: '*' }],
      },
      account,
    );
    const place = { account, region: 'us-east-1' };
    const client = rds(place, keys);
    expect((await listed(client)).length).toBeGreaterThan(5);
    expect(await sts(keys).send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: account });
    const deleted = client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: 'wiki', SkipFinalSnapshot: true }));
    await expect(deleted).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(client.send(new DescribeDBClustersCommand({}))).rejects.toMatchObject({ name: 'AccessDenied' });
    expect(aws.requests.count({ action: 'DeleteDBInstance', account })).toBe(1);
  });

  test('leaves the base keys, their roles and changes from outside at work', async () => {
    await aws.moto.enforceIam(true);
    const identifier = 'metabase';
    const place = { account: '444455556666', region: 'eu-west-1' };
    await resize(aws, { ...place, identifier }, 'db.m7g.large');
    expect(await row(rds(place), identifier)).toMatchObject({ DBInstanceClass: 'db.m7g.large' });
  });

  test('refuses keys that nobody has', async () => {
    await aws.moto.enforceIam(true);
    const unknown = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'secret' };
    await expect(listed(rds(home, unknown))).rejects.toMatchObject({ name: 'InvalidClientTokenId' });
    const wrong = { ...aws.baseKeys, secretAccessKey: 'secret' };
    await expect(listed(rds(home, wrong))).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
  });
});

test('an AWS that is stopped leaves no process', async () => {
  const other = await startAws({ seed: false });
  expect(
    await listed(new RDSClient({ endpoint: other.endpoint, region: 'us-east-1', credentials: other.baseKeys })),
  ).toEqual([]);
  await other.stop();
  expect(isAlive(other.moto.pid)).toBe(false);
});

describe('without a fit python3, the error says what to install', () => {
  test.each([
    { what: 'there is none', script: undefined, mend: 'install Python 3.10 or newer' },
    { what: 'it is too old', script: 'echo 3.9.2', mend: 'moto needs Python 3.10 or newer, and python3 is 3.9.2' },
    {
      what: 'it has no venv module',
      script: `echo "ModuleNotFoundError: No module named 'ensurepip'" >&2; exit 1`,
      mend: 'apt-get install python3-venv',
    },
  ])('$what', async ({ script, mend }) => {
    const folder = await mkdtemp(join(tmpdir(), 'skymirror-python-'));
    const { PATH = '' } = process.env;
    try {
      if (script !== undefined) await writeFile(join(folder, 'python3'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      process.env.PATH = folder;
      await expect(provideMoto()).rejects.toThrow(mend);
    } finally {
      process.env.PATH = PATH;
      await rm(folder, { recursive: true });
    }
  });
});
