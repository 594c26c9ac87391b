import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { stringify } from 'yaml';
import { type Aws, startAws } from '../../dev/aws.ts';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import type { RunningFunction } from '../../dev/lambda-function.ts';
import type { Invoked } from '../../dev/lambda-process.ts';
import { install, namespace } from '../../dev/stack.ts';
import { until } from '../../dev/until.ts';
import { messageVersion } from '../../lib/messages.ts';
import { outgoing, sendAll } from '../../lib/queue.ts';
import { type Keeper, startGate } from './kills-gate.ts';
import { type BareFunctions, keepSecret, startBareFunctions } from './kills-worker.ts';

/** The one region that is mirrored. */
export const region = 'eu-central-1';
export { namespace };

/** How a process of the command line ended. */
export interface Ended {
  /** Undefined where a signal ended it. */
  readonly code: number | undefined;
  readonly stderr: string;
}

/** A process of the command line. */
export interface Syncing {
  readonly ended: Promise<Ended>;
  /** False when it has ended. */
  kill(): boolean;
}

/** What is killed, and what it stands on. */
export interface Ground {
  readonly aws: Aws;
  readonly kubernetes: Kubernetes;
  readonly worker: RunningFunction;
  readonly event: RunningFunction;
  /** Starts `skymirror sync`. */
  sync(): Syncing;
  /** Sends a message as a schedule does; it is worked on until it is gone, whatever becomes of the worker meanwhile. */
  schedule(): Promise<void>;
  /** Sends an event that names these ARNs, as `schedule` does its message. */
  tell(arns: readonly string[]): Promise<void>;
  /** As `Gate` has it. */
  cut(): void;
  /** What went wrong with polling. */
  readonly problems: readonly string[];
  stop(): Promise<void>;
}

/** What the ground tells of, and through whom its requests go. */
export interface Watching {
  readonly keep: Keeper;
  call(name: string): Promise<void>;
  /** Around each invocation of a function. */
  deliver(invoke: () => Promise<Invoked>): Promise<Invoked>;
  progress(line: string): void;
}

/** All that a pass of this mirror asks of AWS. */
const calls = ['secretsmanager GetSecretValue', 'sts AssumeRole', 'sts GetCallerIdentity', 'rds DescribeDBInstances'];
const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

/** Starts both servers (etcd with its writes on the disk), AWS, the functions, and the way from skymirror to all of them. */
export async function startGround(watching: Watching): Promise<Ground> {
  const { progress } = watching;
  const ends: (() => unknown)[] = [];
  const stop = async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  };
  try {
    const [kubernetes, aws] = await Promise.all([
      startKubernetes({ progress, syncToDisk: true }),
      startAws({ seed: false }),
    ]);
    ends.push(kubernetes.stop, aws.stop);
    await install(kubernetes, namespace);
    const gate = await startGate(kubernetes, watching.keep);
    ends.push(gate.stop);
    for (const name of calls) {
      const [service = '', action = ''] = name.split(' ');
      aws.faults.add({ when: { service, action }, do: { kind: 'wait', wait: () => watching.call(name) } });
    }
    const mirror = {
      name: 'production',
      namespace,
      accounts: ['home'],
      sources: ['RDSInstance'],
      regions: [region],
      // A group of rounds may remove what it likes: the brake is not what is tried here.
      removal: { grace: '0s', maxPercent: 100 },
    };
    const accounts = { home: { id: aws.home, role: aws.roleArn(aws.home), externalId: aws.externalId } };
    const secret = await keepSecret(aws, gate.kubeconfig);
    const inside = { clusters: { local: { secret } }, accounts, mirrors: [mirror] };
    const functions = await startBareFunctions(aws, inside, ['worker', 'event']);
    ends.push(functions.stop);
    const [worker, event] = [functions.named('worker'), functions.named('event')];
    ends.push(functions.poll('schedule', (batch) => watching.deliver(() => worker.invoke(batch))).stop);
    ends.push(functions.poll('events', (batch) => watching.deliver(() => event.invoke(batch))).stop);
    const folder = await mkdtemp(join(tmpdir(), 'skymirror-kills-'));
    ends.push(() => rm(folder, { recursive: true, force: true }));
    const config = join(folder, 'skymirror.yaml');
    const clusters = { main: { kubeconfig: gate.kubeconfigFile } };
    await writeFile(config, stringify({ clusters, accounts, mirrors: [mirror] }));
    return {
      aws,
      kubernetes,
      worker,
      event,
      sync: () => startSync(config, { ...process.env, ...aws.environment() }),
      schedule: () => schedule(aws, functions),
      tell: (arns) => tell(aws, functions, arns),
      cut: gate.cut,
      problems: functions.problems,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startSync(config: string, env: NodeJS.ProcessEnv): Syncing {
  const child = spawn(process.execPath, [main, 'sync', '--config', config], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = async () => {
    const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')]);
    return { code: child.exitCode ?? undefined, stderr };
  };
  return { ended: ended(), kill: () => child.kill('SIGKILL') };
}

async function schedule(aws: Aws, functions: BareFunctions): Promise<void> {
  const scheduledAt = new Date().toISOString();
  const scope = { account: aws.home, region };
  const target = { mirror: 'production', source: 'RDSInstance', scope };
  const message = {
    version: messageVersion,
    run: `schedule-60-${scheduledAt}`,
    scheduledAt,
    hop: 0,
    ...target,
  } as const;
  const signal = AbortSignal.timeout(60_000);
  const unsent = await sendAll(
    aws.sqs(aws.home, 'us-east-1'),
    functions.queueUrl('schedule'),
    [outgoing(message)],
    signal,
  );
  if (unsent.length > 0) throw new Error(`the message was not sent: ${unsent[0]?.reason}`);
  await emptied(functions, 'schedule');
}

/** As EventBridge tells of instances (Amazon RDS User Guide, "Overview of events for Amazon RDS"). */
async function tell(aws: Aws, functions: BareFunctions, arns: readonly string[]): Promise<void> {
  const event = {
    version: '0',
    id: randomUUID(),
    'detail-type': 'RDS DB Instance Event',
    source: 'aws.rds',
    account: aws.home,
    time: new Date().toISOString(),
    region,
    resources: arns,
    detail: {},
  };
  const message = { QueueUrl: functions.queueUrl('events'), MessageBody: JSON.stringify(event) };
  await aws.sqs(aws.home, 'us-east-1').send(new SendMessageCommand(message));
  await emptied(functions, 'events');
}

async function emptied({ waiting }: BareFunctions, queue: 'schedule' | 'events'): Promise<void> {
  const isOver = async () => (await waiting(queue)) === 0;
  await until(isOver, { what: `the end of the message in ${queue}`, timeout: 300_000, interval: 100 });
}
