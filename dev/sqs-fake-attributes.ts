import * as z from 'zod';

/** An error of SQS: its shape in the JSON protocol, its code in the older query protocol, its sentence. */
export class SqsRefusal extends Error {
  override readonly name = 'SqsRefusal';
  readonly shape: string;
  readonly code: string;

  constructor(shape: string, message: string, code = shape) {
    super(message);
    this.shape = shape;
    this.code = code;
  }
}

/** What a queue was given; all else is a default. */
export type Given = Readonly<Record<string, string>>;

/** Ranges of the attributes that are numbers, with their defaults (API reference, SetQueueAttributes). */
const numbers: Record<string, { readonly least: number; readonly most: number; readonly usual: string }> = {
  DelaySeconds: { least: 0, most: 900, usual: '0' },
  MaximumMessageSize: { least: 1024, most: 1_048_576, usual: '1048576' },
  MessageRetentionPeriod: { least: 60, most: 1_209_600, usual: '345600' },
  ReceiveMessageWaitTimeSeconds: { least: 0, most: 20, usual: '0' },
  VisibilityTimeout: { least: 0, most: 43_200, usual: '30' },
  KmsDataKeyReusePeriodSeconds: { least: 60, most: 86_400, usual: '300' },
};

/** Attributes of FIFO queues only, with their defaults and values (API reference, SetQueueAttributes). */
const fifoTexts: Record<string, readonly [usual: string, ...others: string[]]> = {
  ContentBasedDeduplication: ['false', 'true'],
  DeduplicationScope: ['queue', 'messageGroup'],
  FifoThroughputLimit: ['perQueue', 'perMessageGroupId'],
};

const documents = ['Policy', 'RedrivePolicy', 'RedriveAllowPolicy'];
const plainNumbers = Object.keys(numbers).filter((name) => name !== 'KmsDataKeyReusePeriodSeconds');

/** The names that GetQueueAttributes takes (API reference, GetQueueAttributes). */
export const readableNames: readonly string[] = [
  'All',
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesDelayed',
  'ApproximateNumberOfMessagesNotVisible',
  'CreatedTimestamp',
  'LastModifiedTimestamp',
  'QueueArn',
  'FifoQueue',
  'KmsMasterKeyId',
  'SqsManagedSseEnabled',
  ...Object.keys(numbers),
  ...Object.keys(fifoTexts),
  ...documents,
];

const redrivePolicy = z.object({
  deadLetterTargetArn: z.string(),
  maxReceiveCount: z.coerce.number().int().min(1).max(1000),
});

const redriveAllowPolicy = z.object({
  redrivePermission: z.enum(['allowAll', 'denyAll', 'byQueue']),
  sourceQueueArns: z.array(z.string()).max(10).optional(),
});

/** The ARN that a queue's redrive policy names. */
export function deadLetterTarget(given: Given): string | undefined {
  return given.RedrivePolicy === undefined
    ? undefined
    : redrivePolicy.parse(jsonOf(given.RedrivePolicy)).deadLetterTargetArn;
}

/** What a queue has been given after new attributes; refuses what SQS refuses. `known`: the FIFO queues and others, by ARN. */
export function withAttributes(
  before: Given,
  added: Given,
  isFifo: boolean,
  known: ReadonlyMap<string, boolean>,
): Given {
  for (const [name, value] of Object.entries(added)) check(name, value, isFifo, known);
  // One kind of server-side encryption at a time (API reference, SetQueueAttributes, SqsManagedSseEnabled).
  const encryption: Given =
    (added.KmsMasterKeyId ?? '') !== ''
      ? { SqsManagedSseEnabled: 'false' }
      : added.SqsManagedSseEnabled === 'true'
        ? { KmsMasterKeyId: '' }
        : {};
  const all = { ...before, ...added, ...encryption };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}

/** All attributes as GetQueueAttributes tells them, without times and the ARN. */
export function shownAttributes(given: Given, isFifo: boolean): Given {
  const { KmsDataKeyReusePeriodSeconds: reuse = '300', ...others } = given;
  const counters = { ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesDelayed: '0' };
  return {
    ...counters,
    ApproximateNumberOfMessagesNotVisible: '0',
    ...Object.fromEntries(plainNumbers.map((name) => [name, numbers[name]?.usual ?? ''])),
    ...(isFifo ? Object.fromEntries(Object.entries(fifoTexts).map(([name, [usual]]) => [name, usual])) : {}),
    SqsManagedSseEnabled: 'true',
    ...(given.KmsMasterKeyId === undefined ? {} : { KmsDataKeyReusePeriodSeconds: reuse }),
    ...others,
  };
}

function check(name: string, value: string, isFifo: boolean, known: ReadonlyMap<string, boolean>): void {
  const range = numbers[name];
  const texts = fifoTexts[name];
  if (range !== undefined) {
    if (!/^\d+$/.test(value) || Number(value) < range.least || Number(value) > range.most) throw invalid(name);
  } else if (texts !== undefined) {
    if (!isFifo) throw unknown(name);
    if (!texts.includes(value)) throw invalid(name);
  } else if (name === 'FifoQueue' || name === 'SqsManagedSseEnabled') {
    // "You can't change the queue type after you create it" (developer guide, "Moving from a standard queue to FIFO").
    if (!['true', 'false'].includes(value) || (name === 'FifoQueue' && (value === 'true') !== isFifo))
      throw invalid(name);
  } else if (documents.includes(name)) {
    if (value !== '') checkDocument(name, jsonOf(value), isFifo, known);
  } else if (name !== 'KmsMasterKeyId') throw unknown(name);
}

function checkDocument(name: string, document: unknown, isFifo: boolean, known: ReadonlyMap<string, boolean>): void {
  if (typeof document !== 'object' || document === null) throw invalid(name);
  if (name === 'RedriveAllowPolicy' && !redriveAllowPolicy.safeParse(document).success) throw invalid(name);
  if (name !== 'RedrivePolicy') return;
  const redrive = redrivePolicy.safeParse(document);
  if (!redrive.success) throw new SqsRefusal('InvalidParameterValue', `Value for parameter ${name} is invalid.`);
  // "The dead-letter queue of a FIFO queue must also be a FIFO queue" (API reference, SetQueueAttributes).
  if (known.get(redrive.data.deadLetterTargetArn) !== isFifo) {
    const reason = 'Reason: Dead letter target does not exist, or is of another type.';
    throw new SqsRefusal('InvalidParameterValue', `Value for parameter ${name} is invalid. ${reason}`);
  }
}

const invalid = (name: string) => new SqsRefusal('InvalidAttributeValue', `Invalid value for the parameter ${name}.`);

const unknown = (name: string) => new SqsRefusal('InvalidAttributeName', `Unknown Attribute ${name}.`);

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
