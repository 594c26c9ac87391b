import {
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Aws } from '../../dev/aws.ts';
import type { SqsEvent } from '../../dev/event-source-records.ts';
import type { Functions } from '../../dev/functions.ts';
import type { Invoked } from '../../dev/lambda-process.ts';
import { hold } from '../../dev/proxy-faults.ts';
import { until } from '../../dev/until.ts';
import { messageVersion } from '../../lib/messages.ts';

/** Where the functions of this suite are deployed. */
export const region = 'us-east-1';

/** What an attempt is made on. */
export interface Ground {
  readonly aws: Aws;
  readonly functions: Functions;
  readonly sqs: SQSClient;
}

/** Does what a statement is for; whether it worked. */
export type Attempt = (ground: Ground) => Promise<boolean>;

/** URL of a queue of the stack, past the proxy. */
export function queueUrl({ motoEndpoint, home }: Aws, name: string): string {
  return `${motoEndpoint}/${home}/skymirror-test-${name}`;
}

/** How many messages a queue holds, those that are worked on among them. */
export async function waiting({ aws, sqs }: Ground, name: string): Promise<number> {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const asked = new GetQueueAttributesCommand({ QueueUrl: queueUrl(aws, name), AttributeNames: [...names] });
  const { Attributes = {} } = await sqs.send(asked);
  return names.reduce((sum, each) => sum + Number(Attributes[each]), 0);
}

/** What RDS tells of an instance in its events. */
function eventDetail({ home }: Aws, identifier: string) {
  const SourceArn = `arn:aws:rds:${region}:${home}:db:${identifier}`;
  return { SourceType: 'DB_INSTANCE', SourceArn, SourceIdentifier: identifier, EventID: 'RDS-EVENT-0014' };
}

/** The account that is not the home of the stack. */
export function otherAccount({ accounts, home }: Aws): string {
  return accounts.find((id) => id !== home) ?? '';
}

/** A batch as the mapping would hand it over. */
function batch({ aws }: Ground, queue: string, body: unknown): SqsEvent {
  return {
    Records: [
      {
        messageId: 'b9f7d8a0-0000-4000-8000-000000000001',
        receiptHandle: 'none',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        attributes: { ApproximateReceiveCount: '1', MessageGroupId: 'group' },
        messageAttributes: {},
        md5OfBody: '',
        eventSource: 'aws:sqs',
        eventSourceARN: `arn:aws:sqs:${region}:${aws.home}:skymirror-test-${queue}`,
        awsRegion: region,
      },
    ],
  };
}

function message(account: string) {
  return {
    version: messageVersion,
    run: 'schedule-60-test',
    mirror: 'production',
    source: 'RDSInstance',
    scope: { account, region },
    scheduledAt: new Date().toISOString(),
  };
}

function slot() {
  return { every: 60, scheduledAt: new Date().toISOString() };
}

const said = ({ logs }: Invoked, text: string) => logs.some((line) => line.includes(text));

const purge = ({ aws, sqs }: Ground, name: string) =>
  sqs.send(new PurgeQueueCommand({ QueueUrl: queueUrl(aws, name) }));

const logs =
  (name: string, event: (ground: Ground) => unknown): Attempt =>
  async (ground) =>
    (await ground.functions.named(name).invoke(event(ground))).logs.length > 0;

const succeeds =
  (name: string, event: () => unknown): Attempt =>
  async ({ functions }) =>
    !(await functions.named(name).invoke(event())).failed;

/** The worker sees all of an account and writes it. */
const looks =
  (account: (aws: Aws) => string): Attempt =>
  async (ground) => {
    const asked = batch(ground, 'schedule.fifo', message(account(ground.aws)));
    return said(await ground.functions.named('worker').invoke(asked), ': complete');
  };

const hears: Attempt = async (ground) => {
  const { home } = ground.aws;
  const detail = eventDetail(ground.aws, 'orders');
  const time = new Date().toISOString();
  const envelope = { version: '0', id: '1', source: 'aws.rds', account: home, region, time };
  const body = { ...envelope, 'detail-type': 'RDS DB Instance Event', resources: [detail.SourceArn], detail };
  return said(await ground.functions.named('event').invoke(batch(ground, 'events', body)), ': complete');
};

