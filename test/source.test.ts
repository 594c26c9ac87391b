import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { judgement } from '../lib/conditions.ts';
import { type Definition, defineSource, type Provider } from '../lib/define-source.ts';
import { inScope, UnseenError } from '../lib/source.ts';

interface Row {
  readonly id?: string;
  readonly size?: unknown;
  readonly other?: boolean;
  readonly explodes?: unknown;
}
interface Session {
  readonly place: string;
  closed: boolean;
}

const sessions: Session[] = [];
const rows = new Map<string, Row | Error | undefined>();
const signal = new AbortController().signal;

const broker: Provider<{ user: string }, Session> = {
  group: 'broker.skymirror.dev',
  scope: ['host'],
  access: z.strictObject({ user: z.string() }),
  permissions: ['broker:WhoAmI'],
  connect(scope, { user }) {
    const session = { place: `${user}@${scope.host}`, closed: false };
    sessions.push(session);
    return session;
  },
  async prove({ place }) {
    if (place !== 'me@home') throw new UnseenError('WrongPlace', place);
  },
  calls: () => 3,
  close(session) {
    session.closed = true;
  },
  explain: () => ({ reason: 'Unreachable', message: 'the broker is away' }),
};

const identity = z.object({ host: z.string(), topic: z.string() });
const observed = z.object({ size: z.int().describe('Size.'), tags: z.record(z.string(), z.string()).optional() });
const definition: Definition<{ user: string }, Session, Row, typeof identity, typeof observed> = {
  kind: 'Topic',
  plural: 'topics',
  shortNames: ['top'],
  categories: ['external'],
  description: 'A topic.',
  revision: 4,
  provider: broker,
  identity,
  observed,
  permissions: ['broker:ListTopics'],
  async *list() {
    yield [...rows.values()].flatMap((row) => (row === undefined || row instanceof Error ? [] : [row]));
    yield [];
  },
  async get(_, ids) {
    return new Map(ids.filter((id) => rows.has(id)).map((id) => [id, rows.get(id)]));
  },
  identify(id) {
    const [host, topic] = id.split('/');
    return host === undefined || topic === undefined ? undefined : { host, topic };
  },
  idOf: ({ host, topic }) => `${host}/${topic}`,
  readable: ({ topic }) => topic,
  observe(row) {
    if (row.explodes !== undefined) throw row.explodes;
    return row.other === true
      ? { id: row.id, excluded: 'a queue' }
      : { id: row.id, fields: { size: row.size, tags: {} } };
  },
  health({ size }) {
    if (size === 13) throw new Error('unlucky');
    return judgement(size > 0 ? 'True' : 'False', 'Sized');
  },
};
const source = defineSource(definition);

async function observationOf(row: Row) {
  rows.clear();
  rows.set('a', row);
  const pages = await Array.fromAsync(source.open({ host: 'home' }, { user: 'me' }).list(signal));
  return pages.flat()[0];
}

test('a source is its declaration under the group of its provider', () => {
  expect(source).toMatchObject({
    kind: 'Topic',
    plural: 'topics',
    group: 'broker.skymirror.dev',
    version: 'v1alpha1',
    revision: 4,
    scopeKeys: ['host'],
    permissions: ['broker:WhoAmI', 'broker:ListTopics'],
    known: { size: true, tags: true },
  });
});

describe('a row', () => {
  const place = { id: 'home/orders', identity: { host: 'home', topic: 'orders' } };

  test('that fits is observed, without anything that is empty', async () => {
    expect(await observationOf({ id: 'home/orders', size: 3 })).toStrictEqual({
      outcome: 'observed',
      ...place,
      fields: { size: 3 },
      health: judgement('True', 'Sized'),
    });
  });

  test('that does not fit the schema is invalid, with what is wrong', async () => {
    const invalid = await observationOf({ id: 'home/orders', size: 'big' });
    expect(invalid).toMatchObject({ outcome: 'invalid', ...place, issues: expect.stringContaining('size') });
    expect(await observationOf({ id: 'home/orders', size: Number.NaN })).toMatchObject({ outcome: 'invalid' });
  });

  test('of another kind is excluded', async () => {
    expect(await observationOf({ id: 'home/orders', other: true })).toEqual({
      outcome: 'excluded',
      ...place,
      reason: 'a queue',
    });
  });

  test.each<[string, Row, string]>([
    ['a value that has no place in JSON', { size: 1n }, 'a bigint has no place in a Kubernetes object'],
    ['a date that is none', { size: new Date(Number.NaN) }, 'Invalid time value'],
    ['a health that cannot be judged', { size: 13 }, 'unlucky'],
  ])('with %s is invalid: its id is known', async (_, row, issues) => {
    expect(await observationOf({ id: 'home/orders', ...row })).toEqual({ outcome: 'invalid', ...place, issues });
  });

  test.each<[string, Row, string]>([
    ['without an id', {}, 'a row without an id'],
    ['whose id is none', { id: 'orders' }, 'not an id of Topic: orders'],
    ['that cannot be observed', { explodes: new Error('boom') }, 'boom'],
    ['that throws a text', { explodes: 'boom' }, 'boom'],
  ])('%s is broken: the listing is not complete', async (_, row, issues) => {
    expect(await observationOf(row)).toEqual({ outcome: 'broken', issues });
  });
});

