import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { freePorts } from '../../dev/kubernetes-servers.ts';
import { hold } from '../../dev/proxy-faults.ts';
import { until } from '../../dev/until.ts';
import { crdOf, mirrorScanCrd } from '../../lib/crd.ts';
import { loadConnection } from '../../lib/kubeconfig.ts';
import { type KubernetesCluster, openCluster } from '../../lib/kubernetes-cluster.ts';
import { revisionAnnotation } from '../../lib/object.ts';
import { writerRoles } from '../../lib/rbac.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { allowWriter, type Stack, startStack } from './stack.ts';
import { done, versions, type World } from './world.ts';

let stack: Stack;
let second: Kubernetes;
const opened: KubernetesCluster[] = [];
beforeAll(async () => {
  [stack, second] = await Promise.all([startStack(), startKubernetes()]);
});
afterAll(async () => {
  await Promise.all(opened.map((cluster) => cluster.close()));
  await Promise.all([stack?.stop(), second?.stop()]);
});
afterEach(() => stack.aws.faults.clear());

/** A connection with no failures behind it, named so that reports tell the clusters apart. */
async function connect(kubernetes: Kubernetes, name: string, deadline = 30_000): Promise<KubernetesCluster> {
  const connection = await loadConnection({ kubeconfig: kubernetes.kubeconfig('skymirror') });
  const cluster = openCluster({ ...connection, name }, { deadline });
  opened.push(cluster);
  return cluster;
}

async function identifiersIn(kubernetes: Kubernetes, world: World): Promise<string[]> {
  const { body } = await kubernetes.request(world.path);
  const { items = [] } = body as { items?: { spec: { identifier: string } }[] };
  return items.map(({ spec }) => spec.identifier).toSorted();
}

describe('a second cluster', () => {
  test('without the CRDs sits out, says how to install them, and is served once they are there', async () => {
    await second.apply(writerRoles([rdsInstance], 'default'));
    await withoutKinds(second);
    const world = await stack.world({ instances: ['orders', 'ledger'] });
    const missing = await world.pass({ clusters: [stack.cluster, await connect(second, 'second')] });
    expect(missing.ok).toBe(false);
    expect(done(missing)).toEqual({ created: 2 });
    expect(missing.clusters[1]?.skipped).toBe(
      'cluster second: SchemaMissing: the CRD rdsinstances.aws.skymirror.dev is not installed. Install it: skymirror crds --install, or kubectl apply --server-side -f deploy/crds',
    );
    await ready(second, world);
    const whole = await world.pass({ clusters: [stack.cluster, await connect(second, 'second')] });
    expect(whole).toMatchObject({ ok: true, clusters: [{ counts: { unchanged: 2 } }, { counts: { created: 2 } }] });
    expect(await identifiersIn(second, world)).toEqual(['ledger', 'orders']);
  });

  test('is fed by the same look at the outside', async () => {
    const world = await stack.world({ instances: ['orders', 'ledger'] });
    await ready(second, world);
    stack.aws.requests.clear();
    const report = await world.pass({ clusters: [stack.cluster, await connect(second, 'second')] });
    expect(report).toMatchObject({ ok: true, clusters: [{ counts: { created: 2 } }, { counts: { created: 2 } }] });
    expect(stack.aws.requests.count({ action: 'DescribeDBInstances' })).toBe(1);
  });

  test('that cannot be reached does not stop the first', async () => {
    const world = await stack.world({ instances: ['orders'] });
    const [port] = await freePorts(1);
    const file = join(second.folder, 'nobody.kubeconfig');
    const kubeconfig = await readFile(second.kubeconfig('skymirror'), 'utf8');
    await writeFile(file, kubeconfig.replace(second.url, `https://127.0.0.1:${port}`));
    const nobody = openCluster({ ...(await loadConnection({ kubeconfig: file })), name: 'nobody' }, { deadline: 500 });
    opened.push(nobody);
    const report = await world.pass({ clusters: [nobody, stack.cluster] });
    expect(report.ok).toBe(false);
    expect(report.clusters[0]?.skipped).toMatch(
      /^cluster nobody \(127\.0\.0\.1:\d+\): GET .*ECONNREFUSED.*Is the API server up/,
    );
    expect(report.clusters[1]?.counts).toMatchObject({ created: 1 });
    const paused = await world.pass({ clusters: [nobody, stack.cluster] });
    expect(paused.clusters[0]?.skipped).toMatch(/left out for \d+ s more: cluster nobody .*ECONNREFUSED/);
  });

  test('that dies in the middle of a pass does not stop the first, and is made whole by the next pass', async () => {
    const world = await stack.world({ instances: Array.from({ length: 101 }, (_, number) => `db-${number}`) });
    await ready(second, world);
    const dying = await connect(second, 'dying', 2500);
    const gate = hold();
    stack.aws.faults.add({ when: { action: 'DescribeDBInstances' }, after: 1, do: gate.effect });
    const running = world.pass({ clusters: [dying, stack.cluster] });
    await gate.reached;
    await second.kill();
    gate.release();
    const report = await running;
    expect(report.ok).toBe(false);
    expect(report).not.toHaveProperty('incomplete');
    expect(report.clusters[0]?.failures[0]?.message).toMatch(/^cluster dying .* Is the API server up/);
    expect(report.clusters[1]).toMatchObject({ counts: { created: 101 }, failures: [] });
    await second.restart();
    const next = await world.pass({ clusters: [await connect(second, 'risen'), stack.cluster] });
    expect(next).toMatchObject({ ok: true, clusters: [{ counts: { failed: 0 } }, { counts: { unchanged: 101 } }] });
    expect(await identifiersIn(second, world)).toEqual(await world.identifiers());
  });
});

