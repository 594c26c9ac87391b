import { describe, expect, test } from 'vitest';
import { policyReach } from '../../../lib/sources/aws/policy.ts';

const own = '111122223333';
const other = '444455556666';
const root = (account: string) => `arn:aws:iam::${account}:root`;
const topic = (account: string) => `arn:aws:sns:us-east-1:${account}:orders`;

const nobody = { present: true, public: false, crossAccount: false };
const others = { present: true, public: false, crossAccount: true };
const everybody = { present: true, public: true, crossAccount: true };
const unreadable = { present: true };

const reach = (...statements: object[]) =>
  policyReach(JSON.stringify({ Version: '2012-10-17', Statement: statements }), own);
const allow = (principal: unknown, condition?: object) =>
  reach({ Effect: 'Allow', Principal: principal, Action: 'sqs:*', Resource: '*', Condition: condition });

describe('a policy that lets in', () => {
  test.each([
    ['everybody', '*', everybody],
    ['everybody of AWS', { AWS: '*' }, everybody],
    ['everybody in a list', { AWS: [root(own), '*'] }, everybody],
    ['every service', { Service: '*' }, everybody],
    ['every user, which IAM refuses', { AWS: `arn:aws:iam::${own}:user/*` }, everybody],
    ['its own account', { AWS: own }, nobody],
    [
      "its own account's root, user, role and session",
      {
        AWS: [
          root(own),
          `arn:aws:iam::${own}:user/a`,
          `arn:aws:iam::${own}:role/b/c`,
          `arn:aws:sts::${own}:assumed-role/b/s`,
        ],
      },
      nobody,
    ],
    ['another account by id', { AWS: other }, others],
    ['another account by ARN', { AWS: root(other) }, others],
    ['another account of another partition', { AWS: `arn:aws-cn:iam::${own.replace('1', '9')}:root` }, others],
    ['its own and another account', { AWS: [own, root(other)] }, others],
    ['a service', { Service: 'sns.amazonaws.com' }, nobody],
    ['services', { Service: ['sns.amazonaws.com', 'events.amazonaws.com'] }, nobody],
    ['a principal that was deleted', { AWS: 'AROAEXAMPLEEXAMPLE123' }, nobody],
    ['a canonical user', { CanonicalUser: '79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be' }, others],
    ['an identity provider of its own', { Federated: `arn:aws:iam::${own}:saml-provider/p` }, nobody],
    ['an identity provider of the web', { Federated: 'accounts.google.com' }, others],
    ['nobody', {}, nobody],
    ['nobody by a list', { AWS: [] }, nobody],
  ])('%s', (_, principal, expected) => {
    expect(allow(principal)).toEqual(expected);
  });

  test('all but some is open to everybody', () => {
    expect(reach({ Effect: 'Allow', NotPrincipal: { AWS: root(own) }, Action: 'sqs:*' })).toEqual(everybody);
  });
});

describe('everybody, narrowed by', () => {
  const key = (operator: string, name: string, value: unknown) => ({ [operator]: { [name]: value } });
  test.each([
    ['its own account', key('StringEquals', 'aws:SourceAccount', own), nobody],
    ['its own account in other letters', key('StringEqualsIgnoreCase', 'AWS:sourceaccount', [own]), nobody],
    ['its own topic', key('ArnEquals', 'aws:SourceArn', topic(own)), nobody],
    ['its own topic as older policies say it', key('StringLike', 'aws:SourceArn', topic(own)), nobody],
    ['the owner of the source', key('StringEquals', 'aws:SourceOwner', own), nobody],
    ['the account of the caller', key('ForAnyValue:StringEquals', 'aws:PrincipalAccount', own), nobody],
    ['another account', key('StringEquals', 'aws:SourceAccount', other), others],
    ['its own and another account', key('StringEquals', 'aws:SourceAccount', [own, other]), others],
    ['a topic of another account', key('ArnLike', 'aws:SourceArn', topic(other)), others],
    ['a bucket, which names no account', key('ArnLike', 'aws:SourceArn', 'arn:aws:s3:::pictures'), others],
    ['an organisation', key('StringEquals', 'aws:PrincipalOrgID', 'o-a1b2c3d4e5'), others],
    ['a VPC endpoint', key('StringEquals', 'aws:SourceVpce', 'vpce-1a2b3c4d'), others],
    ['a VPC', key('StringEquals', 'aws:SourceVpc', ['vpc-1', 'vpc-2']), others],
    ['any account', key('StringLike', 'aws:SourceAccount', '*'), everybody],
    ['a part of an account', key('StringLike', 'aws:SourceAccount', '1111*'), everybody],
    ['one fixed and one open value', key('StringLike', 'aws:PrincipalOrgID', ['o-a', 'o-*']), everybody],
    ['all topics', key('ArnLike', 'aws:SourceArn', `arn:aws:sns:*:${own}:*`), everybody],
    ['a variable', key('StringEquals', 'aws:PrincipalAccount', `\${aws:SourceAccount}`), everybody],
    ['no value', key('StringEquals', 'aws:SourceAccount', []), everybody],
    ['an empty value', key('StringEquals', 'aws:SourceAccount', ''), everybody],
    ['an account, if there is one', key('StringEqualsIfExists', 'aws:SourceAccount', own), everybody],
    ['all of no values', key('ForAllValues:StringEquals', 'aws:SourceAccount', own), everybody],
    ['what it is not', key('StringNotEquals', 'aws:SourceAccount', other), everybody],
    ['addresses', key('IpAddress', 'aws:SourceIp', '203.0.113.0/24'), everybody],
    ['encryption in transit', key('Bool', 'aws:SecureTransport', true), everybody],
    ['a date', key('NumericLessThan', 'aws:EpochTime', 1), everybody],
    ['a name', key('StringEquals', 'aws:username', 'andrew'), everybody],
    ['a tag', key('StringEquals', 'aws:PrincipalTag/account', own), everybody],
  ])('%s', (_, condition, expected) => {
    expect(allow('*', condition)).toEqual(expected);
  });

  test('a wide and a narrow condition is narrowed: all must hold', () => {
    const both = {
      Bool: { 'aws:SecureTransport': 'true' },
      StringEquals: { 'aws:SourceAccount': own, 'aws:PrincipalOrgID': 'o-a' },
    };
    expect(allow('*', both)).toEqual(nobody);
  });
});

