import * as z from 'zod';

/** An event in the form of EventBridge, whatever way it came. Strangers may have written it: nothing of it is trusted. */
export interface CloudEvent {
  readonly source: string;
  readonly 'detail-type': string;
  readonly account?: string | undefined;
  readonly region?: string | undefined;
  /** When it happened. */
  readonly time?: string | undefined;
  readonly resources: readonly unknown[];
  readonly detail?: unknown;
}

/** An EventBridge pattern of exact-value lists, the only kind of match that is known here. */
export interface EventPattern {
  readonly [name: string]: readonly string[] | EventPattern;
}

/** Events that tell of a kind, and the ids that one of them names. Nothing else of an event is used. */
export interface EventRule {
  /** Unique within the source. */
  readonly name: string;
  readonly pattern: EventPattern;
  ids(event: CloudEvent): readonly string[];
}

const text = z.string().optional().catch(undefined);

/** EventBridge User Guide, "AWS service event metadata". Only what says what it is has to be there. */
const envelope = z.object({
  source: z.string(),
  'detail-type': z.string(),
  account: text,
  region: text,
  time: text,
  resources: z.array(z.unknown()).catch([]),
  detail: z.unknown().optional(),
});

/** SNS Developer Guide, "Amazon SNS message delivery to Amazon SQS": what is around a message that is not delivered raw. */
const notification = z.object({
  Type: z.literal('Notification'),
  TopicArn: z.string(),
  Message: z.string(),
  MessageAttributes: z.unknown().optional(),
});

/** What RDS sends to the topic of an event subscription. The sentence that confirms a subscription is no JSON. */
const rdsMessage = z.object({
  'Event Source': z.string(),
  'Source ID': z.string(),
  'Source ARN': text,
  'Event Time': text,
});

/** `SourceType` of an event subscription (RDS API reference, CreateEventSubscription): its event, and its part of an ARN. */
const rdsSources: ReadonlyMap<string, readonly [detailType: string, arnPart: string]> = new Map([
  ['db-instance', ['RDS DB Instance Event', 'db']],
  ['db-cluster', ['RDS DB Cluster Event', 'cluster']],
]);

const topicArn = /^arn:(?<partition>[a-z-]+):sns:(?<region>[a-z0-9-]+):(?<account>\d{12}):/;

/**
 * The event that the body of an SQS message holds: of EventBridge, or of an RDS event subscription, through SNS or
 * delivered raw (then `attributes` are the message's own). `undefined` where it is neither; never throws.
 */
export function eventIn(body: string, attributes: unknown = {}): CloudEvent | undefined {
  const value = parsed(body);
  const { data: sent } = notification.safeParse(value);
  if (sent === undefined) return eventOf(value, fieldOf(fieldOf(attributes, 'Resource'), 'stringValue'));
  return eventOf(parsed(sent.Message), fieldOf(fieldOf(sent.MessageAttributes, 'Resource'), 'Value'), sent.TopicArn);
}

/** The field of that name, if the value is an object that has it itself: `constructor` and its like are not inherited. */
export function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function eventOf(value: unknown, resource: unknown, topic?: string): CloudEvent | undefined {
  const { data: message } = rdsMessage.safeParse(value);
  if (message === undefined) return envelope.safeParse(value).data;
  // Of a snapshot, a parameter group, a proxy: an event that no rule fits.
  const [detailType, arnPart] = rdsSources.get(message['Event Source']) ?? ['RDS Event'];
  const { partition, region, account } = topic?.match(topicArn)?.groups ?? {};
  const rebuilt =
    partition && arnPart && `arn:${partition}:rds:${region}:${account}:${arnPart}:${message['Source ID']}`;
  return {
    source: 'aws.rds',
    'detail-type': detailType,
    account,
    region,
    time: message['Event Time'] && `${message['Event Time'].replace(' ', 'T')}Z`,
    // "Resource: The ARN identifier for the resource emitting the event" (RDS User Guide, "Amazon RDS event
    // notification tags and attributes"). Older messages have neither it nor an ARN.
    resources: [resource ?? message['Source ARN'] ?? rebuilt],
    detail: {},
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
