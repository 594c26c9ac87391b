import { DBCluster$ } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Aws, startAws } from '../../../dev/aws.ts';
import { fullCluster } from '../../../dev/proxy-full-cluster.ts';
import { type Row, writeRow } from '../../../dev/proxy-full-row.ts';
import { addRow } from '../../../dev/proxy-rows.ts';
import type { Outside } from '../../../lib/source.ts';
import { rdsCluster } from '../../../lib/sources/aws/rds-cluster.ts';
import { everything, observationIn } from '../answers.ts';

const account = '111122223333';
const region = 'us-east-1';
const signal = new AbortController().signal;
const arnOf = (identifier: string) => `arn:aws:rds:${region}:${account}:cluster:${identifier}`;

let aws: Aws;
let outside: Outside;
beforeAll(async () => {
  aws = await startAws({ seed: false });
}, 180_000);
afterAll(() => aws.stop());
beforeEach(() => {
  for (const [name, value] of Object.entries(aws.environment())) vi.stubEnv(name, value);
  outside = rdsCluster.open({ account, region }, { roleArn: aws.roleArn(account), externalId: aws.externalId });
});
afterEach(() => {
  outside.close();
  aws.faults.clear();
});

const got = async (identifier: string) => (await outside.get([arnOf(identifier)], signal)).get(arnOf(identifier));
const show = (row: Row) => aws.faults.add(addRow(writeRow({ DBCluster: row })));

test('a row with every field that AWS has becomes these fields', async () => {
  show(fullCluster('full', account, region));
  const observation = await got('full');
  expect(observation).toMatchObject({
    outcome: 'observed',
    id: arnOf('full'),
    identity: { arn: arnOf('full'), account, region, identifier: 'full' },
    health: { status: 'True', reason: 'Available' },
  });
  await expect(JSON.stringify(observationIn(observation).fields, undefined, 2)).toMatchFileSnapshot(
    'testdata/full-cluster.json',
  );
});

test('a row has no property in AWS that is neither shown nor left out for a reason', async () => {
  const leftOut = [
    // They move by themselves.
    'PercentProgress',
    'EarliestRestorableTime',
    'LatestRestorableTime',
    'EarliestBacktrackTime',
    'BacktrackConsumedChangeRecords',
    'Capacity',
    // "Reserved for future use" (RDS API reference, DBCluster).
    'StatusInfos',
    'RdsCustomClusterConfiguration',
    'DBSystemId',
    // The ARN holds it.
    'DBClusterIdentifier',
    // Of Aurora Serverless v1: read where there is no ServerlessV2ScalingConfiguration (rds-cluster.test.ts).
    'ScalingConfigurationInfo',
    // GlobalWriteForwardingStatus tells it, and whether it is done.
    'GlobalWriteForwardingRequested',
    // Details of how something is done that is itself shown. RDSInstance leaves them out too.
    'CharacterSetName',
    'UpgradeRolloutOrder',
    'ActivityStreamMode',
    'ActivityStreamKmsKeyId',
    'ActivityStreamKinesisStreamName',
    'MonitoringRoleArn',
    'PerformanceInsightsKMSKeyId',
    'PerformanceInsightsRetentionPeriod',
    'AwsBackupRecoveryPointArn',
  ];
  // A structure of the SDK is [3, namespace, name, traits, names, schemas].
  const properties = DBCluster$[4] as string[];
  expect(Object.keys(fullCluster('full', account, region)).toSorted()).toEqual(properties.toSorted());
  show(fullCluster('full', account, region));
  const full = observationIn(await got('full')).fields;
  const needed = ['Engine', 'Status', 'DBClusterArn', 'DBClusterIdentifier'];
  const optional = properties.filter((name) => !needed.includes(name));
  for (const name of optional) {
    const { [name]: _, ...rest } = fullCluster(`without-${name.toLowerCase()}`, account, region);
    show(rest);
  }
  const all = await everything(outside, signal);
  const unread = optional.filter((name) => {
    const fields = observationIn(all.get(arnOf(`without-${name.toLowerCase()}`))).fields;
    return JSON.stringify(fields) === JSON.stringify(full);
  });
  expect([...unread, 'DBClusterIdentifier'].toSorted()).toEqual(leftOut.toSorted());
});
