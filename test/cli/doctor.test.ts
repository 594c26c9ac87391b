import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { doctorText, verdictOf } from '../../cli/doctor.ts';
import type { Check } from '../../cli/doctor-check.ts';
import { clock, versionFinding } from '../../cli/doctor-clusters.ts';
import { holderOf, policyRemedy, refusedAction, trustRemedy } from '../../cli/doctor-grants.ts';
import { madeUp, targetsOf } from '../../cli/doctor-outside.ts';
import { permissionOf, rightsManifests, rightsOf, rightsText } from '../../cli/doctor-rights.ts';
import { type Configuration, parseConfiguration } from '../../lib/configuration.ts';
import { sources } from '../../lib/sources.ts';
import { tasksOf } from '../../lib/targets.ts';
import { account, mirror } from '../configuration-samples.ts';

const paint = (_: string, text: string) => text;

function tasks(text: string) {
  const parsed = parseConfiguration(text, { sources });
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const configuration: Configuration = parsed.configuration;
  return tasksOf(configuration, sources);
}

describe('the action that an error says is refused', () => {
  const named = (name: string, message: string) => Object.assign(new Error(message), { name });
  const permissions = ['sts:GetCallerIdentity', 'sqs:ListQueues', 'sqs:ListQueueTags', 'rds:DescribeDBInstances'];

  test.each([
    [
      'AccessDenied',
      'User: a is not authorized to perform: rds:DescribeDBInstances on resource: b',
      'rds:DescribeDBInstances',
    ],
    ['AccessDeniedException', 'User: a is not authorized to perform: sqs:listqueues on resource: b', 'sqs:ListQueues'],
    ['AccessDenied', 'User: a is not authorized to perform: sts:AssumeRole on resource: b', 'sts:AssumeRole'],
    ['AccessDenied', 'User: a is not authorized to perform: kms:Decrypt on resource: b', 'kms:Decrypt'],
    ['UnseenError', 'To mend it: grant sqs:ListQueueTags to the role that reads', 'sqs:ListQueueTags'],
    ['AccessDenied', 'Access to the resource is denied.', permissions.join(', ')],
    ['ExpiredToken', 'The security token included in the request is expired', undefined],
    ['Throttling', 'Rate exceeded', undefined],
  ])('is read from %s: %s', (name, message, expected) => {
    expect(refusedAction(named(name, message), permissions)).toBe(expected);
  });

  test('is not read from what is no error', () => {
    expect(refusedAction('not authorized to perform: rds:DescribeDBInstances', permissions)).toBeUndefined();
  });
});

describe('the remedy', () => {
  const role = 'arn:aws:iam::111122223333:role/skymirror-reader';

  test('for the session of a role names the role', () => {
    expect(holderOf('arn:aws:sts::111122223333:assumed-role/mirror/one')).toBe('arn:aws:iam::111122223333:role/mirror');
    expect(holderOf('arn:aws-cn:sts::111122223333:assumed-role/a/b')).toBe('arn:aws-cn:iam::111122223333:role/a');
    expect(holderOf('arn:aws:iam::111122223333:user/me')).toBe('arn:aws:iam::111122223333:user/me');
  });

  test('for a missing action is the policy of those kinds, for the role or whoever reads', () => {
    const one = sources.filter(({ kind }) => kind === 'RDSInstance');
    const policy = policyRemedy({ account: '111122223333', roleArn: role }, one, 'arn:aws:iam::9:user/me');
    expect(policy).toMatch(new RegExp(`^Give ${role} this policy`));
    expect(policy).toContain('rds:DescribeDBInstances');
    expect(policy).not.toContain('sqs:');
    expect(policyRemedy({ account: '111122223333' }, one)).toMatch(/^Give whoever reads account 111122223333 this/);
  });

  test('for a role that cannot be assumed has the external id, where the configuration has one', () => {
    const without = trustRemedy({ account: '1', roleArn: role }, 'arn:aws:iam::9:user/me');
    expect(without).not.toContain('Condition');
    expect(without).toMatch(/\nor correct role and externalId of account 1 in the configuration\.$/);
    expect(without).toContain('"AWS": "arn:aws:iam::9:user/me"');
    const asked = trustRemedy({ account: '1', roleArn: role, externalId: 'abc' }, 'arn:aws:sts::9:assumed-role/m/s');
    expect(asked).toContain('"sts:ExternalId": "abc"');
    expect(asked).toContain('with its path, if it has one');
    expect(trustRemedy({ account: '1', roleArn: role })).toContain('the identity that runs skymirror');
  });
});

test.each([
  ['RDSInstance', 'arn:aws:rds:us-east-1:111122223333:db:orders'],
  ['RDSInstance', 'arn:aws:rds:us-east-1:111122223333:db:db'],
  ['RDSCluster', 'arn:aws:rds:us-east-1:111122223333:cluster:cluster'],
  ['SQSQueue', 'arn:aws:sqs:us-east-1:111122223333:orders.fifo'],
])('of %s %s another id is made up, of the same place and nothing else', (kind, id) => {
  const source = sources.find((one) => one.kind === kind);
  const identity = source?.identify(id);
  if (source === undefined || identity === undefined) throw new Error(`${id} is no id of ${kind}`);
  const scope = { account: '111122223333', region: 'us-east-1' };
  const [made = ''] = madeUp(source, scope, { id, identity });
  expect(source.identify(made)).toMatchObject(scope);
  expect(made).not.toBe(id);
  expect(madeUp(source, { ...scope, region: 'eu-west-1' }, { id, identity })).toEqual([]);
});

