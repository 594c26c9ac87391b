import {
  DeleteDBInstanceCommand,
  ModifyDBInstanceCommand,
  RDSClient,
  StopDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Keys, Policy } from '../../dev/aws.ts';
import { deny } from '../../dev/proxy-faults.ts';
import { readerPolicy } from '../../lib/iam.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { type Stack, startStack } from './stack.ts';
import { complaints, conditionText, done, versions } from './world.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());
afterEach(async () => {
  stack.aws.faults.clear();
  await stack.aws.moto.enforceIam(false);
});

/** The generated policy, in the form that the emulator takes; without one action, if one is named. */
function policy(without?: string): Policy {
  const { Version, Statement } = readerPolicy([rdsInstance]);
  const statements = Statement.map(({ Action, Resource }) => ({
    Effect: 'Allow' as const,
    Action: Action.filter((action) => action !== without),
    Resource,
  }));
  return { Version: Version as Policy['Version'], Statement: statements.filter(({ Action }) => Action.length > 0) };
}

/** The process runs under these keys alone, with nothing to assume. */
async function runUnder(allowed: Policy): Promise<Keys> {
  const keys = await stack.aws.reader(allowed);
  vi.stubEnv('AWS_ACCESS_KEY_ID', keys.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', keys.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', keys.sessionToken);
  return keys;
}

const actions = policy().Statement.flatMap(({ Action }) => Action);

/** AWS grants GetCallerIdentity to everybody, whatever a policy says, and so does the emulator. */
const enforced = actions.filter((action) => action !== 'sts:GetCallerIdentity');

describe('under the generated policy, enforced by the emulator', () => {
  test('everything that a mirror does works', async () => {
    const world = await stack.world({ instances: ['orders', 'ledger'], mirror: { graceSeconds: 0 } });
    await runUnder(policy());
    expect(done(await world.pass({ access: {} }))).toEqual({ created: 2 });
    await world.resize('orders', 'db.r7g.large');
    await world.remove('ledger');
    expect(done(await world.pass({ access: {} }))).toEqual({ updated: 1, marked: 1 });
    expect(done(await world.pass({ access: {}, ids: [world.arn('orders')] }))).toEqual({ unchanged: 1 });
    expect(await world.pass({ access: {} })).toMatchObject({ ok: true, clusters: [{ counts: { deleted: 1 } }] });
  });

  test.each(enforced)('%s is needed: without it nothing is seen, marked or deleted', async (action) => {
    await expectBlind(() => runUnder(policy(action)));
  });

  test('nothing can be changed outside', async () => {
    const world = await stack.world({ instances: ['orders'] });
    const credentials = await runUnder(policy());
    const client = new RDSClient({ endpoint: stack.aws.endpoint, region: world.region, credentials, maxAttempts: 1 });
    const target = { DBInstanceIdentifier: 'orders' };
    const refused = { name: 'AccessDenied', message: expect.stringMatching(/not authorized to perform: rds:/) };
    const deleting = client.send(new DeleteDBInstanceCommand({ ...target, SkipFinalSnapshot: true }));
    await expect(deleting).rejects.toMatchObject(refused);
    await expect(client.send(new StopDBInstanceCommand(target))).rejects.toMatchObject(refused);
    const modifying = client.send(new ModifyDBInstanceCommand({ ...target, DBInstanceClass: 'db.r7g.large' }));
    await expect(modifying).rejects.toMatchObject(refused);
    client.destroy();
    expect(done(await world.pass({ access: {} }))).toEqual({ created: 1 });
  });
});

test('should sts:GetCallerIdentity be refused, nothing is seen, marked or deleted', async () => {
  await expectBlind(async () => {
    await runUnder(policy());
    stack.aws.faults.add({ when: { service: 'sts', action: 'GetCallerIdentity' }, do: deny() });
  });
});

/** After `blind` no pass sees anything: of a marked object that is due and of one that is gone, neither is touched. */
async function expectBlind(blind: () => Promise<unknown>): Promise<void> {
  const world = await stack.world({ instances: ['orders', 'ledger', 'wiki'], mirror: { graceSeconds: 0 } });
  await world.pass();
  await world.remove('orders');
  await world.pass();
  await world.remove('ledger');
  const before = await versions(world);
  await blind();
  for (const wish of [{}, { ids: [world.arn('ledger')] }]) {
    const report = await world.pass({ access: {}, ...wish });
    expect(report.ok).toBe(false);
    expect(complaints(report)).toMatch(/AWS refused \(AccessDenied: .*To mend it: grant the missing action/);
  }
  expect(await versions(world)).toEqual(before);
  expect(conditionText(await world.scan(), 'Complete')).toBe('False AccessDenied');
}

test('the policy allows reads of metadata and nothing else', () => {
  expect(actions).toEqual(['rds:DescribeDBInstances', 'sts:GetCallerIdentity']);
});

test('a mirror sends AWS these calls and no others', async () => {
  const world = await stack.world({ instances: ['orders', 'ledger'], mirror: { graceSeconds: 0 } });
  stack.aws.requests.clear();
  await world.pass();
  await world.remove('orders');
  await world.pass();
  await world.pass();
  const sent = new Set(stack.aws.requests.all.map(({ service, action }) => `${service}:${action}`));
  expect([...sent].toSorted()).toEqual(['rds:DescribeDBInstances', 'sts:AssumeRole', 'sts:GetCallerIdentity']);
});
