import { devNull } from 'node:os';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  SetQueueAttributesCommand,
  SQSClient,
  TagQueueCommand,
} from '@aws-sdk/client-sqs';
import { vi } from 'vitest';
import { type SqsFake, startSqsFake } from '../../../dev/sqs-fake.ts';
import type { JsonObject } from '../../../lib/json.ts';
import type { Observation } from '../../../lib/source.ts';

export const account = '111122223333';
export const region = 'us-east-1';
export const arnOf = (name: string) => `arn:aws:sqs:${region}:${account}:${name}`;
export const urlOf = (name: string) => `https://sqs.${region}.amazonaws.com/${account}/${name}`;

/** The SQS fake with a clock of its own, and hands to fill it with. */
export async function startWorld() {
  const clock = { now: Date.parse('2026-11-01T10:00:00Z') };
  const fake: SqsFake = await startSqsFake({ now: () => clock.now });
  const credentials = { accessKeyId: 'FAKE', secretAccessKey: 'fake' };
  const client = new SQSClient({ endpoint: fake.directEndpoint, region, credentials });
  return {
    fake,
    clock,
    /** Points the SDK at the fake, and at nothing of this machine. */
    stubEnvironment() {
      vi.stubEnv('AWS_ENDPOINT_URL', fake.endpoint);
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'FAKE');
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'fake');
      vi.stubEnv('AWS_SESSION_TOKEN', '');
      vi.stubEnv('AWS_PROFILE', '');
      vi.stubEnv('AWS_CONFIG_FILE', devNull);
      vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', devNull);
    },
    create: (QueueName: string, Attributes: Record<string, string> = {}) =>
      client.send(new CreateQueueCommand({ QueueName, Attributes })),
    set: (name: string, Attributes: Record<string, string>) =>
      client.send(new SetQueueAttributesCommand({ QueueUrl: urlOf(name), Attributes })),
    tag: (name: string, Tags: Record<string, string>) =>
      client.send(new TagQueueCommand({ QueueUrl: urlOf(name), Tags })),
    remove: (name: string) => client.send(new DeleteQueueCommand({ QueueUrl: urlOf(name) })),
    async stop() {
      client.destroy();
      await fake.stop();
    },
  };
}

/** The fields of what was observed, or a failure that shows what came instead. */
export function fieldsOf(observation: Observation | Error | undefined): JsonObject {
  if (observation instanceof Error || observation?.outcome !== 'observed') {
    throw new Error(`not observed: ${String(observation)} ${JSON.stringify(observation)}`);
  }
  return observation.fields;
}