describe('a namespace', () => {
  test('without the generated RBAC: the error names verb and resource', async () => {
    const world = await stack.world({ instances: ['orders'] });
    const binding = `/apis/rbac.authorization.k8s.io/v1/namespaces/${world.namespace}/rolebindings/skymirror-writer`;
    await stack.kubernetes.request(binding, { method: 'DELETE' });
    const asSkymirror = () => stack.kubernetes.request(world.path, { user: 'skymirror' });
    await until(async () => (await asSkymirror()).status === 403, { what: 'the loss of the permission' });
    const report = await world.pass({ clusters: [await stack.open()] });
    expect(report.clusters[0]?.skipped).toMatch(
      /either there is no namespace (\S+) .*kubectl create namespace \1.*cannot get resource "namespaces" in API group/,
    );
    expect(report.clusters[0]?.skipped).toMatch(/RBAC does not allow it: "skymirror rbac"/);
  });

  test('that is terminating is left alone and reported', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    await stack.kubernetes.request(`/api/v1/namespaces/${world.namespace}`, { method: 'DELETE' });
    await world.create('ledger');
    const report = await world.pass({ clusters: [await stack.open()] });
    expect(report.ok).toBe(false);
    expect(report.clusters[0]?.skipped).toMatch(
      /NamespaceTerminating: the namespace \S+ is going away; nothing in it is touched/,
    );
    expect(await world.identifiers()).toEqual(['orders']);
    const finalize = `/api/v1/namespaces/${world.namespace}/finalize`;
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: world.namespace }, spec: { finalizers: [] } };
    expect(await stack.kubernetes.request(finalize, { method: 'PUT', body })).toMatchObject({ status: 200 });
    const missing = await world.pass({ clusters: [await stack.open()] });
    expect(missing.clusters[0]?.skipped).toMatch(/NamespaceMissing: .*Create it: kubectl create namespace/);
    expect(await world.identifiers()).toEqual(['orders']);
  });
});

describe('the schema in the cluster', () => {
  const path = `${definitions}/rdsinstances.aws.skymirror.dev`;

  async function setRevision(world: World, revision: number): Promise<void> {
    await world.patch(path, { metadata: { annotations: { [revisionAnnotation]: String(revision) } } });
  }

  test('that is older is refused, and nothing is written', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await setRevision(world, rdsInstance.revision - 1);
    const report = await world.pass({ clusters: [await stack.open()] });
    await setRevision(world, rdsInstance.revision);
    expect(report.clusters[0]?.skipped).toMatch(
      /SchemaTooOld: the CRD rdsinstances\.aws\.skymirror\.dev has schema revision 0, this release writes 1\. Update it: skymirror crds --install/,
    );
    expect((await world.objects()).size).toBe(0);
    expect(done(await world.pass())).toEqual({ created: 1 });
  });

  test('that is newer is served, and the fields that it adds are kept', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    const text = { type: 'string', description: 'Of a later release.' };
    const newer = structuredClone(crdOf(rdsInstance)) as unknown as Definition;
    newer.metadata.annotations[revisionAnnotation] = '99';
    const { observed } = newer.spec.versions[0].schema.openAPIV3Schema.properties.status.properties;
    observed.properties.later = text;
    observed.properties.endpoint.properties.later = text;
    await stack.kubernetes.apply([newer]);
    const later = { status: { observed: { later: 'kept', endpoint: { later: 'kept too' } } } };
    const write = async () => {
      const { status } = await world.patch(`${world.pathOf('orders')}/status`, later);
      return status?.observed?.later === 'kept';
    };
    await until(write, { what: 'the new schema' });
    const before = await versions(world);
    expect(done(await world.pass())).toEqual({ unchanged: 1 });
    expect(await versions(world)).toEqual(before);
    await world.resize('orders', 'db.m7g.4xlarge');
    expect(done(await world.pass())).toEqual({ updated: 1 });
    expect((await world.object('orders')).status?.observed).toMatchObject({
      class: 'db.m7g.4xlarge',
      later: 'kept',
      endpoint: { later: 'kept too', port: 5432 },
    });
    await stack.kubernetes.apply([crdOf(rdsInstance)]);
  });
});

test('a context that the kubeconfig does not have is named with those that it has', async () => {
  const kubeconfig = stack.kubernetes.kubeconfig('skymirror');
  await expect(loadConnection({ kubeconfig, context: 'prod' })).rejects.toThrow(
    'kubeconfig: no context "prod". It has: skymirror',
  );
});

interface Schema {
  properties: Record<string, object> & { endpoint: { properties: Record<string, object> } };
}
interface Definition {
  metadata: { annotations: Record<string, string> };
  spec: {
    versions: [{ schema: { openAPIV3Schema: { properties: { status: { properties: { observed: Schema } } } } } }];
  };
}

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** A cluster in which only the permissions are installed. */
async function withoutKinds(kubernetes: Kubernetes): Promise<void> {
  const paths = ['rdsinstances.aws.skymirror.dev', 'mirrorscans.skymirror.dev'].map((name) => `${definitions}/${name}`);
  await Promise.all(paths.map((path) => kubernetes.request(path, { method: 'DELETE' })));
  const isBare = async () => {
    const answers = paths.map((path) => kubernetes.request(path, { user: 'skymirror' }));
    return (await Promise.all(answers)).every(({ status }) => status === 404);
  };
  await until(isBare, { what: 'the end of the kinds' });
}

async function ready(kubernetes: Kubernetes, { namespace }: World): Promise<void> {
  await kubernetes.apply([crdOf(rdsInstance), mirrorScanCrd()]);
  await allowWriter(kubernetes, namespace);
}
