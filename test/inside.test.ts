import { describe, expect, test } from 'vitest';
import type { Entry, Writer } from '../lib/apply.ts';
import { ApiError } from '../lib/cluster.ts';
import { judgement } from '../lib/conditions.ts';
import { entryOf, ownObjects, settleAll } from '../lib/inside.ts';
import { mirrorOf } from '../lib/mirror.ts';
import type { ResourceType } from '../lib/object.ts';
import type { Sight } from '../lib/plan.ts';
import { readInside } from '../lib/read-inside.ts';
import { nameOf } from '../lib/resource.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { type ClusterHooks, memoryCluster } from './memory/memory-cluster.ts';

const scope = { account: '111122223333', region: 'eu-west-1' };
const mirror = mirrorOf({ name: 'production', namespace: 'external' });
const target = { mirror, source: rdsInstance, scope };
const arnOf = (identifier: string, region = 'eu-west-1') => `arn:aws:rds:${region}:111122223333:db:${identifier}`;
const identityOf = (arn: string) => rdsInstance.identify(arn) ?? expect.fail(arn);
const nameIn = (arn: string) => nameOf(rdsInstance, arn, identityOf(arn));
const objectOf = (arn: string, name = nameIn(arn)) => ({
  apiVersion: 'aws.skymirror.dev/v1alpha1',
  kind: 'RDSInstance',
  metadata: { name, namespace: 'external' },
  spec: identityOf(arn),
});
const sight: Sight = {
  state: 'present',
  fields: { engine: 'postgres', state: 'available' },
  health: judgement('True', 'Available'),
  by: 'list',
};

function setUp(hooks: ClusterHooks = {}) {
  const memory = memoryCluster({ name: 'prod' });
  const cluster = memory.client(hooks);
  const time = { now: 0 };
  const stop = new AbortController();
  const options = { signal: stop.signal, clock: () => time.now };
  const read = (names?: readonly string[]) => readInside(target, cluster, names, options);
  const outside: Writer['outside'] = {
    prove: async () => undefined,
    list: async function* () {},
    get: async () => new Map(),
    calls: () => 0,
    close: () => undefined,
  };
  const writer: Writer = { target, cluster, outside, whole: true, maxObservationAge: 1e9, ...options };
  return { memory, cluster, time, stop, read, writer };
}

describe('a cluster that is read for a pass', () => {
  test('gives the objects of the scope by name, and none of another', async () => {
    const { memory, read } = setUp();
    memory.put('skymirror', 'rdsinstances', objectOf(arnOf('a')));
    memory.put('kubectl', 'rdsinstances', objectOf(arnOf('b')));
    memory.put('skymirror', 'rdsinstances', objectOf(arnOf('c', 'us-east-1')));
    const inside = await read();
    expect([...inside.objects.keys()]).toEqual([nameIn(arnOf('a')), nameIn(arnOf('b'))]);
    expect(inside).toMatchObject({ began: memory.time.now, scan: undefined, broken: undefined, failures: [] });
  });

  test.each([
    ['scope', 'external', arnOf('c', 'us-east-1')],
    ['namespace', 'internal', arnOf('a')],
  ])(
    'that answers with an object of another %s is not believed: in this one nobody would find it',
    async (_, namespace, arn) => {
      const { memory, cluster } = setUp();
      const metadata = { name: nameIn(arn), namespace };
      memory.put('skymirror', 'rdsinstances', { ...objectOf(arn), metadata });
      const { signal } = new AbortController();
      const careless = { ...cluster, list: (type: ResourceType) => cluster.list(type, namespace, {}, { signal }) };
      await expect(readInside(target, careless, undefined, { signal, clock: () => 0 })).rejects.toThrow(
        `cluster prod: asked for the objects of external and 111122223333/eu-west-1, it answered with ${namespace}/${nameIn(arn)} too: nothing is written. Is there a proxy before the API server that overlooks field selectors?`,
      );
    },
  );

  test('gives the named objects alone in a narrowed run', async () => {
    const verbs: string[] = [];
    const { memory, read } = setUp({ before: ({ verb, plural }) => void verbs.push(`${verb} ${plural}`) });
    memory.put('skymirror', 'rdsinstances', objectOf(arnOf('a')));
    memory.put('skymirror', 'rdsinstances', objectOf(arnOf('b')));
    const inside = await read([nameIn(arnOf('b')), nameIn(arnOf('missing'))]);
    expect([...inside.objects.keys()]).toEqual([nameIn(arnOf('b'))]);
    expect(verbs).not.toContain('list rdsinstances');
  });

  test.each([
    ['rdsinstances', undefined, /^cluster prod: SchemaMissing: the CRD rdsinstances\.aws/],
    ['rdsinstances', 0, /^cluster prod: SchemaTooOld: the CRD rdsinstances\.aws/],
    ['mirrorscans', undefined, /^cluster prod: SchemaMissing: the CRD mirrorscans\.skymirror/],
  ])('is refused where the CRD of %s has revision %s, in each pass anew', async (plural, revision, message) => {
    const { memory, read } = setUp();
    memory.revisions.set(plural, revision);
    await expect(read()).rejects.toThrow(message);
    memory.revisions.delete(plural);
    await expect(read()).resolves.toBeDefined();
  });
});