test('answers to questions are observations, nothing, or errors', async () => {
  rows.clear();
  rows.set('home/there', { id: 'home/there', size: 1 });
  rows.set('home/gone', undefined);
  rows.set('home/denied', new Error('denied'));
  const ids = ['home/there', 'home/gone', 'home/denied', 'home/forgotten'];
  const answers = await source.open({ host: 'home' }, { user: 'me' }).get(ids, signal);
  expect([...answers.keys()]).toEqual(ids);
  expect(answers.get('home/there')).toMatchObject({ outcome: 'observed', id: 'home/there' });
  expect(answers.get('home/gone')).toBeUndefined();
  // In the words of whoever knows it: what an SDK throws may quote the credentials.
  expect(answers.get('home/denied')).toEqual(new UnseenError('Unreachable', 'the broker is away'));
  expect(answers.get('home/forgotten')).toEqual(new Error('no answer for home/forgotten'));
});

test('an answer that is of another resource says nothing about this one', async () => {
  rows.clear();
  rows.set('home/asked', { id: 'home/other', size: 1 });
  rows.set('home/broken', {});
  const answers = await source.open({ host: 'home' }, { user: 'me' }).get(['home/asked', 'home/broken'], signal);
  const error = answers.get('home/asked');
  expect(source.explain(error)).toMatchObject({ reason: 'WrongPlace' });
  expect(error).toMatchObject({ message: 'asked for home/asked, the answer is of home/other' });
  expect(answers.get('home/broken')).toMatchObject({ outcome: 'broken' });
});

describe('an opened scope', () => {
  test('proves its place, counts its calls and closes', async () => {
    const outside = source.open({ host: 'home' }, { user: 'me' });
    await expect(outside.prove(signal)).resolves.toBeUndefined();
    expect(outside.calls()).toBe(3);
    outside.close();
    expect(sessions.at(-1)).toEqual({ place: 'me@home', closed: true });
    await expect(source.open({ host: 'away' }, { user: 'me' }).prove(signal)).rejects.toThrow('me@away');
  });

  test.each([undefined, {}, { user: 1 }, { user: 'me', password: 'x' }])('takes no access such as %j', (access) => {
    expect(() => source.open({ host: 'home' }, access)).toThrow(z.ZodError);
  });
});

describe('the spec of an object', () => {
  test('stands for an id', () => {
    const spec = { host: 'home', topic: 'orders', added: 'later' };
    expect(source.identityOf(spec)).toEqual({ id: 'home/orders', identity: { host: 'home', topic: 'orders' } });
    expect(source.identify('home/orders')).toEqual({ host: 'home', topic: 'orders' });
    expect(source.readable({ host: 'home', topic: 'orders' })).toBe('orders');
  });

  test.each([undefined, {}, { host: 'home' }, { host: 'home', topic: 1 }])('%j stands for none', (spec) => {
    expect(source.identityOf(spec)).toBeUndefined();
  });

  test('stands for none where the source would not know the id', () => {
    expect(
      defineSource({ ...definition, identify: () => undefined }).identityOf({ host: 'a', topic: 'b' }),
    ).toBeUndefined();
  });
});

test('an error is explained by whoever knows it', () => {
  expect(source.explain(new Error('socket'))).toEqual({ reason: 'Unreachable', message: 'the broker is away' });
  const error = new UnseenError('Untrusted', 'the listing lied', { cause: 1 });
  expect(source.explain(error)).toMatchObject({ reason: 'Untrusted', message: 'the listing lied' });
  expect(error).toMatchObject({ name: 'UnseenError', cause: 1 });
});

test('an identity lies in a scope where every part of it agrees', () => {
  expect(inScope({ host: 'home', topic: 'a' }, { host: 'home' })).toBe(true);
  expect(inScope({ host: 'home', topic: 'a' }, { host: 'away' })).toBe(false);
  expect(inScope({ topic: 'a' }, { host: 'home' })).toBe(false);
});
