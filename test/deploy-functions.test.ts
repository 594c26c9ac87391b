import { describe, expect, test } from 'vitest';
import { functionsTemplate } from '../lib/deploy-functions.ts';
import { functionNames } from '../lib/deploy-functions-alarms.ts';
import { account, filledIn, logicalId, named, partition, region, stackName, sub } from '../lib/deploy-stack.ts';
import { sources } from '../lib/sources.ts';
import {
  configurationOf,
  type FoundStatement,
  resourcesOf,
  samples,
  statementsOf,
  withAccounts,
} from './deploy-samples.ts';

/** One statement of the policy of a queue. */
interface QueueStatement {
  readonly Sid: string;
  readonly Principal: { readonly Service: unknown };
  readonly Condition: unknown;
}

const stage = filledIn('sls:stage');
const little = samples['one source of one account'];
const bySecret = samples['a cluster by a secret, and an account with a role of its own'];
const namesOf = (text: string) => Object.keys(resourcesOf(text));
const actionsOf = (text: string, role: string) => statementsOf(resourcesOf(text)[role]).flatMap(({ Action }) => Action);
const queueStatements = (text: string, queue: string): QueueStatement[] => {
  const policy = resourcesOf(text)[`${queue}Policy`]?.Properties.PolicyDocument;
  return policy === undefined ? [] : (policy as { Statement: QueueStatement[] }).Statement;
};
const resourceOf = (text: string, role: string, sid: string) =>
  statementsOf(resourcesOf(text)[role]).find(({ Sid }) => Sid === sid)?.Resource;

describe('schedules', () => {
  test('there is one for each period in use, and none for a paused mirror', () => {
    expect(namesOf(samples.everything).filter((name) => name.endsWith('Schedule'))).toEqual([
      'Every60Schedule',
      'Every3600Schedule',
      'WatchSchedule',
    ]);
  });

  test('one tells its function the period and the time of the slot', () => {
    expect(resourcesOf(samples.everything).Every3600Schedule?.Properties).toMatchObject({
      ScheduleExpression: 'rate(60 minutes)',
      Target: { Input: '{"every":3600,"scheduledAt":"<aws.scheduler.scheduled-time>"}' },
    });
    expect(resourcesOf(little).Every60Schedule?.Properties).toMatchObject({ ScheduleExpression: 'rate(1 minute)' });
  });
});

describe('a message of a schedule is kept', () => {
  const keptFor = (text: string) => resourcesOf(text).ScheduleQueue?.Properties.MessageRetentionPeriod;

  test('for an hour, so that old slots do not pile up, and five deliveries and the alarm about its age come before', () => {
    expect(keptFor(little)).toBe(3_600);
  });

  test('for two slots of the mirror that is looked at least often', () => {
    expect(keptFor(samples.everything)).toBe(7_200);
  });
});

describe('what is not in use is not there', () => {
  test('without SQS in a mirror nothing listens to SQS, and the reader may not ask it', () => {
    expect(namesOf(little).filter((name) => /SQS/.test(name))).toEqual([]);
    expect(actionsOf(little, 'ReaderRole')).toEqual(['rds:DescribeDBInstances', 'sts:GetCallerIdentity']);
  });

  test('without an account that is read by the common role there is no such role', () => {
    expect(namesOf(bySecret)).not.toContain('ReaderRole');
    expect(resourceOf(bySecret, 'WorkerRole', 'EntersAccounts')).toEqual(['arn:aws:iam::111122223333:role/auditor']);
  });

  test('without an EKS cluster nothing can find or enter one', () => {
    expect(namesOf(bySecret)).not.toContain('ClusterRole');
    expect(JSON.stringify(resourcesOf(bySecret))).not.toMatch(/eks:|EntersClusters/);
  });

  test('without secrets and parameters nothing can read or decrypt one', () => {
    expect(JSON.stringify(resourcesOf(little))).not.toMatch(/secretsmanager:|ssm:|kms:/);
  });

  test('for a paused mirror nothing is looked at and nothing listens', () => {
    const all = JSON.stringify(resourcesOf(samples.everything));
    expect(all).not.toContain('us-west-2');
    const paused = `${samples.everything.replaceAll('name: production,', 'name: production, paused: true,')}`;
    expect(namesOf(paused).filter((name) => name.includes('RDS'))).toEqual([]);
  });

  test('the way into a cluster stays while its mirrors are paused: an access entry is of the role as it was', () => {
    const paused = samples.everything.replaceAll(/(name: (?:production|slow),)/g, '$1 paused: true,');
    expect(namesOf(paused)).not.toContain('ReaderRole');
    expect(resourcesOf(paused).ClusterRole).toEqual(resourcesOf(samples.everything).ClusterRole);
    for (const role of ['BackfillRole', 'WatchRole']) {
      expect(resourcesOf(paused)[role]).toEqual(resourcesOf(samples.everything)[role]);
    }
  });
});

