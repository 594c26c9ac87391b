import { expect, test } from 'vitest';
import { readerPolicy } from '../lib/iam.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { sources } from '../lib/sources.ts';

const actionsOf = (policy: ReturnType<typeof readerPolicy>) => policy.Statement.flatMap(({ Action }) => Action);

test('the policy has the actions of the sources and of proof of place, once each and in order', () => {
  const other = { ...rdsInstance, permissions: ['sts:GetCallerIdentity', 'ec2:DescribeVolumes'] };
  expect(readerPolicy([rdsInstance, other])).toEqual({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'SkymirrorReads',
        Effect: 'Allow',
        Action: ['ec2:DescribeVolumes', 'rds:DescribeDBInstances', 'sts:GetCallerIdentity'],
        Resource: '*',
      },
    ],
  });
});

test('every action of every source reads metadata, and none is a wildcard', () => {
  const forbidden = ['sqs:ReceiveMessage', 'dynamodb:GetItem', 'kinesis:GetRecords', 's3:GetObject'];
  for (const action of actionsOf(readerPolicy(sources))) {
    expect(action).toMatch(/^[a-z0-9-]+:(Describe|List|Get)[A-Za-z]+$/);
    expect([...forbidden, 'secretsmanager:GetSecretValue']).not.toContain(action);
  }
});
