import {
  DBInstance$,
  DescribeDBInstancesCommand,
  type DescribeDBInstancesMessage,
  paginateDescribeDBInstances,
  RDSClient,
} from '@aws-sdk/client-rds';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Aws, startAws } from '../../dev/aws.ts';
import { estate } from '../../dev/estate.ts';
import {
  cut,
  delay,
  deny,
  type Effect,
  expiredToken,
  fail,
  hold,
  invalidToken,
  malformed,
  reset,
  rewrite,
  signatureMismatch,
  throttle,
  unavailable,
} from '../../dev/proxy-faults.ts';
import { fullRow } from '../../dev/proxy-full-row.ts';
import { addRow, documentDbRow, dropRow, setStatus, truncatePage } from '../../dev/proxy-rows.ts';

let aws: Aws;
beforeAll(async () => {
  aws = await startAws();
}, 180_000);
afterAll(() => aws.stop());
afterEach(() => {
  aws.faults.clear();
  aws.requests.clear();
});

const when = { service: 'rds', action: 'DescribeDBInstances' };

function client({ region = 'us-east-1', maxAttempts = 1 } = {}) {
  return new RDSClient({ endpoint: aws.endpoint, region, credentials: aws.baseKeys, maxAttempts });
}

function describeInstances(input: DescribeDBInstancesMessage = {}, rds = client()) {
  return rds.send(new DescribeDBInstancesCommand(input));
}

async function identifiers(input: DescribeDBInstancesMessage = {}) {
  const { DBInstances = [] } = await describeInstances(input);
  return DBInstances.map(({ DBInstanceIdentifier }) => DBInstanceIdentifier);
}

const byName = (...values: string[]) => ({ Filters: [{ Name: 'db-instance-id', Values: values }] });