describe('topics', () => {
  const topic = (name: string, region = 'eu-west-1') => `arn:aws:sns:${region}:111122223333:${name}`;
  const withTopics = (...topics: readonly string[]) => `${little}events: { topics: ${JSON.stringify(topics)} }\n`;
  const subscriptions = (text: string) => namesOf(text).filter((name) => name.startsWith('Topic'));
  const subscriptionOf = (text: string, arn: string) =>
    subscriptions(text).find((name) => resourcesOf(text)[name]?.Properties.TopicArn === arn);

  test('of each there is a subscription, in the region of the topic', () => {
    const text = withTopics(topic('one'));
    expect(resourcesOf(text)[subscriptionOf(text, topic('one')) ?? '']?.Properties).toMatchObject({
      Region: 'eu-west-1',
    });
    expect(subscriptions(little)).toEqual([]);
  });

  test('the logical id of a subscription does not depend on its neighbours', () => {
    const both = withTopics(topic('one'), topic('two'));
    for (const other of [withTopics(topic('two')), withTopics(topic('two'), topic('one'))]) {
      expect(subscriptionOf(other, topic('two'))).toBe(subscriptionOf(both, topic('two')));
    }
    expect(new Set(subscriptions(both)).size).toBe(2);
    for (const name of subscriptions(both)) expect(name).toMatch(/^[A-Za-z0-9]+$/);
  });

  test('one of an opt-in region sends as the SNS of its region, and to a stack in such a region that of the stack sends', () => {
    const services = (text: string) =>
      queueStatements(text, 'EventsQueue').find(({ Sid }) => Sid === 'TopicsSend')?.Principal.Service;
    const here = { 'Fn::If': ['IsOptIn', { 'Fn::Sub': `sns.${region}.amazonaws.com` }, { Ref: 'AWS::NoValue' }] };
    expect(services(withTopics(topic('one'), topic('two', 'us-east-1')))).toEqual(['sns.amazonaws.com', here]);
    expect(services(withTopics(topic('one'), topic('two', 'af-south-1'), topic('three', 'af-south-1')))).toEqual([
      'sns.amazonaws.com',
      'sns.af-south-1.amazonaws.com',
      here,
    ]);
    const { Conditions } = functionsTemplate(configurationOf(withTopics(topic('one'))), sources);
    const regions = JSON.stringify(Conditions.IsOptIn).match(/[a-z]+-[a-z]+-\d/g) ?? [];
    expect(regions).toHaveLength(17);
    expect(regions).toEqual(expect.arrayContaining(['us-east-1', 'eu-north-1', 'ap-northeast-3']));
    expect(Object.keys(functionsTemplate(configurationOf(little), sources).Conditions)).not.toContain('IsOptIn');
  });

  test('as many as the policy of a queue holds stay within its 8,192 bytes, and more are an error that says what to do', () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => topic(`${index}`.padEnd(256, 'x')));
    const fits = withTopics(...many(19));
    const policy = JSON.stringify(resourcesOf(fits).EventsQueuePolicy?.Properties.PolicyDocument);
    expect(policy.length).toBeLessThan(8_192);
    for (const name of many(19)) expect(policy).toContain(name);
    expect(() => resourcesOf(withTopics(...many(40)))).toThrow('40 topics are more than the policy of a queue holds');
  });
});

