import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Keys, Policy } from '../../dev/aws.ts';
import { accessDenied, deny, type Effect } from '../../dev/proxy-faults.ts';
import { readerPolicy } from '../../lib/iam.ts';
import { sources } from '../../lib/sources.ts';
import { bad, kinds, type Patient, startPatient } from './doctor-patient.ts';

let patient: Patient;
beforeAll(async () => {
  patient = await startPatient();
});
afterAll(() => patient?.stop());
afterEach(async () => {
  patient.aws.faults.clear();
  await patient.aws.moto.enforceIam(false);
});

const full = readerPolicy(sources.filter(({ kind }) => kinds.includes(kind)));
const actions = full.Statement.flatMap(({ Action }) => Action);

test.each(actions.filter((action) => action !== 'sts:GetCallerIdentity'))(
  'without %s it is named, and the policy that is printed mends it',
  async (action) => {
    await patient.configure();
    const policy: Policy = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: actions.filter((one) => one !== action), Resource: '*' }],
    };
    const sick = await patient.examine(await readerUnder(policy));
    expect(sick.code).toBe(2);
    const missing = bad(sick.checks, 'missing', 'failed');
    for (const { area, where, state, message } of missing) {
      expect({ area, where, state }).toEqual({ area: 'aws', where: 'main/us-east-1', state: 'missing' });
      expect(message).toContain(action);
    }
    const [mend = '', ...others] = new Set(missing.map((check) => check.mend));
    expect(others).toEqual([]);
    expect(mend).toMatch(/^Give arn:aws:iam::111122223333:role\/reader-\d+ this policy, beside what is there:\n/);
    expect(sick.text).toContain(mend);
    const [granted] = jsonIn(mend) as Policy[];
    const mended = { ...policy, Statement: [...policy.Statement, ...(granted?.Statement ?? [])] };
    const well = await patient.examine(await readerUnder(mended));
    expect(bad(well.checks, 'missing', 'failed')).toEqual([]);
    expect(well.code).toBe(0);
  },
);

test('a role that does not trust is named once, and the statements that are printed mend it', async () => {
  const account = { role: patient.aws.roleArn(patient.aws.home), externalId: patient.aws.externalId };
  await patient.configure({ account, mirror: { regions: [...patient.aws.regions] } });
  const statements: Statement[] = [];
  const trusting: Effect = {
    kind: 'answer',
    answer: (request) => accessDenied(request, patient.aws.roleArn(patient.aws.home), false),
  };
  const caller = `arn:aws:iam::${patient.aws.home}:user/skymirror-dev`;
  patient.aws.faults.add({
    when: {
      service: 'sts',
      action: 'AssumeRole',
      match: ({ parameters, caller: who }) => !allows(statements, who, caller, parameters),
    },
    do: trusting,
  });
  const sick = await patient.examine();
  expect(sick.code).toBe(2);
  const missing = bad(sick.checks, 'missing', 'failed');
  expect(missing.map(({ where, check }) => [where, check])).toEqual(
    patient.aws.regions.toSorted().map((region) => [`main/${region}`, 'the credentials are of this account']),
  );
  const mends = new Set(missing.map(({ mend }) => mend));
  expect(mends.size).toBe(1);
  statements.push(...(jsonIn([...mends][0] ?? '') as Statement[]));
  expect(statements).toHaveLength(2);
  const well = await patient.examine();
  expect(bad(well.checks, 'missing', 'failed')).toEqual([]);
});

test('credentials of another account, and none at all, have failed with what mends them', async () => {
  await patient.configure({ account: { id: patient.aws.accounts[1] } });
  const other = await patient.examine();
  expect(other.code).toBe(1);
  expect(bad(other.checks, 'failed')[0]?.message).toMatch(/credentials are those of account 111122223333.*Correct/);
  const none = await patient.examine({ accessKeyId: '', secretAccessKey: '' });
  expect(none.code).toBe(1);
  expect(bad(none.checks, 'failed')[0]?.message).toMatch(/set AWS_PROFILE/);
  expect(bad(none.checks, 'missing')).toEqual([]);
});

test('a region that does not answer has failed, and the others are looked at', async () => {
  await patient.configure({ mirror: { regions: [...patient.aws.regions], sources: ['RDSInstance'] } });
  patient.aws.faults.add({ when: { service: 'rds', region: 'eu-west-1' }, do: { kind: 'reset' } });
  const { code, checks } = await patient.examine();
  expect(code).toBe(1);
  expect(bad(checks, 'failed').map(({ where, check }) => [where, check])).toEqual([
    ['main/eu-west-1', 'list RDSInstance'],
  ]);
  expect(checks).toContainEqual({ area: 'aws', where: 'main/us-east-1', check: 'get RDSInstance', state: 'ok' });
});

/**
 * Keys of a session that may do only this. What moto refuses of SQS it refuses in XML, and AWS in the JSON of the call, so
 * the proxy refuses these by the same policy.
 */
async function readerUnder(policy: Policy): Promise<Keys> {
  const allowed = policy.Statement.flatMap(({ Action }) => Action);
  patient.aws.faults.clear();
  patient.aws.faults.add({
    when: { service: 'sqs', match: ({ action }) => !allowed.includes(`sqs:${action}`) },
    do: deny(),
  });
  return patient.aws.reader(policy);
}

interface Statement {
  readonly Action: string;
  readonly Resource?: string;
  readonly Principal?: { readonly AWS: string };
  readonly Condition?: { readonly StringEquals: Readonly<Record<string, string>> };
}

/** AWS's rule for AssumeRole: the role has to trust the caller, and a policy of the caller has to allow it. */
function allows(
  statements: readonly Statement[],
  who: string,
  caller: string,
  parameters: Readonly<Record<string, string>>,
): boolean {
  const trusts = statements.some(
    ({ Principal, Condition, Action }) =>
      Action === 'sts:AssumeRole' &&
      Principal?.AWS === who &&
      who === caller &&
      (Condition?.StringEquals['sts:ExternalId'] ?? parameters.ExternalId) === parameters.ExternalId,
  );
  return trusts && statements.some(({ Resource }) => Resource === parameters.RoleArn);
}

/** The JSON documents in a text. */
function jsonIn(text: string): unknown[] {
  return [...text.matchAll(/^\{$[\s\S]*?^\}$/gm)].map(([document]) => JSON.parse(document) as unknown);
}
