import { beforeEach, expect, test, vi } from 'vitest';
import { ApiError, type Cluster } from '../lib/cluster.ts';
import type { Unseen } from '../lib/conditions.ts';
import { type EventMessage, syncEvents } from '../lib/event-sync.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { conditionOf } from '../lib/object.ts';
import { type Source, UnseenError } from '../lib/source.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import { maxReceives } from '../lib/work.ts';
import { taskOf } from './event-samples.ts';
import { type MemoryCluster, memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type SourceHooks, type World } from './memory/memory-source.ts';

const here = { account: '1', region: 'r' };
const there = { account: '2', region: 'r' };
const ids = ({ resources }: { resources: readonly unknown[] }) => resources.map(String);

let world: World;
let source: Source;
let cluster: MemoryCluster;
let sent: number;
beforeEach(() => {
  world = { rows: new Map(), calls: [] };
  for (const name of ['a', 'b']) world.rows.set(idOf(name), { id: idOf(name), state: 'available' });
  world.rows.set(idOf('a', there), { id: idOf('a', there), state: 'available' });
  source = { ...memorySource({ world }), events: [{ name: 'any', pattern: { source: ['test'] }, ids }] };
  cluster = memoryCluster();
  sent = 0;
});

const task = (access: SourceHooks = {}, more: Partial<ConfiguredTask> = {}) =>
  taskOf(source, here, { access, ...more });

function message(resources: readonly string[], change: object = {}): EventMessage {
  sent += 1;
  return {
    messageId: `message-${sent}`,
    receiveCount: 1,
    body: JSON.stringify({ source: 'test', 'detail-type': 'Thing Event', resources, detail: {}, ...change }),
  };
}

function run(
  messages: readonly EventMessage[],
  tasks: readonly ConfiguredTask[],
  signal = new AbortController().signal,
) {
  const clusters = async (names: readonly string[]) => new Map<string, Cluster>(names.map((name) => [name, cluster]));
  return syncEvents(messages, tasks, { signal, clusters });
}

const things = () => cluster.objects('things');

test('a target is looked at once, at all ids that a batch names, once each', async () => {
  const messages = [[idOf('a')], [idOf('b')], [idOf('a'), idOf('b')], [idOf('a')]].map((names) => message(names));
  const result = await run(messages, [task()]);
  expect(result).toMatchObject({ failed: [], notBegun: 0, errors: [] });
  expect(world.calls).toEqual([
    { verb: 'prove', ids: [] },
    { verb: 'get', ids: [idOf('a'), idOf('b')] },
  ]);
  expect(things()).toHaveLength(2);
});

test('no cluster is opened, and nothing outside is asked, for a batch that leads nowhere', async () => {
  const clusters = vi.fn(async (_: readonly string[]) => new Map<string, Cluster>());
  const messages = [
    { messageId: 'no-json', body: 'hello', receiveCount: 1 },
    message([idOf('a', there)], { account: '2', region: 'r'.repeat(300) }),
    message([idOf('a', there)]),
    message([idOf('a')], { source: 'stranger' }),
    message(['no id']),
  ];
  const { signal } = new AbortController();
  const result = await syncEvents(messages, [task()], { signal, clusters });
  expect(result).toMatchObject({ failed: [], reports: [], oldest: undefined });
  expect(Object.fromEntries(result.ignored)).toEqual({
    NotAnEvent: { count: 1, example: '' },
    UnknownPlace: { count: 2, example: 'test Thing Event' },
    UnknownKind: { count: 1, example: 'stranger Thing Event' },
    NoId: { count: 1, example: 'test Thing Event' },
  });
  expect(clusters).not.toHaveBeenCalled();
  expect(world.calls).toEqual([]);
});

test('what a stranger calls his event is cut short', async () => {
  const { ignored } = await run([message([], { source: 'x'.repeat(100_000) })], [task()]);
  expect(ignored.get('UnknownKind')?.example.length).toBeLessThan(250);
});

test('a paused mirror is not looked at', async () => {
  const { ignored } = await run([message([idOf('a')])], [task({}, { paused: true })]);
  expect(ignored.get('Paused')?.count).toBe(1);
  expect(world.calls).toEqual([]);
});

