import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod';
import type { BackfillRequest } from '../lib/backfill-request.ts';

const answer = z.object({
  run: z.string(),
  syncRun: z.object({ cluster: z.string(), namespace: z.string(), name: z.string() }),
  mode: z.string(),
  state: z.string(),
  targets: z.number(),
  sent: z.number(),
});

const failure = z.object({ errorMessage: z.string() });

/** What the function answers to a request. */
export type BackfillAnswer = z.output<typeof answer>;

/** Invokes the deployed function, by its name or ARN. Throws an Error with what the function said. */
export async function invokeBackfill(
  name: string,
  request: BackfillRequest,
  signal: AbortSignal,
): Promise<BackfillAnswer> {
  const client = new LambdaClient({});
  try {
    const command = new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(request)) });
    const { FunctionError, Payload } = await client.send(command, { abortSignal: signal });
    const said: unknown = JSON.parse(Buffer.from(Payload ?? []).toString() || 'null');
    if (FunctionError !== undefined) {
      throw new Error(failure.safeParse(said).data?.errorMessage ?? `it ended with ${FunctionError}; see its log`);
    }
    const parsed = answer.safeParse(said);
    if (parsed.success) return parsed.data;
    throw new Error('it answered something else than a run. Is it the function backfill of skymirror?', {
      cause: parsed.error,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // The SDK's words (@smithy/config-resolver).
    const mend = reason === 'Region is missing' ? '. To mend it: set AWS_REGION to where the functions are' : '';
    throw new Error(`--function ${name}: ${reason}${mend}`, { cause: error });
  } finally {
    client.destroy();
  }
}
