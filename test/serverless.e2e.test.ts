import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lintTemplates } from '../dev/cfn-lint.ts';
import { functionsTemplate } from '../lib/deploy-functions.ts';
import { functionNames } from '../lib/deploy-functions-alarms.ts';
import type { Resource } from '../lib/deploy-stack.ts';
import { sources } from '../lib/sources.ts';
import { configurationOf, samples, withAccounts } from './deploy-samples.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../', import.meta.url));
const serverless = join(root, 'node_modules/serverless/bin/serverless.js');

interface Template {
  readonly Parameters: Readonly<Record<string, { readonly Default: string }>>;
  readonly Conditions: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, Resource>>;
}

interface Mapping {
  readonly EventSourceArn: { readonly 'Fn::GetAtt': readonly [string] };
  readonly FunctionName: { readonly 'Fn::GetAtt': readonly [string] };
}

let folder: string;
/** How many there were; each template is kept, so that all are linted at once. */
let packages = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skymirror-serverless-'));
  await mkdir(join(folder, 'scripts'));
  await copyFile(join(root, 'serverless.yml'), join(folder, 'serverless.yml'));
  await copyFile(join(root, 'scripts/not-built.cjs'), join(folder, 'scripts/not-built.cjs'));
  for (const name of functionNames) {
    await mkdir(join(folder, '.build/functions', name), { recursive: true });
    await writeFile(join(folder, '.build/functions', name, 'index.js'), 'export const handler = async () => {};\n');
  }
});

afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true });
});

/** Packages as a person does it, but for credentials: there are none, and every address leads nowhere. */
async function packaged(text: string, parameters: readonly string[] = [], stage = 'test') {
  const resources = functionsTemplate(configurationOf(text), sources);
  await writeFile(join(folder, '.build/resources.json'), JSON.stringify(resources));
  const env = { PATH: process.env.PATH, HOME: folder, AWS_ENDPOINT_URL: 'http://127.0.0.1:9', CI: 'true' };
  await run(process.execPath, [serverless, 'package', '--stage', stage, ...parameters], { cwd: folder, env });
  const file = join(folder, '.serverless/cloudformation-template-update-stack.json');
  const content = await readFile(file, 'utf8');
  await writeFile(join(folder, `${packages}.json`), content);
  packages += 1;
  const template: Template = JSON.parse(content);
  return template;
}

