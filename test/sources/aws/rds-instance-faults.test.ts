import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Aws, startAws } from '../../../dev/aws.ts';
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
} from '../../../dev/proxy-faults.ts';
import { addRow, documentDbRow, dropRow, setElement } from '../../../dev/proxy-rows.ts';
import type { Outside } from '../../../lib/source.ts';
import { rdsInstance } from '../../../lib/sources/aws/rds-instance.ts';

const home = '111122223333';
const other = '444455556666';
const region = 'us-east-1';
const signal = new AbortController().signal;
const arn = `arn:aws:rds:${region}:${home}:db:docs`;
const when = { service: 'rds', action: 'DescribeDBInstances' };

let aws: Aws;
const opened: Outside[] = [];
beforeAll(async () => {
  aws = await startAws({ seed: false });
}, 180_000);
afterAll(() => aws.stop());
beforeEach(() => {
  for (const [name, value] of Object.entries(aws.environment())) vi.stubEnv(name, value);
  aws.faults.add(addRow(documentDbRow('docs', home, region)));
});
afterEach(() => {
  for (const outside of opened.splice(0)) outside.close();
  aws.faults.clear();
  aws.requests.clear();
});

function open(
  access: object = { roleArn: aws.roleArn(home), externalId: aws.externalId },
  scope: object = {},
): Outside {
  const outside = rdsInstance.open({ account: home, region, ...scope }, access);
  opened.push(outside);
  return outside;
}

const list = (outside = open(), until = signal) => Array.fromAsync(outside.list(until));

async function explained(work: Promise<unknown>) {
  try {
    return expect.fail(`it was answered: ${JSON.stringify(await work)}`);
  } catch (error) {
    return rdsInstance.explain(error);
  }
}

