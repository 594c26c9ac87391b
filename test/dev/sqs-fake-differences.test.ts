import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { arnOf, type Question, startBoth, urlOf } from './sqs-fake-pair.ts';

let both: Awaited<ReturnType<typeof startBoth>>;
beforeAll(async () => {
  both = await startBoth();
}, 180_000);
afterAll(() => both.stop());

const policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: 'sqs:*' }],
});
const ok = { status: 200 };
const refused = (error: string, code = error) => ({ status: 400, code: `${code};Sender`, body: { error } });
const attributesOf = (some: object) => ({ status: 200, body: { Attributes: expect.objectContaining(some) } });
const all = { AttributeNames: ['All'] };
const a: Question = ['CreateQueue', { QueueName: 'a' }];
const b: Question = ['CreateQueue', { QueueName: 'b' }];
const set = (Attributes: object): Question => ['SetQueueAttributes', { QueueUrl: 'URL/a', Attributes }];
const get: Question = ['GetQueueAttributes', { QueueUrl: 'URL/a', ...all }];
const redriveToB = set({ RedrivePolicy: JSON.stringify({ deadLetterTargetArn: 'ARN:b', maxReceiveCount: 3 }) });

/** What AWS says by its pages, and moto 5.2.1 does not. `URL` and `ARN` stand for those of the account. */
const differences: [what: string, before: Question[], question: Question, ours: object][] = [
  [
    'MaxResults cuts a listing',
    [a, b],
    ['ListQueues', { MaxResults: 1 }],
    { body: { QueueUrls: ['/ACCOUNT/a'], NextToken: 'YWZ0ZXIgYQ' } },
  ],
  ['a page has 1,000 at most', [a], ['ListQueues', { MaxResults: 1001 }], refused('InvalidParameterValue')],
  [
    'a token must be one of its own',
    [a],
    ['ListQueues', { MaxResults: 1, NextToken: 'x' }],
    refused('InvalidParameterValue'),
  ],
  [
    'a prefix is text, not a pattern',
    [['CreateQueue', { QueueName: 'ab' }]],
    ['ListQueues', { QueueNamePrefix: 'a.' }],
    { body: {} },
  ],
  ['a FIFO name needs the attribute', [], ['CreateQueue', { QueueName: 'a.fifo' }], refused('InvalidParameterValue')],
  ['numbers have a range', [a], set({ VisibilityTimeout: '43201' }), refused('InvalidAttributeValue')],
  ['numbers are numbers', [a], set({ VisibilityTimeout: 'x' }), refused('InvalidAttributeValue')],
  ['attributes must be known', [a], set({ Nope: '1' }), refused('InvalidAttributeName')],
  ['FIFO attributes need a FIFO queue', [a], set({ DeduplicationScope: 'queue' }), refused('InvalidAttributeName')],
  ['a policy is JSON', [a], set({ Policy: '{' }), refused('InvalidAttributeValue')],
  [
    'a policy stays when other attributes change',
    [a, set({ Policy: policy }), set({ DelaySeconds: '1' })],
    get,
    attributesOf({ Policy: policy }),
  ],
  [
    'who may redrive is told',
    [a, set({ RedriveAllowPolicy: '{"redrivePermission":"denyAll"}' })],
    get,
    attributesOf({ RedriveAllowPolicy: '{"redrivePermission":"denyAll"}' }),
  ],
  [
    'a KMS key takes the place of SQS keys',
    [a, set({ KmsMasterKeyId: 'alias/k' })],
    get,
    attributesOf({ KmsMasterKeyId: 'alias/k', SqsManagedSseEnabled: 'false' }),
  ],
  ['a dead-letter queue must exist', [a], redriveToB, refused('InvalidParameterValue')],
  [
    'a dead-letter queue made anew has its sources',
    [a, b, redriveToB, ['DeleteQueue', { QueueUrl: 'URL/b' }], b],
    ['ListDeadLetterSourceQueues', { QueueUrl: 'URL/b' }],
    { body: { queueUrls: ['/ACCOUNT/a'] } },
  ],
  [
    'queues of other accounts are not shown',
    [a],
    ['GetQueueAttributes', { QueueUrl: 'https://sqs/999999999999/a', ...all }],
    refused('QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'),
  ],
  ['a queue must be named', [], ['CreateQueue', {}], refused('MissingRequiredParameterException', 'MissingParameter')],
  ['an action must be known', [], ['SendTea', {}], refused('UnknownOperationException')],
];

test.each(differences)('the fake differs from moto: %s', async (_, before, question, ours) => {
  const { account, ofMoto, ofFake } = both.pair();
  const filled = <Value>(value: Value): Value =>
    JSON.parse(JSON.stringify(value).replaceAll('URL/', urlOf(account, '')).replaceAll('ARN:', arnOf(account, '')));
  for (const one of before) {
    expect(await ofFake(filled(one))).toMatchObject(ok);
    expect(await ofMoto(filled(one))).toMatchObject(ok);
  }
  const [answer, theirs] = [await ofFake(filled(question)), await ofMoto(filled(question))];
  const shown = JSON.parse(JSON.stringify(answer).replaceAll(account, 'ACCOUNT'));
  expect(shown).toMatchObject(ours);
  expect(theirs, 'moto was mended: let the sequences cover this, and strike it from the table').not.toEqual(answer);
});

test('the fake differs from moto: times are whole seconds', async () => {
  const { account, post } = both.pair();
  const createdAt = async (endpoint: string) => {
    await post(endpoint, a);
    const answer = await post(endpoint, ['GetQueueAttributes', { QueueUrl: urlOf(account, 'a'), ...all }]);
    return JSON.parse(await answer.text()).Attributes.CreatedTimestamp;
  };
  expect(await createdAt(both.fake.directEndpoint)).toMatch(/^\d+$/);
  expect(await createdAt(both.moto.endpoint), 'moto was mended').toMatch(/^\d+\.\d+$/);
});

test('an access key leads to its account', async () => {
  const sts = new STSClient({
    endpoint: both.fake.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'KEY7', secretAccessKey: 'x' },
  });
  expect((await sts.send(new GetCallerIdentityCommand({}))).Account).toBe('100000000007');
  sts.destroy();
});

test.each([
  [undefined, 'MissingAuthenticationToken'],
  ['AWS4-HMAC-SHA256 Credential=STRANGER/20260101/us-east-1/sqs/aws4_request, Signature=0', 'InvalidClientTokenId'],
])('a caller with the authorization %s is turned away', async (authorization, code) => {
  const headers = { 'x-amz-target': 'AmazonSQS.ListQueues', ...(authorization === undefined ? {} : { authorization }) };
  const response = await fetch(both.fake.directEndpoint, { method: 'POST', headers, body: '{}' });
  expect(response.status).toBe(403);
  expect(await response.json()).toMatchObject({ __type: `com.amazonaws.sqs#${code}` });
});
