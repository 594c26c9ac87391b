import { readFile } from 'node:fs/promises';
import { DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { DescribeDBClustersCommand, DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import {
  GetQueueAttributesCommand,
  ListDeadLetterSourceQueuesCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { fail, rewrite } from '../../../dev/proxy-faults.ts';
import { type ErrorRow, rowFor } from '../../../lib/error-table.ts';
import { UnseenError } from '../../../lib/source.ts';
import { errorTable } from '../../../lib/sources/aws/errors.ts';
import { explain, isGone, isRefusal, mayBeGone } from '../../../lib/sources/aws/explain.ts';
import { sources } from '../../../lib/sources.ts';
import { startPlainAws } from './plain-aws.ts';

let aws: Awaited<ReturnType<typeof startPlainAws>>;
const clients: { destroy(): void }[] = [];
beforeAll(async () => {
  aws = await startPlainAws();
});
afterAll(() => aws.stop());
afterEach(() => {
  aws.faults.clear();
  for (const client of clients.splice(0)) client.destroy();
});

type Credentials = () => Promise<{ accessKeyId: string; secretAccessKey: string }>;
const keys: Credentials = async () => ({ accessKeyId: 'PLAIN', secretAccessKey: 'plain' });

/** One attempt, with the SDK that the sources use: what it makes of an answer is what the table is about. */
const settings = (credentials: Credentials) => ({
  endpoint: aws.endpoint,
  region: 'us-east-1',
  credentials,
  maxAttempts: 1,
});
const queue = { QueueUrl: 'https://sqs.us-east-1.amazonaws.com/111122223333/a' };
const opened = <Client extends { destroy(): void }>(client: Client): Client => {
  clients.push(client);
  return client;
};
const rds = (credentials: Credentials) => opened(new RDSClient(settings(credentials)));
const sqs = (credentials: Credentials) =>
  opened(new SQSClient({ ...settings(credentials), useQueueUrlAsEndpoint: false }));
const sts = (credentials: Credentials) => opened(new STSClient(settings(credentials)));

/** Every action that skymirror judges an error of. */
const calls: Readonly<Record<string, (credentials: Credentials) => Promise<unknown>>> = {
  'rds:DescribeDBInstances': (by) => rds(by).send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: 'a' })),
  'rds:DescribeDBClusters': (by) => rds(by).send(new DescribeDBClustersCommand({ DBClusterIdentifier: 'a' })),
  'sqs:ListQueues': (by) => sqs(by).send(new ListQueuesCommand({})),
  'sqs:GetQueueAttributes': (by) => sqs(by).send(new GetQueueAttributesCommand(queue)),
  'sqs:ListQueueTags': (by) => sqs(by).send(new ListQueueTagsCommand(queue)),
  'sqs:ListDeadLetterSourceQueues': (by) => sqs(by).send(new ListDeadLetterSourceQueuesCommand(queue)),
  'sts:GetCallerIdentity': (by) => sts(by).send(new GetCallerIdentityCommand({})),
  'sts:AssumeRole': (by) =>
    sts(by).send(new AssumeRoleCommand({ RoleArn: 'arn:aws:iam::1:role/a', RoleSessionName: 'a' })),
  'eks:DescribeCluster': (by) => opened(new EKSClient(settings(by))).send(new DescribeClusterCommand({ name: 'a' })),
  'secretsmanager:GetSecretValue': (by) =>
    opened(new SecretsManagerClient(settings(by))).send(new GetSecretValueCommand({ SecretId: 'a' })),
  'ssm:GetParameter': (by) => opened(new SSMClient(settings(by))).send(new GetParameterCommand({ Name: 'a' })),
};
const actions = Object.keys(calls);

async function errorOf(action: string, credentials = keys): Promise<Error> {
  try {
    return expect.fail(`${action} was answered: ${await calls[action]?.(credentials)}`);
  } catch (error) {
    return error as Error;
  }
}

/** What the service answers with that code. */
async function answered(action: string, code: string, status = 400): Promise<Error> {
  const [service = '', name = ''] = action.split(':');
  const fault = aws.faults.add({ when: { service, action: name }, do: fail(code, 'as AWS says it', status), times: 1 });
  const error = await errorOf(action);
  fault.remove();
  return error;
}

/** What the SDK or Node makes of a call that has no answer. */
const unanswered = (action: string, error: Error) => errorOf(action, () => Promise.reject(error));

/** Codes that no service sends: the SDK calls its error so, or Node gives it the code. */
const sdkNames: readonly string[] = ['CredentialsProviderError', 'TokenProviderError', 'TimeoutError'];
const isNodeCode = (code: string) => /^[A-Z_\d]+$/.test(code);

function thrown(action: string, code: string): Promise<Error> {
  if (sdkNames.includes(code)) return unanswered(action, Object.assign(new Error('as it says'), { name: code }));
  if (isNodeCode(code)) return unanswered(action, Object.assign(new Error('as it says'), { code }));
  return answered(action, code);
}

const table = errorTable.flatMap((row) =>
  row.codes.map((code): [string, string, ErrorRow] => [code, row.meaning, row]),
);

