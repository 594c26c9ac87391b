import { SQSClient } from '@aws-sdk/client-sqs';
import { answerOf, cancelBackfill, type Ground, messagesOf, openRun } from '../lib/backfill.ts';
import { backfillRequest } from '../lib/backfill-request.ts';
import { outgoing, queueSettings, sendAll } from '../lib/queue.ts';
import { variable } from './environment.ts';
import { handlerOf } from './shell.ts';

const queue = new SQSClient(queueSettings);

/**
 * Begins a backfill, carries one on, or cancels one. The SyncRun is made before anything is sent, under a name that a
 * retry of the same invocation has too; so dying anywhere and being called again completes it.
 */
export const handler = handlerOf(backfillRequest, async (request, invocation) => {
  const { logger, requestId, signal } = invocation;
  const ground: Ground = {
    tasks: invocation.tasks(),
    signal,
    open: (names) => invocation.clusters(names),
    spelt: (field) => field,
  };
  if (request.cancel !== undefined) {
    const cancelled = await cancelBackfill(request.cancel, ground);
    logger.info('a backfill was cancelled', { run: cancelled.at.name });
    return { ...answerOf(cancelled), sent: 0 };
  }
  const open = await openRun(request, request.run ?? `backfill-${requestId.toLowerCase()}`, ground);
  const messages = messagesOf(open).map(outgoing);
  const unsent = await sendAll(queue, variable('SKYMIRROR_BACKFILL_QUEUE_URL'), messages, signal);
  const sent = messages.length - unsent.length;
  logger.info(`${sent} targets are to be looked at`, { run: open.at.name, sent });
  const [first] = unsent;
  if (first === undefined) return { ...answerOf(open), sent };
  throw new Error(
    `${unsent.length} of ${messages.length} messages could not be sent, the first because: ${first.reason}. Invoke again with {"run": "${open.at.name}"}: the rest is sent, and nothing is done twice`,
  );
});
