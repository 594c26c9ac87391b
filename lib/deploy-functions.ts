import type { Configuration, ConfiguredMirror } from './configuration-schema.ts';
import { alarmsOf, functionNames } from './deploy-functions-alarms.ts';
import { eventsOf, inOptInRegion } from './deploy-functions-events.ts';
import { rolesOf } from './deploy-functions-roles.ts';
import {
  account,
  arnOf,
  logicalId,
  type Resource,
  type Resources,
  region,
  stackName,
  sub,
  where,
} from './deploy-stack.ts';
import type { Source } from './source.ts';

/** Seconds between two looks of the function `watch`. */
const watchEvery = 300;

/**
 * What serverless.yml merges into the template: the roles, rules, schedules and alarms that follow from the
 * configuration. For what is paused there are none, but for the way into the clusters, which stays as it is. Throws
 * where functions cannot do what it says.
 */
export function functionsTemplate(configuration: Configuration, sources: readonly Source[]) {
  const mirrors = configuration.mirrors.filter(({ paused }) => !paused);
  const accounts = inOrder(mirrors.flatMap((mirror) => mirror.accounts)).flatMap(
    (name) => configuration.accounts[name] ?? [],
  );
  const kinds = new Set(mirrors.flatMap((mirror) => mirror.sources));
  const used = sources.filter(({ kind }) => kinds.has(kind));
  checkClusters(configuration, mirrors);
  const heard = used.map((source) => {
    const own = mirrors.filter((mirror) => mirror.sources.includes(source.kind));
    return {
      source,
      accounts: inOrder(own.flatMap((mirror) => mirror.accounts)).flatMap(
        (name) => configuration.accounts[name]?.id ?? [],
      ),
      regions: inOrder(own.flatMap(({ regions }) => regions)),
    };
  });
  const parts = {
    Resources: {
      // All clusters that are declared: an access entry is of a role as it was, so that a pause must not unmake it, and
      // who cancels a backfill of a paused mirror needs its cluster.
      ...rolesOf({ accounts, sources: used, clusters: Object.values(configuration.clusters) }),
      ...eventsOf(heard, configuration.events.topics ?? []),
      ...schedulesOf(mirrors),
      ...keptFor(mirrors),
      ...alarmsOf(),
    },
    extensions: inVpc(),
  };
  const Conditions = usedBy(parts, conditions(configuration, mirrors));
  return { ...parts, Conditions, Parameters: usedBy([parts, Conditions], parameters()) };
}

/** Of the declarations those that the parts name. */
function usedBy<Declaration>(
  parts: unknown,
  declarations: Readonly<Record<string, Declaration>>,
): Record<string, Declaration> {
  const text = JSON.stringify(parts);
  return Object.fromEntries(Object.entries(declarations).filter(([name]) => text.includes(`"${name}"`)));
}

function inOrder(names: readonly string[]): string[] {
  return [...new Set(names)].toSorted();
}

function checkClusters({ clusters }: Configuration, mirrors: readonly ConfiguredMirror[]): void {
  const names = inOrder(mirrors.flatMap((mirror) => mirror.clusters ?? Object.keys(clusters)));
  const unusable = names.filter((name) => {
    const { eks, secret, parameter } = clusters[name] ?? {};
    return (eks ?? secret ?? parameter) === undefined;
  });
  if (unusable.length === 0) return;
  const mend = 'give eks, or a kubeconfig in a secret or parameter, or leave it out of the mirrors that functions run';
  throw new Error(`the functions cannot enter the clusters ${unusable.join(', ')} by a kubeconfig file: ${mend}`);
}

/** Given by serverless.yml, whose params are their defaults. An empty one leaves out what it is for. */
function parameters() {
  const text = (param: string) => ({ Type: 'String', Default: `\${param:${param}}` });
  const list = (param: string) => ({ Type: 'CommaDelimitedList', Default: `\${param:${param}}` });
  return {
    AlarmTopic: text('alarmTopic'),
    PermissionsBoundary: text('permissionsBoundary'),
    SecretsKeys: list('secretsKeys'),
    Subnets: list('subnets'),
    SecurityGroups: list('securityGroups'),
  };
}

