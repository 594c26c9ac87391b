import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startMoto } from '../../../dev/aws-moto.ts';
import { rewrite } from '../../../dev/proxy-faults.ts';
import { crdOf } from '../../../lib/crd.ts';
import type { Outside } from '../../../lib/source.ts';
import { sqsQueue } from '../../../lib/sources/aws/sqs-queue.ts';
import { account, arnOf, fieldsOf, region, startWorld, urlOf } from './sqs-queue-world.ts';

const { signal } = new AbortController();

let world: Awaited<ReturnType<typeof startWorld>>;
let outside: Outside;
beforeEach(async () => {
  world = await startWorld();
  world.stubEnvironment();
  outside = sqsQueue.open({ account, region }, {});
});
afterEach(async () => {
  outside.close();
  await world.stop();
});

const listed = async () => (await Array.fromAsync(outside.list(signal))).flat();
const got = async (...names: string[]) => outside.get(names.map(arnOf), signal);
const seen = async (name: string) => fieldsOf((await got(name)).get(arnOf(name)));

/** The real answer with other attributes. */
const withAttributes = (attributes: object) =>
  rewrite((body) => JSON.stringify({ Attributes: { ...JSON.parse(body).Attributes, ...attributes } }));
const attributesCall = { service: 'sqs', action: 'GetQueueAttributes' };

const standard = {
  fifo: false,
  messageRetentionSeconds: 345_600,
  visibilityTimeoutSeconds: 30,
  delaySeconds: 0,
  receiveWaitTimeSeconds: 0,
  maximumMessageSizeBytes: 1_048_576,
  encryption: { encrypted: true, sseSqs: true },
  policy: { present: false, public: false, crossAccount: false },
  createdAt: '2026-11-01T10:00:00Z',
  modifiedAt: '2026-11-01T10:00:00Z',
};

