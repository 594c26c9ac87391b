import { beforeEach, expect, test, vi } from 'vitest';
import { samples } from '../event-samples.ts';
import { configurationWith, contextOf, surroundings } from './functions.ts';

const { lines, said, metrics, configure } = surroundings();

beforeEach(() => {
  vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:9');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'of-nobody');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'of-nobody');
});

async function handled(event: unknown) {
  const { handler } = await import('../../handlers/event.ts');
  return handler(event, contextOf(60_000));
}

const recordsOf = (bodies: readonly string[], receiveCount = 1) => ({
  Records: bodies.map((body, index) => ({
    messageId: `message-${index}`,
    body,
    attributes: { ApproximateReceiveCount: String(receiveCount) },
    eventSource: 'aws:sqs',
  })),
});

const failover = JSON.stringify(samples.find(({ name }) => name === 'rds-instance-failover')?.body);

test('events that lead nowhere are counted, told in one line and acknowledged', async () => {
  configure(configurationWith());
  const bodies = samples.map(({ body }) => JSON.stringify(body));
  await expect(handled(recordsOf([...bodies, 'no JSON', '']))).resolves.toEqual({ batchItemFailures: [] });
  expect(said()).toEqual(['INFO events that lead nowhere']);
  expect(lines[0]).toMatchObject({
    ignored: {
      NotAnEvent: { count: 3 },
      FailedCall: { count: 1 },
      UnknownPlace: { example: 'aws.rds RDS DB Instance Event 123456789012 us-east-1' },
    },
  });
  const received = samples.length + 2;
  expect(metrics()).toEqual({ EventsReceived: received, EventsIgnored: received, EventsFailed: 0 });
});

test('an event whose cluster cannot be entered is delivered again, and its age is measured', async () => {
  configure(configurationWith({}, { accounts: { main: { id: '123456789012' } } }));
  await expect(handled(recordsOf([failover, 'no JSON']))).resolves.toEqual({
    batchItemFailures: [{ itemIdentifier: 'message-0' }],
  });
  expect(said()[0]).toMatch(/^WARN one RDSInstance 123456789012\/us-east-1: incomplete \(NoCluster\).*main skipped/);
  expect(metrics()).toMatchObject({ EventsReceived: 2, EventsIgnored: 1, EventsFailed: 1 });
  expect(metrics().EventAgeMilliseconds).toBeGreaterThan(0);
});

test('at the last delivery it is acknowledged, counted and told: the next poll sees what it told of', async () => {
  configure(configurationWith({}, { accounts: { main: { id: '123456789012' } } }));
  await expect(handled(recordsOf([failover], 5))).resolves.toEqual({ batchItemFailures: [] });
  expect(said()).toContainEqual(expect.stringMatching(/^WARN given up after 5 deliveries; the next poll /));
  expect(metrics()).toMatchObject({ EventsReceived: 1, EventsFailed: 1 });
});

test('what Lambda does not hand over from a queue is an error', async () => {
  configure(configurationWith());
  await expect(handled({ Records: [{ body: 5 }] })).rejects.toThrow('called with what it does not take');
});
