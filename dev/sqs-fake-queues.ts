import * as z from 'zod';
import {
  deadLetterTarget,
  type Given,
  readableNames,
  SqsRefusal,
  shownAttributes,
  withAttributes,
} from './sqs-fake-attributes.ts';

/** One call as the rules see it. `base` is what queue URLs begin with. */
export type SqsCall = {
  readonly action: string;
  readonly account: string;
  readonly region: string;
  readonly base: string;
  readonly input: unknown;
};

type Queue = {
  readonly name: string;
  readonly arn: string;
  readonly isFifo: boolean;
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly given: Given;
  readonly tags: Given;
};

type Place = {
  readonly account: string;
  readonly region: string;
  readonly base: string;
  readonly queues: Map<string, Queue>;
};

const attributes = z.record(z.string(), z.string());

const inputSchema = z
  .object({
    QueueName: z.string(),
    QueueUrl: z.string(),
    QueueNamePrefix: z.string(),
    Attributes: attributes,
    AttributeNames: z.array(z.string()),
    tags: attributes,
    Tags: attributes,
    TagKeys: z.array(z.string()),
    MaxResults: z.int(),
    NextToken: z.string(),
  })
  .partial();

type Input = z.infer<typeof inputSchema>;

/** The largest page, and what is cut to without MaxResults (developer guide, "Amazon SQS list queue pagination"). */
const pageSize = 1000;

/**
 * The rules of SQS on queues (never on messages), at once where AWS takes up to a minute. `now` gives milliseconds; the
 * answer is the body, a refusal is thrown.
 */
export function createQueues(now: () => number): (call: SqsCall) => object {
  const places = new Map<string, Map<string, Queue>>();
  return ({ action, account, region, base, input }) => {
    const handle = Object.hasOwn(actions, action) ? actions[action] : undefined;
    if (handle === undefined) throw new SqsRefusal('UnknownOperationException', `There is no ${action} in this fake.`);
    const parsed = inputSchema.safeParse(input);
    if (!parsed.success) throw new SqsRefusal('SerializationException', z.prettifyError(parsed.error));
    const key = `${account} ${region}`;
    const queues = places.get(key) ?? new Map<string, Queue>();
    places.set(key, queues);
    return handle({ account, region, base, queues }, parsed.data, Math.floor(now() / 1000));
  };
}

const actions: Record<string, (place: Place, input: Input, now: number) => object> = {
  CreateQueue(place, { QueueName: name, Attributes: added = {}, tags = {} }, now) {
    if (name === undefined) throw missing('QueueName');
    const isFifo = added.FifoQueue === 'true';
    checkName(name, isFifo);
    const old = place.queues.get(name);
    const given = withAttributes({}, added, isFifo, types(place));
    // "If you provide the name of an existing queue along with the exact names and values of all its attributes,
    // CreateQueue returns the queue URL" (API reference, CreateQueue).
    if (old !== undefined) {
      const shown = shownAttributes(old.given, old.isFifo);
      const isSame = Object.entries(given).every(([key, value]) => shown[key] === value);
      if (!isSame) throw new SqsRefusal('QueueNameExists', 'The specified queue already exists.', 'QueueAlreadyExists');
      return { QueueUrl: urlOf(place, name) };
    }
    const arn = `arn:aws:sqs:${place.region}:${place.account}:${name}`;
    place.queues.set(name, { name, arn, isFifo, createdAt: now, modifiedAt: now, given, tags });
    return { QueueUrl: urlOf(place, name) };
  },
  DeleteQueue(place, input) {
    place.queues.delete(queueOf(place, input).name);
    return {};
  },
  SetQueueAttributes(place, input, now) {
    const queue = queueOf(place, input);
    const given = withAttributes(queue.given, input.Attributes ?? {}, queue.isFifo, types(place));
    place.queues.set(queue.name, { ...queue, given, modifiedAt: now });
    return {};
  },
  TagQueue(place, input) {
    const queue = queueOf(place, input);
    if (Object.keys(input.Tags ?? {}).length === 0) throw missing('Tags');
    place.queues.set(queue.name, { ...queue, tags: { ...queue.tags, ...input.Tags } });
    return {};
  },
  UntagQueue(place, input) {
    const queue = queueOf(place, input);
    const left = Object.entries(queue.tags).filter(([key]) => !(input.TagKeys ?? []).includes(key));
    place.queues.set(queue.name, { ...queue, tags: Object.fromEntries(left) });
    return {};
  },
  ListQueues(place, input) {
    const names = [...place.queues.keys()].filter((name) => name.startsWith(input.QueueNamePrefix ?? ''));
    const { page, next } = pageOf(names, input);
    const urls = page.map((name) => urlOf(place, name));
    return { ...(urls.length === 0 ? {} : { QueueUrls: urls }), ...next };
  },
  ListDeadLetterSourceQueues(place, input) {
    const { arn } = queueOf(place, input);
    const sources = [...place.queues.values()].filter(({ given }) => deadLetterTarget(given) === arn);
    const { page, next } = pageOf(
      sources.map(({ name }) => name),
      input,
    );
    return { queueUrls: page.map((name) => urlOf(place, name)), ...next };
  },
  GetQueueUrl: (place, { QueueName: name = '' }) => ({ QueueUrl: urlOf(place, existing(place, name).name) }),
  GetQueueAttributes(place, input) {
    const queue = queueOf(place, input);
    const names = input.AttributeNames ?? [];
    const odd = names.find((name) => !readableNames.includes(name));
    if (odd !== undefined) throw new SqsRefusal('InvalidAttributeName', `Unknown Attribute ${odd}.`);
    const all: Given = {
      QueueArn: queue.arn,
      CreatedTimestamp: String(queue.createdAt),
      LastModifiedTimestamp: String(queue.modifiedAt),
      ...shownAttributes(queue.given, queue.isFifo),
    };
    const shown = Object.entries(all).filter(([name]) => names.includes('All') || names.includes(name));
    return shown.length === 0 ? {} : { Attributes: Object.fromEntries(shown) };
  },
  ListQueueTags: (place, input) => ({ Tags: queueOf(place, input).tags }),
};

