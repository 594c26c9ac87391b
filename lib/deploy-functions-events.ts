import { arnOf, logicalId, named, type Resource, type Resources, stackName } from './deploy-stack.ts';
import { policyOf, type Statement } from './iam.ts';
import type { JsonObject } from './json.ts';
import type { EventRule } from './route.ts';
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
  const local = here.map(([id]) => id);
  const foreign = elsewhere.map(([id]) => id);
  return {
    ...Object.fromEntries([...here, ...elsewhere]),
    ...(rules.length === 0 ? {} : { EventBus: eventBus(), EventBusPolicy: eventBusPolicy(accounts) }),
    ...Object.fromEntries(topics.map((topic, index) => [`TopicSubscription${index}`, subscription(topic)])),
    ...queuePolicy('EventsQueue', local, foreign, topics),
    ...queuePolicy('UndeliveredQueue', local, foreign, []),
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

/** Who may send to a queue: exactly those rules and topics. Two policies of one queue would undo each other. */
function queuePolicy(
  queue: string,
  local: readonly string[],
  foreign: readonly string[],
  topics: readonly string[],
): Resources {
  const statements = [
    ...sender('RulesSend', 'events.amazonaws.com', queue, local.map(arnOf)),
    ...sender('ForeignRulesSend', 'events.amazonaws.com', queue, foreign.map(arnOf)),
    ...sender('TopicsSend', 'sns.amazonaws.com', queue, topics),
  ];
  if (statements.length === 0) return {};
  const PolicyDocument = {
    ...policyOf([]),
    Statement: statements.map((statement) =>
      statement.Sid === 'ForeignRulesSend'
        ? { 'Fn::If': ['HasForeign', statement, { Ref: 'AWS::NoValue' }] }
        : statement,
    ),
  };
  const Properties = { Queues: [{ Ref: queue }], PolicyDocument };
  return { [`${queue}Policy`]: { Type: 'AWS::SQS::QueuePolicy', Properties } };
}

function sender(Sid: string, Service: string, queue: string, sources: readonly unknown[]): Statement[] {
  if (sources.length === 0) return [];
  return [
    {
      Sid,
      Effect: 'Allow',
      Principal: { Service },
      Action: 'sqs:SendMessage',
      Resource: arnOf(queue),
      Condition: { ArnEquals: { 'aws:SourceArn': sources } },
    },
  ];
}
