import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Aws, startAws } from '../../../dev/aws.ts';
import { failOverInstance } from '../../../dev/aws-changes.ts';
import { rewrite } from '../../../dev/proxy-faults.ts';
import { fullRow } from '../../../dev/proxy-full-row.ts';
import { filtersOf } from '../../../dev/proxy-request.ts';
import { addRow, documentDbRow, dropRow, setElement, setStatus } from '../../../dev/proxy-rows.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { Observation, Outside } from '../../../lib/source.ts';
import { rdsInstance } from '../../../lib/sources/aws/rds-instance.ts';

const account = '111122223333';
const region = 'us-east-1';
const signal = new AbortController().signal;
const arnOf = (identifier: string) => `arn:aws:rds:${region}:${account}:db:${identifier}`;
const when = { service: 'rds', action: 'DescribeDBInstances' };

let aws: Aws;
let outside: Outside;
beforeAll(async () => {
  aws = await startAws({ seed: false });
}, 180_000);
afterAll(() => aws.stop());
beforeEach(() => {
  for (const [name, value] of Object.entries(aws.environment())) vi.stubEnv(name, value);
  const access = { roleArn: aws.roleArn(account), externalId: aws.externalId };
  outside = rdsInstance.open({ account, region }, access);
  aws.faults.add(addRow(fullRow('full', account, region)));
});
afterEach(() => {
  outside.close();
  aws.faults.clear();
  aws.requests.clear();
});

const listed = async () => (await Array.fromAsync(outside.list(signal))).flat();
const got = async (...identifiers: string[]) => outside.get(identifiers.map(arnOf), signal);

function fieldsOf(observation: Observation | Error | undefined): JsonObject {
  if (observation instanceof Error || observation?.outcome !== 'observed') throw new Error(JSON.stringify(observation));
  return observation.fields;
}

const row = (identifier: string, elements = '') =>
  `<DBInstance><DBInstanceIdentifier>${identifier}</DBInstanceIdentifier><Engine>postgres</Engine><DBInstanceStatus>creating</DBInstanceStatus>${elements}<DBInstanceArn>${arnOf(identifier)}</DBInstanceArn></DBInstance>`;

