import { describe, expect, test } from 'vitest';
import { type Entry, settle, type Writer } from '../lib/apply.ts';
import { ApiError } from '../lib/cluster.ts';
import { judgement } from '../lib/conditions.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { conditionOf } from '../lib/object.ts';
import type { Sight } from '../lib/plan.ts';
import { nameOf } from '../lib/resource.ts';
import type { Observation } from '../lib/source.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { type ClusterHooks, memoryCluster } from './memory/memory-cluster.ts';

const id = 'arn:aws:rds:eu-west-1:111122223333:db:orders';
const identity = rdsInstance.identify(id) ?? {};
const name = nameOf(rdsInstance, id, identity);
const scope = { account: '111122223333', region: 'eu-west-1' };
const health = judgement('True', 'Available');
const fieldsIn = (state: string) => ({ engine: 'postgres', state });
const observed = (state: string): Observation => ({
  outcome: 'observed',
  id,
  identity,
  fields: fieldsIn(state),
  health,
});
/** A brake that lets everything go. */
const freely = () => true;
const present = (state: string): Sight => ({ state: 'present', fields: fieldsIn(state), health, by: 'list' });

/** A mirror of one database: what the outside answers, and a log of what was asked in which order. */
function setUp(hooks: ClusterHooks = {}) {
  const memory = memoryCluster();
  const log: string[] = [];
  const world = { answer: observed('available') as Observation | Error | undefined, clock: 0 };
  const cluster = memory.client({
    ...hooks,
    before: async (request) => {
      log.push(request.verb);
      await hooks.before?.(request);
    },
  });
  const mirror = mirrorOf({ name: 'production', namespace: 'external', graceSeconds: 0 });
  const writer: Writer = {
    target: { mirror, source: rdsInstance, scope },
    cluster,
    outside: {
      prove: async () => undefined,
      list: async function* () {},
      get: async () => {
        log.push('outside');
        return new Map([[id, world.answer]]);
      },
      calls: () => 0,
      close: () => undefined,
    },
    whole: true,
    maxObservationAge: 30_000,
    signal: new AbortController().signal,
    clock: () => world.clock,
  };
  const entry = (sight: Sight): Entry => ({ id, name, identity, sight, observedAt: world.clock, object: stored() });
  const stored = () => memory.objects('rdsinstances').find(({ metadata }) => metadata.name === name);
  const state = () => stored()?.status?.observed?.state;
  return { memory, log, world, writer, entry, stored, state };
}

async function live(hooks: ClusterHooks = {}) {
  const all = setUp(hooks);
  const { object } = await settle(all.writer, all.entry(present('available')), freely);
  expect(object).toEqual(all.stored());
  all.log.length = 0;
  return all;
}

describe('a write', () => {
  test('of a new object is a create and its status', async () => {
    const { writer, entry, log, state } = setUp();
    const { action } = await settle(writer, entry(present('available')), freely);
    expect([action.do, state()]).toEqual(['create', 'available']);
    expect(log).toEqual(['create', 'replaceStatus']);
  });

  test('of what was observed is one request', async () => {
    const { writer, entry, log, state } = await live();
    await settle(writer, entry(present('stopped')), freely);
    expect([log, state()]).toEqual([['replaceStatus'], 'stopped']);
  });

  test('of lost labels is one request', async () => {
    const { memory, writer, entry, log } = await live();
    memory.tamper('kubectl', 'rdsinstances', name, (object) => ({
      ...object,
      metadata: { ...object.metadata, labels: {} },
    }));
    await settle(writer, entry(present('available')), freely);
    expect(log).toEqual(['replace']);
  });

  test('of nothing is no request', async () => {
    const { writer, entry, log, stored } = await live();
    const settled = await settle(writer, entry(present('available')), freely);
    expect(settled).toMatchObject({ action: { do: 'nothing' }, object: stored() });
    expect(log).toEqual([]);
  });

  test('that is refused is thrown', async () => {
    const refused = new ApiError(422, 'Invalid', 'no');
    const { writer, entry } = setUp({ before: () => Promise.reject(refused) });
    await expect(settle(writer, entry(present('available')), freely)).rejects.toBe(refused);
  });
});

