import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  cut,
  deny,
  expiredToken,
  fail,
  hold,
  invalidToken,
  type Rule,
  rewrite,
  signatureMismatch,
  throttle,
  unavailable,
} from '../../dev/proxy-faults.ts';
import { dropRow, editRow } from '../../dev/proxy-rows.ts';
import { until } from '../../dev/until.ts';
import { conditionOf } from '../../lib/object.ts';
import { type Stack, startStack } from './stack.ts';
import { complaints, conditionText, done, judgements, type PassWish, versions, type World } from './world.ts';

const names = Array.from({ length: 105 }, (_, number) => `db-${String(number).padStart(3, '0')}`);

let stack: Stack;
let world: World;
let before: Awaited<ReturnType<typeof versions>>;
beforeAll(async () => {
  stack = await startStack();
  world = await stack.world({ instances: names, mirror: { graceSeconds: 0 } });
  expect(done(await world.pass())).toEqual({ created: 105 });
  before = await versions(world);
});
afterAll(() => stack?.stop());
afterEach(() => stack.aws.faults.clear());

const listing = { service: 'rds', action: 'DescribeDBInstances' };
const assuming = { service: 'sts', action: 'AssumeRole' };
const proving = { service: 'sts', action: 'GetCallerIdentity' };

/** One pass that cannot see everything: the scan says why, no object is touched, and the next pass is whole again. */
async function expectUnseen(reason: string, sentence: RegExp, wish: PassWish = {}): Promise<void> {
  const report = await world.pass(wish);
  expect(report).toMatchObject({ ok: false, incomplete: { reason } });
  expect(report.incomplete?.message).toMatch(sentence);
  const scan = await world.scan();
  expect(conditionText(scan, 'Complete')).toBe(`False ${reason}`);
  expect(scan.status?.error).toBe(report.incomplete?.message);
  expect(await versions(world)).toEqual(before);
  stack.aws.faults.clear();
  expect(await world.pass()).toMatchObject({ ok: true });
  expect(conditionText(await world.scan(), 'Complete')).toBe('True Listed');
  expect(await versions(world)).toEqual(before);
}

describe('a pass that AWS does not let see everything touches nothing but the scan', () => {
  const refused: [what: string, rule: Rule, reason: string, sentence: RegExp][] = [
    ['a role that cannot be assumed', { when: assuming, do: deny() }, 'AccessDenied', /sts:AssumeRole.*trust/],
    ['a key that expired', { when: assuming, do: expiredToken() }, 'AccessDenied', /ExpiredToken/],
    ['a region that is not enabled', { when: proving, do: invalidToken() }, 'AccessDenied', /region is not enabled/],
    ['a wrong secret key', { when: assuming, do: signatureMismatch() }, 'AccessDenied', /the secret key does not fit/],
    ['a missing permission', { when: listing, do: deny() }, 'AccessDenied', /rds:DescribeDBInstances.*grant/],
    ['throttling on page 2', { when: listing, after: 1, do: throttle() }, 'Throttled', /throttles/],
    ['an error that nobody knows', { when: listing, do: fail('Oops', 'Something else') }, 'Unreachable', /Oops/],
    ['not found as the answer to a list', { when: listing, do: fail('Gone', 'x', 404) }, 'Unreachable', /Gone/],
    ['an outage', { when: listing, do: unavailable() }, 'Unreachable', /Service is unavailable/],
    ['an answer that breaks off', { when: listing, after: 1, do: cut() }, 'Unreachable', /could not be asked/],
    ['a row that a listing forgets', dropRow('db-007'), 'Untrusted', /does not hold \S+:db:db-007, yet/],
  ];
  test.each(refused)('%s', async (_, rule, reason, sentence) => {
    stack.aws.faults.add(rule);
    await expectUnseen(reason, sentence);
  });

  test('a Marker that leads in circles', async () => {
    let first: string | undefined;
    const circle = rewrite((xml) => {
      first ??= xml.replace(/<Marker>[^<]*/, '<Marker>round');
      return { status: 200, body: first };
    });
    stack.aws.faults.add({ when: listing, do: circle });
    await expectUnseen('BadAnswer', /same Marker twice/);
  });

  test('a row that lies in another account', async () => {
    const elsewhere = (row: string) => row.replaceAll(world.account, '999999999999');
    stack.aws.faults.add(editRow('db-104', elsewhere));
    await expectUnseen('WrongPlace', /999999999999.* does not lie in/);
  });

  test('a row without an ARN', async () => {
    stack.aws.faults.add(editRow('db-104', (row) => row.replace(/<DBInstanceArn>.*?<\/DBInstanceArn>/, '')));
    await expectUnseen('BadAnswer', /a row of the listing cannot be read: a row without an id/);
  });

  test('a wrong external id', async () => {
    const access = { roleArn: stack.aws.roleArn(world.account), externalId: 'guessed' };
    await expectUnseen('AccessDenied', /give the external id that the role asks for/, { access });
  });

  test('a role of another account', async () => {
    const access = { roleArn: stack.aws.roleArn('444455556666'), externalId: stack.aws.externalId };
    await expectUnseen('WrongPlace', /of account 444455556666, the mirror names account 111122223333/, { access });
    expect(stack.aws.requests.count({ ...listing, account: '444455556666' })).toBe(0);
  });

  test('no credentials at all', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    const report = await world.pass({ access: {} });
    expect(report).toMatchObject({ ok: false, incomplete: { reason: 'AccessDenied' } });
    expect(report.incomplete?.message).toMatch(
      /there are no AWS credentials .* set AWS_PROFILE to a profile that exists/,
    );
    expect(await versions(world)).toEqual(before);
  });

  test('an answer that does not come before the pass is ended', async () => {
    const gate = hold();
    stack.aws.faults.add({ when: listing, after: 1, do: gate.effect });
    const ending = new AbortController();
    const running = world.pass({ signal: ending.signal });
    await gate.reached;
    ending.abort();
    expect(await running).toMatchObject({ ok: false, incomplete: { reason: 'Interrupted' } });
    gate.release();
    expect(await versions(world)).toEqual(before);
    expect(conditionText(await world.scan(), 'Complete')).toBe('False Interrupted');
  });
});