describe('a queue', () => {
  test('with nothing set has its defaults, and nothing that is empty', async () => {
    await world.create('plain');
    expect(await seen('plain')).toEqual({ url: urlOf('plain'), ...standard });
  });

  test('with everything set becomes these fields', async () => {
    await world.create('dead.fifo', { FifoQueue: 'true' });
    const permitted = [arnOf('z.fifo'), arnOf('all.fifo')];
    await world.create('all.fifo', {
      FifoQueue: 'true',
      ContentBasedDeduplication: 'true',
      DeduplicationScope: 'messageGroup',
      FifoThroughputLimit: 'perMessageGroupId',
      MessageRetentionPeriod: '1209600',
      VisibilityTimeout: '43200',
      DelaySeconds: '900',
      ReceiveMessageWaitTimeSeconds: '20',
      MaximumMessageSize: '1024',
      KmsMasterKeyId: 'alias/orders',
      KmsDataKeyReusePeriodSeconds: '86400',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf('dead.fifo'), maxReceiveCount: '5' }),
      RedriveAllowPolicy: JSON.stringify({ redrivePermission: 'byQueue', sourceQueueArns: permitted }),
      Policy: JSON.stringify({ Statement: { Effect: 'Allow', Principal: '*', Action: 'sqs:*', Resource: '*' } }),
    });
    world.clock.now += 61_500;
    await world.set('all.fifo', { DelaySeconds: '899' });
    await world.tag('all.fifo', { team: 'payments', empty: '' });
    expect(await seen('all.fifo')).toEqual({
      url: urlOf('all.fifo'),
      fifo: true,
      contentBasedDeduplication: true,
      deduplicationScope: 'messageGroup',
      fifoThroughputLimit: 'perMessageGroupId',
      messageRetentionSeconds: 1_209_600,
      visibilityTimeoutSeconds: 43_200,
      delaySeconds: 899,
      receiveWaitTimeSeconds: 20,
      maximumMessageSizeBytes: 1024,
      deadLetter: { target: arnOf('dead.fifo'), maxReceiveCount: 5 },
      redriveAllow: { permission: 'byQueue', sources: [arnOf('all.fifo'), arnOf('z.fifo')] },
      encryption: { encrypted: true, sseSqs: false, kmsKeyId: 'alias/orders', kmsDataKeyReusePeriodSeconds: 86_400 },
      policy: { present: true, public: true, crossAccount: true },
      createdAt: '2026-11-01T10:00:00Z',
      modifiedAt: '2026-11-01T10:01:01Z',
      tags: { team: 'payments', empty: '' },
    });
  });

  test('is usable once it was read', async () => {
    await world.create('plain');
    expect((await got('plain')).get(arnOf('plain'))).toMatchObject({ health: { status: 'True', reason: 'Active' } });
  });

  test('that is not encrypted says so, and one that says nothing is not guessed at', async () => {
    await world.create('open', { SqsManagedSseEnabled: 'false' });
    expect((await seen('open')).encryption).toEqual({ encrypted: false, sseSqs: false });
    world.fake.faults.add({ when: attributesCall, do: rewrite((body) => body.replace('SqsManagedSseEnabled', 'New')) });
    expect((await seen('open')).encryption).toBeUndefined();
  });

  test('that differs only in what moves by itself, or in what is new in SQS, is the same', async () => {
    await world.create('plain');
    const before = await seen('plain');
    world.fake.faults.add({
      when: attributesCall,
      do: withAttributes({ ApproximateNumberOfMessages: '17', Brandnew: '1' }),
    });
    expect(await seen('plain')).toEqual(before);
  });

  test('shows its dead-letter queue, and that one shows its sources, in a fixed order', async () => {
    await world.create('dead');
    const redrive = JSON.stringify({ deadLetterTargetArn: arnOf('dead'), maxReceiveCount: 3 });
    for (const name of ['one', 'Two', 'three']) await world.create(name, { RedrivePolicy: redrive });
    const reversed = rewrite((body) => JSON.stringify({ queueUrls: JSON.parse(body).queueUrls.toReversed() }));
    world.fake.faults.add({ when: { action: 'ListDeadLetterSourceQueues' }, do: reversed });
    expect((await seen('dead')).deadLetterSources).toEqual([arnOf('Two'), arnOf('one'), arnOf('three')]);
    expect((await seen('one')).deadLetter).toEqual({ target: arnOf('dead'), maxReceiveCount: 3 });
    expect((await seen('one')).deadLetterSources).toBeUndefined();
    await world.remove('dead');
    expect((await seen('one')).deadLetter).toMatchObject({ target: arnOf('dead') });
  });

  test('with more sources than a page holds shows all of them', async () => {
    await world.create('dead');
    const redrive = JSON.stringify({ deadLetterTargetArn: arnOf('dead'), maxReceiveCount: 3 });
    for (let index = 0; index < 1001; index += 1) await world.create(`source-${index}`, { RedrivePolicy: redrive });
    expect(new Set((await seen('dead')).deadLetterSources as string[]).size).toBe(1001);
    expect(world.fake.requests.count({ action: 'ListDeadLetterSourceQueues' })).toBe(2);
  });

  test('with hostile tags keeps them as text', async () => {
    await world.create('tagged');
    const tags = {
      constructor: 'a',
      toString: 'b',
      '': 'c',
      'a/b:c=+-@ ': '\u0000',
      'ключ 🗝️': '"}\n---\n',
      Aws: 'x'.repeat(256),
    };
    await world.tag('tagged', tags);
    expect((await seen('tagged')).tags).toEqual(tags);
  });

  test.each([
    ['RedrivePolicy', '{', 'deadLetter'],
    ['RedrivePolicy', '{"deadLetterTargetArn":"a","maxReceiveCount":"many"}', 'maxReceiveCount'],
    ['RedrivePolicy', '{"target":"a"}', 'deadLetter'],
    ['RedriveAllowPolicy', '[]', 'redriveAllow'],
    ['FifoQueue', 'perhaps', 'fifo'],
    ['VisibilityTimeout', '-1', 'visibilityTimeoutSeconds'],
    ['DelaySeconds', '1e3', 'delaySeconds'],
    ['CreatedTimestamp', 'yesterday', 'createdAt'],
  ])('whose %s is %s is invalid, and everything else is not', async (attribute, value, field) => {
    await world.create('odd');
    world.fake.faults.add({ when: attributesCall, do: withAttributes({ [attribute]: value }) });
    expect((await got('odd')).get(arnOf('odd'))).toMatchObject({
      outcome: 'invalid',
      id: arnOf('odd'),
      issues: expect.stringContaining(field),
    });
  });

  test('whose policy nobody can read is observed, and nothing is said of whom it lets in', async () => {
    await world.create('odd');
    world.fake.faults.add({ when: attributesCall, do: withAttributes({ Policy: '{"Statement":7}' }) });
    expect((await seen('odd')).policy).toEqual({ present: true });
  });

  test('that was deleted and created anew is replaced, and one that only changed is not', async () => {
    await world.create('again');
    const first = await seen('again');
    world.clock.now += 5_000;
    await world.set('again', { DelaySeconds: '1' });
    const changed = await seen('again');
    expect(sqsQueue.changes(first, changed)).toEqual([]);
    await world.remove('again');
    await world.create('again');
    const message = 'The queue of 2026-11-01T10:00:00Z was deleted and created anew on 2026-11-01T10:00:05Z';
    expect(sqsQueue.changes(first, await seen('again'))).toEqual([{ reason: 'Replaced', message }]);
    const { createdAt: _, ...timeless } = first;
    expect(sqsQueue.changes(timeless, first)).toEqual([]);
  });
});

