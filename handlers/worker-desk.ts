import { isDeepStrictEqual } from 'node:util';
import { DeleteMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Cluster } from '../lib/cluster.ts';
import { objectsWritten, passLines } from '../lib/log-lines.ts';
import { groupOf, type TargetMessage } from '../lib/messages.ts';
import { publicText } from '../lib/public-text.ts';
import { type Outgoing, outgoing, queueSettings, sendAll } from '../lib/queue.ts';
import type { Report } from '../lib/report.ts';
import { sync } from '../lib/sync.ts';
import { passOfRun } from '../lib/sync-run-pass.ts';
import { endTarget } from '../lib/sync-run-writer.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import type { BackfillMessage, Desk, Outcome, QueueRecord } from '../lib/work.ts';
import { variable } from './environment.ts';
import type { Invocation } from './shell.ts';

const client = new SQSClient(queueSettings);

/** How the worker looks at targets, sends and says things, for messages of the queue with this ARN. */
export function deskOf(arn: string, invocation: Invocation): Desk {
  const { signal, requestId } = invocation;
  const queue = queueOf(arn);
  const tasks = invocation.tasks();

  async function homeOf({ syncRun: { cluster } }: BackfillMessage, more: readonly string[] = []) {
    const opened = await invocation.clusters([...more, cluster]);
    const home = Object.hasOwn(invocation.configuration.clusters, cluster) ? opened.get(cluster) : undefined;
    if (home === undefined) throw new Error(`the configuration does not have the cluster ${cluster} of the SyncRun`);
    return { home, opened };
  }

  return {
    signal,
    taskOf: (message) => tasks.find((task) => isOf(message, task)),
    async pass(task, message) {
      const opened = await invocation.clusters(task.clusters);
      const report = await sync(task, clustersOf(task, opened), { signal });
      say(report, message, invocation);
      return report;
    },
    async passOfRun(task, message, isLast) {
      const { home, opened } = await homeOf(message, task.clusters);
      const options = { signal, isLast, run: message.run };
      const { report, ...step } = await passOfRun(task, clustersOf(task, opened), home, message.syncRun, options);
      if (report !== undefined) say(report, message, invocation);
      return step;
    },
    async endTarget(message, reason) {
      const { home } = await homeOf(message);
      const options = { signal: AbortSignal.timeout(lastDeadline) };
      await endTarget(home, message.syncRun, groupOf(message), reason, options);
    },
    sendOn: (message) => sendOne(queue.url, outgoing(message)),
    bury: ({ id, body, group, receiveCount }, reason) =>
      sendOne(queue.deadLetters, {
        body,
        group,
        deduplication: id,
        attributes: {
          Reason: attributeText(reason),
          Function: variable('AWS_LAMBDA_FUNCTION_NAME'),
          RequestId: requestId,
          ReceiveCount: String(receiveCount),
        },
      }),
    async settled(records) {
      const undeleted = await deleteAll(queue.url, records);
      // Lambda deletes them with the rest of the batch, and what comes twice is only looked at twice.
      if (undeleted !== undefined) invocation.logger.warn(`done with, and not deleted before the others: ${undeleted}`);
    },
    told: (outcome) => tell(outcome, invocation),
  };
}

const isOf = ({ mirror, source, scope }: TargetMessage, task: ConfiguredTask) =>
  task.mirror.name === mirror && task.source.kind === source && isDeepStrictEqual(task.scope, scope);

const clustersOf = ({ clusters }: ConfiguredTask, opened: ReadonlyMap<string, Cluster>) =>
  clusters.flatMap((name) => opened.get(name) ?? []);

/** Which queue the messages came from, by its name: the ARN and the URL both end in it. */
function queueOf(arn: string): { readonly url: string; readonly deadLetters: string } {
  const queues = [
    ['SKYMIRROR_SCHEDULE_QUEUE_URL', 'SKYMIRROR_SCHEDULE_DEAD_LETTER_QUEUE_URL'],
    ['SKYMIRROR_BACKFILL_QUEUE_URL', 'SKYMIRROR_BACKFILL_DEAD_LETTER_QUEUE_URL'],
  ] as const;
  const name = arn.split(':').at(-1);
  for (const [url, deadLetters] of queues) {
    if (variable(url).split('/').at(-1) === name) return { url: variable(url), deadLetters: variable(deadLetters) };
  }
  throw new Error(`the worker was called with messages of ${arn}, which is neither of its queues`);
}

/** Milliseconds. A time of its own: what is sent on is sent when the time of the pass is over. */
const lastDeadline = 10_000;

async function sendOne(url: string, message: Outgoing): Promise<void> {
  const [unsent] = await sendAll(client, url, [message], AbortSignal.timeout(lastDeadline));
  if (unsent !== undefined) throw new Error(`${url} did not take the message: ${unsent.reason}`);
}

/** Why some were not deleted. Ten are the most in a batch of a FIFO queue (Lambda API, BatchSize) and in this request. */
async function deleteAll(url: string, records: readonly QueueRecord[]): Promise<string | undefined> {
  const Entries = records.map(({ receiptHandle }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle }));
  const command = new DeleteMessageBatchCommand({ QueueUrl: url, Entries });
  try {
    const { Failed: [first] = [] } = await client.send(command, { abortSignal: AbortSignal.timeout(lastDeadline) });
    return first && publicText(`${first.Code}: ${first.Message}`);
  } catch (error) {
    return publicText(String(error));
  }
}

/** SQS refuses control characters in attributes, and their bytes count as those of the message. */
const attributeText = (text: string) =>
  text
    .replace(/[^\t\n\r\x20-\ufffd]/g, ' ')
    .slice(0, 1_000)
    .toWellFormed();

/** A line for the pass, one for each failure, and the metrics: their names are few, because each is paid for. */
function say(report: Report, { run, hop }: TargetMessage, { logger, metrics }: Invocation): void {
  for (const { level, message, fields } of passLines(report)) logger[level](message, { ...fields, run, hop });
  metrics.addMetric('Passes', 'Count', 1);
  metrics.addMetric('ApiCalls', 'Count', report.calls);
  metrics.addMetric('ObjectsWritten', 'Count', objectsWritten(report));
  if (!report.ok && report.incomplete?.reason !== 'Interrupted') metrics.addMetric('PassesFailed', 'Count', 1);
}

/** How loud the log is about what became of a message. */
const levels = {
  passed: 'warn',
  'sent on': 'info',
  'given up': 'error',
  dropped: 'info',
  returned: 'error',
  buried: 'error',
} as const;

function tell({ became, records, message, reason, error }: Outcome, { logger, metrics }: Invocation): void {
  if (became === 'sent on') metrics.addMetric('SentOn', 'Count', 1);
  if (became === 'given up') metrics.addMetric('PassesFailed', 'Count', 1);
  if (became === 'buried') metrics.addMetric('DeadLettered', 'Count', records.length);
  // The pass has had its lines; here a reason says what was odd about it.
  if (became === 'passed' && reason === undefined) return;
  const { run, hop, mirror, source, scope } = message ?? {};
  const messages = records.map(({ id, receiveCount }) => `${id} (delivery ${receiveCount})`).join(', ');
  const cause = error instanceof Error ? { error } : {};
  const fields = { mirror, source, ...scope, run, hop, messages, ...cause };
  logger[levels[became]](reason === undefined ? became : `${became}: ${reason}`, fields);
}
