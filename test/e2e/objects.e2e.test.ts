import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { editRow, setElement } from '../../dev/proxy-rows.ts';
import { conditionOf, type KubernetesObject } from '../../lib/object.ts';
import { tagPrefix } from '../../lib/resource.ts';
import { type Stack, startStack } from './stack.ts';
import { complaints, conditionText, done, judgements, versions, type World } from './world.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());
afterEach(() => stack.aws.faults.clear());

/** An object of this name as somebody else would make it. */
async function makeByHand(world: World, identifier: string, spec: Record<string, string> = {}): Promise<void> {
  const { account, region } = world;
  await stack.kubernetes.apply([
    {
      apiVersion: 'aws.skymirror.dev/v1alpha1',
      kind: 'RDSInstance',
      metadata: { name: world.nameOf(identifier), namespace: world.namespace },
      spec: { arn: world.arn(identifier), account, region, identifier, ...spec },
    },
  ]);
}

describe('an object of another owner under the name of an instance', () => {
  test.each([
    ['with the identity of that instance is foreign', {}, 'Foreign'],
    ['with another identity is a name collision', { arn: 'arn:aws:rds:us-east-2:1:db:x' }, 'NameCollision'],
    ['with an identity of another scope is a name collision', { region: 'eu-west-1' }, 'NameCollision'],
  ])('%s; it is left alone, reported, and stops nobody else', async (_, spec, reason) => {
    const world = await stack.world({ instances: ['orders', 'ledger'] });
    await makeByHand(world, 'orders', spec);
    const theirs = await world.object('orders');
    const report = await world.pass();
    expect(report.ok).toBe(false);
    expect(done(report)).toEqual({ created: 1, refused: 1 });
    expect(complaints(report)).toMatch(new RegExp(`^${reason}: the object ${world.nameOf('orders')} `));
    expect(await world.object('orders')).toEqual(theirs);
    expect((await world.scan()).status).toMatchObject({ refused: 1, error: complaints(report) });
    await world.remove('orders');
    expect(await world.pass({ mirror: { graceSeconds: 0 } })).toMatchObject({ ok: true });
    expect(await world.pass({ mirror: { graceSeconds: 0 } })).toMatchObject({ ok: true });
    expect(await world.object('orders')).toEqual(theirs);
  });
});

describe('what people put on a mirrored object', () => {
  test('stays through every change: labels, annotations, conditions', async () => {
    const world = await stack.world({ instances: ['orders'], mirror: { tagLabels: ['team'] } });
    await world.pass();
    const path = world.pathOf('orders');
    const theirs = {
      labels: { 'example.com/owner': 'jo' },
      annotations: { 'example.com/note': 'ask first ☃' },
      finalizers: ['example.com/backup'],
    };
    const created = await world.patch(path, { metadata: theirs });
    const backedUp = {
      type: 'example.com/BackedUp',
      status: 'True',
      reason: 'Nightly',
      message: 'Last night.',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const conditions = [...(created.status?.conditions ?? []), backedUp];
    await world.patch(`${path}/status`, { status: { conditions } });
    const before = await versions(world);
    expect(done(await world.pass())).toEqual({ unchanged: 1 });
    expect(await versions(world)).toEqual(before);
    await world.resize('orders', 'db.m7g.4xlarge');
    expect(done(await world.pass())).toEqual({ updated: 1 });
    await world.remove('orders');
    expect(done(await world.pass())).toEqual({ marked: 1 });
    const after = await world.object('orders');
    expect(after.metadata).toMatchObject(theirs);
    expect(after.metadata.labels).toMatchObject({ [`${tagPrefix}team`]: 'commerce' });
    expect(conditionOf(after, backedUp.type)).toEqual(backedUp);
  });

  test('does not keep skymirror from its own labels: lost ones are restored, forged ones corrected', async () => {
    const world = await stack.world({ instances: ['orders'], mirror: { tagLabels: ['team'] } });
    await world.pass();
    const { labels } = (await world.object('orders')).metadata;
    const lost = Object.fromEntries(Object.keys(labels ?? {}).map((key) => [key, null]));
    const forged = { 'skymirror.dev/scope': 'other', [`${tagPrefix}boss`]: 'me' };
    await world.patch(world.pathOf('orders'), { metadata: { labels: { ...lost, ...forged } } });
    expect(done(await world.pass())).toEqual({ updated: 1 });
    expect((await world.object('orders')).metadata.labels).toEqual(labels);
  });

  test('that gives it to another mirror is believed: it is left alone and reported until the label is gone', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    const label = (value: string | null) =>
      world.patch(world.pathOf('orders'), { metadata: { labels: { 'skymirror.dev/mirror': value } } });
    await label('other');
    const report = await world.pass();
    expect(done(report)).toEqual({ refused: 1 });
    expect(complaints(report)).toMatch(/OtherMirror: the object orders-\w+ belongs to another mirror/);
    await label(null);
    expect(done(await world.pass())).toEqual({ updated: 1 });
  });

  test('cannot be another identity: the API server refuses that', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    const patching = world.patch(world.pathOf('orders'), { spec: { arn: world.arn('ledger') } });
    await expect(patching).rejects.toThrow(/spec\.arn never changes: it is part of the identity/);
  });

  test('in observed is put right by the next pass', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    const before = await world.object('orders');
    await world.patch(`${world.pathOf('orders')}/status`, { status: { observed: { engine: 'oracle', class: null } } });
    expect(done(await world.pass())).toEqual({ updated: 1 });
    expect((await world.object('orders')).status).toEqual(before.status);
  });
});

