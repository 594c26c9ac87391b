import type { EventRule } from './cloud-events.ts';
import {
  account,
  arnOf,
  logicalId,
  named,
  partition,
  type Resource,
  type Resources,
  region,
  stackName,
  sub,
  type Value,
  where,
} from './deploy-stack.ts';
import { policyOf, type Statement } from './iam.ts';
import type { JsonObject } from './json.ts';
import { shortHash } from './names.ts';
import { partitionOf } from './partitions.ts';
import type { Source } from './source.ts';

/** A source and the places in which a mirror looks at it. */
export interface Heard {
  readonly source: Source;
  readonly accounts: readonly string[];
  readonly regions: readonly string[];
}

/** Characters of a pattern (EventBridge quotas, "Event pattern size": 2,048). */
const patternLength = 2048;

/** Characters of the accounts in the policy of a bus, which has 10,240 in all (EventBridge quotas). */
const busPolicyLength = 9_000;

/** Characters of the topics in the policy of a queue, which has 8,192 bytes in all (SQS quotas, "Policies"). */
const topicsLength = 6_000;

/** Commercial regions without an opt-in; there will be no more (AWS Account Management, "Enable or disable AWS Regions"). */
const enabledRegions: readonly string[] = [
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
  'ca-central-1',
  'sa-east-1',
  'ap-south-1',
  'ap-southeast-1',
  'ap-southeast-2',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-northeast-3',
  'eu-north-1',
  'eu-central-1',
  'eu-west-1',
  'eu-west-2',
  'eu-west-3',
];

/**
 * The rules that bring events to the queue: those of this account and region from its default bus, those of others from
 * a bus of its own, so that other accounts reach nothing else that listens here.
 */
export function eventsOf(heard: readonly Heard[], topics: readonly string[]): Resources {
  const rules = heard.flatMap(({ source, accounts, regions }) =>
    source.events.map((event) => ({ source, event, pattern: narrowed(event, accounts, regions) })),
  );
  const accounts = [...new Set(heard.flatMap((each) => each.accounts))].toSorted();
  const here = rules.map(({ source, event, pattern }) => {
    const id = logicalId(source.kind, event.name, 'Rule');
    return [id, rule(source, event, pattern)] as const;
  });
  const elsewhere = rules.map(({ source, event, pattern }) => {
    const id = logicalId(source.kind, event.name, 'ForeignRule');
    const { Properties, ...own } = rule(source, event, pattern);
    return [
      id,
      { ...own, Condition: 'HasForeign', Properties: { ...Properties, EventBusName: { Ref: 'EventBus' } } },
    ] as const;
  });
  const ours = rules.length === 0 ? [] : [rulesSender()];
  return {
    ...Object.fromEntries([...here, ...elsewhere]),
    ...(rules.length === 0 ? {} : { EventBus: eventBus(), EventBusPolicy: eventBusPolicy(accounts) }),
    // By the topic, not its place: under another id it would be made anew, and the clean-up of the old one would then
    // take both away, because SNS has one subscription for a topic and a queue.
    ...Object.fromEntries(
      topics.map((topic) => [logicalId('TopicSubscription', shortHash(topic)), subscription(topic)]),
    ),
    ...queuePolicy('EventsQueue', [...ours, ...topicsSender(topics)]),
    ...queuePolicy('UndeliveredQueue', ours),
  };
}

/** The pattern for the places that are mirrored alone, as far as it may be that long. The router looks again. */
function narrowed({ pattern }: EventRule, accounts: readonly string[], regions: readonly string[]): JsonObject {
  const all = { ...pattern, account: accounts.toSorted(), region: regions.toSorted() };
  return JSON.stringify(all).length <= patternLength ? all : { ...pattern, region: regions.toSorted() };
}

function rule(source: Source, event: EventRule, pattern: JsonObject): Resource {
  return {
    Type: 'AWS::Events::Rule',
    Properties: {
      Name: named(`${source.kind}-${event.name}`.toLowerCase()),
      Description: `What tells of a change of ${source.plural}, for skymirror.`,
      EventPattern: pattern,
      Targets: [
        {
          Id: 'events',
          Arn: arnOf('EventsQueue'),
          // The poll sees what is older.
          RetryPolicy: { MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 20 },
          DeadLetterConfig: { Arn: arnOf('UndeliveredQueue') },
        },
      ],
    },
  };
}

