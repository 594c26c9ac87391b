import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { addRow } from '../../dev/proxy-rows.ts';
import { crdOf, mirrorScanCrd } from '../../lib/crd.ts';
import { loadConnection } from '../../lib/kubeconfig.ts';
import { type KubernetesCluster, openCluster } from '../../lib/kubernetes-cluster.ts';
import type { Mirror } from '../../lib/mirror.ts';
import type { KubernetesObject } from '../../lib/object.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { objectWrites } from './metrics.ts';
import { allowWriter, type Stack, startStack } from './stack.ts';
import { done, judgements, versions, type World } from './world.ts';

/** What a release left in a cluster, and the rows outside that it saw last. Made by record.ts beside it. */
interface Left {
  readonly recorded: string;
  readonly account: string;
  readonly region: string;
  readonly namespace: string;
  readonly mirror: Partial<Mirror>;
  readonly rows: readonly string[];
  readonly objects: readonly KubernetesObject[];
  readonly crds: readonly object[];
}

const hourMs = 3_600_000;
const crds = [crdOf(rdsInstance), mirrorScanCrd()];

/** All times are moved by the same whole hours, so that what was left was left in the hour before the last. */
async function left(release: string): Promise<Left> {
  const text = await readFile(new URL(`../testdata/upgrade/${release}.json`, import.meta.url), 'utf8');
  const { recorded }: Left = JSON.parse(text);
  const later = Math.floor((Date.now() - Date.parse(recorded)) / hourMs - 1) * hourMs;
  const moved = text.replace(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)((?:\.\d+)?Z)/g, (_, time: string, rest: string) =>
    new Date(Date.parse(`${time}Z`) + later).toISOString().replace('.000Z', rest),
  );
  return JSON.parse(moved);
}

/** Writes an object as a release did: by its own user, under its field manager, status apart. */
async function restore({ request }: Kubernetes, object: KubernetesObject): Promise<void> {
  const { namespace, name } = object.metadata;
  const plural = object.kind === rdsInstance.kind ? rdsInstance.plural : 'mirrorscans';
  const path = `/apis/${object.apiVersion}/namespaces/${namespace}/${plural}`;
  const query = 'fieldManager=skymirror&fieldValidation=Strict';
  const created = await request(`${path}?${query}`, { method: 'POST', user: 'skymirror', body: object });
  expect(created, JSON.stringify(created.body)).toMatchObject({ status: 201 });
  const body = { ...(created.body as object), status: object.status };
  const written = await request(`${path}/${name}/status?${query}`, { method: 'PUT', user: 'skymirror', body });
  expect(written, JSON.stringify(written.body)).toMatchObject({ status: 200 });
}

describe.each(['22006e7'])('what release %s left', (release) => {
  let stack: Stack;
  let world: World;
  let was: Left;

  beforeAll(async () => {
    was = await left(release);
    const { account, region, namespace, mirror } = was;
    stack = await startStack();
    await stack.kubernetes.apply(was.crds);
    // Nothing has become stale by lying here.
    world = await stack.world({ account, region, namespace, mirror: { ...mirror, staleAfterSeconds: 1e9 } });
    for (const row of was.rows) stack.aws.faults.add(addRow(row, { account, region }));
    for (const object of was.objects) await restore(stack.kubernetes, object);
  });
  afterAll(() => stack?.stop());

  describe('while its CRDs are still there', () => {
    let upgraded: Kubernetes;
    let second: KubernetesCluster;
    beforeAll(async () => {
      upgraded = await startKubernetes();
      await upgraded.apply(crds);
      await allowWriter(upgraded, was.namespace);
      second = openCluster(await loadConnection({ kubeconfig: upgraded.kubeconfig('skymirror') }));
    });
    afterAll(async () => {
      await second?.close();
      await upgraded?.stop();
    });

    test('is not touched by the new code, which says how to go on and serves the other clusters', async () => {
      const before = await versions(world);
      const report = await world.pass({ clusters: [stack.cluster, second] });
      expect(report.clusters[0]?.skipped).toMatch(/SchemaTooOld: .* kubectl apply --server-side -f deploy\/crds/);
      expect(report.clusters[1]).toMatchObject({ counts: { created: was.rows.length - 1, refused: 1 } });
      expect(await versions(world)).toEqual(before);
    });
  });

  describe('under the new CRDs', () => {
    let before: ReadonlyMap<string, KubernetesObject>;
    beforeAll(async () => {
      before = await world.objects();
      await stack.kubernetes.apply(crds);
    });

    test('stays: one pass deletes nothing and writes each object at most once, a second one writes nothing', async () => {
      const writes = await objectWrites(stack.kubernetes);
      const report = await world.pass();
      expect(report.incomplete).toBeUndefined();
      expect(done(report)).not.toHaveProperty('deleted');
      expect(done(report)).not.toHaveProperty('created');
      expect(done(report)).not.toHaveProperty('marked');
      expect((await objectWrites(stack.kubernetes)) - writes).toBeLessThanOrEqual(before.size);
      const after = await world.objects();
      expect([...after.keys()]).toEqual([...before.keys()]);
      for (const [identifier, object] of after) {
        expect(object.metadata.uid).toBe(before.get(identifier)?.metadata.uid);
        expect(judgements(object)).toEqual(judgements(before.get(identifier) ?? expect.fail(identifier)));
      }
      const settled = { writes: await objectWrites(stack.kubernetes), versions: await versions(world) };
      expect(done(await world.pass())).not.toHaveProperty('updated');
      expect({ writes: await objectWrites(stack.kubernetes), versions: await versions(world) }).toEqual(settled);
    });

    test('goes on where it was: what was marked keeps its mark, what the last pass said is remembered', async () => {
      expect(judgements(await world.object('wiki'))).toMatchObject({ Exists: 'False NotFound' });
      expect(judgements(await world.object('reports'))).toMatchObject({ Synced: 'False Invalid' });
      expect(judgements(await world.object('payments'))).toMatchObject({ Ready: 'False StorageFull' });
      const wiki = was.objects.find(({ spec }) => spec?.identifier === 'wiki');
      expect((await world.object('wiki')).status?.conditions).toEqual(wiki?.status?.conditions);
      const scan = was.objects.find(({ kind }) => kind === 'MirrorScan');
      expect((await world.scan()).status?.history).toEqual(
        expect.arrayContaining([expect.objectContaining({ held: 5, hour: historyHour(scan) })]),
      );
    });
  });
});

function historyHour(scan: KubernetesObject | undefined): unknown {
  return (scan?.status as { history?: { hour: string }[] } | undefined)?.history?.[0]?.hour;
}