describe('an object that a user deletes', () => {
  test('is left alone while a finalizer holds it, reported, and made anew when it is gone', async () => {
    const world = await stack.world({ instances: ['orders', 'ledger'] });
    await world.pass();
    const path = world.pathOf('orders');
    await world.patch(path, { metadata: { finalizers: ['example.com/backup'] } });
    await stack.kubernetes.request(path, { method: 'DELETE' });
    const dying = await world.object('orders');
    expect(dying.metadata.deletionTimestamp).toBeDefined();
    await world.resize('orders', 'db.m7g.4xlarge');
    const report = await world.pass();
    expect(done(report)).toEqual({ refused: 1, unchanged: 1 });
    expect(complaints(report)).toMatch(/^BeingDeleted: the object orders-\w+ is being deleted by somebody else/);
    expect(await world.object('orders')).toEqual(dying);
    await world.patch(path, { metadata: { finalizers: null } });
    expect(done(await world.pass())).toEqual({ created: 1, unchanged: 1 });
    const anew = await world.object('orders');
    expect(anew.metadata.uid).not.toBe(dying.metadata.uid);
    expect(anew.status?.observed?.class).toBe('db.m7g.4xlarge');
  });
});

describe('a row that fails the schema', () => {
  const withoutState = (row: string) => row.replace(/<DBInstanceStatus>.*?<\/DBInstanceStatus>/, '');

  test('is one line in the report, and the others go on', async () => {
    const world = await stack.world({ instances: ['orders', 'ledger', 'wiki'] });
    stack.aws.faults.add(editRow('ledger', withoutState));
    const report = await world.pass();
    expect(report).toMatchObject({ ok: false, outside: { seen: 3, invalid: 1 } });
    expect(report).not.toHaveProperty('incomplete');
    expect(done(report)).toEqual({ created: 2, refused: 1 });
    expect(complaints(report)).toMatch(/^Invalid: arn:\S+:db:ledger does not fit the schema: .*\n.*at state$/);
    expect(await world.identifiers()).toEqual(['orders', 'wiki']);
    expect(conditionText(await world.scan(), 'Complete')).toBe('True Listed');
    expect(conditionText(await world.scan(), 'Applied')).toBe('False NotWritten');
  });

  test('leaves what was observed before, and says that this is not current', async () => {
    const world = await stack.world({ instances: ['orders', 'ledger'] });
    await world.pass();
    const before = await world.object('ledger');
    const fault = stack.aws.faults.add(setElement('ledger', 'AllocatedStorage', 'plenty'));
    stack.aws.faults.add(editRow('ledger', withoutState));
    expect(done(await world.pass())).toMatchObject({ updated: 1, unchanged: 1 });
    const broken = await world.object('ledger');
    expect(judgements(broken)).toEqual({ Exists: 'True Found', Synced: 'False Invalid', Ready: 'True Available' });
    expect(broken.status?.observed).toEqual(before.status?.observed);
    fault.remove();
    stack.aws.faults.clear();
    expect(done(await world.pass())).toEqual({ updated: 1, unchanged: 1 });
    expect(judgements(await world.object('ledger'))).toMatchObject({ Synced: 'True Observed' });
  });
});