describe('the table of error codes', () => {
  test.each(table)('%s is understood at the SDK as "%s", by whatever service says it', async (code, meaning, row) => {
    const asked = row.actions ?? ['rds:DescribeDBInstances', 'sqs:GetQueueAttributes', 'sts:GetCallerIdentity'];
    for (const action of asked) {
      const error = await thrown(action, code);
      const told = explain(error, action);
      expect(told.reason, `${action}: ${error.name}`).toBe('reason' in row ? row.reason : 'Unreachable');
      expect(told.message).toMatch(/\([\w.]+: as (AWS says it|it says)\)/);
      if (row.remedy !== undefined) expect(told.message).toContain(`To mend it: ${row.remedy}`);
      expect(told.message.includes('error of skymirror')).toBe(meaning === 'our fault');
      expect(mayBeGone(action, error)).toBe(meaning === 'gone');
      expect(isGone(action, error)).toBe(meaning === 'gone' && !('unless' in row));
    }
  });

  test('says "gone" for no action but those that it names', async () => {
    const gone = errorTable.filter(({ meaning }) => meaning === 'gone');
    for (const { codes, actions: named = [] } of gone) {
      for (const code of codes) {
        for (const action of actions.filter((one) => !named.includes(one))) {
          const error = await answered(action, code, 404);
          const isNamed = gone.some((row) => row.codes.includes(error.name) && row.actions?.includes(action));
          expect(mayBeGone(action, error), `${code} of ${action}`).toBe(isNamed);
          if (!isNamed) expect(explain(error, action).reason).toBe('Unreachable');
        }
        const error = Object.assign(new Error('nobody answered'), { name: code });
        expect(named.some((action) => mayBeGone(action, error))).toBe(false);
      }
    }
  });

  test('has no two rows for the same code and action', () => {
    const keyed = errorTable.flatMap(({ codes, actions: named = ['any'] }) =>
      codes.flatMap((code) => named.map((action) => `${code} ${action}`)),
    );
    expect(keyed.toSorted()).toEqual([...new Set(keyed)].toSorted());
  });

  test('covers every action that a source calls', () => {
    expect(actions).toEqual(expect.arrayContaining(sources.flatMap(({ permissions }) => permissions)));
  });

  test.each(actions)('has a row for every error that the model of %s documents', async (action) => {
    const [service = '', command] = action.split(':');
    const library = service === 'secretsmanager' ? 'secrets-manager' : service;
    const file = `node_modules/@aws-sdk/client-${library}/dist-types/commands/${command}Command.d.ts`;
    const text = await readFile(new URL(`../../../${file}`, import.meta.url), 'utf8');
    const documented = [...text.matchAll(/@throws \{@link (\w+)\}/g)].map(([, name = '']) => name);
    // The base class of all errors of the service, for those that the model does not name.
    const named = documented.filter((name) => !/^(RDS|SQS|STS|EKS|SecretsManager|SSM)ServiceException$/.test(name));
    expect(documented.length).toBe(named.length + 1);
    expect(named.filter((name) => rowFor(errorTable, name, action) === undefined)).toEqual([]);
  });
});

describe('an error without a body', () => {
  test.each([
    [302, 'BadAnswer'],
    [404, 'BadAnswer'],
    [502, 'Unreachable'],
  ])('is told by its HTTP status, %s, and is never "gone"', async (status, reason) => {
    const fault = aws.faults.add({ when: {}, do: rewrite(() => ({ status, body: '' })) });
    for (const action of actions) {
      const error = await errorOf(action);
      const message = `AWS could not be asked (HTTP ${status}, without an error code)`;
      expect(explain(error, action), action).toEqual({ reason, message });
      expect(mayBeGone(action, error)).toBe(false);
    }
    fault.remove();
  });
});

describe('a code that has no row', () => {
  const known = new Set(errorTable.flatMap(({ codes }) => codes));
  const words = [
    'DB',
    'Instance',
    'Cluster',
    'Queue',
    'NotFound',
    'DoesNotExist',
    'Gone',
    'Fault',
    'Exception',
    'Denied',
  ];
  const code = fc
    .oneof(
      fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 5 }).map((parts) => parts.join('')),
      fc.stringMatching(/^[A-Za-z][A-Za-z.]{0,30}$/),
    )
    .filter((one) => !known.has(one));

  test('is never "gone", and never our fault', async () => {
    const property = fc.asyncProperty(
      code,
      fc.constantFrom(...actions),
      fc.constantFrom(400, 401, 403, 404, 409, 410, 429, 500, 503),
      async (one, action, status) => {
        const error = await answered(action, one, status);
        expect(mayBeGone(action, error)).toBe(false);
        const expected = [401, 403].includes(status) ? 'AccessDenied' : status === 429 ? 'Throttled' : 'Unreachable';
        expect(explain(error, action)).toEqual({ reason: expected, message: expect.stringContaining(error.name) });
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });
});

test.each([
  ['AccessDenied', 'rds:DescribeDBInstances', true],
  ['AccessDeniedException', 'sqs:ListQueues', true],
  ['UnauthorizedOperation', 'rds:DescribeDBInstances', true],
  ['NotAuthorized', 'sts:GetCallerIdentity', true],
  ['ExpiredToken', 'sts:GetCallerIdentity', false],
  ['Throttling', 'rds:DescribeDBInstances', false],
  ['AccessDeniedForNow', 'rds:DescribeDBInstances', false],
])('%s of %s is a right that somebody can grant: %s', async (code, action, expected) => {
  const error = await answered(action, code);
  expect(isRefusal(error)).toBe(expected);
  const { reason, message } = explain(error, action);
  expect(isRefusal(new UnseenError(reason, message))).toBe(expected);
});