describe('roles', () => {
  test('worker and event enter the accounts of the mirrors, each by its exact role', () => {
    for (const role of ['WorkerRole', 'EventRole']) {
      expect(resourceOf(samples.everything, role, 'EntersAccounts')).toEqual([
        { 'Fn::Sub': `arn:${partition}:iam::111122223333:role/${named('reader')}` },
        'arn:aws:iam::444455556666:role/auditor',
      ]);
    }
    for (const role of ['ScheduledRole', 'BackfillRole', 'WatchRole']) {
      expect(resourceOf(samples.everything, role, 'EntersAccounts')).toBeUndefined();
    }
  });

  test('the function that schedules sends to its queue and writes its log, and nothing else', () => {
    expect(actionsOf(samples.everything, 'ScheduledRole')).toEqual([
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'sqs:SendMessage',
    ]);
  });

  test('in a VPC Lambda may hold network interfaces for each function, and their own code may not', () => {
    const { VpcPolicy, ...others } = resourcesOf(little);
    const inVpc = { 'Fn::If': ['InVpc', { Ref: 'VpcPolicy' }, { Ref: 'AWS::NoValue' }] };
    for (const name of functionNames) {
      expect(others[logicalId(name, 'Role')]?.Properties.ManagedPolicyArns).toEqual([inVpc]);
    }
    expect(VpcPolicy).toMatchObject({ Type: 'AWS::IAM::ManagedPolicy', Condition: 'InVpc' });
    const { Statement } = Object(VpcPolicy?.Properties.PolicyDocument) as { Statement: FoundStatement[] };
    expect(Statement.flatMap(({ Action }) => Action).filter((action) => !/^ec2:\w+$/.test(action))).toEqual([]);
    const code = { 'Fn::Sub': `arn:${partition}:lambda:${region}:${account}:function:${named('*')}` };
    expect(Statement).toMatchObject([{ Condition: { ArnNotLike: { 'lambda:SourceFunctionArn': code } } }]);
  });

  test('any number of keys of secrets may be given, and the functions that enter clusters may use each', () => {
    const { Parameters, Conditions, Resources } = functionsTemplate(configurationOf(bySecret), sources);
    expect(Parameters.SecretsKeys?.Type).toBe('CommaDelimitedList');
    expect(Conditions.HasSecretsKeys).toBeDefined();
    expect(Resources.SecretsKeysPolicy).toMatchObject({
      Condition: 'HasSecretsKeys',
      Properties: { PolicyDocument: { Statement: [{ Action: 'kms:Decrypt', Resource: { Ref: 'SecretsKeys' } }] } },
    });
  });

  test('no action is a wildcard, and only the reader has resources that are not named', () => {
    for (const text of Object.values(samples)) {
      for (const [name, resource] of Object.entries(resourcesOf(text))) {
        if (resource?.Type !== 'AWS::IAM::Role') continue;
        for (const { Action, Resource } of statementsOf(resource)) {
          expect([Action].flat().join(), name).not.toContain('*');
          const texts = [Resource].flat().map((item) => JSON.stringify(item));
          // Lists have no resource; the streams of a log group are made by Lambda.
          const exempt =
            name === 'ReaderRole' || texts.every((item) => item.includes('log-group:/aws/lambda/skymirror-'));
          if (!exempt) expect(texts.join(), name).not.toContain('*');
        }
      }
    }
  });

  test('a hundred accounts are spread over policies that are small enough for IAM', () => {
    const many = withAccounts(300);
    const resources = resourcesOf(many);
    const managed = Object.values(resources).filter((resource) => resource?.Type === 'AWS::IAM::ManagedPolicy');
    expect(managed.length).toBeGreaterThan(2);
    const filled = (value: unknown) => {
      const text = JSON.stringify(value).replaceAll(stage, 'a-stage-of-20-letter').replaceAll(partition, 'aws-us-gov');
      return text.replaceAll(/\{"Fn::Sub":("[^"]*")\}/g, '$1').length;
    };
    // IAM quotas: 6,144 characters of a managed policy, 10,240 of all inline ones of a role.
    for (const policy of managed) expect(filled(policy?.Properties.PolicyDocument)).toBeLessThan(6_144);
    for (const name of ['WorkerRole', 'EventRole'])
      expect(filled(resources[name]?.Properties.Policies)).toBeLessThan(10_240);
    const all = JSON.stringify([resources.WorkerRole, ...managed]);
    for (let index = 0; index < 300; index += 1) expect(all).toContain(`iam::${100_000_000_000 + index}:role/`);
  });

  test('more accounts than a role can have policies for are an error that says what to do', () => {
    const many = withAccounts(900);
    expect(() => resourcesOf(many)).toThrow('900 accounts are more than one role can be let into');
  });
});

describe('rules', () => {
  test('each event of a source in use has one, narrowed to the places that are mirrored', () => {
    const rules = namesOf(little).filter((name) => name.endsWith('Rule') && !name.endsWith('ForeignRule'));
    const [rdsInstance] = sources;
    expect(rules).toHaveLength(rdsInstance?.events.length ?? 0);
    for (const name of rules) {
      expect(resourcesOf(little)[name]?.Properties.EventPattern).toMatchObject({
        account: ['111122223333'],
        region: ['us-east-1'],
      });
    }
  });

  test('a pattern stays within what EventBridge takes, with any number of accounts', () => {
    const many = withAccounts(200);
    for (const resource of Object.values(resourcesOf(many))) {
      if (resource?.Type !== 'AWS::Events::Rule') continue;
      expect(JSON.stringify(resource.Properties.EventPattern).length).toBeLessThanOrEqual(2048);
    }
  });

  test('they and the topics may send to the queue of events, and they alone to that of what could not be handed over', () => {
    const home = `arn:${partition}:events:${region}:${account}:rule/`;
    for (const text of Object.values(samples)) {
      const rules = Object.values(resourcesOf(text)).filter((resource) => resource?.Type === 'AWS::Events::Rule');
      for (const queue of ['EventsQueue', 'UndeliveredQueue']) {
        const statements = queueStatements(text, queue);
        const topics = text === samples.everything && queue === 'EventsQueue' ? ['TopicsSend'] : [];
        expect(statements.map(({ Sid }) => Sid)).toEqual(rules.length === 0 ? [] : ['RulesSend', ...topics]);
        const [sends] = statements;
        // Of this stack alone, and none of the topics is a pattern.
        expect(sends?.Condition ?? {}).toEqual(
          rules.length === 0
            ? {}
            : {
                ArnLike: { 'aws:SourceArn': [sub(`${home}${stackName}-*`), sub(`${home}${stackName}/${stackName}-*`)] },
              },
        );
        for (const rule of rules) expect(`${rule?.Properties.Name}`.startsWith(`${stackName}-`)).toBe(true);
        expect(JSON.stringify(statements.slice(1))).not.toContain('*');
      }
    }
  });

  test('the policies of the queues do not grow with the kinds and accounts', () => {
    for (const queue of ['EventsQueue', 'UndeliveredQueue']) {
      expect(queueStatements(withAccounts(200), queue)).toEqual(queueStatements(little, queue));
    }
  });

  test('a bus for others is open to the accounts of the mirrors alone, and is there only where there are others', () => {
    const { Conditions, Resources } = functionsTemplate(configurationOf(little), sources);
    expect(Conditions.HasForeign).toEqual({
      'Fn::Not': [{ 'Fn::Equals': [{ 'Fn::Sub': `${account}/${region}` }, '111122223333/us-east-1'] }],
    });
    expect(Resources).toMatchObject({
      EventBus: { Condition: 'HasForeign' },
      EventBusPolicy: {
        Condition: 'HasForeign',
        Properties: { Statement: { Condition: { StringEquals: { 'aws:PrincipalAccount': ['111122223333'] } } } },
      },
    });
  });
});

test('clusters that functions cannot enter are an error, unless only paused mirrors use them', () => {
  const file = little.replace(/clusters: .*/, 'clusters: { main: { kubeconfig: ./kubeconfig } }');
  expect(() => resourcesOf(file)).toThrow(
    'the functions cannot enter the clusters main by a kubeconfig file: give eks',
  );
  expect(() => resourcesOf(file.replace('sources:', 'paused: true, sources:'))).not.toThrow();
});

test('no name is longer than AWS takes, with the longest name of a stage', () => {
  const longest: Readonly<Record<string, number>> = { RoleName: 64, Name: 64, AlarmName: 255, DashboardName: 255 };
  let checked = 0;
  for (const resource of Object.values(resourcesOf(samples.everything))) {
    for (const [key, value] of Object.entries(resource?.Properties ?? {})) {
      const limit = longest[key];
      if (limit === undefined || typeof value !== 'string') continue;
      expect(value.replace(stage, 'x'.repeat(20)).length, value).toBeLessThanOrEqual(limit);
      checked += 1;
    }
  }
  expect(checked).toBeGreaterThan(30);
});

describe('alarms', () => {
  const alarms = Object.values(resourcesOf(little)).filter((resource) => resource?.Type === 'AWS::CloudWatch::Alarm');

  test('silence of the watch is an alarm, silence of a queue or function is none', () => {
    const breaching = alarms.filter((alarm) => alarm?.Properties.TreatMissingData === 'breaching');
    expect(breaching.map((alarm) => alarm?.Properties.MetricName)).toEqual(['OldestCompleteScanPercent']);
    expect(breaching[0]?.Properties).toMatchObject({
      Threshold: 100,
      Namespace: 'Skymirror',
      Dimensions: [
        { Name: 'service', Value: 'watch' },
        { Name: 'stage', Value: stage },
      ],
    });
  });

  test('the dashboard is JSON with a region that CloudFormation fills in', () => {
    const body = resourcesOf(little).Dashboard?.Properties.DashboardBody as { 'Fn::Sub': string };
    const { widgets } = JSON.parse(body['Fn::Sub'].replaceAll(region, 'us-east-1'));
    expect(widgets.length).toBeGreaterThan(5);
    for (const { properties } of widgets) {
      expect(properties.region).toBe('us-east-1');
      for (const metric of properties.metrics) expect(metric.length % 2).toBe(0);
    }
  });
});