function conditions(configuration: Configuration, mirrors: readonly ConfiguredMirror[]) {
  const given = (parameter: string) => not({ 'Fn::Equals': [{ Ref: parameter }, ''] });
  const listed = (parameter: string) => not({ 'Fn::Equals': [{ 'Fn::Join': ['', { Ref: parameter }] }, ''] });
  const scopes = mirrors.flatMap((mirror) =>
    mirror.accounts.flatMap((name) => mirror.regions.map((region) => `${configuration.accounts[name]?.id}/${region}`)),
  );
  const [only = '', ...more] = inOrder(scopes);
  const home = sub(`${account}/${region}`);
  return {
    HasAlarmTopic: given('AlarmTopic'),
    HasBoundary: given('PermissionsBoundary'),
    HasSecretsKeys: listed('SecretsKeys'),
    InVpc: listed('Subnets'),
    IsOptIn: inOptInRegion(),
    // Of several places at least one is not that of the stack.
    HasForeign: more.length > 0 ? not({ 'Fn::Equals': [home, ''] }) : not({ 'Fn::Equals': [home, only] }),
  };
}

const not = (condition: unknown) => ({ 'Fn::Not': [condition] });

/** One schedule for each `every` in use, and one for the function that watches the age of scans. */
function schedulesOf(mirrors: readonly ConfiguredMirror[]): Resources {
  const everies = [...new Set(mirrors.map(({ every }) => every))].toSorted((one, other) => one - other);
  const schedules = everies.map((every): [string, Resource] => {
    const Input = JSON.stringify({ every, scheduledAt: '<aws.scheduler.scheduled-time>' });
    return [logicalId('Every', String(every), 'Schedule'), schedule(`every-${every}`, every, 'Scheduled', Input)];
  });
  return {
    ScheduleGroup: { Type: 'AWS::Scheduler::ScheduleGroup', Properties: { Name: stackName } },
    ...Object.fromEntries(schedules),
    WatchSchedule: schedule('watch', watchEvery, 'Watch', '{}'),
  };
}

/**
 * For how long slots are kept; serverless.yml says the rest of their queue. What is older than two of them nobody needs:
 * its group has newer messages. An hour at least, because five deliveries take half of it.
 */
function keptFor(mirrors: readonly ConfiguredMirror[]): Resources {
  const MessageRetentionPeriod = Math.max(3_600, ...mirrors.map(({ every }) => 2 * every));
  return { ScheduleQueue: { Type: 'AWS::SQS::Queue', Properties: { MessageRetentionPeriod } } };
}

function schedule(name: string, seconds: number, target: string, Input: string): Resource {
  const minutes = seconds / 60;
  return {
    Type: 'AWS::Scheduler::Schedule',
    Properties: {
      Name: name,
      GroupName: { Ref: 'ScheduleGroup' },
      ScheduleExpression: `rate(${minutes} minute${minutes === 1 ? '' : 's'})`,
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: {
        Arn: arnOf(`${target}LambdaFunction`),
        RoleArn: arnOf('SchedulerRole'),
        Input,
        // Later the next one has come; messages that are sent twice count once.
        RetryPolicy: { MaximumEventAgeInSeconds: 900, MaximumRetryAttempts: 10 },
        DeadLetterConfig: { Arn: arnOf('UndeliveredQueue') },
      },
    },
  };
}

/** osls takes no condition at `vpc`, so that it is put into the functions that it has made. */
function inVpc() {
  const VpcConfig = where('InVpc', { SubnetIds: { Ref: 'Subnets' }, SecurityGroupIds: { Ref: 'SecurityGroups' } });
  return Object.fromEntries(
    functionNames.map((name) => [logicalId(name, 'LambdaFunction'), { Properties: { VpcConfig } }]),
  );
}