describe('a listing that AWS answers with', () => {
  const cases: [string, Effect, string, RegExp][] = [
    ['AccessDenied', deny(), 'AccessDenied', /not authorized to perform: rds:DescribeDBInstances.*grant the missing/],
    ['ExpiredToken', expiredToken(), 'AccessDenied', /renew the credentials/],
    ['InvalidClientTokenId', invalidToken(), 'AccessDenied', /the access key does not exist/],
    ['SignatureDoesNotMatch', signatureMismatch(), 'AccessDenied', /the clock is off/],
    ['OptInRequired', fail('OptInRequired', 'subscribe', 403), 'AccessDenied', /enable the service or region/],
    ['Throttling', throttle(), 'Throttled', /Rate exceeded/],
    ['ServiceUnavailable', unavailable(), 'Unreachable', /ServiceUnavailable/],
    ['an error that nobody knows', fail('Brandnew', 'what', 418), 'Unreachable', /Brandnew: what/],
    ['a reset', reset(), 'Unreachable', /ECONNRESET|hang up/i],
    ['half an answer', cut(), 'Unreachable', /aborted|terminated|reset/i],
    ['no XML', malformed(), 'BadAnswer', /./],
    [
      'a date that is none',
      setElement('docs', 'InstanceCreateTime', 'soon').do,
      'BadAnswer',
      /could not be asked \(TypeError: Invalid RFC3339/,
    ],
    [
      'no list',
      rewrite((xml) => xml.replace(/<DBInstances>.*<.DBInstances>/s, '')),
      'BadAnswer',
      /answered without a list/,
    ],
  ];

  test.each(cases)('%s is unseen, for the reason that it is', async (_, effect, reason, message) => {
    aws.faults.add({ when, do: effect });
    const told = await explained(list());
    expect(told.reason).toBe(reason);
    expect(told.message).toMatch(message);
  });

  test.each([
    ['a reset', reset()],
    ['ServiceUnavailable', unavailable()],
  ])('%s once is asked again', async (_, effect) => {
    aws.faults.add({ when, times: 1, do: effect });
    expect((await list()).flat()).toHaveLength(1);
    expect(aws.requests.count(when)).toBe(2);
  });

  test('the same Marker twice is unseen, and does not go on for ever', async () => {
    const again = rewrite((xml) => ({
      status: 200,
      body: xml.includes('<Marker>')
        ? xml
        : `<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBInstancesResult><Marker>m</Marker><DBInstances/></DescribeDBInstancesResult></DescribeDBInstancesResponse>`,
    }));
    aws.faults.add({ when, do: again });
    expect(await explained(list())).toMatchObject({
      reason: 'BadAnswer',
      message: 'DescribeDBInstances gave the same Marker twice',
    });
    expect(aws.requests.count(when)).toBe(2);
  });

  test('a late answer is waited for', async () => {
    aws.faults.add({ when, do: delay(60) });
    expect((await list()).flat()).toHaveLength(1);
  });

  test('nothing ends with its signal', async () => {
    const gate = hold();
    aws.faults.add({ when, do: gate.effect });
    const stop = new AbortController();
    const refused = expect(list(open(), stop.signal)).rejects.toThrow();
    await gate.reached;
    stop.abort();
    await refused;
    gate.release();
  });
});

describe('a question for ids that AWS answers with', () => {
  const ids = [arn, `${arn}-2`];

  test('AccessDenied to the filter is an error of all', async () => {
    aws.faults.add({ when, do: deny() });
    expect(await explained(open().get(ids, signal))).toMatchObject({ reason: 'AccessDenied' });
  });

  test('AccessDenied to one id is an error of that id, not "gone"', async () => {
    const match = ({ parameters }: { parameters: Readonly<Record<string, string>> }) =>
      'DBInstanceIdentifier' in parameters;
    aws.faults.add({ when: { ...when, match }, do: deny() });
    const answers = await open().get(ids, signal);
    expect(answers.get(arn)).toMatchObject({ outcome: 'excluded' });
    expect(answers.get(`${arn}-2`)).toBeInstanceOf(Error);
    expect(rdsInstance.explain(answers.get(`${arn}-2`)).reason).toBe('AccessDenied');
  });

  test('an empty list to the question for one id is an error, not "gone"', async () => {
    aws.faults.add({ when, do: rewrite((xml) => xml.replace(/<DBInstances>.*<.DBInstances>/s, '<DBInstances/>')) });
    const answers = await open().get([arn], signal);
    expect(answers.get(arn)).toMatchObject({
      reason: 'BadAnswer',
      message: `asked for ${arn}, AWS answered with an empty list`,
    });
  });

  test('DBInstanceNotFound is "gone", and nothing else is', async () => {
    aws.faults.add(dropRow('docs', { gets: true }));
    const answers = await open().get([arn], signal);
    expect([...answers]).toEqual([[arn, undefined]]);
  });

  test('DBInstanceNotFound to the filter is not yet "gone": each is asked for alone', async () => {
    const match = ({ parameters }: { parameters: Readonly<Record<string, string>> }) =>
      !('DBInstanceIdentifier' in parameters);
    aws.faults.add({ when: { ...when, match }, do: fail('DBInstanceNotFound', 'not found', 404) });
    const answers = await open().get(ids, signal);
    expect(answers.get(arn)).toMatchObject({ outcome: 'excluded' });
    expect(answers.get(`${arn}-2`)).toBeUndefined();
    expect(aws.requests.count(when)).toBe(3);
  });

  test('404 in a code that nobody knows is an error, not "gone"', async () => {
    aws.faults.add({ when, do: fail('DBInstanceMislaid', 'not found', 404) });
    expect((await open().get([arn], signal)).get(arn)).toBeInstanceOf(Error);
  });

  test('nothing before its signal is the end of all, not an error of one', async () => {
    const gate = hold();
    aws.faults.add({ when, do: gate.effect });
    const stop = new AbortController();
    const refused = expect(open().get([arn], stop.signal)).rejects.toThrow();
    await gate.reached;
    stop.abort();
    await refused;
    gate.release();
  });
});

describe('proof of place', () => {
  test('holds for the credentials at hand and for a role that is assumed', async () => {
    await open({}).prove(signal);
    await open().prove(signal);
    await open({ roleArn: aws.roleArn(other), externalId: aws.externalId }, { account: other }).prove(signal);
  });

  test('fails in another account, before anything is looked at', async () => {
    const told = await explained(open({ roleArn: aws.roleArn(other), externalId: aws.externalId }).prove(signal));
    expect(told.reason).toBe('WrongPlace');
    expect(told.message).toContain(`the credentials are those of account ${other}, the mirror names account ${home}`);
    expect(aws.requests.count({ service: 'rds' })).toBe(0);
  });

  test('fails where there are no credentials, and says what to set', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', '');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', '');
    const told = await explained(open({}).prove(signal));
    expect(told.reason).toBe('AccessDenied');
    expect(told.message).toContain('To mend it: set AWS_PROFILE to a profile that exists, or AWS_ACCESS_KEY_ID');
  });

  test('fails where the role cannot be assumed, and says what it lacks', async () => {
    for (const access of [
      { roleArn: aws.roleArn(home) },
      { roleArn: aws.roleArn(home), externalId: 'wrong' },
      { roleArn: `arn:aws:iam::${home}:role/nobody`, externalId: aws.externalId },
    ]) {
      const told = await explained(open(access).prove(signal));
      expect(told.reason).toBe('AccessDenied');
      expect(told.message).toContain(
        'let the role trust this identity, and give the external id that the role asks for',
      );
    }
  });

  test('fails where the credentials have expired', async () => {
    aws.faults.add({ when: { service: 'sts', action: 'GetCallerIdentity' }, do: expiredToken() });
    expect(await explained(open().prove(signal))).toMatchObject({ reason: 'AccessDenied' });
  });
});
