import { afterAll, beforeAll, expect, test } from 'vitest';
import { conditionOf } from '../../lib/object.ts';
import { approvalAnnotation } from '../../lib/removal.ts';
import { type Stack, startStack } from './stack.ts';
import { conditionText, done, type World } from './world.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

const names = Array.from({ length: 12 }, (_, number) => `db-${String(number).padStart(2, '0')}`);
const eight = names.slice(0, 8);

/** Twelve instances, eight of them gone and marked without grace: more than the five that may go unasked. */
async function massRemoval(): Promise<World> {
  const world = await stack.world({ instances: names, mirror: { graceSeconds: 0 } });
  await world.pass();
  await world.remove(...eight);
  expect(done(await world.pass())).toEqual({ marked: 8, unchanged: 4 });
  return world;
}

/** What a person does with the command that RemovalBlocked shows. */
async function approve(world: World): Promise<void> {
  const { message } = conditionOf(await world.scan(), 'RemovalBlocked') ?? { message: '' };
  const [, namespace, name, key, value] =
    /kubectl annotate mirrorscan -n (\S+) (\S+) --overwrite (\S+)=(\S+)$/.exec(message) ?? [];
  expect({ namespace, name }).toEqual({ namespace: world.namespace, name: world.scanPath.split('/').at(-1) });
  await world.patch(world.scanPath, { metadata: { annotations: { [String(key)]: value } } });
}

test('a mass removal waits for a person, and says how many and what to do', async () => {
  const world = await massRemoval();
  const report = await world.pass();
  expect(done(report)).toEqual({ kept: 8, unchanged: 4 });
  expect(report.clusters[0]?.blocked).toBe(8);
  expect(await world.identifiers()).toEqual(names);
  const scan = await world.scan();
  expect(conditionText(scan, 'RemovalBlocked')).toBe('True TooMany');
  expect(conditionOf(scan, 'RemovalBlocked')?.message).toMatch(
    /^Due for removal: 8\. Gone in the last 24 h: 0\. Allowed without asking: 5\. Named in status\.blockedRemoval: 8\. To let that set go: kubectl annotate mirrorscan -n \S+ \S+ --overwrite skymirror\.dev\/approve-removals=8-\w{13}$/,
  );
  expect(scan.status).toMatchObject({ blockedRemoval: { members: { length: 8 } }, held: 12, kept: 8 });
  const again = await world.pass();
  expect(again.clusters[0]?.blocked).toBe(8);
  expect(await world.identifiers()).toEqual(names);
});

test('an approval releases exactly the named set; those that become due later need their own', async () => {
  const world = await massRemoval();
  await world.pass();
  await world.remove('db-08', 'db-09');
  expect(done(await world.pass())).toEqual({ kept: 8, marked: 2, unchanged: 2 });
  await approve(world);
  expect(done(await world.pass())).toEqual({ deleted: 8, kept: 2, unchanged: 2 });
  expect(await world.identifiers()).toEqual(['db-08', 'db-09', 'db-10', 'db-11']);
  const held = await world.pass();
  expect(done(held)).toEqual({ kept: 2, unchanged: 2 });
  expect(held.clusters[0]?.blocked).toBe(2);
  expect(conditionOf(await world.scan(), 'RemovalBlocked')?.message).toMatch(
    /^Due for removal: 2\. Gone in the last 24 h: 8\./,
  );
  await approve(world);
  expect(done(await world.pass())).toEqual({ deleted: 2, unchanged: 2 });
  expect(await world.identifiers()).toEqual(['db-10', 'db-11']);
  expect(await world.pass()).toMatchObject({ ok: true, clusters: [{ blocked: 0 }] });
  expect(conditionText(await world.scan(), 'RemovalBlocked')).toBe('False NothingBlocked');
});

test('a member of an approved set that came back stays', async () => {
  const world = await massRemoval();
  await world.pass();
  await world.create('db-00');
  await approve(world);
  expect(done(await world.pass())).toEqual({ deleted: 7, updated: 1, unchanged: 4 });
  expect(await world.identifiers()).toEqual(['db-00', ...names.slice(8)]);
});

test('an approval of another set releases nothing', async () => {
  const world = await massRemoval();
  await world.pass();
  await world.patch(world.scanPath, { metadata: { annotations: { [approvalAnnotation]: '8-0000000000000' } } });
  expect(done(await world.pass())).toEqual({ kept: 8, unchanged: 4 });
  expect(await world.identifiers()).toEqual(names);
});

test('removals are added up over passes, so that a trickle meets the brake as well', async () => {
  const world = await stack.world({ instances: names, mirror: { graceSeconds: 0 } });
  await world.pass();
  const went: number[] = [];
  for (const identifier of eight) {
    await world.remove(identifier);
    await world.pass();
    went.push(done(await world.pass()).deleted ?? 0);
  }
  expect(went).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
  expect((await world.pass()).clusters[0]?.blocked).toBe(3);
  expect(await world.identifiers()).toEqual(names.slice(5));
});

test('a mass removal by selection meets the brake as well', async () => {
  const world = await stack.world({ instances: names, mirror: { graceSeconds: 0 } });
  await world.pass();
  const none = { mirror: { selects: () => false } };
  expect(done(await world.pass(none))).toEqual({ marked: 12 });
  const report = await world.pass(none);
  expect(done(report)).toEqual({ kept: 12 });
  expect(report.clusters[0]?.blocked).toBe(12);
  await approve(world);
  expect(done(await world.pass(none))).toEqual({ deleted: 12 });
  expect((await world.objects()).size).toBe(0);
});

test('the scan remembers deletes before they happen', async () => {
  const world = await stack.world({ instances: names.slice(0, 3), mirror: { graceSeconds: 0 } });
  await world.pass();
  await world.remove('db-00');
  await world.pass();
  const { cluster } = stack;
  const dying = { ...cluster, remove: () => Promise.reject(new Error('crashed before the delete')) };
  const report = await world.pass({ clusters: [dying] });
  expect(report.ok).toBe(false);
  expect(await world.identifiers()).toContain('db-00');
  const { history } = (await world.scan()).status as { history?: { deleted: number }[] };
  expect(history?.reduce((sum, { deleted }) => sum + deleted, 0)).toBe(1);
});