describe('tags', () => {
  const odd = {
    'a b': 'spaces in the key',
    Ort: 'Köln ☃ 🙃',
    team: 'commerce',
    long: 'x'.repeat(64),
    'aws:cloudformation:stack-name': 'databases/v2',
    quotes: `'"\\{{ }}$(x)<b>&amp;`,
    'rtl\u202e': 'שלום',
  };

  test('of any characters come in as they are; those that are no labels are left out and counted', async () => {
    const tagLabels = ['team', 'long', 'Ort', 'a b', 'missing', 'aws:cloudformation:stack-name'];
    const world = await stack.world({ mirror: { tagLabels } });
    await world.create('orders', { tags: odd });
    const report = await world.pass();
    expect(report).toMatchObject({ ok: true, outside: { labelsLeftOut: 4 } });
    const object = await world.object('orders');
    expect(object.status?.observed?.tags).toEqual(odd);
    expect(tagsAsLabels(object)).toEqual({ [`${tagPrefix}team`]: 'commerce' });
    expect((await world.scan()).status).toMatchObject({ labelsLeftOut: 4 });
  });

  test('with control characters and lone surrogates are written once and equal ever after', async () => {
    const world = await stack.world({ instances: ['orders'] });
    const tag = '<Tag><Key>bell</Key><Value>a&#7;b&#0;c&#9;d&#10;e&#xD800;f</Value></Tag>';
    stack.aws.faults.add(editRow('orders', (row) => row.replace('<TagList>', `<TagList>${tag}`)));
    expect(await world.pass()).toMatchObject({ ok: true });
    expect((await world.object('orders')).status?.observed?.tags).toEqual({
      team: 'commerce',
      bell: 'a\u0007b\u0000c\td\ne\ufffdf',
    });
    const before = await versions(world);
    expect(done(await world.pass())).toEqual({ unchanged: 1 });
    expect(await versions(world)).toEqual(before);
  });

  test('that change move the label, and those that go take it along', async () => {
    const world = await stack.world({ instances: ['orders'], mirror: { tagLabels: ['team', 'env'] } });
    await world.pass();
    stack.aws.faults.add(editRow('orders', (row) => row.replace('>team<', '>env<').replace('>commerce<', '>dev<')));
    expect(done(await world.pass())).toEqual({ updated: 1 });
    expect(tagsAsLabels(await world.object('orders'))).toEqual({ [`${tagPrefix}env`]: 'dev' });
  });
});

test('names that differ only behind their 49th character, or only in dashes, get objects of their own', async () => {
  const longest = `${'a-name-as-long-as-rds-allows-it'.padEnd(62, '-x')}`;
  const twins = [`${longest}1`, `${longest}2`, 'a-b', 'ab'];
  const world = await stack.world({ instances: twins });
  expect(done(await world.pass())).toEqual({ created: 4 });
  expect(await world.identifiers()).toEqual(twins.toSorted());
  const names = [...(await world.objects()).values()].map(({ metadata }) => metadata.name);
  expect(Math.max(...names.map((name) => name.length))).toBe(63);
});

function tagsAsLabels({ metadata }: KubernetesObject): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([key]) => key.startsWith(tagPrefix)));
}
