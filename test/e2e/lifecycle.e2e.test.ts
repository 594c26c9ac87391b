import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { setElement } from '../../dev/proxy-rows.ts';
import { until } from '../../dev/until.ts';
import { conditionOf } from '../../lib/object.ts';
import { type Stack, startStack } from './stack.ts';
import { conditionText, done, judgements, versions } from './world.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());
afterEach(() => stack.aws.faults.clear());

const current = { Exists: 'True Found', Synced: 'True Observed', Ready: 'True Available' };
const gone = { Exists: 'False NotFound', Synced: 'True Observed', Ready: 'False NotFound' };

describe('an instance that changes', () => {
  test('is updated in place', async () => {
    const world = await stack.world({ instances: ['orders', 'ledger'] });
    expect(done(await world.pass())).toEqual({ created: 2 });
    const before = await world.object('orders');
    await world.resize('orders', 'db.m7g.4xlarge');
    expect(done(await world.pass())).toEqual({ updated: 1, unchanged: 1 });
    const after = await world.object('orders');
    expect(before.status?.observed).toMatchObject({ class: 'db.t4g.medium' });
    expect(after.status?.observed).toMatchObject({ class: 'db.m7g.4xlarge', engine: 'postgres' });
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(judgements(after)).toEqual(current);
  });

  test('keeps its object when it is deleted and made again under the same name', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    const before = await world.object('orders');
    await world.remove('orders');
    await world.create('orders', { engine: 'mysql', engineVersion: '8.0.40' });
    expect(done(await world.pass())).toEqual({ updated: 1 });
    const after = await world.object('orders');
    expect(after.metadata.uid).toBe(before.metadata.uid);
    expect(after.metadata.generation).toBe(before.metadata.generation);
    expect(after.status?.observed?.engine).toBe('mysql');
    expect(after.status?.observed?.resourceId).not.toBe(before.status?.observed?.resourceId);
  });

  test('is Ready by what its state means', async () => {
    const { aws } = stack;
    const world = await stack.world({ instances: ['orders'] });
    const states = {
      'storage-full': 'False StorageFull',
      maintenance: 'Unknown Maintenance',
      new: 'Unknown UnknownState',
    };
    for (const [state, ready] of Object.entries(states)) {
      const fault = aws.faults.add(setElement('orders', 'DBInstanceStatus', state));
      expect(await world.pass()).toMatchObject({ ok: true });
      expect(judgements(await world.object('orders'))).toEqual({ ...current, Ready: ready });
      fault.remove();
    }
  });

  test('moves no transition time while the judgement stays', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    const before = await world.object('orders');
    await world.resize('orders', 'db.m7g.4xlarge');
    await world.pass();
    expect((await world.object('orders')).status?.conditions).toEqual(before.status?.conditions);
  });
});

describe('an instance that is gone', () => {
  test('is marked first, kept through its grace, and deleted by a later pass', async () => {
    const world = await stack.world({ instances: ['orders', 'ledger'] });
    await world.pass();
    await world.remove('orders');
    expect(done(await world.pass())).toEqual({ marked: 1, unchanged: 1 });
    const marked = await world.object('orders');
    expect(judgements(marked)).toEqual(gone);
    expect(marked.status?.observed?.class).toBe('db.t4g.medium');
    expect(done(await world.pass())).toEqual({ kept: 1, unchanged: 1 });
    expect(await world.object('orders')).toEqual(marked);
    expect(done(await world.pass({ mirror: { graceSeconds: 0 } }))).toEqual({ deleted: 1, unchanged: 1 });
    expect(await world.identifiers()).toEqual(['ledger']);
    expect((await world.scan()).status).toMatchObject({ deleted: 1, held: 1, seen: 1 });
  });

  test('goes once the grace is over by the clock of the cluster', async () => {
    const world = await stack.world({ instances: ['orders'], mirror: { graceSeconds: 2 } });
    await world.pass();
    await world.remove('orders');
    expect(done(await world.pass())).toEqual({ marked: 1 });
    const mark = conditionOf(await world.object('orders'), 'Exists')?.lastTransitionTime ?? '';
    await until(async () => done(await world.pass()).deleted === 1, { what: 'the delete' });
    expect(stack.cluster.now() - Date.parse(mark)).toBeGreaterThanOrEqual(2000);
    expect(await world.identifiers()).toEqual([]);
  });

  test('is never marked and deleted by one pass, even without grace', async () => {
    const world = await stack.world({ instances: ['orders'], mirror: { graceSeconds: 0 } });
    await world.pass();
    await world.remove('orders');
    stack.aws.requests.clear();
    expect(done(await world.pass())).toEqual({ marked: 1 });
    const proofs = () =>
      stack.aws.requests.all.filter(({ parameters }) => parameters.DBInstanceIdentifier !== undefined);
    expect(proofs()).toHaveLength(1);
    expect(await world.identifiers()).toEqual(['orders']);
    expect(done(await world.pass())).toEqual({ deleted: 1 });
    expect(proofs()).toHaveLength(2);
    expect(await world.identifiers()).toEqual([]);
  });

  test('loses its mark when it comes back', async () => {
    const world = await stack.world({ instances: ['orders'], mirror: { graceSeconds: 0 } });
    await world.pass();
    const { uid } = (await world.object('orders')).metadata;
    await world.remove('orders');
    await world.pass();
    await world.create('orders');
    expect(done(await world.pass())).toEqual({ updated: 1 });
    const back = await world.object('orders');
    expect(judgements(back)).toEqual(current);
    expect(back.metadata.uid).toBe(uid);
  });

  test('stays for ever, marked, where the mirror retains', async () => {
    const world = await stack.world({ instances: ['orders'], mirror: { graceSeconds: 0, removal: 'Retain' } });
    await world.pass();
    await world.remove('orders');
    expect(done(await world.pass())).toEqual({ marked: 1 });
    const before = await versions(world);
    expect(done(await world.pass())).toEqual({ kept: 1 });
    expect(await versions(world)).toEqual(before);
    expect(judgements(await world.object('orders'))).toEqual(gone);
    expect(conditionText(await world.scan(), 'RemovalBlocked')).toBe('False NothingBlocked');
  });
});

