import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { arnOf, type Question, startBoth, urlOf } from './sqs-fake-pair.ts';

const sequences = 150;

let both: Awaited<ReturnType<typeof startBoth>>;
beforeAll(async () => {
  both = await startBoth();
}, 180_000);
afterAll(() => both.stop());

const names = ['a', 'a-b', 'A_b', '---', '___', '0', 'x'.repeat(80), 'a.fifo', `${'x'.repeat(75)}.fifo`];
const strange = ['', 'with space', 'a.b', 'x'.repeat(81), `${'x'.repeat(76)}.fifo`, 'ü', '.fifo'];
const plain = fc.record(
  {
    DelaySeconds: fc.constantFrom('0', '5', '900'),
    VisibilityTimeout: fc.constantFrom('0', '30', '43200'),
    MessageRetentionPeriod: fc.constantFrom('60', '345600', '1209600'),
    ReceiveMessageWaitTimeSeconds: fc.constantFrom('0', '20'),
    MaximumMessageSize: fc.constantFrom('1024', '1048576'),
    SqsManagedSseEnabled: fc.constantFrom('true', 'false'),
  },
  { requiredKeys: [] },
);
const fifo = fc.record(
  {
    ContentBasedDeduplication: fc.constantFrom('true', 'false'),
    DeduplicationScope: fc.constantFrom('queue', 'messageGroup'),
    FifoThroughputLimit: fc.constantFrom('perQueue', 'perMessageGroupId'),
  },
  { requiredKeys: [] },
);
const tags = fc.dictionary(fc.constantFrom('team', 'Team', 'ключ', 'a:b/c'), fc.constantFrom('', 'x', '値'), {
  minKeys: 1,
});

/** A step in words of its own: what is sent follows from it and the account. `on` and `to` are names of queues. */
type Step = {
  readonly does: string;
  readonly on: string;
  readonly to: string;
  readonly plain: Record<string, string>;
  readonly fifo: Record<string, string>;
  readonly tags: Record<string, string>;
  readonly keys: readonly string[];
};
/** Few queues, so that most steps meet one that is there. */
const pool = fc.uniqueArray(fc.constantFrom(...names), { minLength: 2, maxLength: 3 });
const stepOn = (queues: readonly string[]): fc.Arbitrary<Step> =>
  fc.record({
    does: fc.constantFrom(...actions),
    on: fc.constantFrom(...queues),
    to: fc.constantFrom(...queues),
    plain,
    fifo,
    tags,
    keys: fc.subarray(['team', 'Team', 'nope'], { minLength: 1 }),
  });
const actions = [
  ...['create', 'createStrange', 'createWrongType', 'createTooSmall', 'delete', 'set', 'set', 'redrive', 'redrive'],
  ...['unredrive', 'tag', 'tag', 'untag', 'list', 'listPrefix', 'url', 'attributes', 'someAttributes', 'oddAttribute'],
  ...['tags', 'sources', 'noTags', 'nothing'],
];
const sequence = pool.chain((queues) => {
  const creation = (on: string) => stepOn([on]).map((one) => ({ ...one, does: 'create' }));
  // In the end everything is looked at.
  const last = queues.flatMap((on) => ['attributes', 'tags', 'sources'].map((does) => ({ does, on })));
  return fc
    .tuple(fc.tuple(...queues.map(creation)), fc.array(stepOn(queues), { minLength: 3, maxLength: 7 }), stepOn(queues))
    .map(([first, middle, any]) => [...first, ...middle, ...last.map((look) => ({ ...any, ...look }))]);
});

const isFifo = (queue: string) => queue.endsWith('.fifo');

function questionOf({ does, on, to, ...given }: Step, account: string): Question {
  const QueueUrl = urlOf(account, on);
  const Attributes = { ...given.plain, ...(isFifo(on) ? given.fifo : {}) };
  const target = JSON.stringify({ deadLetterTargetArn: arnOf(account, to), maxReceiveCount: '7' });
  const questions: Record<string, Question> = {
    create: [
      'CreateQueue',
      { QueueName: on, Attributes: { ...Attributes, ...(isFifo(on) ? { FifoQueue: 'true' } : {}) } },
    ],
    createStrange: ['CreateQueue', { QueueName: strange[on.length % strange.length] }],
    createWrongType: ['CreateQueue', { QueueName: on.replace('.fifo', ''), Attributes: { FifoQueue: 'true' } }],
    createTooSmall: ['CreateQueue', { QueueName: 'small', Attributes: { MaximumMessageSize: '1023' } }],
    delete: ['DeleteQueue', { QueueUrl }],
    set: ['SetQueueAttributes', { QueueUrl, Attributes }],
    redrive: ['SetQueueAttributes', { QueueUrl, Attributes: { RedrivePolicy: target } }],
    unredrive: ['SetQueueAttributes', { QueueUrl, Attributes: { RedrivePolicy: '' } }],
    tag: ['TagQueue', { QueueUrl, Tags: given.tags }],
    noTags: ['TagQueue', { QueueUrl, Tags: {} }],
    untag: ['UntagQueue', { QueueUrl, TagKeys: given.keys }],
    list: ['ListQueues', {}],
    listPrefix: ['ListQueues', { QueueNamePrefix: to.slice(0, 1) }],
    url: ['GetQueueUrl', { QueueName: on }],
    attributes: ['GetQueueAttributes', { QueueUrl, AttributeNames: ['All'] }],
    someAttributes: [
      'GetQueueAttributes',
      { QueueUrl, AttributeNames: ['DelaySeconds', 'FifoQueue', 'RedrivePolicy'] },
    ],
    oddAttribute: ['GetQueueAttributes', { QueueUrl, AttributeNames: ['QueueArn', 'Nope'] }],
    nothing: ['GetQueueAttributes', { QueueUrl }],
    tags: ['ListQueueTags', { QueueUrl }],
    sources: ['ListDeadLetterSourceQueues', { QueueUrl }],
  };
  return questions[does] ?? expect.fail(`no question for ${does}`);
}

/** The sequences keep clear of the differences that sqs-fake-differences.test.ts names. */
function isKnownToDiffer({ does, on, to }: Step, living: ReadonlySet<string>, targets: ReadonlySet<string>): boolean {
  if (does === 'redrive') return living.has(on) && (!living.has(to) || isFifo(on) !== isFifo(to));
  return does === 'delete' && targets.has(on);
}

test('the fake answers as moto does, whatever is asked in whatever order', async () => {
  const statuses: number[] = [];
  const property = fc.asyncProperty(sequence, async (steps) => {
    const { account, ofMoto, ofFake } = both.pair();
    const living = new Set<string>();
    const targets = new Set<string>();
    for (const one of steps) {
      if (isKnownToDiffer(one, living, targets)) continue;
      const question = questionOf(one, account);
      const [theirs, ours] = await Promise.all([ofMoto(question), ofFake(question)]);
      expect(ours, JSON.stringify(question)).toEqual(theirs);
      statuses.push(ours.status);
      if (ours.status !== 200) continue;
      if (one.does === 'create') living.add(one.on);
      if (one.does === 'delete') living.delete(one.on);
      if (one.does === 'redrive') targets.add(one.to);
    }
  });
  await fc.assert(property, { seed: 20_261_122, numRuns: sequences, endOnFailure: true });
  expect(statuses.length).toBeGreaterThan(sequences * 8);
  expect(statuses.filter((status) => status === 200).length, 'most find their queue').toBeGreaterThan(
    statuses.length / 2,
  );
});
