import {
  GetQueueAttributesCommand,
  ListDeadLetterSourceQueuesCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { mapConcurrent } from '../../concurrent.ts';
import { judgement } from '../../conditions.ts';
import { defineSource } from '../../define-source.ts';
import { dnsSuffixOf, partitionOf } from '../../partitions.ts';
import { UnseenError } from '../../source.ts';
import { apiCalls, configItems, queueArns, queuesNamed } from './events.ts';
import { mayBeGone } from './explain.ts';
import { flag, jsonOf, place, sorted, text, texts, time, whole, wide } from './fields.ts';
import { policyReach } from './policy.ts';
import { type AwsSession, aws, clientOf } from './provider.ts';

const identity = z.object({
  arn: z.string().describe('Amazon Resource Name: the identity of the queue.').meta({ selectable: true }),
  ...place,
  name: z.string().describe('Name of the queue, unique in its account and region.'),
});

const observed = z.object({
  url: z.string().describe('Queue URL, as clients of SQS name the queue.').meta(wide('URL')),
  fifo: z.boolean().describe('A FIFO queue.').meta({ column: 'FIFO', selectable: true }),
  contentBasedDeduplication: flag('SQS deduplicates by the content of messages (FIFO only).'),
  deduplicationScope: text('messageGroup or queue (FIFO only).'),
  fifoThroughputLimit: text('perQueue or perMessageGroupId (FIFO only).'),
  messageRetentionSeconds: whole('How long a message is kept.').meta({ column: 'Retention' }),
  visibilityTimeoutSeconds: whole('How long a received message is hidden.').meta({ column: 'Visibility' }),
  delaySeconds: whole('How long a new message is hidden.'),
  receiveWaitTimeSeconds: whole('How long a receive waits for a message; 0: short polling.'),
  maximumMessageSizeBytes: whole('Largest message that SQS takes.'),
  deadLetter: z
    .object({
      target: text('ARN of the dead-letter queue.').meta({ selectable: true, ...wide('Dead-letter') }),
      maxReceiveCount: whole('Receives after which a message moves there.'),
    })
    .optional()
    .describe('Where messages go that are received too often. Absent: they stay.'),
  deadLetterSources: texts('ARNs of the queues whose dead-letter queue this one is.'),
  redriveAllow: z
    .object({
      permission: text('allowAll, denyAll or byQueue.'),
      sources: texts('ARNs of the queues that may, with byQueue.'),
    })
    .optional()
    .describe(
      'Which queues may name this one as their dead-letter queue. Absent: every one of its account and region.',
    ),
  encryption: z
    .object({
      encrypted: flag('Messages are encrypted at rest.').meta({ column: 'Encrypted', selectable: true }),
      sseSqs: flag('With keys that SQS owns.'),
      kmsKeyId: text('KMS key, as it was named.'),
      kmsDataKeyReusePeriodSeconds: whole('How long a data key is used before KMS is asked again.'),
    })
    .optional()
    .describe('Encryption at rest.'),
  policy: z
    .object({
      present: z.boolean().describe('The queue has a policy of its own.'),
      public: flag(
        'A statement lets in everybody, and no condition narrows it to fixed accounts, sources, organisations or VPCs. Statements that deny are not subtracted. Absent where the policy cannot be read.',
      ).meta({ column: 'Public', selectable: true }),
      crossAccount: flag(
        'Public, or a statement lets in or trusts another account. Absent where the policy cannot be read.',
      ),
    })
    .describe('What the policy of the queue opens; not the policy itself.'),
  createdAt: time('When the queue was created.'),
  modifiedAt: time('When its attributes were changed last.'),
  tags: z.record(z.string(), z.string()).optional().describe('Tags in AWS.'),
});

/** All that three calls tell of one queue. */
interface Queue {
  readonly arn: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly deadLetterSources: readonly string[];
}

/** The largest page. Without MaxResults SQS cuts at 1,000 and gives no NextToken (API reference, ListQueues). */
const pageSize = 1000;
const inFlight = 16;

/**
 * The calls that change what is shown (SQS Developer Guide, "Logging Amazon SQS API calls using AWS CloudTrail"; that
 * trails hold TagQueue and UntagQueue is known from use).
 */
const calls = 'AddPermission CreateQueue DeleteQueue RemovePermission SetQueueAttributes TagQueue UntagQueue';

/** Amazon SQS queues, standard and FIFO. */
export const sqsQueue = defineSource({
  kind: 'SQSQueue',
  plural: 'sqsqueues',
  shortNames: ['sqsq'],
  categories: ['external', 'queues'],
  description:
    'An Amazon SQS queue as it exists in AWS. Written by skymirror; changes made here change nothing outside.',
  revision: 1,
  provider: aws,
  identity,
  observed,
  permissions: ['sqs:ListQueues', 'sqs:GetQueueAttributes', 'sqs:ListQueueTags', 'sqs:ListDeadLetterSourceQueues'],
  // Attributes cost calls for each queue, and calls cost money.
  refreshSeconds: 3600,
  list: (session, signal) => listQueues(session, {}, signal),
  get: getQueues,
  identify,
  idOf: ({ arn }) => arn,
  readable: ({ name }) => name,
  observe: (queue) => ({ id: queue.arn, fields: fieldsOf(queue) }),
  // A queue has no states: who can read its attributes can use it.
  health: () => judgement('True', 'Active'),
  changes(before, after) {
    const [was, is] = [before.createdAt, after.createdAt];
    if (was === undefined || is === undefined || was === is) return [];
    return [{ reason: 'Replaced', message: `The queue of ${was} was deleted and created anew on ${is}` }];
  },
  // SQS has no events of its own. PurgeQueue changes nothing that is shown.
  events: [apiCalls(queueArns, calls, queuesNamed), ...configItems(queueArns, 'AWS::SQS::Queue')],
});

function identify(id: string) {
  const [, region, account, name] = /^arn:aws[a-z-]*:sqs:([a-z0-9-]+):(\d{12}):([\w-]+(?:\.fifo)?)$/.exec(id) ?? [];
  if (region === undefined || account === undefined || name === undefined) return undefined;
  return { arn: id, account, region, name };
}

function listQueues(session: AwsSession, question: { readonly QueueNamePrefix?: string }, signal: AbortSignal) {
  return pages('ListQueues', session, async (client, page) => {
    const answer = await client.send(new ListQueuesCommand({ ...question, ...page }), { abortSignal: signal });
    return { urls: answer.QueueUrls, next: answer.NextToken };
  });
}

async function getQueues(session: AwsSession, ids: readonly string[], signal: AbortSignal) {
  return new Map(await mapConcurrent(ids, inFlight, async (id) => [id, await getQueue(session, id, signal)] as const));
}

/**
 * SQS says QueueDoesNotExist also to those who lack access (developer guide, "Troubleshoot Amazon SQS API errors":
 * "The specified queue does not exist or you do not have access to it"). So it counts as gone only where a listing by
 * these credentials does not hold it either. A queue that is being deleted may look refused for the 60 seconds that it
 * takes (API reference, DeleteQueue).
 */
async function getQueue(session: AwsSession, id: string, signal: AbortSignal): Promise<Queue | Error | undefined> {
  try {
    const queue = await readQueue(session, id, signal);
    if (queue !== undefined || !(await isListed(session, id, signal))) return queue;
    const message = `AWS lists ${id}, but answers that it does not exist. To mend it: grant sqs:GetQueueAttributes, sqs:ListQueueTags and sqs:ListDeadLetterSourceQueues to the role that reads. A queue that is being deleted looks so for up to a minute`;
    return new UnseenError('AccessDenied', message);
  } catch (error) {
    if (signal.aborted || !(error instanceof Error)) throw error;
    return error;
  }
}

/** `undefined` where any of its calls says QueueDoesNotExist: it may go between two of them. */
async function readQueue(session: AwsSession, id: string, signal: AbortSignal): Promise<Queue | undefined> {
  const client = clientFor(session);
  const question = { QueueUrl: urlOf(id) };
  const options = { abortSignal: signal };
  let action = 'sqs:GetQueueAttributes';
  try {
    session.calls += 1;
    const all = new GetQueueAttributesCommand({ ...question, AttributeNames: ['All'] });
    const { Attributes: attributes = {} } = await client.send(all, options);
    if (attributes.QueueArn !== id) {
      throw new UnseenError('BadAnswer', `asked for ${id}, AWS answered with ${attributes.QueueArn ?? 'no QueueArn'}`);
    }
    action = 'sqs:ListQueueTags';
    session.calls += 1;
    const { Tags: tags = {} } = await client.send(new ListQueueTagsCommand(question), options);
    action = 'sqs:ListDeadLetterSourceQueues';
    const sources = pages('ListDeadLetterSourceQueues', session, async (_, page) => {
      const answer = await client.send(new ListDeadLetterSourceQueuesCommand({ ...question, ...page }), options);
      return { urls: answer.queueUrls, next: answer.NextToken };
    });
    const deadLetterSources = (await Array.fromAsync(sources)).flat();
    checkUrls('ListDeadLetterSourceQueues', deadLetterSources);
    return { arn: id, attributes, tags, deadLetterSources };
  } catch (error) {
    if (mayBeGone(action, error)) return undefined;
    throw error;
  }
}

async function isListed(session: AwsSession, id: string, signal: AbortSignal): Promise<boolean> {
  for await (const page of listQueues(session, { QueueNamePrefix: identify(id)?.name ?? '' }, signal)) {
    if (page.includes(id)) return true;
    checkUrls('ListQueues', page);
  }
  return false;
}

function checkUrls(action: string, ids: readonly string[]): void {
  const odd = ids.find((id) => identify(id) === undefined);
  if (odd !== undefined) throw new UnseenError('BadAnswer', `${action} answered with ${odd}, which is no queue URL`);
}

/** The ids behind the URLs that an action lists, page by page. */
async function* pages(
  action: string,
  session: AwsSession,
  ask: (
    client: SQSClient,
    page: { readonly MaxResults: number; readonly NextToken?: string },
  ) => Promise<{ readonly urls: string[] | undefined; readonly next: string | undefined }>,
): AsyncIterable<readonly string[]> {
  const client = clientFor(session);
  const tokens = new Set<string>();
  for (let token = ''; ; ) {
    session.calls += 1;
    const { urls = [], next = '' } = await ask(client, {
      MaxResults: pageSize,
      ...(token === '' ? {} : { NextToken: token }),
    });
    yield urls.map((url) => idOfUrl(url, session.settings.region));
    token = next;
    if (token === '') return;
    if (tokens.has(token)) throw new UnseenError('BadAnswer', `${action} gave the same NextToken twice`);
    tokens.add(token);
  }
}

/** The SDK would send each question to the host of the queue URL, past every endpoint that is set. */
function clientFor(session: AwsSession): SQSClient {
  return clientOf(session, 'sqs', () => new SQSClient({ ...session.settings, useQueueUrlAsEndpoint: false }));
}

/**
 * The host says little (legacy names, private endpoints, emulators), the path ends in account and name. What is no
 * queue URL stays as it is: as an id that nobody can read it makes the listing broken, not shorter.
 */
function idOfUrl(url: string, region: string): string {
  const [, account, name] = /^https?:\/\/[^/]+\/(?:[^?#]*\/)?(\d{12})\/([\w-]+(?:\.fifo)?)$/.exec(url) ?? [];
  return account === undefined ? url : `arn:${partitionOf(region)}:sqs:${region}:${account}:${name}`;
}

function urlOf(id: string): string {
  const [, , , region = '', account, name] = id.split(':');
  return `https://sqs.${region}.${dnsSuffixOf(region)}/${account}/${name}`;
}

/** Attributes are text; what does not look as the API reference says goes on as it is, and the check of the row says so. */
function fieldsOf({ arn, attributes, tags, deadLetterSources }: Queue) {
  const redrive = attributes.RedrivePolicy || undefined;
  const allow = attributes.RedriveAllowPolicy || undefined;
  const kmsKeyId = attributes.KmsMasterKeyId || undefined;
  const sseSqs = booleanOf(attributes.SqsManagedSseEnabled);
  return {
    url: urlOf(arn),
    fifo: booleanOf(attributes.FifoQueue ?? 'false'),
    contentBasedDeduplication: booleanOf(attributes.ContentBasedDeduplication),
    deduplicationScope: attributes.DeduplicationScope,
    fifoThroughputLimit: attributes.FifoThroughputLimit,
    messageRetentionSeconds: numberOf(attributes.MessageRetentionPeriod),
    visibilityTimeoutSeconds: numberOf(attributes.VisibilityTimeout),
    delaySeconds: numberOf(attributes.DelaySeconds),
    receiveWaitTimeSeconds: numberOf(attributes.ReceiveMessageWaitTimeSeconds),
    maximumMessageSizeBytes: numberOf(attributes.MaximumMessageSize),
    deadLetter: redrivePolicy.safeParse(jsonOf(redrive)).data ?? redrive,
    deadLetterSources: sorted(deadLetterSources),
    redriveAllow: redriveAllowPolicy.safeParse(jsonOf(allow)).data ?? allow,
    encryption: {
      encrypted: kmsKeyId === undefined ? sseSqs : true,
      sseSqs,
      kmsKeyId,
      kmsDataKeyReusePeriodSeconds: numberOf(attributes.KmsDataKeyReusePeriodSeconds),
    },
    policy: policyReach(attributes.Policy, arn.split(':')[4] ?? ''),
    createdAt: timeOf(attributes.CreatedTimestamp),
    modifiedAt: timeOf(attributes.LastModifiedTimestamp),
    tags,
  };
}

const redrivePolicy = z
  .object({ deadLetterTargetArn: z.string(), maxReceiveCount: z.union([z.string(), z.number()]) })
  .transform((policy) => ({
    target: policy.deadLetterTargetArn,
    maxReceiveCount: numberOf(String(policy.maxReceiveCount)),
  }));

const redriveAllowPolicy = z
  .object({ redrivePermission: z.string(), sourceQueueArns: z.array(z.string()).optional() })
  .transform((policy) => ({ permission: policy.redrivePermission, sources: sorted(policy.sourceQueueArns) }));

const booleanOf = (text: string | undefined) => (text === 'true' ? true : text === 'false' ? false : text);

const numberOf = (text: string | undefined) => (text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : text);

/** Seconds since 1970. Emulators give fractions, which the engine's times drop. */
const timeOf = (text: string | undefined) =>
  text !== undefined && /^\d{1,11}(\.\d*)?$/.test(text) ? new Date(Number(text) * 1000) : text;