describe('a run that is narrowed to ids', () => {
  test('creates, updates and marks, never deletes, and leaves the scan alone', async () => {
    const world = await stack.world({ instances: ['orders', 'ledger'], mirror: { graceSeconds: 0 } });
    await world.pass();
    const scan = await world.scan();
    await world.create('search');
    await world.create('wiki');
    await world.resize('orders', 'db.m7g.4xlarge');
    await world.remove('ledger');
    const ids = ['orders', 'ledger', 'search'].map(world.arn);
    expect(done(await world.pass({ ids }))).toEqual({ created: 1, updated: 1, marked: 1 });
    expect(await world.identifiers()).toEqual(['ledger', 'orders', 'search']);
    expect(judgements(await world.object('ledger'))).toEqual(gone);
    expect(done(await world.pass({ ids }))).toEqual({ unchanged: 2, kept: 1 });
    expect(await world.scan()).toEqual(scan);
  });

  test('says of an id that is none, or lies elsewhere, that it is not its own', async () => {
    const world = await stack.world({ instances: ['orders'] });
    const elsewhere = world.arn('orders').replace(world.region, 'us-east-1');
    const report = await world.pass({ ids: [world.arn('orders'), 'orders', elsewhere] });
    expect(report.ok).toBe(false);
    expect(report.clusters[0]?.failures.map(({ name }) => name).toSorted()).toEqual([elsewhere, 'orders'].toSorted());
    expect(await world.identifiers()).toEqual(['orders']);
  });
});

describe('a selection', () => {
  test('takes an instance that it no longer chooses away in two steps', async () => {
    const world = await stack.world({ instances: ['orders', 'ledger'], mirror: { graceSeconds: 600 } });
    await world.pass();
    const selects = (fields: object) => !('class' in fields && fields.class === 'db.m7g.4xlarge');
    await world.resize('orders', 'db.m7g.4xlarge');
    const marked = await world.pass({ mirror: { selects } });
    expect(done(marked)).toEqual({ marked: 1, unchanged: 1 });
    expect(marked.outside).toMatchObject({ seen: 2, unselected: 1 });
    expect(judgements(await world.object('orders'))).toEqual({ ...current, Synced: 'False NotSelected' });
    expect(done(await world.pass({ mirror: { selects } }))).toEqual({ kept: 1, unchanged: 1 });
    expect(done(await world.pass({ mirror: { selects, graceSeconds: 0 } }))).toEqual({ deleted: 1, unchanged: 1 });
    expect(await world.identifiers()).toEqual(['ledger']);
    expect(await world.pass({ mirror: { selects } })).toMatchObject({ ok: true });
    expect(await world.identifiers()).toEqual(['ledger']);
  });

  test('that chooses it again before the delete keeps it', async () => {
    const world = await stack.world({ instances: ['orders'], mirror: { graceSeconds: 0 } });
    await world.pass();
    await world.pass({ mirror: { selects: () => false } });
    expect(done(await world.pass())).toEqual({ updated: 1 });
    expect(judgements(await world.object('orders'))).toEqual(current);
  });
});
