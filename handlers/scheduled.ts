import { SQSClient } from '@aws-sdk/client-sqs';
import * as z from 'zod';
import { outgoing, queueSettings, sendAll } from '../lib/queue.ts';
import { messagesDue } from '../lib/schedule.ts';
import { targetsOf } from '../lib/targets.ts';
import { variable } from './environment.ts';
import { bareHandlerOf } from './invocation.ts';

/** What the schedules send, as serverless.yml makes them: the time is that of the slot, also when it is retried. */
const slot = z.strictObject({ every: z.int().positive(), scheduledAt: z.iso.datetime() });

const queue = new SQSClient(queueSettings);

/** Sends one message for each target that is due; the queue drops those that it had before. */
export const handler = bareHandlerOf(slot, async (event, { configuration, logger, signal }) => {
  const messages = messagesDue(targetsOf(configuration), event);
  const unsent = await sendAll(queue, variable('SKYMIRROR_SCHEDULE_QUEUE_URL'), messages.map(outgoing), signal);
  const sent = messages.length - unsent.length;
  logger.info(`${sent} targets are due`, { run: `schedule-${event.every}-${event.scheduledAt}`, sent });
  const [first] = unsent;
  if (first === undefined) return { sent };
  throw new Error(
    `${unsent.length} of ${messages.length} messages could not be sent, the first because: ${first.reason}. The schedule tries again; what was sent is dropped by the queue`,
  );
});