test('what two mirrors look at is looked at once', () => {
  const text = `${account}mirrors:\n${mirror()}${mirror('', 'two', 'other')}`;
  expect(targetsOf(tasks(text)).map(({ where, source }) => `${where} ${source.kind}`)).toEqual([
    'main/us-east-1 RDSInstance',
  ]);
});

describe('rights', () => {
  const two = mirror('', 'two', 'other').replace('RDSInstance', 'SQSQueue');
  const rights = rightsOf(tasks(`${account}mirrors:\n${mirror()}${two}`));

  test('are those for the kinds in each namespace, and for their CRDs', () => {
    const text = (namespace: string | undefined) => rightsText(rights.filter((right) => right.namespace === namespace));
    expect(text('external').split('; ')).toEqual([
      'get, list, create, update, delete rdsinstances.aws.skymirror.dev',
      'update rdsinstances.aws.skymirror.dev/status',
      'get, list, create mirrorscans.skymirror.dev',
      'get, list, create, update, delete syncruns.skymirror.dev',
      'update mirrorscans.skymirror.dev/status',
      'update syncruns.skymirror.dev/status',
      'get, create, update events.events.k8s.io',
      'get namespaces',
    ]);
    expect(text('other')).not.toContain('rdsinstances');
    expect(text(undefined).split('; ')).toEqual([
      'get customresourcedefinitions.apiextensions.k8s.io mirrorscans.skymirror.dev',
      'get customresourcedefinitions.apiextensions.k8s.io rdsinstances.aws.skymirror.dev',
      'get customresourcedefinitions.apiextensions.k8s.io syncruns.skymirror.dev',
      'get customresourcedefinitions.apiextensions.k8s.io sqsqueues.aws.skymirror.dev',
    ]);
  });

  test('are asked for as the API server asks', () => {
    const status = { namespace: 'external', group: 'g', resource: 'things/status', verb: 'update' };
    expect(permissionOf(status)).toEqual({ ...status, resource: 'things', subresource: 'status' });
    const look = { namespace: 'external', group: '', resource: 'namespaces', verb: 'get' };
    expect(permissionOf(look)).toEqual({ ...look, name: 'external' });
    const named = { group: 'g', resource: 'definitions', verb: 'get', name: 'one' };
    expect(permissionOf(named)).toEqual(named);
  });

  test('become a role and a binding for each place, with a name that follows from what is in them', () => {
    const subject = { kind: 'ServiceAccount', name: 'a', namespace: 'b' } as const;
    const objects = (some: typeof rights) =>
      parseAllDocuments(rightsManifests(some, subject)).map(
        (document) => document.toJS() as { kind: string; metadata: object },
      );
    const all = objects(rights);
    expect(all.map(({ kind }) => kind).toSorted()).toEqual(
      ['ClusterRole', 'ClusterRoleBinding', 'Role', 'Role', 'RoleBinding', 'RoleBinding'].toSorted(),
    );
    expect(all[1]).toMatchObject({ subjects: [subject] });
    const fewer = objects(rights.slice(1));
    expect(fewer[0]?.metadata).not.toEqual(all[0]?.metadata);
    const user = parseAllDocuments(rightsManifests(rights.slice(0, 1), { kind: 'User', name: 'me: you' }))[1]?.toJS();
    expect(user).toMatchObject({
      subjects: [{ kind: 'User', name: 'me: you', apiGroup: 'rbac.authorization.k8s.io' }],
    });
  });
});

test.each([
  [0, []],
  [60_000, []],
  [-60_000, []],
  [90_000, ["the cluster's clock is 90 s ahead of this machine's"]],
  [-3_600_000, ["the cluster's clock is 3600 s behind this machine's"]],
])('clocks that differ by %i ms are told when it is more than a minute', (difference, said) => {
  expect(clock(difference).map(({ message }) => message)).toEqual(said);
});

test.each([
  ['1', '30', 'missing'],
  ['1', '31+', 'ok'],
  ['1', '36', 'ok'],
  ['2', '0', 'ok'],
])('Kubernetes %s.%s is %s', (major, minor, state) => {
  const gitVersion = `v${major}.${minor}`;
  expect(versionFinding({ gitVersion, major, minor })).toMatchObject({
    state,
    message: expect.stringContaining(gitVersion),
  });
});

test.each([
  [[], 0],
  [['ok', 'skipped', 'warning'], 0],
  [['ok', 'missing'], 2],
  [['missing', 'failed'], 1],
] as const)('%j ends with exit code %i', (states, code) => {
  expect(verdictOf(states.map((state) => ({ state })))).toBe(code);
});

test('each remedy is printed once, below all checks', () => {
  const checks: Check[] = [
    { area: 'aws', where: 'main/eu-west-1', check: 'list Thing', state: 'missing', message: 'no', mend: 'give it' },
    { area: 'aws', where: 'main/us-east-1', check: 'list Thing', state: 'missing', message: 'no', mend: 'give it' },
    { area: 'cluster', where: 'here', check: 'the cluster answers', state: 'ok' },
  ];
  expect(doctorText(checks, { paint })).toBe(`AWS main/eu-west-1
  missing  list Thing: no
AWS main/us-east-1
  missing  list Thing: no
cluster here
  ok       the cluster answers

To mend main/eu-west-1, main/us-east-1:
give it

1 ok, 2 missing.`);
});
