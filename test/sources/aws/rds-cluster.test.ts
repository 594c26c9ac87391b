import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Aws, startAws } from '../../../dev/aws.ts';
import { createCluster, createInstance } from '../../../dev/aws-changes.ts';
import { deny, fail, rewrite } from '../../../dev/proxy-faults.ts';
import { fullCluster } from '../../../dev/proxy-full-cluster.ts';
import { type Row, writeRow } from '../../../dev/proxy-full-row.ts';
import { addRow, clusterRows, dropRow } from '../../../dev/proxy-rows.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { Outside } from '../../../lib/source.ts';
import { rdsCluster } from '../../../lib/sources/aws/rds-cluster.ts';
import { type Answer, observationIn } from '../answers.ts';

const account = '111122223333';
/** Where moto has nothing, and the proxy shows rows. */
const region = 'us-east-1';
/** Where moto has clusters. */
const settled = { account, region: 'eu-west-1' };
const signal = new AbortController().signal;
const arnOf = (identifier: string, place = region) => `arn:aws:rds:${place}:${account}:cluster:${identifier}`;
const when = { service: 'rds', action: 'DescribeDBClusters' };
const postgres = { engine: 'aurora-postgresql', engineVersion: '16.6', tags: { team: 'finance' } };
const member = { instanceClass: 'db.r7g.large', storage: 1, multiAz: false, encrypted: true };

let aws: Aws;
let outside: Outside;
let real: Outside;
beforeAll(async () => {
  aws = await startAws({ seed: false });
  const orders = { ...settled, ...postgres, identifier: 'orders' };
  await createCluster(aws, orders);
  await createInstance(aws, { ...orders, ...member, identifier: 'orders-1', cluster: 'orders' });
  await createInstance(aws, { ...orders, ...member, identifier: 'orders-2', cluster: 'orders' });
  await createCluster(aws, { ...orders, identifier: 'headless' });
  await createCluster(aws, { ...orders, identifier: 'graph', engine: 'neptune' });
}, 180_000);
afterAll(() => aws.stop());
beforeEach(() => {
  for (const [name, value] of Object.entries(aws.environment())) vi.stubEnv(name, value);
  const access = { roleArn: aws.roleArn(account), externalId: aws.externalId };
  outside = rdsCluster.open({ account, region }, access);
  real = rdsCluster.open(settled, access);
});
afterEach(() => {
  outside.close();
  real.close();
  aws.faults.clear();
  aws.requests.clear();
});

const listed = async () => (await Array.fromAsync(outside.list(signal))).flat();
const got = async (identifier: string) => (await outside.get([arnOf(identifier)], signal)).get(arnOf(identifier));
const gotReal = async (identifier: string) => {
  const arn = arnOf(identifier, settled.region);
  return (await real.get([arn], signal)).get(arn);
};
const show = (row: Row) => aws.faults.add(addRow(writeRow({ DBCluster: row }), { region }));
const young = (identifier: string, more: Row = {}): Row => ({
  DBClusterIdentifier: identifier,
  DBClusterArn: arnOf(identifier),
  Engine: 'aurora-mysql',
  Status: 'creating',
  ...more,
});

const fieldsOf = (answer: Answer): JsonObject => observationIn(answer).fields;