describe.each(Object.entries({ ...samples, 'two hundred accounts': withAccounts(200) }))('%s', (_, text) => {
  let template: Template;
  let resources: [string, Resource][];
  const ofType = (type: string) => resources.filter(([, { Type }]) => Type === type);

  beforeAll(async () => {
    template = await packaged(text);
    resources = Object.entries(template.Resources);
  });

  test('no variable is left unresolved, and every condition and reference is declared', () => {
    const all = JSON.stringify(template);
    expect(all).not.toMatch(/\$\{(?:sls|param|opt|self|file|env):/);
    const known = new Set([...Object.keys(template.Resources), ...Object.keys(template.Parameters)]);
    for (const [, name] of all.matchAll(/"(?:Ref|Fn::GetAtt)":\[?"([^":]+)"/g)) expect(known).toContain(name);
    for (const [, name] of all.matchAll(/"(?:Fn::If":\[|Condition":)"(\w+)"/g)) {
      expect(Object.keys(template.Conditions)).toContain(name);
    }
  });

  test('each function has a role and a log group of its own that forgets', () => {
    const functions = ofType('AWS::Lambda::Function');
    expect(functions).toHaveLength(functionNames.length);
    expect(new Set(functions.map(([, { Properties }]) => JSON.stringify(Properties.Role))).size).toBe(functions.length);
    for (const [, { Properties }] of functions) {
      expect(Properties).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'] });
    }
    const groups = ofType('AWS::Logs::LogGroup');
    expect(groups).toHaveLength(functions.length);
    for (const [, { Properties }] of groups) expect(Properties.RetentionInDays).toBe(30);
    expect(Object.keys(template.Resources)).not.toContain('IamRoleLambdaExecution');
  });

  test('each queue that is worked on has a dead-letter queue of its kind, and all are encrypted', () => {
    const queues = ofType('AWS::SQS::Queue');
    for (const [name, { Properties }] of queues) {
      expect(Properties.SqsManagedSseEnabled, name).toBe(true);
      if (!name.endsWith('Queue') || name === 'UndeliveredQueue') continue;
      expect(Properties.RedrivePolicy).toMatchObject({ maxReceiveCount: 5 });
      // That of the schedule comes from .build/resources.json, which serverless merges.
      expect(Properties.MessageRetentionPeriod, name).toBeGreaterThanOrEqual(3_600);
      const { deadLetterTargetArn } = Properties.RedrivePolicy as { deadLetterTargetArn: { 'Fn::GetAtt': [string] } };
      const dead = template.Resources[deadLetterTargetArn['Fn::GetAtt'][0]];
      expect(dead?.Properties.FifoQueue).toBe(Properties.FifoQueue);
      expect(dead?.Properties.MessageRetentionPeriod).toBe(1_209_600);
    }
    expect(queues).toHaveLength(7);
  });

  test('messages are handed over as the functions expect it, and come again after their function has had its time', () => {
    const mappings = ofType('AWS::Lambda::EventSourceMapping');
    const by = (id: string) => template.Resources[id]?.Properties ?? {};
    const settings = mappings.map(([, { Properties }]) => {
      const { EventSourceArn, FunctionName, ...rest } = Properties as unknown as Mapping;
      const [queue, handler] = [EventSourceArn['Fn::GetAtt'][0], FunctionName['Fn::GetAtt'][0]];
      expect(Number(by(queue).VisibilityTimeout)).toBeGreaterThan(Number(by(handler).Timeout));
      return { queue, handler, ...rest };
    });
    const shared = { Enabled: true, FunctionResponseTypes: ['ReportBatchItemFailures'] };
    expect(settings).toEqual([
      {
        queue: 'ScheduleQueue',
        handler: 'WorkerLambdaFunction',
        BatchSize: 5,
        ScalingConfig: { MaximumConcurrency: 5 },
        ...shared,
      },
      {
        queue: 'BackfillQueue',
        handler: 'WorkerLambdaFunction',
        BatchSize: 1,
        ScalingConfig: { MaximumConcurrency: 2 },
        ...shared,
      },
      {
        queue: 'EventsQueue',
        handler: 'EventLambdaFunction',
        BatchSize: 100,
        MaximumBatchingWindowInSeconds: 1,
        ScalingConfig: { MaximumConcurrency: 2 },
        ...shared,
      },
    ]);
  });

  test('what cannot be handed over is kept: each rule and schedule has a dead-letter queue', () => {
    const targets = [
      ...ofType('AWS::Events::Rule').flatMap(([, { Properties }]) => Properties.Targets),
      ...ofType('AWS::Scheduler::Schedule').map(([, { Properties }]) => Properties.Target),
    ];
    expect(targets.length).toBeGreaterThan(0);
    for (const target of targets) {
      expect(target).toMatchObject({ DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['UndeliveredQueue', 'Arn'] } } });
    }
  });

  test('every alarm is about a function or queue of the template, and each of these has its alarms', () => {
    const named = (type: string, key: string) => ofType(type).map(([, { Properties }]) => Properties[key]);
    const queues = named('AWS::SQS::Queue', 'QueueName');
    const functions = named('AWS::Lambda::Function', 'FunctionName');
    const alarms = ofType('AWS::CloudWatch::Alarm').map(([, { Properties }]) => {
      const [{ Name, Value }] = Properties.Dimensions as [{ Name: string; Value: string }];
      if (Name === 'QueueName') expect(queues).toContain(Value);
      if (Name === 'FunctionName') expect(functions).toContain(Value);
      return `${Properties.MetricName} ${Value}`;
    });
    for (const name of functions)
      expect(alarms).toEqual(expect.arrayContaining([`Errors ${name}`, `Throttles ${name}`]));
    for (const name of queues) {
      const isDead = /dead-letters|undelivered/.test(String(name));
      const metric = isDead ? 'ApproximateNumberOfMessagesVisible' : 'ApproximateAgeOfOldestMessage';
      expect(alarms).toContain(`${metric} ${name}`);
    }
  });

  test('the schedules may call their functions, and no function may', () => {
    const callers = resources.filter(([, resource]) => JSON.stringify(resource).includes('lambda:InvokeFunction'));
    expect(callers.map(([name]) => name)).toEqual(['SchedulerRole']);
  });
});

test('params choose VPC, boundary, alarms and sizes', async () => {
  const template = await packaged(samples['one source of one account'], [
    '--param=subnets=subnet-0a,subnet-0b',
    '--param=securityGroups=sg-0a',
    '--param=permissionsBoundary=arn:aws:iam::111122223333:policy/boundary',
    '--param=alarmTopic=arn:aws:sns:us-east-1:111122223333:alarms',
    '--param=memory=1024',
    '--param=workerConcurrency=20',
    '--param=logRetentionDays=7',
  ]);
  const { Parameters, Resources } = template;
  expect(Parameters.Subnets?.Default).toBe('subnet-0a,subnet-0b');
  expect(Parameters.AlarmTopic?.Default).toBe('arn:aws:sns:us-east-1:111122223333:alarms');
  expect(Resources.WorkerLambdaFunction?.Properties).toMatchObject({ MemorySize: 1024 });
  expect(Resources.WorkerLogGroup?.Properties).toMatchObject({ RetentionInDays: 7 });
  const roles = Object.entries(Resources).filter(([, { Type }]) => Type === 'AWS::IAM::Role');
  for (const [name, { Properties }] of roles) expect(Properties.PermissionsBoundary, name).toBeDefined();
  for (const name of functionNames) {
    const id = `${name.charAt(0).toUpperCase()}${name.slice(1)}LambdaFunction`;
    expect(Resources[id]?.Properties.VpcConfig).toMatchObject({
      'Fn::If': ['InVpc', { SubnetIds: { Ref: 'Subnets' } }, {}],
    });
  }
});

test('a stage shares no name with another one', async () => {
  const text = samples.everything;
  const names = async (stage: string) => {
    const template = await packaged(text, [], stage);
    const keys = ['QueueName', 'FunctionName', 'RoleName', 'AlarmName', 'LogGroupName', 'DashboardName', 'Name'];
    return Object.values(template.Resources).flatMap(({ Type, Properties }) =>
      // A schedule has its name within the group of the stage.
      Type === 'AWS::Scheduler::Schedule' ? [] : keys.flatMap((key) => Properties[key] ?? []),
    );
  };
  const [one, other] = [await names('one'), await names('other')];
  expect(one.length).toBeGreaterThan(30);
  expect(one.filter((name) => other.includes(name))).toEqual([]);
});

/** osls names the role at DependsOn, although the function refers to it anyhow. */
const fromOsls = /: W3005 Resources\/\w+LambdaFunction\/DependsOn\//;

test('cfn-lint finds nothing in any of these templates', async () => {
  const files = Array.from({ length: packages }, (_, index) => join(folder, `${index}.json`));
  expect(files.length).toBeGreaterThan(5);
  const found = await lintTemplates(files);
  expect(found.filter((line) => !fromOsls.test(line))).toEqual([]);
}, 300_000);

describe('without a build', () => {
  beforeAll(() => rm(join(folder, '.build/resources.json'), { force: true }));

  async function outputOf(command: string) {
    const credentials = { AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' };
    const env = {
      PATH: process.env.PATH,
      HOME: folder,
      AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
      CI: 'true',
      ...credentials,
    };
    const args = [serverless, ...command.split(' '), '--stage', 'test'];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: folder, env }).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    return `${stdout}${stderr}`;
  }

  test.each(['package', 'deploy', 'deploy function -f worker'])('%s says which command makes one', async (command) => {
    expect(await outputOf(command)).toContain('run "npm run build:functions" first');
  });

  test.each([
    'deploy list',
    'deploy list functions',
    'info',
    'invoke -f backfill -d {}',
    'logs -f worker',
    'remove',
    'rollback --timestamp 1',
  ])('%s goes to AWS, which has all that it needs', async (command) => {
    expect(await outputOf(command)).toMatch(/ECONNREFUSED 127\.0\.0\.1:9/);
  });
});
