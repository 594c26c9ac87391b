import type { Configuration } from './configuration-schema.ts';
import {
  account,
  arnOf,
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
import { policyOf, readerPolicy, type Statement, trustOfRoles, trustOfService } from './iam.ts';
import type { Source } from './source.ts';

/** What the roles have to reach. */
export interface Reached {
  /** Those of mirrors that are not paused. */
  readonly accounts: readonly Configuration['accounts'][string][];
  readonly clusters: readonly Configuration['clusters'][string][];
  readonly sources: readonly Source[];
}

/** The functions that write into clusters or read them. */
const inClusters = ['worker', 'event', 'backfill', 'watch'] as const;

/** The functions that read accounts; the templates for other accounts trust the same. */
export const readers = ['worker', 'event'] as const;

/** Characters of ARNs in one policy. Of all inline ones together a role holds 10,240, a managed one 6,144 (IAM quotas). */
const policyLength = 5_000;

/** Managed policies that a role may have (IAM quotas: 10, of which VPC takes one). */
const mostPolicies = 9;

/** One role for each function, the roles that they enter accounts and clusters by, and the one of the schedules. */
export function rolesOf({ accounts, clusters, sources }: Reached): Resources {
  const [own = [], ...further] = inPolicies(readerArns(accounts));
  if (further.length > mostPolicies) {
    throw new Error(`${accounts.length} accounts are more than one role can be let into: spread them over two stages`);
  }
  const reads = own.length === 0 ? [] : [assume('EntersAccounts', own.map(sub))];
  const managed = further.map((_, index) => ({ Ref: `ReadersPolicy${index}` }));
  const enters = clusterStatements(clusters);
  return {
    ScheduledRole: functionRole('scheduled', [send('SendsTargets', 'ScheduleQueue')]),
    WorkerRole: functionRole(
      'worker',
      [
        receive('ReceivesTargets', 'ScheduleQueue', 'BackfillQueue'),
        // What an invocation has no time for goes on as a new message; what nobody can read is put aside.
        send('SendsTheRestOn', 'ScheduleQueue', 'BackfillQueue'),
        send('PutsPoisonAside', 'ScheduleDeadLetters', 'BackfillDeadLetters'),
        ...reads,
        ...enters,
      ],
      managed,
    ),
    EventRole: functionRole('event', [receive('ReceivesEvents', 'EventsQueue'), ...reads, ...enters], managed),
    BackfillRole: functionRole('backfill', [send('SendsTargets', 'BackfillQueue'), ...enters]),
    WatchRole: functionRole('watch', enters),
    SchedulerRole: schedulerRole(),
    ...(accounts.some(({ role }) => role === undefined) ? { ReaderRole: readerRole(sources) } : {}),
    ...(clusters.some(isEnteredHere) ? { ClusterRole: clusterRole(clusters) } : {}),
    ...Object.fromEntries(further.map((arns, index) => [`ReadersPolicy${index}`, readersPolicy(arns)])),
    VpcPolicy: vpcPolicy(),
    ...kmsPolicy(clusters),
  };
}

const isEnteredHere = ({ eks }: Configuration['clusters'][string]) => eks !== undefined && eks.role === undefined;

const boundary = { PermissionsBoundary: where('HasBoundary', { Ref: 'PermissionsBoundary' }) };

function functionRole(name: string, statements: readonly Statement[], managed: readonly Value[] = []): Resource {
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: named(name),
      AssumeRolePolicyDocument: trustOfService('lambda.amazonaws.com'),
      ManagedPolicyArns: [...managed, where('InVpc', { Ref: 'VpcPolicy' })],
      Policies: [{ PolicyName: name, PolicyDocument: policyOf([writesLog(name), ...statements]) }],
      ...boundary,
    },
  };
}

/** The log group is made by the stack, so that no function needs to. */
function writesLog(name: string): Statement {
  const group = `arn:${partition}:logs:${region}:${account}:log-group:/aws/lambda/${named(name)}`;
  const Action = ['logs:CreateLogStream', 'logs:PutLogEvents'];
  return { Sid: 'WritesItsLog', Effect: 'Allow', Action, Resource: sub(`${group}:*`) };
}

/**
 * What Lambda needs to connect functions to a VPC (AWS Managed Policy Reference, "AWSLambdaVPCAccessExecutionRole",
 * which opens every log as well). Lambda alone may use it: calls of a function's own code name the function (Lambda
 * Developer Guide, "Working with Lambda execution environment credentials").
 */
function vpcPolicy(): Resource {
  const verbs = ['CreateNetworkInterface', 'DescribeNetworkInterfaces', 'DescribeSubnets', 'DeleteNetworkInterface'];
  const code = sub(`arn:${partition}:lambda:${region}:${account}:function:${named('*')}`);
  const statement: Statement = {
    Sid: 'HoldsInterfaces',
    Effect: 'Allow',
    Action: [...verbs, 'AssignPrivateIpAddresses', 'UnassignPrivateIpAddresses'].map((verb) => `ec2:${verb}`),
    Resource: '*',
    Condition: { ArnNotLike: { 'lambda:SourceFunctionArn': code } },
  };
  const Properties = { PolicyDocument: policyOf([statement]) };
  return { Type: 'AWS::IAM::ManagedPolicy', Condition: 'InVpc', Properties };
}

/** SendMessageBatch needs no other permission (SQS Developer Guide, "Amazon SQS API permissions"). */
function send(Sid: string, ...queues: readonly string[]): Statement {
  return { Sid, Effect: 'Allow', Action: 'sqs:SendMessage', Resource: queues.map(arnOf) };
}