describe('a row', () => {
  test('with the least that AWS answers has nothing that is empty', async () => {
    show(young('young'));
    expect(fieldsOf(await got('young'))).toEqual({ engine: 'aurora-mysql', state: 'creating' });
  });

  test('of moto, with members, shows them and who writes', async () => {
    const fields = fieldsOf(await gotReal('orders'));
    const members = ['orders-1', 'orders-2'].map((identifier) => ({
      identifier,
      writer: identifier === fields.writer,
      parameterGroupStatus: 'in-sync',
      promotionTier: 1,
    }));
    expect(fields).toMatchObject({
      engine: 'aurora-postgresql',
      writer: expect.stringMatching(/^orders-[12]$/),
      members,
      tags: { team: 'finance' },
    });
  });

  test('of Neptune or DocumentDB is excluded', async () => {
    expect(await gotReal('graph')).toMatchObject({ outcome: 'excluded', reason: 'engine neptune' });
    show(young('docs', { Engine: 'docdb' }));
    expect(await listed()).toMatchObject([{ outcome: 'excluded', id: arnOf('docs'), reason: 'engine docdb' }]);
  });

  test.each(['Status', 'Engine'])('without %s is invalid', async (name) => {
    const { [name]: _, ...rest } = young('odd');
    show(rest);
    expect(await got('odd')).toMatchObject({ outcome: 'invalid', id: arnOf('odd') });
  });

  test('without an ARN is broken', async () => {
    const { DBClusterArn: _, ...rest } = young('nameless');
    show(rest);
    expect(await listed()).toEqual([{ outcome: 'broken', issues: 'a row without an id' }]);
  });

  test('of Aurora does not show the storage that it takes up at the moment', async () => {
    show({ ...fullCluster('full', account, region), Engine: 'aurora-mysql' });
    const { storage } = fieldsOf(await got('full'));
    expect(storage).toMatchObject({ type: 'io1' });
    expect(storage).not.toHaveProperty('allocatedGiB');
  });

  test('of Aurora Serverless v1 shows the limits of that, and can be used without members', async () => {
    const limits = { MinCapacity: 2, MaxCapacity: 16, AutoPause: true, SecondsUntilAutoPause: 600 };
    show(young('old', { Status: 'available', EngineMode: 'serverless', ScalingConfigurationInfo: limits }));
    const observation = await got('old');
    expect(fieldsOf(observation).serverless).toEqual({ minCapacity: 2, maxCapacity: 16, secondsUntilAutoPause: 600 });
    expect(observation).toMatchObject({ health: { status: 'True' } });
  });

  test('of Aurora Limitless can be used without members', async () => {
    show(young('wide', { Status: 'available', ClusterScalabilityType: 'limitless' }));
    expect(await got('wide')).toMatchObject({ health: { status: 'True' } });
  });

  test('without members is only storage, and cannot be used', async () => {
    expect(await gotReal('headless')).toMatchObject({
      fields: { state: 'available' },
      health: { status: 'False', reason: 'NoInstances' },
    });
  });

  test('of a secondary of a global database has members but no writer, and can be used', async () => {
    const reader = { DBInstanceIdentifier: 'far-1', IsClusterWriter: false };
    show(young('far', { Status: 'available', DBClusterMembers: { DBClusterMember: reader } }));
    const observation = await got('far');
    expect(fieldsOf(observation)).not.toHaveProperty('writer');
    expect(observation).toMatchObject({ health: { status: 'True' } });
  });

  test('never shows the password that waits, only that one does', async () => {
    show(young('waiting', { PendingModifiedValues: { MasterUserPassword: 'hunter2' } }));
    const observation = await got('waiting');
    expect(fieldsOf(observation).pending).toEqual({ masterUserPassword: 'changes' });
    expect(JSON.stringify(observation)).not.toContain('hunter2');
  });
});

describe('a question for ids that AWS answers with', () => {
  test('DBClusterNotFoundFault is "gone", and nothing else is', async () => {
    show(young('docs'));
    aws.faults.add(dropRow('docs', { gets: true, rows: clusterRows }));
    expect(await got('docs')).toBeUndefined();
    aws.faults.add({ when, do: fail('DBClusterMislaid', 'not found', 404) });
    expect(await got('docs')).toBeInstanceOf(Error);
  });

  test('the error of instances is not "gone"', async () => {
    aws.faults.add({ when, do: fail('DBInstanceNotFound', 'not found', 404) });
    expect(await got('docs')).toBeInstanceOf(Error);
  });

  test('AccessDenied is an error, not "gone"', async () => {
    aws.faults.add({ when, do: deny() });
    expect(rdsCluster.explain(await got('docs')).reason).toBe('AccessDenied');
  });
});

test('a cluster that the listing lost is found by its ARN', async () => {
  show(young('lost'));
  aws.faults.add(dropRow('lost', { rows: clusterRows }));
  expect(await listed()).toEqual([]);
  expect(await got('lost')).toMatchObject({ outcome: 'observed' });
});

test('a listing goes on behind a full page', async () => {
  for (let index = 0; index < 101; index += 1) show(young(`many-${index}`));
  const pages = await Array.fromAsync(outside.list(signal));
  expect(pages.map((page) => page.length)).toEqual([100, 1]);
  expect(aws.requests.count(when)).toBe(2);
});

test('an answer without a list is unseen', async () => {
  show(young('young'));
  aws.faults.add({ when, do: rewrite((xml) => xml.replace(/<DBClusters>.*<.DBClusters>/s, '')) });
  await expect(listed()).rejects.toMatchObject({
    reason: 'BadAnswer',
    message: 'DescribeDBClusters answered without a list',
  });
});

describe('an id', () => {
  test.each([
    [arnOf('orders'), 'orders'],
    ['arn:aws-us-gov:rds:us-gov-west-1:111122223333:cluster:a', 'a'],
  ])('%s is that of %s', (arn, identifier) => {
    expect(rdsCluster.identify(arn)).toMatchObject({ arn, identifier });
    expect(rdsCluster.readable(rdsCluster.identify(arn) ?? {})).toBe(identifier);
  });

  test.each([
    'orders',
    arnOf(''),
    arnOf('a').replace(':cluster:', ':db:'),
    arnOf('a').replace(':cluster:', ':cluster-snapshot:'),
    arnOf('a').replace('rds', 'sqs'),
  ])('is not %j', (id) => {
    expect(rdsCluster.identify(id)).toBeUndefined();
  });
});
