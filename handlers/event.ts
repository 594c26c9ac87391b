import { MetricUnit } from '@aws-lambda-powertools/metrics';
import * as z from 'zod';
import { syncEvents } from '../lib/event-sync.ts';
import { reportLine } from '../lib/report.ts';
import { maxReceives } from '../lib/work.ts';
import { handlerOf } from './shell.ts';

/** What Lambda hands over from a queue (Lambda Developer Guide, "Using Lambda with Amazon SQS"). */
const record = z.object({
  messageId: z.string(),
  body: z.string(),
  attributes: z.object({ ApproximateReceiveCount: z.coerce.number() }),
  messageAttributes: z.unknown().optional(),
});

const batch = z.object({ Records: z.array(record) });

/** The queue of events: looks at what they name, and answers which messages are to be delivered again. */
export const handler = handlerOf(batch, async ({ Records }, { logger, metrics, signal, tasks, clusters }) => {
  const messages = Records.map(({ attributes, ...message }) => ({
    ...message,
    receiveCount: attributes.ApproximateReceiveCount,
  }));
  const result = await syncEvents(messages, tasks(), { signal, clusters });
  const { failed, givenUp, ignored, oldest, reports, notBegun, errors } = result;
  for (const report of reports) {
    const failures = report.clusters.flatMap((cluster) => cluster.failures);
    if (report.ok) logger.info(reportLine(report));
    else logger.warn(reportLine(report), { why: report.incomplete?.message, failures: failures.slice(0, 10) });
  }
  for (const error of errors) logger.error(error.message, error);
  if (notBegun > 0) logger.warn('the time was over before each target was begun', { notBegun });
  if (givenUp.length > 0) {
    logger.warn(`given up after ${maxReceives} deliveries; the next poll sees to it`, { messages: givenUp });
  }
  if (ignored.size > 0) logger.info('events that lead nowhere', { ignored: Object.fromEntries(ignored) });
  const counts = {
    EventsReceived: messages.length,
    EventsIgnored: [...ignored.values()].reduce((sum, { count }) => sum + count, 0),
    // Of the deliveries: what is returned counts each time, and once more where it is given up.
    EventsFailed: failed.length + givenUp.length,
  };
  for (const [name, count] of Object.entries(counts)) metrics.addMetric(name, MetricUnit.Count, count);
  if (oldest !== undefined) {
    metrics.addMetric('EventAgeMilliseconds', MetricUnit.Milliseconds, Math.max(0, Date.now() - oldest));
  }
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
});