test('the oldest of the events that led somewhere is told', async () => {
  const times = ['2026-09-27T22:36:43Z', '2026-09-27T22:36:45Z', 'never', 5];
  const messages = times.map((time) => message([idOf('a')], { time }));
  const ignored = message(['no id'], { time: '2020-01-01T00:00:00Z' });
  expect(await run([...messages, ignored], [task()])).toMatchObject({ oldest: Date.parse('2026-09-27T22:36:43Z') });
});

const reasons: Record<Unseen, boolean> = {
  Throttled: true,
  Unreachable: true,
  Interrupted: true,
  NoCluster: false,
  AccessDenied: false,
  WrongPlace: false,
  BadAnswer: false,
  InternalError: false,
  Untrusted: false,
  Stale: false,
};

test.each(Object.entries(reasons))('where the outside says %s, a second delivery helps: %s', async (reason, again) => {
  const error = new UnseenError(reason as Unseen, 'of the test');
  const whole = task({
    before: () => {
      throw error;
    },
  });
  const one = task({ found: (id, row) => (id === idOf('a') ? error : row) });
  for (const troubled of [whole, one]) {
    const [first, second] = [message([idOf('a')]), message([idOf('a', there)])];
    const other = taskOf(source, there, { mirror: mirrorOf({ name: 'other', namespace: 'external' }) });
    const { failed, reports } = await run([first, second], [troubled, other]);
    expect(failed).toEqual(again ? [first.messageId] : []);
    expect(reports).toHaveLength(2);
  }
});

test('where a cluster cannot be read, a second delivery helps', async () => {
  const down = cluster.client({
    before: () => {
      throw new ApiError(0, '', 'connection refused');
    },
  });
  const messages = [message([idOf('a')]), message([idOf('a', there)])];
  const clusters = async () => new Map<string, Cluster>(Object.entries({ up: cluster, down }));
  const tasks = [task({}, { clusters: ['up', 'down'] }), taskOf(source, there, { clusters: ['up'] })];
  const { failed } = await syncEvents(messages, tasks, { signal: new AbortController().signal, clusters });
  expect(failed).toEqual([messages[0]?.messageId]);
  expect(things()).toHaveLength(2);
});

test.each(['create', 'replaceStatus'] as const)(
  'where a cluster goes down at a %s, a second delivery helps',
  async (verb) => {
    const goingDown = cluster.client({
      before: (request) => {
        if (request.verb === verb) throw new ApiError(0, '', 'connection reset');
      },
    });
    const one = message([idOf('a')]);
    const clusters = async () => new Map<string, Cluster>([['main', goingDown]]);
    const { failed } = await syncEvents([one], [task()], { signal: new AbortController().signal, clusters });
    expect(failed).toEqual([one.messageId]);
  },
);

test.each([
  ['lacks the kind', () => cluster.revisions.set('things', undefined)],
  ['has an older CRD', () => cluster.revisions.set('things', 0)],
  [
    'lacks the namespace',
    () => {
      cluster.namespaceState = 'missing';
    },
  ],
])('where a cluster %s, a second delivery does not help: a person has to mend it', async (_, spoil) => {
  spoil();
  const { failed, reports } = await run([message([idOf('a')])], [task()]);
  expect({ failed, skipped: reports[0]?.clusters[0]?.skipped }).toEqual({ failed: [], skipped: expect.any(String) });
});

const lastTime = (one: EventMessage): EventMessage => ({ ...one, receiveCount: maxReceives });

test('at its last delivery what will pass is given up, because the next poll mends it', async () => {
  const throttled: SourceHooks = { found: () => new UnseenError('Throttled', 'of the test') };
  const [last, first] = [lastTime(message([idOf('a')])), message([idOf('b')])];
  const { failed, givenUp } = await run([last, first], [task(throttled)]);
  expect({ failed, givenUp }).toEqual({ failed: [first.messageId], givenUp: [last.messageId] });
});

test('at its last delivery what no time was left for is given up too', async () => {
  const one = lastTime(message([idOf('a')]));
  expect(await run([one], [task()], AbortSignal.abort())).toMatchObject({ failed: [], givenUp: [one.messageId] });
});

