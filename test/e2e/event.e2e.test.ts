import { readFile } from 'node:fs/promises';
import { AddTagsToResourceCommand } from '@aws-sdk/client-rds';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createInstance, deleteInstance, resize } from '../../dev/aws-changes.ts';
import { deny, throttle } from '../../dev/proxy-faults.ts';
import { namespace, type Stack, startStack } from '../../dev/stack.ts';
import { type EventMessage, syncEvents } from '../../lib/event-sync.ts';
import { mirrorOf } from '../../lib/mirror.ts';
import { conditionOf, type KubernetesObject } from '../../lib/object.ts';
import { nameOf } from '../../lib/resource.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import type { ConfiguredTask } from '../../lib/targets.ts';
import { type Sample, sampleOf, taskOf } from '../event-samples.ts';
import { configurationWith, contextOf, surroundings } from '../handlers/functions.ts';

const account = '111122223333';
const region = 'us-east-1';
const kept = mirrorOf({ name: 'production', namespace, graceSeconds: 0 });

const { said, metrics, configure } = surroundings();

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
}, 300_000);
afterAll(() => stack?.stop());
afterEach(() => {
  stack.aws.faults.clear();
  stack.aws.requests.clear();
});

const arnOf = (identifier: string) => `arn:aws:rds:${region}:${account}:db:${identifier}`;

function task(more: Partial<ConfiguredTask> = {}): ConfiguredTask {
  const access = { roleArn: stack.aws.roleArn(account), externalId: stack.aws.externalId };
  return taskOf(rdsInstance, { account, region }, { mirror: kept, access, ...more });
}

let sent = 0;

/** The sample, about that instance of the estate. */
function about(identifier: string, sample: Sample = sampleOf('rds-instance-failover')): EventMessage {
  const own = { ...sample.body, resources: [arnOf(identifier)], detail: { SourceArn: arnOf(identifier) } };
  sent += 1;
  return { messageId: `message-${sent}`, body: JSON.stringify(own), receiveCount: 1 };
}

function run(messages: readonly EventMessage[], tasks = [task()]) {
  const clusters = async () => new Map([['main', stack.cluster]]);
  return syncEvents(messages, tasks, { signal: AbortSignal.timeout(60_000), clusters });
}

async function objectOf(identifier: string): Promise<KubernetesObject | undefined> {
  const id = arnOf(identifier);
  const name = nameOf(rdsInstance, id, rdsInstance.identify(id) ?? {});
  return stack.cluster.get(rdsInstance, namespace, name, { signal: AbortSignal.timeout(60_000) });
}

const observed = async (identifier: string) => Object((await objectOf(identifier))?.status?.observed);
const exists = (object: KubernetesObject | undefined) => object && conditionOf(object, 'Exists')?.status;

const make = (identifier: string) =>
  createInstance(stack.aws, {
    account,
    region,
    identifier,
    engine: 'postgres',
    engineVersion: '17.4',
    instanceClass: 'db.t4g.medium',
    storage: 20,
    multiAz: false,
    encrypted: true,
    tags: {},
  });

test('a storm of a thousand events about three databases costs a few calls', async () => {
  const names = ['orders', 'customers', 'ledger'];
  const storm = Array.from({ length: 1000 }, (_, index) => about(names[index % names.length] ?? ''));
  for (let start = 0; start < storm.length; start += 100) {
    const { failed, reports } = await run(storm.slice(start, start + 100));
    expect({ failed, passes: reports.length }).toEqual({ failed: [], passes: 1 });
  }
  expect(stack.aws.requests.count({ service: 'rds' })).toBe(10);
  expect(stack.aws.requests.all.length).toBeLessThanOrEqual(30);
  for (const name of names) expect(exists(await objectOf(name))).toBe('True');
});

test('events that come late, twice and in the wrong order lead to what is there', async () => {
  await make('shuffled');
  await run([about('shuffled')]);
  await resize(stack.aws, { account, region, identifier: 'shuffled' }, 'db.r6g.large');
  const deleted = about('shuffled', sampleOf('rds-instance-deleted'));
  await run([deleted, about('shuffled'), deleted]);
  expect(await observed('shuffled')).toMatchObject({ class: 'db.r6g.large' });
  expect(exists(await objectOf('shuffled'))).toBe('True');
  await deleteInstance(stack.aws, { account, region, identifier: 'shuffled' });
  await make('shuffled');
  await run([about('shuffled'), deleted]);
  expect(await observed('shuffled')).toMatchObject({ class: 'db.t4g.medium' });
  expect(exists(await objectOf('shuffled'))).toBe('True');
});