/** Somebody takes a message out of the queue. */
const receives =
  (name: string): Attempt =>
  async (ground) => {
    const { aws, functions, sqs } = ground;
    await purge(ground, name);
    const known = functions.problems.length;
    const fifo = name.endsWith('.fifo') ? { MessageGroupId: 'g', MessageDeduplicationId: `${performance.now()}` } : {};
    const MessageBody = JSON.stringify(message(aws.home));
    await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl(aws, name), MessageBody, ...fifo }));
    const stopPolling = await functions.poll();
    const isTaken = async () => (await waiting(ground, name)) === 0;
    const isDecided = async () => functions.problems.length > known || (await isTaken());
    await until(isDecided, { what: 'that somebody takes it' });
    await stopPolling();
    return isTaken();
  };

const buries: Attempt = async (ground) => {
  const buried = await ground.functions.named('worker').invoke(batch(ground, 'schedule.fifo', 'no JSON'));
  return buried.payload === '{"batchItemFailures":[]}';
};

/** The outside does not answer, so that the time is over before the pass is. */
const sendsOn: Attempt = async (ground) => {
  const { aws, functions, sqs } = ground;
  await purge(ground, 'schedule.fifo');
  const gate = hold();
  const fault = aws.faults.add({ when: { service: 'rds' }, do: gate.effect });
  const worker = functions.variant('worker', { timeout: 8 });
  await worker.invoke(batch(ground, 'schedule.fifo', message(aws.home)));
  fault.remove();
  gate.release();
  await worker.kill();
  const asked = new ReceiveMessageCommand({ QueueUrl: queueUrl(aws, 'schedule.fifo') });
  const { Messages = [] } = await sqs.send(asked);
  await purge(ground, 'schedule.fifo');
  return Messages.some(({ Body }) => Body?.includes('"hop":1'));
};

const fires: Attempt = async (ground) => {
  const known = ground.functions.problems.length;
  await ground.functions.fire();
  await purge(ground, 'schedule.fifo');
  return ground.functions.problems.length === known;
};

/** What may not be called ends in the queue for what could not be delivered. */
const putsAside: Attempt = async (ground) => {
  await purge(ground, 'undelivered');
  const invokes = 'InvokesFunctions';
  const restore = await ground.functions.roles.without('skymirror-test-scheduler', ({ Sid }) => Sid === invokes);
  await ground.functions.fire();
  await restore();
  return (await waiting(ground, 'undelivered')) > 0;
};

const watches: Attempt = async ({ functions }) =>
  JSON.parse((await functions.named('watch').invoke({})).payload).clustersUnreadable === 0;

const home = (aws: Aws) => aws.home;
const plan = () => ({ mode: 'plan' });

/** Of every statement of every role of the stack what it is for. */
export const uses: readonly (readonly [role: string, statement: string, attempt: Attempt])[] = [
  ['scheduled', 'WritesItsLog', logs('scheduled', slot)],
  ['scheduled', 'SendsTargets', succeeds('scheduled', slot)],
  ['worker', 'WritesItsLog', logs('worker', (ground) => batch(ground, 'schedule.fifo', message(ground.aws.home)))],
  ['worker', 'ReceivesTargets', receives('schedule.fifo')],
  ['worker', 'ReceivesTargets', receives('backfill.fifo')],
  ['worker', 'SendsTheRestOn', sendsOn],
  ['worker', 'PutsPoisonAside', buries],
  ['worker', 'EntersAccounts', looks(home)],
  ['worker', 'EntersAccounts', looks(otherAccount)],
  ['worker', 'ReadsKubeconfigs', looks(home)],
  ['event', 'WritesItsLog', logs('event', (ground) => batch(ground, 'events', '{}'))],
  ['event', 'ReceivesEvents', receives('events')],
  ['event', 'EntersAccounts', hears],
  ['event', 'ReadsKubeconfigs', hears],
  ['backfill', 'WritesItsLog', logs('backfill', plan)],
  ['backfill', 'SendsTargets', succeeds('backfill', plan)],
  ['backfill', 'ReadsKubeconfigs', succeeds('backfill', plan)],
  ['watch', 'WritesItsLog', logs('watch', () => ({}))],
  ['watch', 'ReadsKubeconfigs', watches],
  ['scheduler', 'InvokesFunctions', fires],
  ['scheduler', 'PutsAside', putsAside],
  ['reader', 'SkymirrorReads', looks(home)],
];
