import { MetricUnit } from '@aws-lambda-powertools/metrics';
import * as z from 'zod';
import { syncEvents } from '../lib/event-sync.ts';
import { reportLine } from '../lib/report.ts';
import { handlerOf } from './shell.ts';

/** What Lambda hands over from a queue (Lambda Developer Guide, "Using Lambda with Amazon SQS"). */
const batch = z.object({
  Records: z.array(z.object({ messageId: z.string(), body: z.string(), messageAttributes: z.unknown().optional() })),
});

/** The queue of events: looks at what they name, and answers which messages are to be delivered again. */
export const handler = handlerOf(batch, async ({ Records: messages }, { logger, metrics, signal, tasks, clusters }) => {
  const result = await syncEvents(messages, tasks(), { signal, clusters });
  const { failed, ignored, newest, reports, notBegun, errors } = result;
  for (const report of reports) {
    const failures = report.clusters.flatMap((cluster) => cluster.failures);
    if (report.ok) logger.info(reportLine(report));
    else logger.warn(reportLine(report), { why: report.incomplete?.message, failures: failures.slice(0, 10) });
  }
  for (const error of errors) logger.error(error.message, error);
  if (notBegun > 0) logger.warn('the time was over before each target was begun; they come again', { notBegun });
  if (ignored.size > 0) logger.info('events that lead nowhere', { ignored: Object.fromEntries(ignored) });
  const counts = {
    EventsReceived: messages.length,
    EventsIgnored: [...ignored.values()].reduce((sum, { count }) => sum + count, 0),
    EventsFailed: failed.length,
  };
  for (const [name, count] of Object.entries(counts)) metrics.addMetric(name, MetricUnit.Count, count);
  if (newest !== undefined) {
    metrics.addMetric('EventAgeMilliseconds', MetricUnit.Milliseconds, Math.max(0, Date.now() - newest));
  }
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
});