describe('an SDK client sees', () => {
  const user = 'arn:aws:iam::111122223333:user/skymirror-dev';
  const action = 'rds:DescribeDBInstances';
  const denied = `User: ${user} is not authorized to perform: ${action} on resource: arn:aws:rds:us-east-1:111122223333:db:* because no identity-based policy allows the ${action} action`;
  const errors: [name: string, effect: Effect, status: number, message: string][] = [
    ['Throttling', throttle(), 400, 'Rate exceeded'],
    ['AccessDenied', deny(), 403, denied],
    ['ExpiredToken', expiredToken(), 403, 'The security token included in the request is expired'],
    ['InvalidClientTokenId', invalidToken(), 403, 'The security token included in the request is invalid.'],
    ['SignatureDoesNotMatch', signatureMismatch(), 403, 'The request signature we calculated does not match'],
    ['ServiceUnavailable', unavailable(), 503, 'Service is unavailable'],
    [
      'OptInRequired',
      fail('OptInRequired', 'needs a <subscription> & more', 403),
      403,
      'needs a <subscription> & more',
    ],
    [
      'DBInstanceNotFoundFault',
      fail('DBInstanceNotFound', 'DBInstance x not found.', 404),
      404,
      'DBInstance x not found',
    ],
  ];

  test.each(errors)('%s', async (name, effect, httpStatusCode, message) => {
    aws.faults.add({ when, do: effect });
    await expect(describeInstances()).rejects.toMatchObject({
      name,
      message: expect.stringContaining(message),
      $metadata: { httpStatusCode },
    });
  });

  test('a connection that is reset', async () => {
    aws.faults.add({ when, do: reset() });
    await expect(describeInstances()).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  test('half an answer', async () => {
    aws.faults.add({ when, do: cut() });
    await expect(describeInstances()).rejects.toThrow(/aborted|terminated|reset/i);
  });

  test('a body that is no XML', async () => {
    aws.faults.add({ when, do: malformed() });
    await expect(describeInstances()).rejects.toThrow();
  });

  test.each([throttle(), unavailable(), reset()])('two transient errors and then the answer (%j)', async (effect) => {
    const fault = aws.faults.add({ when, times: 2, do: effect });
    const { DBInstances = [] } = await describeInstances({}, client({ maxAttempts: 3 }));
    expect(DBInstances.length).toBeGreaterThan(20);
    expect(fault.hits).toBe(2);
    expect(aws.requests.count(when)).toBe(3);
  });

  test('MaxRecords refused as AWS does', async () => {
    for (const MaxRecords of [0, 19, 101])
      await expect(describeInstances({ MaxRecords })).rejects.toMatchObject({
        name: 'InvalidParameterValue',
        message: `Invalid value ${MaxRecords} for MaxRecords. Must be between 20 and 100`,
        $metadata: { httpStatusCode: 400 },
      });
    expect(await identifiers({ MaxRecords: 20 })).toHaveLength(20);
    expect((await identifiers({ MaxRecords: 100 })).length).toBeGreaterThan(20);
  });
});

describe('a fault', () => {
  test('lets the first calls through, hits as often as told, and can be removed', async () => {
    const fault = aws.faults.add({ when, after: 1, times: 2, do: throttle() });
    const outcomes: string[] = [];
    for (let call = 0; call < 4; call += 1) {
      outcomes.push(
        await describeInstances().then(
          () => 'ok',
          (error: Error) => error.name,
        ),
      );
    }
    expect(outcomes).toEqual(['ok', 'Throttling', 'Throttling', 'ok']);
    const other = aws.faults.add({ when, do: throttle() });
    other.remove();
    await describeInstances();
    expect([fault.hits, other.hits]).toEqual([2, 0]);
  });

  test('is only for the calls it names', async () => {
    aws.faults.add({ when: { ...when, region: 'eu-west-1' }, do: throttle() });
    aws.faults.add({ when: { ...when, account: '444455556666' }, do: throttle() });
    aws.faults.add({ when: { ...when, match: ({ parameters }) => parameters.MaxRecords === '21' }, do: deny() });
    await describeInstances();
    await expect(describeInstances({}, client({ region: 'eu-west-1' }))).rejects.toThrow('Rate exceeded');
    await expect(describeInstances({ MaxRecords: 21 })).rejects.toThrow('not authorized');
  });

  test('delays an answer', async () => {
    aws.faults.add({ when, do: delay(80) });
    const start = performance.now();
    await describeInstances();
    expect(performance.now() - start).toBeGreaterThanOrEqual(79);
  });

  test('holds calls before they reach AWS until it is released', async () => {
    const gate = hold();
    aws.faults.add({ when, times: 1, do: gate.effect });
    const order: string[] = [];
    const held = describeInstances().then(() => order.push('held'));
    await gate.reached;
    await describeInstances().then(() => order.push('free'));
    gate.release();
    await held;
    expect(order).toEqual(['free', 'held']);
  });

  test('rewrites an answer, after the faults that were added before it', async () => {
    aws.faults.add(setStatus('orders', 'stopped'));
    const seen: string[] = [];
    aws.faults.add({
      when,
      do: rewrite((xml, request, status) => {
        seen.push(`${request.action} ${status} ${xml.includes('<DBInstanceStatus>stopped<')}`);
        return xml.replace('>stopped<', '>starting<');
      }),
    });
    const { DBInstances } = await describeInstances({ DBInstanceIdentifier: 'orders' });
    expect(DBInstances?.[0]?.DBInstanceStatus).toBe('starting');
    expect(seen).toEqual(['DescribeDBInstances 200 true']);
  });
});

describe('rows', () => {
  test('get another state', async () => {
    aws.faults.add(setStatus('orders', 'modifying'));
    const { DBInstances = [] } = await describeInstances();
    const changed = DBInstances.filter(({ DBInstanceStatus }) => DBInstanceStatus !== 'available');
    expect(changed.map(({ DBInstanceIdentifier }) => DBInstanceIdentifier)).toEqual(['orders']);
  });

  test('are dropped from lists, and from single gets if asked', async () => {
    const get = { DBInstanceIdentifier: 'orders' };
    const fault = aws.faults.add(dropRow('orders'));
    expect(await identifiers()).not.toContain('orders');
    expect(await identifiers(get)).toEqual(['orders']);
    expect(await identifiers(byName('orders'))).toEqual(['orders']);
    fault.remove();
    aws.faults.add(dropRow('orders', { gets: true }));
    expect(await identifiers()).not.toContain('orders');
    expect(await identifiers(byName('orders', 'wiki'))).toEqual(['wiki']);
    await expect(identifiers(get)).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
  });

  test('are added to lists whose filters they pass, on one page, and to single gets', async () => {
    aws.faults.add(addRow(documentDbRow('added', aws.home, 'us-east-1'), { region: 'us-east-1' }));
    expect(await identifiers()).toContain('added');
    expect(await identifiers({ DBInstanceIdentifier: 'added' })).toEqual(['added']);
    expect(await identifiers(byName('added', 'wiki'))).toEqual(['wiki', 'added']);
    expect(await identifiers(byName('added'))).toEqual(['added']);
    expect(await identifiers({ Filters: [{ Name: 'engine', Values: ['docdb'] }] })).toEqual(['catalog-docdb', 'added']);
    expect(await identifiers({ Filters: [{ Name: 'engine', Values: ['postgres'] }] })).not.toContain('added');
    const first = await describeInstances({ MaxRecords: 20 });
    expect(first.DBInstances).toHaveLength(20);
    const { DBInstances = [] } = await describeInstances({
      MaxRecords: 20,
      ...(first.Marker && { Marker: first.Marker }),
    });
    expect(DBInstances.map(({ DBInstanceIdentifier }) => DBInstanceIdentifier)).toContain('added');
  });

  test('that are added behind a full page get a page of their own', async () => {
    const place = { account: aws.home, region: 'us-east-1' };
    const seeded = estate.instances.filter(({ account, region }) => account === aws.home && region === place.region);
    const added = Array.from({ length: 40 - seeded.length + 2 }, (_, number) => `added-${number}`);
    for (const identifier of added) aws.faults.add(addRow(documentDbRow(identifier, aws.home, place.region), place));
    const sizes: number[] = [];
    const names: (string | undefined)[] = [];
    for await (const { DBInstances = [] } of paginateDescribeDBInstances({ client: client(), pageSize: 20 }, {})) {
      sizes.push(DBInstances.length);
      names.push(...DBInstances.map(({ DBInstanceIdentifier }) => DBInstanceIdentifier));
    }
    expect(sizes).toEqual([20, 20, 2]);
    expect(names.sort()).toEqual([...seeded.map(({ identifier }) => identifier), ...added].sort());
  });

  test('end with a page whose Marker is lost', async () => {
    expect(await describeInstances({ MaxRecords: 20 })).toHaveProperty('Marker');
    aws.faults.add(truncatePage());
    expect(await describeInstances({ MaxRecords: 20 })).not.toHaveProperty('Marker');
  });

  test('can be full: every property of the SDK is there', async () => {
    aws.faults.add(addRow(fullRow('full', aws.home, 'us-east-1')));
    const { DBInstances = [] } = await describeInstances({ DBInstanceIdentifier: 'full' });
    expect(missing(DBInstance$, DBInstances[0], 'DBInstance')).toEqual([]);
    expect(DBInstances[0]?.AdditionalStorageVolumes?.[0]?.IOPS).toBe(6000);
    expect(DBInstances[0]?.CertificateDetails?.ValidTill).toEqual(new Date('2061-05-18T00:00:00Z'));
    expect(Object.keys(DBInstances[0] ?? {}).length).toBeGreaterThanOrEqual(94);
  });

  test('that lack a property are found out', () => {
    expect(missing(DBInstance$, { DBSubnetGroup: { Subnets: [{}] } }, 'row')).toEqual(
      expect.arrayContaining(['row.Engine', 'row.DBSubnetGroup.VpcId', 'row.DBSubnetGroup.Subnets[].SubnetStatus']),
    );
  });
});

test('the recorder knows each call, also those that a fault answered', async () => {
  const before = Date.now();
  await describeInstances({ MaxRecords: 50 });
  await describeInstances({}, client({ region: 'eu-west-1' }));
  await new STSClient({ endpoint: aws.endpoint, region: 'eu-west-1', credentials: aws.baseKeys }).send(
    new GetCallerIdentityCommand({}),
  );
  aws.faults.add({ when, do: reset(), times: 1 });
  await expect(describeInstances()).rejects.toThrow();
  expect(aws.requests.all).toMatchObject([
    { ...when, account: aws.home, region: 'us-east-1', parameters: { MaxRecords: '50' } },
    { ...when, account: aws.home, region: 'eu-west-1' },
    { service: 'sts', action: 'GetCallerIdentity', account: aws.home, region: 'eu-west-1' },
    { ...when, account: aws.home, region: 'us-east-1' },
  ]);
  expect(aws.requests.all[0]?.at.getTime()).toBeGreaterThanOrEqual(before);
  expect(aws.requests.count({ service: 'rds' })).toBe(3);
  expect(aws.requests.count({ region: 'eu-west-1' })).toBe(2);
  aws.requests.clear();
  expect(aws.requests.count()).toBe(0);
});

test('the JSON protocol of other services is understood, and answered in JSON', async () => {
  const fault = aws.faults.add({ when: { service: 'sqs', action: 'GetQueueUrl' }, do: throttle() });
  const scope = `Credential=${aws.baseKeys.accessKeyId}/20260101/eu-west-1/sqs/aws4_request`;
  const response = await fetch(aws.endpoint, {
    method: 'POST',
    headers: {
      authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=0`,
      'x-amz-target': 'AmazonSQS.GetQueueUrl',
    },
    body: JSON.stringify({ QueueName: 'events' }),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ __type: 'com.amazonaws.sqs#Throttling', message: 'Rate exceeded' });
  expect(fault.hits).toBe(1);
  expect(aws.requests.all).toMatchObject([
    { service: 'sqs', account: aws.home, region: 'eu-west-1', parameters: { QueueName: 'events' } },
  ]);
});

test('many calls at once are all answered and all counted', async () => {
  const rds = client();
  await Promise.all(Array.from({ length: 60 }, () => describeInstances({ DBInstanceIdentifier: 'orders' }, rds)));
  expect(aws.requests.count(when)).toBe(60);
});

/**
 * The members of an SDK schema that a value lacks. A structure is `[3, namespace, name, traits, names, schemas]`, a
 * list `[1, namespace, name, traits, schema]`, a named scalar begins with 0; all may be behind a function and in a pair
 * with their traits.
 */
function missing(schema: unknown, value: unknown, path: string): string[] {
  if (typeof schema === 'function') return missing(schema(), value, path);
  if (value === undefined) return [path];
  if (!Array.isArray(schema) || schema[0] === 0) return Array.isArray(value) && value.length === 0 ? [path] : [];
  if (schema.length === 2) return missing(schema[0], value, path);
  if (schema[0] === 1)
    return Array.isArray(value) && value.length > 0
      ? value.flatMap((entry) => missing(schema[4], entry, `${path}[]`))
      : [`${path}[]`];
  const names: string[] = schema[4];
  return names.flatMap((name, index) => missing(schema[5][index], Object(value)[name], `${path}.${name}`));
}