function eventBus(): Resource {
  return { Type: 'AWS::Events::EventBus', Condition: 'HasForeign', Properties: { Name: stackName } };
}

function eventBusPolicy(accounts: readonly string[]): Resource {
  if (accounts.join('","').length > busPolicyLength) {
    throw new Error(`${accounts.length} accounts are more than a bus can be opened to: spread them over two stages`);
  }
  const statement = {
    Effect: 'Allow',
    Principal: { AWS: '*' },
    Action: 'events:PutEvents',
    Resource: arnOf('EventBus'),
    Condition: { StringEquals: { 'aws:PrincipalAccount': accounts } },
  };
  const Properties = { EventBusName: { Ref: 'EventBus' }, StatementId: 'Accounts', Statement: statement };
  return { Type: 'AWS::Events::EventBusPolicy', Condition: 'HasForeign', Properties };
}

function subscription(topic: string): Resource {
  return {
    Type: 'AWS::SNS::Subscription',
    Properties: {
      TopicArn: topic,
      Region: topic.split(':')[3] ?? '',
      Protocol: 'sqs',
      // Without a dead-letter queue, which would have to be in the region of the topic: SNS tries for 23 days (SNS Developer
      // Guide, "Dead-letter queues" and "Message delivery retries").
      Endpoint: arnOf('EventsQueue'),
    },
  };
}

type Sender = Omit<Statement, 'Resource'>;

function sender(Sid: string, Service: Value | readonly Value[], Condition: Readonly<Record<string, unknown>>): Sender {
  return { Sid, Effect: 'Allow', Principal: { Service }, Action: 'sqs:SendMessage', Condition };
}

/** The rules of this stack, by how their names begin: a list of them would outgrow the policy of a queue. */
function rulesSender(): Sender {
  const arns = ['', `${stackName}/`].map((bus) =>
    sub(`arn:${partition}:events:${region}:${account}:rule/${bus}${stackName}-*`),
  );
  return sender('RulesSend', 'events.amazonaws.com', { ArnLike: { 'aws:SourceArn': arns } });
}

function topicsSender(topics: readonly string[]): Sender[] {
  if (topics.length === 0) return [];
  if (topics.join('","').length > topicsLength) {
    throw new Error(
      `${topics.length} topics are more than the policy of a queue holds: let several event subscriptions send to one topic`,
    );
  }
  return [sender('TopicsSend', snsServices(topics), { ArnEquals: { 'aws:SourceArn': topics } })];
}

/**
 * As whom SNS sends: to a queue in an opt-in region as that region's, from a topic in one as its region's (SNS
 * Developer Guide, "Sending Amazon SNS messages to an Amazon SQS queue or AWS Lambda function in a different Region").
 */
function snsServices(topics: readonly string[]): Value[] {
  const regions = topics.flatMap((topic) => topic.split(':')[3] ?? []).filter(isOptIn);
  const there = [...new Set(regions)].toSorted().map((name) => `sns.${name}.amazonaws.com`);
  return ['sns.amazonaws.com', ...there, where('IsOptIn', sub(`sns.${region}.amazonaws.com`))];
}

function isOptIn(name: string): boolean {
  return partitionOf(name) === 'aws' && !enabledRegions.includes(name);
}

/** The condition that the stack is in a region that needs an opt-in. Fn::Or takes ten parts at most. */
export function inOptInRegion() {
  const among = (names: readonly string[]) => ({
    'Fn::Or': names.map((name) => ({ 'Fn::Equals': [{ Ref: 'AWS::Region' }, name] })),
  });
  const isEnabled = { 'Fn::Or': [among(enabledRegions.slice(0, 10)), among(enabledRegions.slice(10))] };
  return { 'Fn::And': [{ 'Fn::Equals': [{ Ref: 'AWS::Partition' }, 'aws'] }, { 'Fn::Not': [isEnabled] }] };
}

/** Who may send to a queue. Two policies of one queue would undo each other. */
function queuePolicy(queue: string, senders: readonly Sender[]): Resources {
  if (senders.length === 0) return {};
  const PolicyDocument = policyOf(senders.map((statement) => ({ ...statement, Resource: arnOf(queue) })));
  const Properties = { Queues: [{ Ref: queue }], PolicyDocument };
  return { [`${queue}Policy`]: { Type: 'AWS::SQS::QueuePolicy', Properties } };
}