test('an event that tells of a deletion marks only what is proven gone, and deletes nothing', async () => {
  await make('leaving');
  const deleted = () => about('leaving', sampleOf('rds-instance-deleted'));
  await run([about('leaving')]);
  await run([deleted()]);
  const before = await objectOf('leaving');
  expect(exists(before)).toBe('True');
  await deleteInstance(stack.aws, { account, region, identifier: 'leaving' });
  for (const _ of 'thrice') await run([deleted()]);
  const after = await objectOf('leaving');
  expect(exists(after)).toBe('False');
  expect(after?.metadata.uid).toBe(before?.metadata.uid);
});

test('an event that changes nothing writes nothing', async () => {
  await run([about('sessions')]);
  const before = await objectOf('sessions');
  await run([about('sessions'), about('sessions')]);
  expect((await objectOf('sessions'))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
});

test('for a paused mirror nothing is read or written', async () => {
  const { failed, ignored } = await run([about('wiki')], [task({ paused: true })]);
  expect({ failed, paused: ignored.get('Paused')?.count }).toEqual({ failed: [], paused: 1 });
  expect(stack.aws.requests.all).toEqual([]);
  expect(await objectOf('wiki')).toBeUndefined();
});

test('a tag that CloudTrail tells of is in the object at once', async () => {
  await run([about('reporting')]);
  const tags = [{ Key: 'owner', Value: 'finance' }];
  await stack.aws
    .rds(account, region)
    .send(new AddTagsToResourceCommand({ ResourceName: arnOf('reporting'), Tags: tags }));
  const call = JSON.stringify(sampleOf('rds-tag-cluster').body).replaceAll(/arn:aws:rds:[^"]+/g, arnOf('reporting'));
  await run([{ messageId: 'tagged', body: call, receiveCount: 1 }]);
  expect(await observed('reporting')).toMatchObject({ tags: { owner: 'finance' } });
});

test.each([
  ['throttles', throttle, true],
  ['denies', deny, false],
] as const)('where AWS %s a single question, its events come again only if that may help', async (_, fault, again) => {
  stack.aws.faults.add({ when: { service: 'rds' }, do: fault() });
  const messages = [about('crm'), { messageId: 'other', body: 'no JSON', receiveCount: 1 }];
  const { failed, reports } = await run(messages);
  expect(failed).toEqual(again ? [messages[0]?.messageId] : []);
  expect(reports.map(({ ok }) => ok)).toEqual([false]);
  expect(await objectOf('crm')).toBeUndefined();
});

test('nothing that an event says gets into an object', async () => {
  const { body } = about('vouchers');
  const forged = { ...JSON.parse(body), account: '999999999999', region: 'eu-west-1' };
  forged.detail = { ...forged.detail, Message: 'forged', DBInstanceStatus: 'forged', tags: { forged: 'yes' } };
  await run([{ messageId: 'forged', body: JSON.stringify(forged), receiveCount: 1 }]);
  expect(JSON.stringify(await objectOf('vouchers'))).not.toMatch(/forged|999999999999|eu-west-1/);
});

test('the function enters cluster and account as it is configured, and answers what comes again', async () => {
  const { aws, kubernetes } = stack;
  const credentials = aws.baseKeys;
  const secrets = new SecretsManagerClient({ endpoint: aws.motoEndpoint, region, credentials });
  const SecretString = await readFile(kubernetes.kubeconfig('skymirror'), 'utf8');
  const { ARN: secret } = await secrets.send(new CreateSecretCommand({ Name: 'cluster', SecretString }));
  secrets.destroy();
  const main = { id: account, role: aws.roleArn(account), externalId: aws.externalId };
  configure(
    configurationWith({ name: 'production', namespace }, { clusters: { main: { secret } }, accounts: { main } }),
  );
  const { handler } = await import('../../handlers/event.ts');
  const messages = [about('notifications'), about('tax-rates'), { messageId: 'odd', body: 'no JSON' }];
  const attributes = { ApproximateReceiveCount: '1' };
  const Records = messages.map(({ messageId, body }) => ({ messageId, body, attributes }));
  await expect(handler({ Records }, contextOf())).resolves.toEqual({ batchItemFailures: [] });
  expect(exists(await objectOf('notifications'))).toBe('True');
  expect(said()).toEqual([
    expect.stringMatching(/^INFO production RDSInstance 111122223333\/us-east-1: complete, 2 seen/),
    'INFO events that lead nowhere',
  ]);
  expect(metrics()).toMatchObject({ EventsReceived: 3, EventsIgnored: 1, EventsFailed: 0 });
  stack.aws.faults.add({ when: { service: 'rds' }, do: throttle() });
  await expect(handler({ Records }, contextOf())).resolves.toEqual({
    batchItemFailures: Records.slice(0, 2).map(({ messageId }) => ({ itemIdentifier: messageId })),
  });
});
