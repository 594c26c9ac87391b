import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type * as z from 'zod';
import type { Configuration } from '../lib/configuration-schema.ts';
import { issuesText } from '../lib/plain-text.ts';
import { safeParse } from '../lib/safe-parse.ts';
import { readConfiguration } from './configuration.ts';
import { variable } from './environment.ts';

/** What every invocation of a function has at hand. */
export interface BareInvocation {
  /** Fires 20 s before the end of the invocation; where its time is shorter than 40 s, after half of it. */
  readonly signal: AbortSignal;
  readonly requestId: string;
  /** Every line of it carries the request id. */
  readonly logger: Logger;
  /** Written out when the invocation ends, however it ends. */
  readonly metrics: Metrics;
  readonly configuration: Configuration;
}

/** Milliseconds to end a pass in, and to send on what is left of it. */
const reserve = 20_000;

/** Milliseconds before the end when the log says that the work did not heed its signal. */
const lastWords = 2_000;

/** A function as Lambda calls it, for those that need no source and no cluster: `handlerOf` in shell.ts adds these. */
export function bareHandlerOf<Schema extends z.ZodType, Result>(
  input: Schema,
  work: (event: z.output<Schema>, invocation: BareInvocation) => Promise<Result>,
): (event: unknown, context: Context) => Promise<Result> {
  let configuration: Configuration | undefined;
  const logger = new Logger();
  const metrics = new Metrics();
  const handler = middy<unknown, Result>({
    timeoutEarlyInMillis: lastWords,
    // Not answered: Lambda ends the environment then, and with it work that would else go on in the next invocation.
    timeoutEarlyResponse: () => {
      logger.error('the time of the invocation is over, and its work did not end when it was told to');
      flush(metrics);
      return new Promise(() => {});
    },
  })
    .use({
      before: ({ context }) => {
        logger.appendPersistentKeys({ requestId: context.awsRequestId });
      },
      after: () => flush(metrics),
      onError: ({ error }) => {
        logger.error('the invocation failed', error instanceof Error ? error : String(error));
        flush(metrics);
      },
    })
    .handler(async (event, context: Context) => {
      configuration ??= configure(metrics);
      const around = { configuration, logger, metrics, requestId: context.awsRequestId };
      const parsed = safeParse(input, event);
      if (!parsed.success) {
        throw new Error(`the function was called with what it does not take:\n${issuesText(parsed.error)}`);
      }
      return within(context, (signal) => work(parsed.data, { ...around, signal }));
    });
  return async (event, context) => handler(event, context);
}

/** Once in an environment. */
function configure(metrics: Metrics): Configuration {
  metrics.setDefaultDimensions({ stage: variable('SKYMIRROR_STAGE') });
  return readConfiguration();
}

/** Powertools warns where nothing was measured, which is no trouble. */
function flush(metrics: Metrics): void {
  if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
}

async function within<Result>(context: Context, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const remaining = context.getRemainingTimeInMillis();
  const stop = new AbortController();
  const end = () => stop.abort(new Error('the time of the invocation is almost over'));
  const timer = setTimeout(end, Math.max(remaining - reserve, remaining / 2));
  try {
    return await work(stop.signal);
  } finally {
    clearTimeout(timer);
  }
}