describe('a row', () => {
  test('with every field that AWS has becomes these fields', async () => {
    const [observation] = await listed();
    expect(observation).toMatchObject({
      outcome: 'observed',
      id: arnOf('full'),
      identity: { arn: arnOf('full'), account, region, identifier: 'full' },
      health: { status: 'True', reason: 'Available' },
    });
    await expect(JSON.stringify(fieldsOf(observation), undefined, 2)).toMatchFileSnapshot('testdata/full-row.json');
  });

  test('with the least that AWS answers has nothing that is empty', async () => {
    aws.faults.add(addRow(row('young')));
    expect(fieldsOf((await got('young')).get(arnOf('young')))).toEqual({ engine: 'postgres', state: 'creating' });
  });

  test('of Neptune or DocumentDB is excluded', async () => {
    aws.faults.add(addRow(documentDbRow('docs', account, region)));
    aws.faults.add(addRow(row('graph').replace('postgres', 'neptune')));
    const excluded = (await listed()).filter(({ outcome }) => outcome === 'excluded');
    expect(excluded).toMatchObject([
      { id: arnOf('docs'), reason: 'engine docdb' },
      { id: arnOf('graph'), reason: 'engine neptune' },
    ]);
  });

  test('without a status is invalid, without an ARN broken', async () => {
    aws.faults.add(addRow(row('odd').replace(/<DBInstanceStatus>.*<.DBInstanceStatus>/, '')));
    expect((await got('odd')).get(arnOf('odd'))).toMatchObject({
      outcome: 'invalid',
      issues: expect.stringContaining('state'),
    });
    aws.faults.add(addRow(row('engineless').replace('<Engine>postgres</Engine>', '')));
    expect((await got('engineless')).get(arnOf('engineless'))).toMatchObject({ outcome: 'invalid' });
    aws.faults.add(addRow(row('nameless').replace(/<DBInstanceArn>.*<.DBInstanceArn>/, '')));
    expect(await listed()).toContainEqual({ outcome: 'broken', issues: 'a row without an id' });
  });

  test('with another order of what waits is the same', async () => {
    const feature = (name: string, value: string) =>
      `<ProcessorFeature><Name>${name}</Name><Value>${value}</Value></ProcessorFeature>`;
    const pending = (...features: string[]) =>
      `<PendingModifiedValues><ProcessorFeatures>${features.join('')}</ProcessorFeatures></PendingModifiedValues>`;
    const [cores, threads] = [feature('coreCount', '4'), feature('threadsPerCore', '1')];
    aws.faults.add(addRow(row('one', pending(threads, cores))));
    aws.faults.add(addRow(row('two', pending(cores, threads))));
    const answers = await got('one', 'two');
    expect(fieldsOf(answers.get(arnOf('one')))).toEqual(fieldsOf(answers.get(arnOf('two'))));
    expect(fieldsOf(answers.get(arnOf('one'))).pending).toEqual({
      processorFeatures: '[{"Name":"coreCount","Value":"4"},{"Name":"threadsPerCore","Value":"1"}]',
    });
  });

  test('never shows the password that waits, only that one does', async () => {
    aws.faults.add(
      addRow(
        row(
          'waiting',
          '<PendingModifiedValues><MasterUserPassword>hunter2</MasterUserPassword></PendingModifiedValues>',
        ),
      ),
    );
    const observation = (await got('waiting')).get(arnOf('waiting'));
    expect(fieldsOf(observation).pending).toEqual({ masterUserPassword: 'changes' });
    expect(JSON.stringify(observation)).not.toContain('hunter2');
  });

  test('that differs only in what moves by itself is the same', async () => {
    const before = await listed();
    aws.faults.add(setElement('full', 'LatestRestorableTime', '2027-01-01T00:00:00Z'));
    aws.faults.add(setElement('full', 'PercentProgress', '99'));
    expect(await listed()).toEqual(before);
  });

  test('joined to a domain without a full name shows its id', async () => {
    const domain = '<DomainMembership><Domain>d-9067012345</Domain></DomainMembership>';
    aws.faults.add(addRow(row('joined', `<DomainMemberships>${domain}</DomainMemberships>`)));
    const { authentication } = fieldsOf((await got('joined')).get(arnOf('joined')));
    expect(authentication).toEqual({ domains: ['d-9067012345'] });
  });

  test('has an unnamed tag left out and an empty one kept', async () => {
    const tags = '<TagList><Tag><Value>a</Value></Tag><Tag><Key>b</Key></Tag></TagList>';
    aws.faults.add(addRow(row('tagged', tags)));
    expect(fieldsOf((await got('tagged')).get(arnOf('tagged'))).tags).toEqual({ b: '' });
  });
});