/** The queue that a URL names: its host is not looked at, its path ends in account and name. */
function queueOf(place: Place, { QueueUrl: url }: Input): Queue {
  if (url === undefined) throw missing('QueueUrl');
  const [account, name = ''] = url.split('/').slice(-2);
  // Other accounts let nobody in here; SQS does not say whether such a queue exists.
  return existing(account === place.account ? place : { ...place, queues: new Map() }, name);
}

function existing(place: Place, name: string): Queue {
  const queue = place.queues.get(name);
  if (queue !== undefined) return queue;
  const code = 'AWS.SimpleQueueService.NonExistentQueue';
  throw new SqsRefusal('QueueDoesNotExist', 'The specified queue does not exist.', code);
}

/** The page that begins behind the token; a token is the last name of the page before it, as one that AWS gives is opaque. */
function pageOf(names: readonly string[], { MaxResults: size, NextToken: token }: Input) {
  if (size !== undefined && (size < 1 || size > pageSize)) throw outOfRange('MaxResults');
  const last = token === undefined ? '' : nameOf(token);
  const left = names.filter((name) => name > last).toSorted();
  const page = left.slice(0, size ?? pageSize);
  const isCut = size !== undefined && left.length > page.length;
  return { page, next: isCut ? { NextToken: Buffer.from(`after ${page.at(-1)}`).toString('base64url') } : {} };
}

function nameOf(token: string): string {
  const name = /^after (.+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1];
  if (name === undefined) throw outOfRange('NextToken');
  return name;
}

/** "A queue name can have up to 80 characters: alphanumeric, hyphens, underscores; a FIFO queue's ends with .fifo" (API reference, CreateQueue). */
function checkName(name: string, isFifo: boolean): void {
  const isLegal = /^[\w-]+(\.fifo)?$/.test(name) && name.length <= 80 && name.endsWith('.fifo') === isFifo;
  const rule = 'Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length';
  if (!isLegal) throw new SqsRefusal('InvalidParameterValue', rule);
}

const types = (place: Place) => new Map([...place.queues.values()].map(({ arn, isFifo }) => [arn, isFifo]));

const urlOf = ({ base, account }: Place, name: string) => `${base}/${account}/${name}`;

const outOfRange = (name: string) =>
  new SqsRefusal('InvalidParameterValue', `An invalid or out-of-range value was supplied for ${name}.`);

const missing = (name: string) =>
  new SqsRefusal(
    'MissingRequiredParameterException',
    `The request must contain the parameter ${name}.`,
    'MissingParameter',
  );