test('our own objects are those of this kind, under their own names, that we made', async () => {
  const { memory, read } = setUp();
  memory.put('skymirror', 'rdsinstances', objectOf(arnOf('a')));
  memory.put('kubectl', 'rdsinstances', objectOf(arnOf('b')));
  memory.put('skymirror', 'rdsinstances', objectOf(arnOf('c'), 'another-name'));
  memory.put('skymirror', 'rdsinstances', { ...objectOf(arnOf('d')), spec: { ...scope, identifier: 'd' } });
  memory.put('skymirror', 'rdsinstances', {
    ...objectOf(arnOf('e')),
    spec: { ...identityOf(arnOf('e')), arn: 'none' },
  });
  expect([...ownObjects(target, await read())]).toMatchObject([
    { id: arnOf('a'), name: nameIn(arnOf('a')), identity: identityOf(arnOf('a')) },
  ]);
});

describe('entries that are settled', () => {
  const all = async (
    arns: readonly string[],
    hooks: ClusterHooks = {},
    prepare = (_: ReturnType<typeof setUp>) => {},
  ) => {
    const parts = setUp(hooks);
    prepare(parts);
    const inside = await parts.read();
    const entries = arns.map(
      (id): Entry => entryOf(target, inside, { id, identity: identityOf(id), sight, observedAt: 0 }),
    );
    return {
      ...parts,
      inside,
      settle: (seen = entries) => settleAll(parts.writer, inside, seen),
      entries,
    };
  };

  test('are counted, and what was written is what the pass knows', async () => {
    const { inside, settle, entries, memory } = await all([arnOf('a'), arnOf('b')]);
    await settle();
    expect(inside.counts).toMatchObject({ created: 2, failed: 0 });
    expect([...inside.objects.values()]).toEqual(memory.objects('rdsinstances'));
    await settle(entries.map((entry) => entryOf(target, inside, entry)));
    expect(inside.counts).toMatchObject({ created: 2, unchanged: 2 });
  });

  test('fail one by one: a refused write is one line, the others go on', async () => {
    const bad = nameIn(arnOf('a'));
    const before: ClusterHooks['before'] = ({ name, verb }) =>
      name === bad && verb === 'create' ? Promise.reject(new ApiError(422, 'Invalid', 'a webhook says no')) : undefined;
    const { inside, settle } = await all([arnOf('a'), arnOf('b')], { before });
    await settle();
    expect(inside).toMatchObject({ counts: { created: 1, failed: 1 }, broken: undefined });
    expect(inside.failures).toEqual([{ name: bad, message: 'a webhook says no' }]);
  });

  test('end with a failure of the whole cluster', async () => {
    const arns = Array.from({ length: 40 }, (_, index) => arnOf(`db-${index}`));
    const before: ClusterHooks['before'] = ({ verb }) =>
      verb === 'create' ? Promise.reject(new ApiError(401, 'Unauthorized', 'the token is over')) : undefined;
    const { inside, settle } = await all(arns, { before });
    await settle();
    expect(inside.broken).toBe('the token is over');
    expect(inside.failures.length).toBeLessThanOrEqual(16);
  });

  test('end with the sixteenth server error in a row, and not with the fifteenth', async () => {
    const arns = Array.from({ length: 30 }, (_, index) => arnOf(`db-${index}`));
    const failing = async (many: number) => {
      const bad = new Set(arns.slice(0, many).map(nameIn));
      const before: ClusterHooks['before'] = ({ verb, name }) =>
        verb === 'create' && bad.has(name) ? Promise.reject(new ApiError(503, '', 'away')) : undefined;
      const { inside, settle } = await all(arns, { before });
      await settle();
      return inside;
    };
    expect(await failing(15)).toMatchObject({ broken: undefined, counts: { created: 15, failed: 15 } });
    expect((await failing(16)).broken).toBe('away');
  });

  test('give an outcome each: what was done, or why it could not be', async () => {
    const bad = nameIn(arnOf('a'));
    const error = new ApiError(422, 'Invalid', 'a webhook says no');
    const before: ClusterHooks['before'] = ({ name, verb }) =>
      name === bad && verb === 'create' ? Promise.reject(error) : undefined;
    const { settle, entries } = await all([arnOf('a'), arnOf('b')], { before });
    expect(await settle()).toMatchObject([
      { entry: entries[0], error },
      { entry: entries[1], settled: { action: { do: 'create' } } },
    ]);
  });

  test('that are neither wanted nor there are not counted', async () => {
    const { inside, settle, entries } = await all([arnOf('a')]);
    await settle(entries.map((entry) => ({ ...entry, sight: { state: 'gone' } })));
    expect(inside.counts).toMatchObject({ unchanged: 0, marked: 0 });
  });

  test('fail in words also where what is thrown is no error', async () => {
    const before: ClusterHooks['before'] = ({ verb }) => (verb === 'create' ? Promise.reject('odd') : undefined);
    const { inside, settle } = await all([arnOf('a')], { before });
    await settle();
    expect(inside.failures).toEqual([{ name: nameIn(arnOf('a')), message: 'odd' }]);
  });

  test('are left alone once the pass is over, and that is no failure', async () => {
    let end = () => {};
    const { inside, settle, stop, memory } = await all([arnOf('a'), arnOf('b')], {
      before: ({ verb }) => (verb === 'create' ? end() : undefined),
    });
    end = () => stop.abort(new Error('over'));
    await settle();
    await settle();
    expect(inside).toMatchObject({ counts: { created: 0, failed: 0 }, failures: [], broken: undefined });
    expect(memory.objects('rdsinstances')).toEqual([]);
  });

  const other = { ...objectOf(arnOf('b')), metadata: objectOf(arnOf('a')).metadata };
  const labels = { 'skymirror.dev/mirror': 'staging' };
  const staging = { ...objectOf(arnOf('a')), metadata: { ...objectOf(arnOf('a')).metadata, labels } };
  const dying = {
    ...objectOf(arnOf('a')),
    metadata: { ...objectOf(arnOf('a')).metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
  };
  test.each([
    [
      'NameCollision',
      'skymirror',
      other,
      /^NameCollision: .* stands for another resource than arn.*Delete or rename it$/,
    ],
    ['Foreign', 'kubectl', objectOf(arnOf('a')), /^Foreign: .* was not made by skymirror; left alone\. Delete it/],
    [
      'OtherMirror',
      'skymirror',
      staging,
      /^OtherMirror: .* belongs to another mirror .*; left alone\. Give each mirror/,
    ],
    ['BeingDeleted', 'skymirror', dying, /^BeingDeleted: .* is being deleted by somebody else; left alone$/],
  ])('are refused as %s, with what helps', async (_, manager, object, message) => {
    const { inside, settle, memory } = await all([arnOf('a')], {}, ({ memory: store }) => {
      store.put(manager, 'rdsinstances', object);
    });
    const before = memory.objects('rdsinstances');
    await settle();
    expect(inside.counts.refused).toBe(1);
    expect(inside.failures).toEqual([{ name: nameIn(arnOf('a')), message: expect.stringMatching(message) }]);
    expect(memory.objects('rdsinstances')).toEqual(before);
  });

  test('are refused as Invalid where there is no object that could show it', async () => {
    const { inside, settle, entries } = await all([arnOf('a')]);
    await settle(entries.map((entry) => ({ ...entry, sight: { state: 'invalid', issues: 'no state' } })));
    expect(inside.failures).toEqual([
      { name: nameIn(arnOf('a')), message: `Invalid: ${arnOf('a')} does not fit the schema: no state` },
    ]);
  });
});