describe('a write that somebody overtook', () => {
  /** Somebody labels the object after it was read; the outside answers this from then on. */
  const overtaken = async (answer: Observation | Error | undefined) => {
    const all = await live();
    const entry = all.entry(present('stopped'));
    all.memory.tamper('kubectl', 'rdsinstances', name, (object) => ({
      ...object,
      metadata: { ...object.metadata, labels: { mine: 'yes' } },
    }));
    all.world.answer = answer;
    return { ...all, entry };
  };

  test('reads the object, then asks the outside, and writes what is true then', async () => {
    const { entry, ...all } = await overtaken(observed('starting'));
    await settle(all.writer, entry, freely);
    expect(all.log).toEqual(['replaceStatus', 'get', 'outside', 'replace', 'replaceStatus']);
    expect([all.state(), all.stored()?.metadata.labels?.mine]).toEqual(['starting', 'yes']);
  });

  test('by its own create, whose answer was lost, gives the object its status', async () => {
    const { writer, entry, state, log } = setUp({ resets: ({ verb }) => verb === 'create' });
    await settle(writer, entry(present('available')), freely);
    expect(state()).toBe('available');
    expect(log).toEqual(['create', 'get', 'outside', 'replaceStatus']);
  });

  test('again and again gives up until the next pass', async () => {
    let touches = 0;
    let touchAgain = () => {};
    const all = await live({ before: ({ verb }) => (verb === 'replaceStatus' ? touchAgain() : undefined) });
    touchAgain = () => {
      touches += 1;
      const annotations = { touches: String(touches) };
      all.memory.tamper('kubectl', 'rdsinstances', name, ({ metadata, ...object }) => ({
        ...object,
        metadata: { ...metadata, annotations },
      }));
    };
    all.world.answer = observed('stopped');
    const writing = settle(all.writer, all.entry(present('stopped')), freely);
    await expect(writing).rejects.toThrow('overtaken by other writers 5 times');
    expect(touches).toBe(5);
  });

  test('is an error where the outside cannot be asked', async () => {
    const { entry, ...all } = await overtaken(new Error('throttled'));
    await expect(settle(all.writer, entry, freely)).rejects.toThrow('throttled');
  });

  test('keeps an object that went meanwhile, for the next pass to find out', async () => {
    const { entry, ...all } = await overtaken(undefined);
    expect((await settle(all.writer, entry, freely)).action).toEqual({ do: 'keep', why: 'Unseen' });
  });

  test('marks it in a run that named it', async () => {
    const { entry, ...all } = await overtaken(undefined);
    expect((await settle({ ...all.writer, whole: false }, entry, freely)).action.do).toBe('mark');
  });

  test.each([
    ['is marked as gone while it is not selected', 'labels', { do: 'mark' }],
    ['is kept where another pass selected it meanwhile: no listing misses it', 'pass', { do: 'keep', why: 'Unseen' }],
  ])('of what was listed, and gone when it was asked for before its removal, %s', async (_, who, expected) => {
    const all = await live();
    await settle(all.writer, all.entry({ state: 'unselected', by: 'list' }), freely);
    const entry = all.entry({ state: 'gone', listed: true });
    if (who === 'pass') await settle(all.writer, all.entry(present('stopped')), freely);
    else
      all.memory.tamper('kubectl', 'rdsinstances', name, (object) => ({
        ...object,
        metadata: { ...object.metadata, labels: {} },
      }));
    all.world.answer = undefined;
    expect((await settle(all.writer, entry, freely)).action).toMatchObject(expected);
  });

  test('marks an object that turned out to be of another kind as not selected', async () => {
    const { entry, ...all } = await overtaken({ outcome: 'excluded', id, identity, reason: 'engine docdb' });
    const { action, object } = await settle(all.writer, entry, freely);
    expect(action.do).toBe('mark');
    expect(conditionOf(object ?? expect.fail(), 'Synced')).toMatchObject({ status: 'False', reason: 'NotSelected' });
  });
});

describe('an observation that has grown too old', () => {
  test('is not sent but made again', async () => {
    const all = await live();
    const entry = all.entry(present('stopped'));
    all.world.clock = 30_001;
    all.world.answer = observed('starting');
    await settle(all.writer, entry, freely);
    expect(all.state()).toBe('starting');
    expect(all.log).toEqual(['replaceStatus', 'get', 'outside', 'replaceStatus']);
  });

  test('is sent at its very last moment', async () => {
    const all = await live();
    const entry = all.entry(present('stopped'));
    all.world.clock = 30_000;
    await settle(all.writer, entry, freely);
    expect(all.log).toEqual(['replaceStatus']);
  });
});

describe('a delete', () => {
  const marked = async () => {
    const all = await live();
    await settle(all.writer, all.entry({ state: 'gone' }), freely);
    expect(conditionOf(all.stored() ?? expect.fail(), 'Exists')?.status).toBe('False');
    all.log.length = 0;
    return all;
  };

  const changed = async () => {
    const all = await marked();
    const late = all.entry({ state: 'gone' });
    all.memory.tamper('kubectl', 'rdsinstances', name, (object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { a: 'b' } },
    }));
    return { ...all, late };
  };

  test('asks the brake again about each object that it reads', async () => {
    const { writer, late, world, stored } = await changed();
    world.answer = undefined;
    const asked: unknown[] = [];
    const { action } = await settle(writer, late, ({ metadata }) => asked.push(metadata.annotations?.a) === 1);
    expect(asked).toEqual([undefined, 'b']);
    expect(action).toEqual({ do: 'keep', why: 'Brake' });
    expect(stored()).toBeDefined();
  });

  test('leaves nothing', async () => {
    const { writer, entry, stored } = await marked();
    const { action, object } = await settle(writer, entry({ state: 'gone' }), freely);
    expect([action.do, object, stored()]).toEqual(['delete', undefined, undefined]);
  });

  test('of an object that somebody else deleted is done', async () => {
    const { memory, writer, entry } = await marked();
    const late = entry({ state: 'gone' });
    memory.drop('rdsinstances', name);
    expect((await settle(writer, late, freely)).action.do).toBe('delete');
  });

  test('of an object that somebody changed is decided anew', async () => {
    const { writer, late, world, stored } = await changed();
    world.answer = observed('available');
    await settle(writer, late, freely);
    expect(conditionOf(stored() ?? expect.fail(), 'Exists')?.status).toBe('True');
  });
});