describe('a question for ids', () => {
  test('is one call where all are there, and none of them is asked for alone', async () => {
    aws.faults.add(addRow(row('second')));
    const answers = await got('full', 'second');
    expect([...answers.values()].map(fieldsOf).map(({ engine }) => engine)).toEqual(['oracle-ee', 'postgres']);
    expect(aws.requests.count(when)).toBe(1);
  });

  test('asks alone for what a filter does not find: only that is a clear "not found"', async () => {
    const answers = await got('full', 'nowhere');
    expect(answers.get(arnOf('full'))).toMatchObject({ outcome: 'observed' });
    expect(answers.has(arnOf('nowhere')) && answers.get(arnOf('nowhere')) === undefined).toBe(true);
    expect(aws.requests.count(when)).toBe(2);
  });

  test('for one id is one call', async () => {
    expect((await got('nowhere')).get(arnOf('nowhere'))).toBeUndefined();
    expect(aws.requests.count(when)).toBe(1);
  });

  test('for none is no call', async () => {
    expect((await got()).size).toBe(0);
    expect(aws.requests.count(when)).toBe(0);
  });

  test('finds a row that the listing lost', async () => {
    aws.faults.add(dropRow('full'));
    expect(await listed()).toEqual([]);
    expect((await got('full')).get(arnOf('full'))).toMatchObject({ outcome: 'observed' });
  });

  test('of more than a hundred is asked in batches', async () => {
    const page = rewrite((_, request) => {
      const rows = (filtersOf(request).get('db-instance-id') ?? []).map((arn) => row(arn.split(':').at(-1) ?? ''));
      const body = `<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBInstancesResult><DBInstances>${rows.join('')}</DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>`;
      return { status: 200, body };
    });
    aws.faults.add({ when, do: page });
    const names = Array.from({ length: 250 }, (_, index) => `db-${index}`);
    const answers = await got(...names);
    expect([...answers.values()].map(fieldsOf)).toHaveLength(250);
    const sizes = aws.requests.all
      .filter(({ service }) => service === 'rds')
      .map((call) => filtersOf(call).get('db-instance-id')?.length);
    expect(sizes).toEqual([100, 100, 50]);
  });

  test('that is answered with another row is an error, not an answer', async () => {
    aws.faults.add(setElement('full', 'DBInstanceArn', arnOf('other')));
    expect((await got('full')).get(arnOf('full'))).toMatchObject({
      reason: 'BadAnswer',
      message: `asked for ${arnOf('full')}, AWS answered with ${arnOf('other')}`,
    });
    aws.faults.add(addRow(row('nameless').replace(/<DBInstanceArn>.*<.DBInstanceArn>/, '')));
    expect((await got('nameless')).get(arnOf('nameless'))).toMatchObject({
      message: expect.stringContaining('without an ARN'),
    });
  });
});

describe('an id', () => {
  test.each([
    [arnOf('orders'), 'orders'],
    ['arn:aws-us-gov:rds:us-gov-west-1:111122223333:db:a', 'a'],
    ['arn:aws-eusc:rds:eusc-de-east-1:111122223333:db:a', 'a'],
  ])('%s is that of %s', (arn, identifier) => {
    expect(rdsInstance.identify(arn)).toMatchObject({ arn, identifier });
    expect(rdsInstance.identityOf(rdsInstance.identify(arn))?.id).toBe(arn);
    expect(rdsInstance.readable(rdsInstance.identify(arn) ?? {})).toBe(identifier);
  });

  test.each([
    '',
    'orders',
    'arn:aws:rds:us-east-1:1:db:a',
    arnOf(''),
    arnOf('a').replace(':db:', ':cluster:'),
    arnOf('a').replace('rds', 'sqs'),
  ])('is not %j', (id) => {
    expect(rdsInstance.identify(id)).toBeUndefined();
  });
});

describe('between two looks', () => {
  const looked = async () => fieldsOf((await got('full')).get(arnOf('full')));

  test('a failover is told by the zone, where that was the zone of the standby', async () => {
    const before = await looked();
    failOverInstance(aws, { account, region, identifier: 'full' });
    const after = await looked();
    const moved = { reason: 'Failover', message: 'us-east-1a -> us-east-1b' };
    expect(rdsInstance.changes(before, after)).toEqual([moved]);
    expect(rdsInstance.changes({ ...before, secondaryAvailabilityZone: 'us-east-1c' }, after)).toEqual([]);
  });

  test('a zone that is not known before or after is no failover', async () => {
    const known = await looked();
    const { availabilityZone: _, secondaryAvailabilityZone: __, ...unknown } = known;
    expect(rdsInstance.changes(unknown, known)).toEqual([]);
    expect(rdsInstance.changes(known, unknown)).toEqual([]);
  });

  test('another state and another instance of the same name are told', async () => {
    const before = await looked();
    aws.faults.add(setStatus('full', 'creating'));
    aws.faults.add(setElement('full', 'DbiResourceId', 'db-ANOTHER'));
    expect(rdsInstance.changes(before, await looked())).toEqual([
      { reason: 'Replaced', message: `${before.resourceId} -> db-ANOTHER` },
      { reason: 'StateChanged', message: 'available -> creating' },
    ]);
    expect(rdsInstance.changes(before, before)).toEqual([]);
  });
});
