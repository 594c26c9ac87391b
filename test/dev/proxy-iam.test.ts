import { describe, expect, test } from 'vitest';
import { allows, policyDocument, resourceOf, roleOfSession, trusts } from '../../dev/proxy-iam.ts';
import type { AwsRequest } from '../../dev/proxy-request.ts';

const statements = (...Statement: object[]) => policyDocument.parse({ Statement }).Statement;
const queue = 'arn:aws:sqs:us-east-1:111122223333:schedule.fifo';

describe('allows', () => {
  test.each([
    ['the very action and resource', { Action: 'sqs:SendMessage', Resource: queue }, true],
    ['one of several', { Action: ['sqs:DeleteMessage', 'sqs:SendMessage'], Resource: ['arn:x', queue] }, true],
    ['patterns', { Action: 'sqs:*', Resource: 'arn:aws:sqs:*:111122223333:*' }, true],
    ['another queue', { Action: 'sqs:SendMessage', Resource: `${queue}-other` }, false],
    ['a resource that only begins alike', { Action: 'sqs:SendMessage', Resource: queue.slice(0, -1) }, false],
    ['another action', { Action: 'sqs:ReceiveMessage', Resource: '*' }, false],
    ['upper and lower case of actions', { Action: 'SQS:sendmessage', Resource: '*' }, true],
  ])('%s', (_, statement, expected) => {
    expect(allows(statements({ Effect: 'Allow', ...statement }), 'sqs:SendMessage', queue)).toBe(expected);
  });

  test('nothing that is denied', () => {
    const allow = { Effect: 'Allow', Action: '*', Resource: '*' };
    const deny = { Effect: 'Deny', Action: 'sqs:SendMessage', Resource: queue };
    expect(allows(statements(allow, deny), 'sqs:SendMessage', queue)).toBe(false);
  });
});

describe('trusts', () => {
  const role = 'arn:aws:iam::111122223333:role/worker';
  const trust = (Principal: object | string, Condition?: object) =>
    statements({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal, Condition });
  const root = { AWS: 'arn:aws:iam::111122223333:root' };

  test.each([
    ['the role by its ARN', trust({ AWS: role }), true],
    ['everybody', trust('*'), true],
    ['another role', trust({ AWS: `${role}s` }), false],
    ['another account', trust({ AWS: 'arn:aws:iam::444455556666:root' }), false],
    ['a service', trust({ Service: 'lambda.amazonaws.com' }), false],
    ['roles of the account by name', trust(root, { ArnEquals: { 'aws:PrincipalArn': [role] } }), true],
    ['other roles of the account', trust(root, { ArnEquals: { 'aws:PrincipalArn': [`${role}s`] } }), false],
    ['an external id', trust({ AWS: role }, { StringEquals: { 'sts:ExternalId': 'abc' } }), true],
    ['another external id', trust({ AWS: role }, { StringEquals: { 'sts:ExternalId': 'abd' } }), false],
    [
      'a condition that it does not know',
      trust({ AWS: role }, { Bool: { 'aws:MultiFactorAuthPresent': 'true' } }),
      false,
    ],
  ])('%s', (_, documents, expected) => {
    expect(trusts(documents, { role, externalId: 'abc' })).toBe(expected);
  });
});

test('a session names its role', () => {
  expect(roleOfSession('arn:aws:sts::111122223333:assumed-role/worker/function')).toBe(
    'arn:aws:iam::111122223333:role/worker',
  );
  expect(roleOfSession('arn:aws:iam::111122223333:user/somebody')).toBeUndefined();
});

test.each([
  ['sqs', { QueueUrl: 'http://127.0.0.1:5000/111122223333/schedule.fifo' }, queue],
  ['sts', { RoleArn: 'arn:aws:iam::444455556666:role/reader' }, 'arn:aws:iam::444455556666:role/reader'],
  ['ssm', { Name: '/skymirror/local' }, 'arn:aws:ssm:us-east-1:111122223333:parameter/skymirror/local'],
  ['eks', { Name: 'main' }, 'arn:aws:eks:us-east-1:111122223333:cluster/main'],
  ['secretsmanager', { SecretId: 'arn:secret' }, 'arn:secret'],
  ['rds', {}, '*'],
])('a call of %s is about its resource', (service, parameters: Record<string, string>, expected) => {
  const call = { service, account: '111122223333', region: 'us-east-1', parameters } as unknown as AwsRequest;
  expect(resourceOf(call)).toBe(expected);
});
