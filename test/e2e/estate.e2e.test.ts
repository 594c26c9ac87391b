import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { estate, type Place } from '../../dev/estate.ts';
import { until } from '../../dev/until.ts';
import type { Report } from '../../lib/report.ts';
import { objectWrites } from './metrics.ts';
import { type Stack, startStack } from './stack.ts';
import { conditionText, done, judgements, versions, type World } from './world.ts';

const places: Place[] = ['111122223333', '444455556666'].flatMap((account) =>
  ['us-east-1', 'eu-west-1'].map((region) => ({ account, region })),
);

let stack: Stack;
const worlds = new Map<Place, World>();
const reports = new Map<Place, Report>();
let written = 0;

function promisedIn({ account, region }: Place) {
  return estate.instances.filter((one) => one.account === account && one.region === region);
}

function worldOf(place: Place): World {
  const world = worlds.get(place);
  if (world === undefined) throw new Error(`no world of ${place.account} ${place.region}`);
  return world;
}

beforeAll(async () => {
  stack = await startStack({ seed: true });
  for (const place of places) {
    const mirror = { tagLabels: ['team', 'env', 'owner email', 'Ort'] };
    worlds.set(place, await stack.world({ ...place, namespace: 'external', mirror }));
  }
  const passes = places.map(async (place) => reports.set(place, await worldOf(place).pass()));
  await Promise.all(passes);
  written = await objectWrites(stack.kubernetes);
});
afterAll(() => stack?.stop());

describe.each(places)('the estate in $account $region', (place) => {
  test('comes in whole, without what is not RDS', async () => {
    const promised = promisedIn(place).filter(({ mirrored }) => mirrored);
    const excluded = promisedIn(place).length - promised.length;
    const report = reports.get(place);
    expect(report).toMatchObject({ ok: true, outside: { seen: promised.length, excluded, invalid: 0 } });
    expect(report?.clusters[0]?.counts).toMatchObject({ created: promised.length, failed: 0, refused: 0 });
    const { status } = await worldOf(place).scan();
    expect(status).toMatchObject({ seen: promised.length, held: promised.length, created: promised.length });
    expect(status?.excluded).toBe(excluded);
    expect(status?.scope).toBe(`${place.account}/${place.region}`);
    expect(conditionText(await worldOf(place).scan(), 'Complete')).toBe('True Listed');
    expect(conditionText(await worldOf(place).scan(), 'Applied')).toBe('True Written');
  });

  test('has the fields, labels and judgements of each instance', async () => {
    const objects = [...(await worldOf(place).objects()).values()].filter(
      ({ spec }) => spec?.account === place.account,
    );
    for (const one of promisedIn(place).filter(({ mirrored }) => mirrored)) {
      const arn = worldOf(place).arn(one.identifier);
      const object = await worldOf(place).object(one.identifier);
      expect(object.spec).toEqual({ arn, account: one.account, region: one.region, identifier: one.identifier });
      expect(object.status?.observed).toMatchObject({
        engine: one.engine,
        engineVersion: one.engineVersion,
        class: one.instanceClass,
        state: 'available',
        multiAz: one.multiAz,
        encryption: { encrypted: one.encrypted },
        storage: { allocatedGiB: one.storage },
        tags: one.tags,
        endpoint: { address: expect.stringContaining(one.identifier), port: expect.any(Number) },
        ...(one.cluster === undefined ? {} : { cluster: one.cluster }),
        ...(one.replicaOf === undefined ? {} : { replication: { source: one.replicaOf } }),
      });
      expect(judgements(object)).toEqual({ Exists: 'True Found', Synced: 'True Observed', Ready: 'True Available' });
      expect(object.metadata.labels).toMatchObject({
        'app.kubernetes.io/managed-by': 'skymirror',
        'skymirror.dev/mirror': 'production',
        'aws.skymirror.dev/account': one.account,
        'aws.skymirror.dev/region': one.region,
        'tags.skymirror.dev/team': one.tags.team,
      });
    }
    expect(objects.length).toBeGreaterThan(0);
  });
});

test('the whole estate is 48 objects in one namespace, and nothing that is not RDS among them', async () => {
  const { items } = (await stack.kubernetes.request(worldOf(place(0)).path)).body as { items: Item[] };
  const promised = estate.instances.filter(({ mirrored }) => mirrored);
  expect(items).toHaveLength(48);
  expect(items.map(({ spec }) => spec.arn).toSorted()).toEqual(
    promised.map((one) => `arn:aws:rds:${one.region}:${one.account}:db:${one.identifier}`).toSorted(),
  );
  expect(new Set(items.map(({ status }) => status.observed.engine)).size).toBeGreaterThan(5);
  expect(items.every(({ metadata }) => metadata.name.length <= 63)).toBe(true);
});

test('tags that are no labels are left out and counted', () => {
  const leftOut = promisedIn(place(0)).filter(({ mirrored, tags }) => mirrored && 'Ort' in tags).length;
  expect(leftOut).toBeGreaterThan(0);
  expect(reports.get(place(0))?.outside.labelsLeftOut).toBe(2 * leftOut);
});

test('a pass over the whole estate that finds no change writes no object: the API server counted', async () => {
  expect(written).toBe(2 * 48);
  const before = await Promise.all(places.map((one) => versions(worldOf(one))));
  for (const one of places) expect(done(await worldOf(one).pass())).toEqual({ unchanged: seenIn(one) });
  // The counter is raised after the answer is sent, so a write of our own has to show up before the count is read.
  const path = `${worldOf(place(0)).path}/none`;
  await stack.kubernetes.request(path, { method: 'DELETE' });
  await until(async () => (await objectWrites(stack.kubernetes)) > written, { what: 'the count of our own write' });
  expect(await objectWrites(stack.kubernetes)).toBe(written + 1);
  expect(await Promise.all(places.map((one) => versions(worldOf(one))))).toEqual(before);
});

interface Item {
  metadata: { name: string };
  spec: { arn: string };
  status: { observed: { engine: string } };
}

function seenIn(one: Place): number {
  return promisedIn(one).filter(({ mirrored }) => mirrored).length;
}

function place(index: number): Place {
  const one = places[index];
  if (one === undefined) throw new Error(`no place ${index}`);
  return one;
}