describe('a service that', () => {
  const sns = { Service: 'sns.amazonaws.com' };
  test.each([
    ['acts for its own account', { StringEquals: { 'aws:SourceAccount': own } }, nobody],
    ['acts for another account', { StringEquals: { 'aws:SourceAccount': other } }, others],
    ["acts for another account's topic", { ArnEquals: { 'aws:SourceArn': topic(other) } }, others],
    ["acts for any of another account's topics", { ArnLike: { 'aws:SourceArn': `arn:aws:sns:*:${other}:*` } }, others],
    ['acts for any of its own topics', { ArnLike: { 'aws:SourceArn': `arn:aws:sns:*:${own}:*` } }, nobody],
    ['acts for an organisation', { StringEquals: { 'aws:SourceOrgID': 'o-a1b2c3d4e5' } }, others],
    [
      'acts for a bucket of its own account',
      { ArnLike: { 'aws:SourceArn': 'arn:aws:s3:*:*:pictures' }, StringEquals: { 'aws:SourceAccount': own } },
      nobody,
    ],
  ])('%s', (_, condition, expected) => {
    expect(allow(sns, condition)).toEqual(expected);
  });
});

describe('statements', () => {
  test('that deny open nothing, and close nothing', () => {
    expect(reach({ Effect: 'Deny', Principal: '*', Action: 'sqs:*' })).toEqual(nobody);
    expect(
      reach({ Effect: 'Allow', Principal: '*', Action: 'sqs:*' }, { Effect: 'Deny', Principal: '*', Action: 'sqs:*' }),
    ).toEqual(everybody);
  });

  test('count each for itself, the widest wins', () => {
    const [ours, theirs] = [
      { Effect: 'Allow', Principal: { AWS: own } },
      { Effect: 'Allow', Principal: { AWS: other } },
    ];
    expect(reach(ours, theirs)).toEqual(others);
    expect(reach(ours, { Effect: 'Allow', Principal: '*' }, theirs)).toEqual(everybody);
  });

  test('may be one that is in no list, or none at all', () => {
    expect(policyReach('{"Statement":{"Effect":"Allow","Principal":"*"}}', own)).toEqual(everybody);
    expect(policyReach('{"Statement":[]}', own)).toEqual(nobody);
    expect(policyReach('{"Version":"2012-10-17"}', own)).toEqual(nobody);
  });
});

test.each([undefined, ''])('no policy (%j) opens nothing', (policy) => {
  expect(policyReach(policy, own)).toEqual({ present: false, public: false, crossAccount: false });
});

test.each([
  '{',
  'null',
  '7',
  '"*"',
  '[]',
  '{"Statement":"Allow"}',
  '{"Statement":[null]}',
  '{"Statement":{"Principal":"*"}}',
  '{"Statement":{"Effect":"Allow","Principal":["*"]}}',
  '{"Statement":{"Effect":"Allow","Principal":{"AWS":{"AWS":"*"}}}}',
  '{"Statement":{"Effect":"Allow","Principal":"*","Condition":{"StringEquals":"x"}}}',
])('of %s nothing is said', (policy) => {
  expect(policyReach(policy, own)).toEqual(unreadable);
});

describe('a hostile policy is harmless:', () => {
  test.each([
    ['deep lists', `{"Statement":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, unreadable],
    ['deep objects', `{"Statement":[],"x":${'{"x":'.repeat(4_000)}1${'}'.repeat(4_000)}}`, nobody],
    ['a prototype of statements', '{"__proto__":{"Statement":{"Effect":"Allow","Principal":"*"}}}', nobody],
    [
      'a prototype of conditions',
      `{"Statement":{"Effect":"Allow","Principal":"*","__proto__":{"Condition":{"StringEquals":{"aws:SourceAccount":"${own}"}}}}}`,
      everybody,
    ],
    [
      'a prototype of operators',
      `{"Statement":{"Effect":"Allow","Principal":"*","Condition":{"__proto__":{"StringEquals":{"aws:SourceAccount":"${own}"}}}}}`,
      everybody,
    ],
    [
      'names of Object',
      '{"Statement":{"Effect":"Allow","Principal":{"constructor":"a","toString":"b"},"Condition":{"hasOwnProperty":{"valueOf":"x"}}}}',
      others,
    ],
    [
      '20 KB of principals',
      JSON.stringify({ Statement: { Effect: 'Allow', Principal: { AWS: Array.from({ length: 1_500 }, () => own) } } }),
      nobody,
    ],
    ['20 KB of stars', JSON.stringify({ Statement: { Effect: 'Allow', Principal: '*'.repeat(20_000) } }), everybody],
  ])('%s', (_, policy, expected) => {
    expect(policyReach(policy, own)).toEqual(expected);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