test('a name that is no region is refused before AWS is asked', async () => {
  const nowhere = await stack.world({ region: 'nowhere' });
  stack.aws.requests.clear();
  const report = await nowhere.pass();
  expect(report.incomplete).toMatchObject({
    reason: 'WrongPlace',
    message: expect.stringContaining('such as eu-west-1'),
  });
  expect(stack.aws.requests.count({ service: 'rds' })).toBe(0);
});

test('a confirming question that is refused marks nothing', async () => {
  const own = await stack.world({ instances: ['orders', 'ledger'] });
  await own.pass();
  await own.remove('orders');
  const asked = (request: { parameters: Readonly<Record<string, string>> }) =>
    request.parameters.DBInstanceIdentifier !== undefined;
  stack.aws.faults.add({ when: { ...listing, match: asked }, do: deny() });
  const report = await own.pass();
  expect(report.ok).toBe(false);
  expect(complaints(report)).toMatch(/could not be asked for: .*not authorized to perform: rds:DescribeDBInstances/);
  expect(judgements(await own.object('orders'))).toMatchObject({ Exists: 'True Found' });
  expect(conditionText(await own.scan(), 'Applied')).toBe('False NotWritten');
});

test('an observation that grew old while AWS was slow is made again', async () => {
  const own = await stack.world({ instances: ['orders', 'ledger'] });
  const gate = hold();
  stack.aws.faults.add({ when: listing, times: 1, do: gate.effect });
  let late = 0;
  const running = own.pass({ clock: () => performance.now() + late });
  await gate.reached;
  stack.aws.requests.clear();
  late = 60_000;
  gate.release();
  expect(done(await running)).toEqual({ created: 2 });
  const asked = stack.aws.requests.all.flatMap(({ parameters }) => parameters.DBInstanceIdentifier ?? []);
  expect(asked.toSorted()).toEqual([own.arn('ledger'), own.arn('orders')]);
});

test('objects say that nobody sees them only after staleAfter, and come back by themselves', async () => {
  const own = await stack.world({ instances: ['orders', 'ledger'], mirror: { staleAfterSeconds: 600 } });
  await own.pass();
  const seen = await versions(own);
  stack.aws.faults.add({ when: listing, do: deny() });
  expect(done(await own.pass())).toEqual({ kept: 2 });
  expect(await versions(own)).toEqual(seen);
  const impatient = { mirror: { staleAfterSeconds: 1 } };
  await until(async () => done(await own.pass(impatient)).updated === 2, { what: 'the staleness' });
  const stale = await own.object('orders');
  expect(judgements(stale)).toMatchObject({ Exists: 'Unknown NotSeen', Synced: 'False AccessDenied' });
  expect(conditionOf(stale, 'Synced')?.message).toMatch(/grant the missing action/);
  expect(stale.status?.observed).toMatchObject({ engine: 'postgres' });
  const forgotten = async () => {
    await own.pass(impatient);
    return conditionText(await own.object('orders'), 'Ready') === 'Unknown NotSynced';
  };
  await until(forgotten, { what: 'the end of what is known of its health' });
  stack.aws.faults.clear();
  expect(done(await own.pass())).toEqual({ updated: 2 });
  expect(judgements(await own.object('orders'))).toEqual({
    Exists: 'True Found',
    Synced: 'True Observed',
    Ready: 'True Available',
  });
});
