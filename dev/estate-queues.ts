import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import type { Aws } from './aws.ts';
import type { Place } from './estate.ts';

/** One queue as it was seeded. */
export type EstateQueue = Place & {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Where messages go after five receives. */
  readonly deadLetter?: string;
  /** Everybody may send. */
  readonly isPublic?: true;
};

const home = { account: '111122223333', region: 'us-east-1' };
const ireland = { account: '111122223333', region: 'eu-west-1' };
const staging = { account: '444455556666', region: 'us-east-1' };
const stagingIreland = { account: '444455556666', region: 'eu-west-1' };
const commerce = { team: 'commerce', env: 'production' };
const finance = { team: 'finance', env: 'production' };

/** What `seedQueues` makes, dead-letter queues before those that name them. */
export const queues: readonly EstateQueue[] = [
  { ...home, name: 'orders-dead', tags: commerce },
  { ...home, name: 'orders', tags: commerce, deadLetter: 'orders-dead' },
  { ...home, name: 'refunds', tags: commerce, deadLetter: 'orders-dead' },
  { ...home, name: 'payments.fifo', tags: finance },
  { ...home, name: 'webhooks', tags: { team: 'platform', 'owner email': 'a b@example.com' }, isPublic: true },
  { ...home, name: 'a-b', tags: {} },
  { ...home, name: 'A_b', tags: {} },
  { ...ireland, name: 'invoices-dead', tags: finance },
  { ...ireland, name: 'invoices', tags: finance, deadLetter: 'invoices-dead' },
  { ...staging, name: 'orders-staging', tags: { team: 'commerce', env: 'staging' } },
  { ...stagingIreland, name: 'clicks.fifo', tags: { team: 'data', env: 'staging' } },
];

/** Makes the queues in an empty moto. */
export async function seedQueues(aws: Pick<Aws, 'sqs'>): Promise<void> {
  for (const queue of queues) await createQueue(aws, queue);
}

/** Makes a queue, without a word to skymirror. */
export async function createQueue(aws: Pick<Aws, 'sqs'>, queue: EstateQueue): Promise<void> {
  const { account, region, name, tags, deadLetter, isPublic } = queue;
  const arnOf = (other: string) => `arn:aws:sqs:${region}:${account}:${other}`;
  const everybody = { Effect: 'Allow', Principal: '*', Action: 'sqs:SendMessage', Resource: arnOf(name) };
  const redrive = deadLetter && JSON.stringify({ deadLetterTargetArn: arnOf(deadLetter), maxReceiveCount: 5 });
  await aws.sqs(account, region).send(
    new CreateQueueCommand({
      QueueName: name,
      tags: { ...tags },
      Attributes: {
        ...(name.endsWith('.fifo') ? { FifoQueue: 'true' } : {}),
        ...(redrive ? { RedrivePolicy: redrive } : {}),
        ...(isPublic ? { Policy: JSON.stringify({ Version: '2012-10-17', Statement: [everybody] }) } : {}),
      },
    }),
  );
}