test('every call is in the permissions, and nothing else is', async () => {
  await world.create('plain');
  await outside.prove(signal);
  await listed();
  await got('plain', 'nowhere');
  const made = world.fake.requests.all.map(({ service, action }) => `${service}:${action}`);
  expect(new Set(made)).toEqual(new Set(sqsQueue.permissions));
  expect(outside.calls()).toBe(made.length);
});

test('its attributes are read again within the hour, and its CRD has columns for what people ask first', () => {
  expect(sqsQueue.refreshSeconds).toBe(3600);
  const [version] = crdOf(sqsQueue).spec.versions;
  const columns = version?.additionalPrinterColumns.map(({ name }) => name) ?? [];
  expect(columns).toEqual(expect.arrayContaining(['FIFO', 'Retention', 'Visibility', 'Encrypted', 'Public', 'Age']));
  expect(version).toMatchObject({ selectableFields: expect.arrayContaining([{ jsonPath: '.spec.account' }]) });
});

test('moto is read as AWS is, its fractional times included', async () => {
  const moto = await startMoto();
  vi.stubEnv('AWS_ENDPOINT_URL', moto.endpoint);
  const place = { account: '123456789012', region };
  const there = sqsQueue.open(place, {});
  try {
    const headers = {
      authorization: `AWS4-HMAC-SHA256 Credential=FAKE/20260101/${region}/sqs/aws4_request, SignedHeaders=host, Signature=0`,
      'x-amz-target': 'AmazonSQS.CreateQueue',
    };
    await fetch(moto.endpoint, { method: 'POST', headers, body: JSON.stringify({ QueueName: 'real' }) });
    await there.prove(signal);
    const id = arnOf('real').replace(account, place.account);
    expect((await Array.fromAsync(there.list(signal))).flat()).toMatchObject([{ outcome: 'listed', id }]);
    const answers = await there.get([id, `${id}-not`], signal);
    expect(fieldsOf(answers.get(id))).toMatchObject({
      fifo: false,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    expect(answers.has(`${id}-not`) && answers.get(`${id}-not`) === undefined).toBe(true);
  } finally {
    there.close();
    await moto.stop();
  }
});