test('at its last delivery what an error of ours breaks fails, whatever else it names, so that the queue puts it aside', async () => {
  const throttled: SourceHooks = { found: () => new UnseenError('Throttled', 'of the test') };
  const broken: Source = {
    ...source,
    open() {
      throw new Error('of the test');
    },
  };
  const one = lastTime(message([idOf('a'), idOf('a', there)]));
  const { failed, givenUp } = await run([one], [task(throttled), taskOf(broken, there)]);
  expect({ failed, givenUp }).toEqual({ failed: [one.messageId], givenUp: [] });
});

test('a cluster that is long in opening does not hold up the targets of others', async () => {
  const opening = Promise.withResolvers<void>();
  const clusters = async ([name = '']: readonly string[]) => {
    if (name === 'bad') await opening.promise;
    return new Map<string, Cluster>([[name, cluster]]);
  };
  const seen = cluster.client({ after: ({ verb }) => (verb === 'create' ? opening.resolve() : undefined) });
  const tasks = [task({}, { clusters: ['bad'] }), taskOf(source, there, { clusters: ['good'] })];
  const { signal } = new AbortController();
  const result = await syncEvents([message([idOf('a')]), message([idOf('a', there)])], tasks, {
    signal,
    clusters: async (names) => (names[0] === 'good' ? new Map([['good', seen]]) : clusters(names)),
  });
  expect(result).toMatchObject({ failed: [], reports: [{ ok: true }, { ok: true }] });
});

test('a message that names two targets fails where one of them does, and once', async () => {
  const throttled: SourceHooks = { found: () => new UnseenError('Throttled', 'of the test') };
  const both = message([idOf('a'), idOf('a', there)]);
  const mirrors = ['one', 'two'].map((name) => mirrorOf({ name, namespace: name }));
  const tasks = [task(), ...mirrors.map((mirror) => taskOf(source, there, { access: throttled, mirror }))];
  expect((await run([both], tasks)).failed).toEqual([both.messageId]);
});

test('a target that is not begun in time loses no message', async () => {
  const stop = new AbortController();
  const targets = Array.from({ length: 20 }, (_, n) => ({ account: String(n + 1), region: 'r' }));
  const messages = targets.map((scope) => message([idOf('a', scope)]));
  const access: SourceHooks = { before: () => stop.abort() };
  const tasks = targets.map((scope) => taskOf(source, scope, { access }));
  const { failed, notBegun, reports } = await run(messages, tasks, stop.signal);
  expect(failed).toHaveLength(20);
  expect(reports.length + notBegun).toBe(20);
  expect(reports.length).toBeLessThanOrEqual(4);
  expect(reports.every(({ incomplete }) => incomplete?.reason === 'Interrupted')).toBe(true);
});

test('a pass that breaks off by an error of ours is told, and the others go on', async () => {
  const messages = [message([idOf('a')]), message([idOf('a', there)])];
  const broken: Source = {
    ...source,
    open() {
      throw new Error('of the test');
    },
  };
  const { failed, errors, notBegun } = await run(messages, [taskOf(broken, here), taskOf(source, there)]);
  expect({ failed, notBegun }).toEqual({ failed: [messages[0]?.messageId], notBegun: 0 });
  expect(errors[0]?.message).toContain('production Thing 1/r');
  expect(errors[0]?.message).toContain('of the test');
  expect(errors[0]?.cause).toMatchObject({ cause: { message: 'of the test' } });
  expect(things()).toHaveLength(1);
});

test('an event that tells of a deletion marks nothing while the resource is there, and deletes nothing when it is not', async () => {
  const deleted = () => message([idOf('a')], { 'detail-type': 'Thing Deleted' });
  await run([deleted()], [task()]);
  await run([deleted()], [task()]);
  expect(things().map((object) => conditionOf(object, 'Exists')?.status)).toEqual(['True']);
  world.rows.delete(idOf('a'));
  for (const _ of 'many') {
    await run(
      [deleted()],
      [task({}, { mirror: mirrorOf({ name: 'production', namespace: 'external', graceSeconds: 0 }) })],
    );
  }
  expect(things().map((object) => conditionOf(object, 'Exists')?.status)).toEqual(['False']);
});