/** What an event source mapping needs (Lambda Developer Guide, "Using Lambda with Amazon SQS": execution role permissions). */
function receive(Sid: string, ...queues: readonly string[]): Statement {
  const Action = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];
  return { Sid, Effect: 'Allow', Action, Resource: queues.map(arnOf) };
}

function assume(Sid: string, Resource: readonly Value[]): Statement {
  return { Sid, Effect: 'Allow', Action: 'sts:AssumeRole', Resource };
}

const readerArn = (account: string) => `arn:${partition}:iam::${account}:role/${named('reader')}`;

function readerArns(accounts: Reached['accounts']): string[] {
  return [...new Set(accounts.map(({ id, role }) => role ?? readerArn(id)))].toSorted();
}

function inPolicies(arns: readonly string[]): string[][] {
  const policies: string[][] = [];
  let length = policyLength;
  for (const arn of arns) {
    if (length + arn.length > policyLength) {
      policies.push([]);
      length = 0;
    }
    policies.at(-1)?.push(arn);
    length += arn.length;
  }
  return policies;
}

function readersPolicy(arns: readonly string[]): Resource {
  const PolicyDocument = policyOf([assume('EntersAccounts', arns.map(sub))]);
  return { Type: 'AWS::IAM::ManagedPolicy', Properties: { PolicyDocument } };
}

/** What it takes to enter these clusters. A cluster's own role is the affair of the account that it is in. */
function clusterStatements(clusters: Reached['clusters']): Statement[] {
  const roles = clusters.flatMap(({ eks }) => (eks?.role === undefined ? [] : [eks.role]));
  const shared: Value[] = clusters.some(isEnteredHere)
    ? [sub(`arn:${partition}:iam::${account}:role/${named('cluster')}`)]
    : [];
  const entered = [...new Set(roles), ...shared];
  const secrets = clusters.flatMap(({ secret }) => secret ?? []);
  const parameters = clusters.flatMap(({ parameter }) => parameter ?? []);
  return [
    ...(entered.length === 0 ? [] : [assume('EntersClusters', entered)]),
    ...allow('ReadsKubeconfigs', 'secretsmanager:GetSecretValue', secrets),
    ...allow('ReadsKubeconfigParameters', 'ssm:GetParameter', parameters),
  ];
}

function allow(Sid: string, Action: string, arns: readonly string[]): Statement[] {
  return arns.length === 0 ? [] : [{ Sid, Effect: 'Allow', Action, Resource: [...new Set(arns)] }];
}

/** Secrets and parameters under AWS's own keys need nothing (KMS Developer Guide, "AWS managed keys"); others, these. */
function kmsPolicy(clusters: Reached['clusters']): Resources {
  if (clusters.every(({ secret, parameter }) => secret === undefined && parameter === undefined)) return {};
  const Resource = { Ref: 'SecretsKeys' };
  const statement: Statement = { Sid: 'DecryptsKubeconfigs', Effect: 'Allow', Action: 'kms:Decrypt', Resource };
  const Properties = {
    PolicyName: 'secrets-keys',
    PolicyDocument: policyOf([statement]),
    Roles: ['WorkerRole', 'EventRole', 'BackfillRole', 'WatchRole'].map((Ref) => ({ Ref })),
  };
  return { SecretsKeysPolicy: { Type: 'AWS::IAM::Policy', Condition: 'HasSecretsKeys', Properties } };
}

/** The role by which the functions read this account. That of other accounts: deploy-source-account.ts. */
function readerRole(sources: readonly Source[]): Resource {
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: named('reader'),
      AssumeRolePolicyDocument: trustOfRoles(account, readers.map(named)),
      Policies: [{ PolicyName: 'reader', PolicyDocument: readerPolicy(sources) }],
      ...boundary,
    },
  };
}

/** The role that has the access entry of the clusters. Its token is its signature alone, which needs no permission. */
function clusterRole(clusters: Reached['clusters']): Resource {
  const arns = clusters.flatMap(({ eks }) =>
    eks === undefined || eks.role !== undefined
      ? []
      : [`arn:${partition}:eks:${eks.region}:${account}:cluster/${eks.name}`],
  );
  // Also where endpoint and certificate are configured: they are asked for again when they no longer fit.
  const describes = { Sid: 'FindsClusters', Effect: 'Allow' as const, Action: 'eks:DescribeCluster' };
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: named('cluster'),
      AssumeRolePolicyDocument: trustOfRoles(account, inClusters.map(named)),
      Policies: [
        { PolicyName: 'cluster', PolicyDocument: policyOf([{ ...describes, Resource: [...new Set(arns)].map(sub) }]) },
      ],
      ...boundary,
    },
  };
}

function schedulerRole(): Resource {
  // The group, because a schedule's own ARN is not what it says it is (Scheduler User Guide, "Confused deputy prevention").
  const group = `arn:${partition}:scheduler:${region}:${account}:schedule-group/${stackName}`;
  const trust = {
    StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
    ArnEquals: { 'aws:SourceArn': sub(group) },
  };
  const invokes: Statement = {
    Sid: 'InvokesFunctions',
    Effect: 'Allow',
    Action: 'lambda:InvokeFunction',
    Resource: ['ScheduledLambdaFunction', 'WatchLambdaFunction'].map(arnOf),
  };
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: named('scheduler'),
      AssumeRolePolicyDocument: trustOfService('scheduler.amazonaws.com', trust),
      Policies: [
        { PolicyName: 'scheduler', PolicyDocument: policyOf([invokes, send('PutsAside', 'UndeliveredQueue')]) },
      ],
      ...boundary,
    },
  };
}
