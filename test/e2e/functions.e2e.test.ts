import { EventBridgeClient, ListRulesCommand, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge';
import { RDSClient } from '@aws-sdk/client-rds';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Aws, startAws } from '../../dev/aws.ts';
import { createInstance, resize } from '../../dev/aws-changes.ts';
import { type Functions, startFunctions } from '../../dev/functions.ts';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { announceChanges } from '../../dev/rds-events.ts';
import { install, namespace } from '../../dev/stack.ts';
import { until } from '../../dev/until.ts';
import { type Ground, otherAccount, queueUrl, region, uses, waiting } from './functions-uses.ts';

let aws: Aws;
let kubernetes: Kubernetes;
let functions: Functions;
let ground: Ground;
let bus: EventBridgeClient;
beforeAll(async () => {
  [kubernetes, aws] = await Promise.all([startKubernetes(), startAws({ seed: false })]);
  await install(kubernetes, namespace);
  for (const identifier of ['orders', 'ledger']) await createInstance(aws, instance(identifier, aws.home));
  await createInstance(aws, instance('wiki', otherAccount(aws)));
  const accounts = ['home', 'other-1'];
  const mirror = { name: 'production', namespace, accounts, regions: [region], sources: ['RDSInstance'] };
  functions = await startFunctions({ aws, kubernetes, configuration: { mirrors: [mirror] }, polling: false });
  ground = { aws, functions, sqs: aws.sqs(aws.home, region) };
  bus = new EventBridgeClient({ endpoint: aws.motoEndpoint, region, credentials: aws.administrator(aws.home) });
}, 240_000);
afterAll(async () => {
  bus?.destroy();
  await functions?.stop();
  await Promise.all([aws?.stop(), kubernetes?.stop()]);
});

function instance(identifier: string, account: string) {
  const size = { instanceClass: 'db.t4g.micro', multiAz: false, storage: 20, encrypted: true };
  return { account, region, identifier, engine: 'postgres', engineVersion: '17.4', tags: {}, ...size };
}

type Mirrored = { spec: { identifier: string }; status?: { observed?: { class?: string } } };

async function objects(): Promise<Mirrored[]> {
  const path = `/apis/aws.skymirror.dev/v1alpha1/namespaces/${namespace}/rdsinstances`;
  return ((await kubernetes.request(path)).body as { items: Mirrored[] }).items;
}

const isEmpty = async (queue: string) => (await waiting(ground, queue)) === 0;

describe('deployed by serverless.yml', () => {
  test('the schedule fires, its messages are worked on, and what exists outside is inside', async () => {
    const stopPolling = await functions.poll();
    await functions.fire();
    await until(async () => (await objects()).length === 3, { what: 'the arrival of the objects' });
    await until(() => isEmpty('schedule.fifo'), { what: 'the end of the messages' });
    await stopPolling();
    expect(functions.problems).toEqual([]);
    expect((await objects()).map(({ spec }) => spec.identifier).toSorted()).toEqual(['ledger', 'orders', 'wiki']);
    expect(functions.named('worker').history.map(({ payload }) => payload)).toContain('{"batchItemFailures":[]}');
  });

  test('a change outside is shown by its event, without a schedule', async () => {
    const told: string[] = [];
    const announcer = announceChanges(aws, (problem) => told.push(problem));
    const stopPolling = await functions.poll();
    const rds = new RDSClient({ endpoint: aws.endpoint, region, credentials: aws.administrator(aws.home) });
    await resize({ rds: () => rds }, instance('orders', aws.home), 'db.r6g.large');
    const changed = async () => {
      const orders = (await objects()).find(({ spec }) => spec.identifier === 'orders');
      return orders?.status?.observed?.class === 'db.r6g.large';
    };
    await until(changed, { what: 'the change' });
    await until(() => isEmpty('events'), { what: 'the end of the messages' });
    await stopPolling();
    rds.destroy();
    announcer.stop();
    expect(told).toEqual([]);
  });

  test('a backfill that is invoked runs to its end', async () => {
    const stopPolling = await functions.poll();
    const begun = await functions.named('backfill').invoke({ name: 'ledger' });
    expect(begun).toMatchObject({ failed: false });
    const { run } = JSON.parse(begun.payload);
    const path = `/apis/skymirror.dev/v1alpha1/namespaces/${namespace}/syncruns/${run}`;
    const hasEnded = async () => JSON.stringify((await kubernetes.request(path)).body).includes('"type":"Complete"');
    const isOver = async () => (await isEmpty('backfill.fifo')) && (await hasEnded());
    await until(isOver, { what: 'the end of the run' });
    await stopPolling();
  });

  test('the rules of the bus lead to the event queue', async () => {
    const { Rules = [] } = await bus.send(new ListRulesCommand({}));
    expect(new Set(Rules.map(({ State }) => State))).toEqual(new Set(['ENABLED']));
    for (const { Name } of Rules) {
      const { Targets = [] } = await bus.send(new ListTargetsByRuleCommand({ Rule: Name }));
      expect(Targets.map(({ Arn }) => Arn)).toEqual([`arn:aws:sqs:${region}:${aws.home}:skymirror-test-events`]);
    }
  });

  test.each([
    ['schedule.fifo', 'schedule-dead-letters.fifo'],
    ['backfill.fifo', 'backfill-dead-letters.fifo'],
    ['events', 'events-dead-letters'],
  ])('what %s delivers too often ends in %s', async (name, dead) => {
    const asked = new GetQueueAttributesCommand({ QueueUrl: queueUrl(aws, name), AttributeNames: ['All'] });
    const { Attributes = {} } = await ground.sqs.send(asked);
    expect(JSON.parse(Attributes.RedrivePolicy ?? '{}')).toMatchObject({
      deadLetterTargetArn: `arn:aws:sqs:${region}:${aws.home}:skymirror-test-${dead}`,
      maxReceiveCount: 5,
    });
  });
});

describe('under the policies of the stack, enforced by the emulator', () => {
  const names = ['scheduled', 'worker', 'event', 'backfill', 'watch'];
  const roles = [...names, 'scheduler', 'reader'];

  /** What is kept warm would work on with what it has read already. */
  const coolDown = () => Promise.all(names.map((name) => functions.named(name).kill()));

  test('every statement has a use', () => {
    const all = roles.flatMap((role) =>
      functions.roles.statements(`skymirror-test-${role}`).map(({ Sid }) => `${role} ${Sid}`),
    );
    const used = uses.map(([role, statement]) => `${role} ${statement}`);
    expect(all.toSorted()).toEqual([...new Set(used)].toSorted());
  });

  test.each(uses)('%s needs %s', async (role, statement, attempt) => {
    expect(await attempt(ground)).toBe(true);
    await coolDown();
    const restore = await functions.roles.without(`skymirror-test-${role}`, ({ Sid }) => Sid === statement);
    try {
      expect(await attempt(ground)).toBe(false);
    } finally {
      await restore();
      await coolDown();
    }
  });

  test('a statement for another queue is none', () => {
    const role = 'skymirror-test-scheduled';
    const arnOf = (queue: string) => `arn:aws:sqs:${region}:${aws.home}:skymirror-test-${queue}.fifo`;
    expect(functions.roles.allows(role, 'sqs:SendMessage', arnOf('schedule'))).toBe(true);
    expect(functions.roles.allows(role, 'sqs:SendMessage', arnOf('backfill'))).toBe(false);
  });
});
