import { describe, expect, test } from 'vitest';
import { functionsTemplate } from '../lib/deploy-functions.ts';
import { account, filledIn, named, partition, region } from '../lib/deploy-stack.ts';
import { sources } from '../lib/sources.ts';
import { configurationOf, resourcesOf, samples, statementsOf, withAccounts } from './deploy-samples.ts';

const stage = filledIn('sls:stage');
const little = samples['one source of one account'];
const bySecret = samples['a cluster by a secret, and an account with a role of its own'];
const namesOf = (text: string) => Object.keys(resourcesOf(text));
const actionsOf = (text: string, role: string) => statementsOf(resourcesOf(text)[role]).flatMap(({ Action }) => Action);
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

  test('a period that AWS cannot keep is an error that names the mirror', () => {
    const odd = little.replace('sources:', 'every: 90s, sources:');
    expect(() => resourcesOf(odd)).toThrow('the mirrors production: "every" has to be whole minutes');
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

  test('a paused mirror leaves no trace', () => {
    const all = JSON.stringify(resourcesOf(samples.everything));
    expect(all).not.toContain('us-west-2');
    const paused = `${samples.everything.replaceAll('name: production,', 'name: production, paused: true,')}`;
    expect(namesOf(paused).filter((name) => name.includes('RDS'))).toEqual([]);
  });

  test('of a topic there is a subscription, in the region of the topic', () => {
    expect(resourcesOf(samples.everything).TopicSubscription0?.Properties).toMatchObject({ Region: 'eu-west-1' });
    expect(namesOf(little).filter((name) => name.startsWith('Topic'))).toEqual([]);
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
    expect(managed.length).toBeGreaterThan(1);
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

  test('exactly they and the topics may send to the queue of events, and they alone to that of what could not be handed over', () => {
    for (const text of Object.values(samples)) {
      const resources = resourcesOf(text);
      const rules = namesOf(text).filter((name) => name.endsWith('Rule'));
      for (const queue of ['EventsQueue', 'UndeliveredQueue']) {
        const policy = JSON.stringify(resources[`${queue}Policy`]?.Properties.PolicyDocument ?? {});
        expect(policy.includes('TopicsSend')).toBe(text === samples.everything && queue === 'EventsQueue');
        for (const rule of rules) expect(policy).toContain(JSON.stringify({ 'Fn::GetAtt': [rule, 'Arn'] }));
        expect(policy.match(/"aws:SourceArn"/g)?.length).toBe(policy.match(/"Effect"/g)?.length);
      }
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
