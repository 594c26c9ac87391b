import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Aws } from '../../dev/aws.ts';
import type { Source } from '../../lib/source.ts';
import type { Sample } from '../event-samples.ts';

/** Past the proxy, and with a key of nobody, for whom moto has the account of AWS's examples. */
function clientsOf({ motoEndpoint: endpoint }: Aws) {
  const credentials = { accessKeyId: 'EVENTS', secretAccessKey: 'of-nobody' };
  const settings = { endpoint, region: 'us-east-1', credentials };
  return { bus: new EventBridgeClient(settings), queues: new SQSClient(settings) };
}

/**
 * Puts the samples on the emulator's bus, with a rule and a queue for each event that the source declares, and gives
 * the bodies that came to each queue, by the name of the event.
 */
export async function delivered(aws: Aws, source: Source, samples: readonly Sample[]): Promise<Map<string, string[]>> {
  const { bus, queues } = clientsOf(aws);
  const urls = new Map<string, string>();
  try {
    for (const { name, pattern } of source.events) {
      const own = `${source.plural}-${name}`;
      const { QueueUrl: url = '' } = await queues.send(new CreateQueueCommand({ QueueName: own }));
      await bus.send(new PutRuleCommand({ Name: own, EventPattern: JSON.stringify(pattern) }));
      const Arn = `arn:aws:sqs:us-east-1:${url.split('/').at(-2)}:${own}`;
      await bus.send(new PutTargetsCommand({ Rule: own, Targets: [{ Id: own, Arn }] }));
      urls.set(name, url);
    }
    for (const { body } of samples) {
      const { source: Source, 'detail-type': DetailType, detail, resources } = Object(body);
      const entry = { Source, DetailType, Detail: JSON.stringify(detail), Resources: resources };
      const { FailedEntryCount: failed } = await bus.send(new PutEventsCommand({ Entries: [entry] }));
      if (failed !== 0) throw new Error(`the emulator does not take the event: ${JSON.stringify(entry)}`);
    }
    const bodies = new Map<string, string[]>();
    for (const [name, url] of urls) bodies.set(name, await drained(queues, url));
    return bodies;
  } finally {
    bus.destroy();
    queues.destroy();
  }
}

/** moto delivers before it answers PutEvents: an empty answer is the end. */
async function drained(queues: SQSClient, url: string): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const receive = new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 });
    const { Messages: messages = [] } = await queues.send(receive);
    if (messages.length === 0) return bodies;
    bodies.push(...messages.map(({ Body: body = '' }) => body));
  }
}
