import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { Aws } from '../../dev/aws.ts';
import { type RunningMapping, startEventSourceMapping } from '../../dev/event-source-mapping.ts';
import type { SqsEvent } from '../../dev/event-source-records.ts';
import { guard } from '../../dev/guardian.ts';
import type { LambdaFunction } from '../../dev/lambda-environment.ts';
import { createFunction, type RunningFunction } from '../../dev/lambda-function.ts';
import type { Invoked } from '../../dev/lambda-process.ts';
import { bundle } from '../../scripts/bundle.ts';

/** With the variable by which functions know each; queues of dead letters first, which the others name. */
const queues = {
  'schedule-dead-letters': 'SKYMIRROR_SCHEDULE_DEAD_LETTER_QUEUE_URL',
  'backfill-dead-letters': 'SKYMIRROR_BACKFILL_DEAD_LETTER_QUEUE_URL',
  schedule: 'SKYMIRROR_SCHEDULE_QUEUE_URL',
  backfill: 'SKYMIRROR_BACKFILL_QUEUE_URL',
};
/** The queue of events is the only one without an order, and no function sends to it. */
const events = 'events';
type QueueName = keyof typeof queues | typeof events;
type FunctionName = 'worker' | 'backfill' | 'event';
const fullName = (name: string) => (name === events ? name : `${name}.fifo`);
const region = 'us-east-1';

/** Functions and their queues, without the ten seconds that a deployment of them takes. */
export interface BareFunctions {
  named(name: FunctionName): RunningFunction;
  /** A function beside the one of that name, that nothing calls but you. */
  variant(name: FunctionName, change: Partial<LambdaFunction>): RunningFunction;
  queueUrl(name: QueueName): string;
  /** How many messages a queue holds, those that are worked on among them. */
  waiting(name: QueueName): Promise<number>;
  /** Takes one message at a time to a function; one that failed comes back at once. */
  poll(name: QueueName, invoke: (batch: SqsEvent) => Promise<Pick<Invoked, 'failed' | 'payload'>>): RunningMapping;
  /** What went wrong with polling. */
  readonly problems: readonly string[];
  stop(): Promise<void>;
}

/** Bundles them as they are deployed, and makes them callable; the queues are made as serverless.yml makes them. */
export async function startBareFunctions(
  aws: Aws,
  configuration: object,
  names: readonly FunctionName[],
): Promise<BareFunctions> {
  const sqs = aws.sqs(aws.home, region);
  const urlOf = (name: string) => `${aws.endpoint}/${aws.home}/${fullName(name)}`;
  await sqs.send(new CreateQueueCommand({ QueueName: events, Attributes: { VisibilityTimeout: '330' } }));
  for (const name of Object.keys(queues)) {
    const isLast = name.endsWith('dead-letters');
    const deadLetterTargetArn = `arn:aws:sqs:${region}:${aws.home}:${name}-dead-letters.fifo`;
    const redrive = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 5 }) };
    const Attributes = { FifoQueue: 'true', VisibilityTimeout: '330', ...(isLast ? {} : redrive) };
    await sqs.send(new CreateQueueCommand({ QueueName: `${name}.fifo`, Attributes }));
  }
  const owner = guard();
  const work = mkdtempSync(join(tmpdir(), 'skymirror-bare-functions-'));
  owner.folder(work);
  const processes = join(work, 'processes');
  mkdirSync(processes);
  const running: RunningFunction[] = [];
  const definitions = await Promise.all(names.map(define));

  async function define(name: FunctionName): Promise<LambdaFunction> {
    const folder = join(work, name);
    await bundle(fileURLToPath(new URL(`../../handlers/${name}.ts`, import.meta.url)), folder);
    await writeFile(join(folder, 'configuration.json'), JSON.stringify(configuration));
    const environment = {
      SKYMIRROR_STAGE: 'test',
      POWERTOOLS_METRICS_NAMESPACE: 'Skymirror',
      POWERTOOLS_SERVICE_NAME: name,
      ...Object.fromEntries(Object.entries(queues).map(([queue, variable]) => [variable, urlOf(queue)])),
    };
    const arn = `arn:aws:lambda:${region}:${aws.home}:function:${name}`;
    return { name, arn, folder, handler: 'index.handler', timeout: 300, memory: 512, environment, region };
  }

  function create(definition: LambdaFunction): RunningFunction {
    const settings = { owner, work: processes, endpoint: aws.endpoint, credentials: async () => aws.baseKeys };
    const created = createFunction(definition, settings);
    running.push(created);
    return created;
  }

  function definitionOf(name: FunctionName): LambdaFunction {
    const found = definitions.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no function ${name} was started; there are ${names.join(', ')}`);
    return found;
  }

  const functions = new Map(definitions.map((definition) => [definition.name, create(definition)]));
  const problems: string[] = [];
  return {
    named: (name) => functions.get(name) ?? create(definitionOf(name)),
    variant: (name, change) => create({ ...definitionOf(name), ...change }),
    queueUrl: urlOf,
    async waiting(name) {
      const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
      const asked = new GetQueueAttributesCommand({ QueueUrl: urlOf(name), AttributeNames: [...names] });
      const { Attributes = {} } = await sqs.send(asked);
      return names.reduce((sum, each) => sum + Number(Attributes[each]), 0);
    },
    poll(name, invoke) {
      const mapping = {
        queueUrl: urlOf(name),
        queueArn: `arn:aws:sqs:${region}:${aws.home}:${fullName(name)}`,
        batchSize: 1,
        batchingWindow: 0,
        maximumConcurrency: 1,
        reportsFailures: true,
      };
      const onProblem = (problem: string) => problems.push(problem);
      return startEventSourceMapping(mapping, { sqs, invoke, retry: { after: 0, sqs }, onProblem });
    },
    problems,
    async stop() {
      await Promise.all(running.map((one) => one.kill()));
      await rm(work, { recursive: true, force: true, maxRetries: 10 });
      owner.release();
    },
  };
}

/** Puts a text where functions find it, and gives its ARN. */
export async function keepSecret(aws: Aws, SecretString: string): Promise<string> {
  const credentials = aws.administrator(aws.home);
  const client = new SecretsManagerClient({ endpoint: aws.motoEndpoint, region, credentials });
  const { ARN = '' } = await client.send(new CreateSecretCommand({ Name: 'skymirror/gate', SecretString }));
  client.destroy();
  return ARN;
}
