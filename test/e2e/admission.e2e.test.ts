import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { until } from '../../dev/until.ts';
import { crdOf } from '../../lib/crd.ts';
import { admissionPolicy } from '../../lib/deploy-admission.ts';
import { approverRole, writerGroup } from '../../lib/rbac.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { type Stack, startStack } from './stack.ts';
import { complaints, done, type World } from './world.ts';

const cleaner = (controller: string) => `system:serviceaccount:kube-system:${controller}`;
const runner = 'system:serviceaccount:skymirror:skymirror';

/** What the schema refuses needs no policy: all of a spec is fixed but such fields as a later release adds. */
const partition = z.string().optional().describe('A field of a later release.');

let stack: Stack;
let world: World;
beforeAll(async () => {
  stack = await startStack({
    kubernetes: {
      extraUsers: {
        // What a GitOps controller or a careless administrator is: RBAC lets them do everything.
        editor: ['editors'],
        approver: ['approvers'],
        impostor: ['skymirror-writers-too'],
        [runner]: ['editors'],
        [cleaner('namespace-controller')]: [],
        [cleaner('generic-garbage-collector')]: [],
        // Without service accounts of its controllers it is an administrator.
        'system:kube-controller-manager': ['editors'],
      },
    },
  });
  const subjects = [
    { kind: 'Group', name: writerGroup },
    { kind: 'ServiceAccount', namespace: 'skymirror', name: 'skymirror' },
  ] as const;
  await stack.kubernetes.apply([
    crdOf({ ...rdsInstance, identity: rdsInstance.identity.extend({ partition }) }),
    role('everything', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]),
    approverRole(),
    binding('everything', 'editors'),
    binding('everything', 'skymirror-writers-too'),
    binding('skymirror-approver', 'approvers'),
    ...admissionPolicy([rdsInstance], subjects),
  ]);
  world = await stack.world({ instances: ['orders'] });
  expect(await world.pass()).toMatchObject({ ok: true });
  const isRefused = async () => (await as('editor', 'DELETE', `${world.pathOf('orders')}?dryRun=All`)).status === 403;
  await until(isRefused, { what: 'the admission policy' });
});
afterAll(() => stack?.stop());

const rbac = { apiGroup: 'rbac.authorization.k8s.io' };

function role(name: string, rules: readonly object[]) {
  return { apiVersion: `${rbac.apiGroup}/v1`, kind: 'ClusterRole', metadata: { name }, rules };
}

function binding(name: string, group: string) {
  const metadata = { name: `${name}-${group}` };
  const roleRef = { ...rbac, kind: 'ClusterRole', name };
  const subjects = [{ ...rbac, kind: 'Group', name: group }];
  return { apiVersion: `${rbac.apiGroup}/v1`, kind: 'ClusterRoleBinding', metadata, roleRef, subjects };
}

async function as(user: string, method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: object) {
  const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  const answer = await stack.kubernetes.request(path, { method, user, contentType, ...(body ? { body } : {}) });
  return { status: answer.status, message: String((answer.body as { message?: string }).message ?? '') };
}

const mend = 'An administrator may act as the mirror: kubectl --as=you --as-group=skymirror-writers';

describe('under the policy, somebody whom RBAC lets do everything', () => {
  test.each([
    ['spec', { spec: { partition: 'aws-cn' } }, '', 'only skymirror writes spec and status'],
    ['status', { status: { observed: { state: 'gone' } } }, '/status', 'only skymirror writes spec and status'],
    ['all of status', { status: null }, '/status', 'only skymirror writes spec and status'],
    [
      'managed-by',
      { metadata: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } } },
      '',
      'only skymirror writes the',
    ],
    ['one of our labels', { metadata: { labels: { 'skymirror.dev/mirror': null } } }, '', 'only skymirror writes the'],
    ['every label', { metadata: { labels: null } }, '', 'only skymirror writes the'],
    ['a provider label', { metadata: { labels: { 'aws.skymirror.dev/region': 'x' } } }, '', 'choose another prefix'],
    ['a tag label', { metadata: { labels: { 'tags.skymirror.dev/team': 'x' } } }, '', 'choose another prefix'],
    ['the field managers', { metadata: { managedFields: [{}] } }, '', 'leave ownerReferences and managedFields'],
    [
      'the owners',
      { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'a', uid: 'b' }] } },
      '',
      'leave ownerReferences and managedFields',
    ],
  ])('changes %s in vain, and reads how to go about it', async (_, change, subresource, reason) => {
    const before = await world.object('orders');
    const answer = await as('editor', 'PATCH', `${world.pathOf('orders')}${subresource}`, change);
    expect(answer).toMatchObject({ status: 403, message: expect.stringContaining(reason) });
    expect(answer.message).toContain(mend);
    expect(await world.object('orders')).toEqual(before);
  });

  test('creates and deletes nothing, one by one or all at once', async () => {
    const { metadata, ...object } = await world.object('orders');
    const copy = { ...object, metadata: { name: 'by-hand', namespace: metadata.namespace } };
    for (const answer of [
      await as('editor', 'POST', world.path, copy),
      await as('editor', 'DELETE', world.pathOf('orders')),
      await as('editor', 'DELETE', world.path),
      await as('editor', 'DELETE', world.scanPath),
    ]) {
      expect(answer).toMatchObject({
        status: 403,
        message: expect.stringContaining('only skymirror creates and deletes'),
      });
      expect(answer.message).toContain(mend);
    }
    expect(await world.identifiers()).toEqual(['orders']);
  });

  test('still puts labels, annotations and finalizers of their own on an object, changes them, and takes them away', async () => {
    const path = world.pathOf('orders');
    const labels = {
      'example.com/owner': 'jo',
      team: 'a',
      'notskymirror.dev/x': 'y',
      'skymirror.dev.example.com/x': 'y',
    };
    const own = { labels, annotations: { 'example.com/note': 'n' }, finalizers: ['example.com/backup'] };
    expect(await as('editor', 'PATCH', path, { metadata: own })).toMatchObject({ status: 200 });
    expect((await world.object('orders')).metadata).toMatchObject(own);
    const changed = { labels: { team: 'b' }, annotations: { 'example.com/note': null }, finalizers: null };
    expect(await as('editor', 'PATCH', path, { metadata: changed })).toMatchObject({ status: 200 });
    const gone = Object.fromEntries(Object.keys(labels).map((key) => [key, null]));
    expect(await as('editor', 'PATCH', path, { metadata: { labels: gone } })).toMatchObject({ status: 200 });
    expect(done(await world.pass())).toEqual({ unchanged: 1 });
  });

  test('is not taken for the mirror because a group begins with the same letters', async () => {
    expect(await as('impostor', 'DELETE', world.pathOf('orders'))).toMatchObject({ status: 403 });
  });

  test('acts as the mirror where they say so', async () => {
    const headers = { 'impersonate-user': 'jo', 'impersonate-group': writerGroup };
    const path = `${world.pathOf('orders')}?dryRun=All`;
    const answer = await stack.kubernetes.request(path, { method: 'DELETE', user: 'editor', headers });
    expect(answer.status).toBe(200);
  });
});

describe('under the policy', () => {
  test('a mirror does all that it did before: create, update, restore labels, mark, delete', async () => {
    const own = await stack.world({ instances: ['orders', 'ledger'], mirror: { graceSeconds: 0 } });
    expect(done(await own.pass())).toEqual({ created: 2 });
    await own.resize('orders', 'db.m7g.4xlarge');
    await own.patch(own.pathOf('ledger'), { metadata: { labels: { 'skymirror.dev/scope': null } } });
    expect(done(await own.pass())).toEqual({ updated: 2 });
    await own.remove('ledger');
    expect(done(await own.pass())).toMatchObject({ marked: 1 });
    const last = await own.pass();
    expect(complaints(last)).toBe('');
    expect(done(last)).toMatchObject({ deleted: 1 });
  });

  test('a service account that it names writes, in whatever groups it is', async () => {
    const change = { status: { conditions: (await world.object('orders')).status?.conditions } };
    expect(await as(runner, 'PATCH', `${world.pathOf('orders')}/status`, change)).toMatchObject({ status: 200 });
    expect(await as(runner, 'DELETE', `${world.pathOf('orders')}?dryRun=All`)).toMatchObject({ status: 200 });
  });

  test('an approver annotates a scan, and does nothing else to it', async () => {
    const annotations = { 'skymirror.dev/approve-removals': '7-abc' };
    expect(await as('approver', 'PATCH', world.scanPath, { metadata: { annotations } })).toMatchObject({ status: 200 });
    const labels = { 'skymirror.dev/mirror': 'mine' };
    expect(await as('approver', 'PATCH', world.scanPath, { metadata: { labels } })).toMatchObject({ status: 403 });
    const status = { status: { seen: 0 } };
    for (const user of ['approver', 'editor']) {
      expect(await as(user, 'PATCH', `${world.scanPath}/status`, status)).toMatchObject({ status: 403 });
    }
  });

  test('those in system:masters break the glass', async () => {
    const [path, label] = [world.pathOf('orders'), { labels: { 'skymirror.dev/mirror': 'other' } }];
    expect(await as('admin', 'PATCH', `${path}?dryRun=All`, { metadata: label })).toMatchObject({ status: 200 });
    expect(await as('admin', 'DELETE', `${path}?dryRun=All`)).toMatchObject({ status: 200 });
  });

  test('the garbage collector deletes', async () => {
    const path = `${world.pathOf('orders')}?dryRun=All`;
    expect(await as(cleaner('generic-garbage-collector'), 'DELETE', path)).toMatchObject({ status: 200 });
    expect(await as('system:kube-controller-manager', 'DELETE', path)).toMatchObject({ status: 200 });
  });

  test('a namespace is deleted with all that it holds', async () => {
    const { namespace, path, scanPath } = await dying();
    const controller = cleaner('namespace-controller');
    for (const collection of [path, scanPath.slice(0, scanPath.lastIndexOf('/'))]) {
      expect(await as(controller, 'DELETE', collection)).toMatchObject({ status: 200 });
    }
    const self = `/api/v1/namespaces/${namespace}`;
    const { body } = await stack.kubernetes.request(self, { user: controller });
    const empty = { ...(body as object), spec: { finalizers: [] } };
    expect(await as(controller, 'PUT', `${self}/finalize`, empty)).toMatchObject({ status: 200 });
    await until(async () => (await stack.kubernetes.request(self)).status === 404, {
      what: 'the end of the namespace',
    });
  });

  test('a CRD is deleted with all its objects: that is how skymirror is uninstalled', async () => {
    const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/rdsinstances.aws.skymirror.dev';
    expect(await world.identifiers()).toEqual(['orders']);
    expect(await as('editor', 'DELETE', definition)).toMatchObject({ status: 200 });
    const isGone = async () => (await stack.kubernetes.request(definition)).status === 404;
    await until(isGone, { what: 'the end of the CRD' });
    await stack.kubernetes.apply([crdOf(rdsInstance)]);
    expect(await world.identifiers()).toEqual([]);
  });
});

/** A namespace that is on its way out and holds an object and a scan. The part of its controller is played by a test. */
async function dying(): Promise<World> {
  const lost = await stack.world({ instances: ['orders'] });
  await lost.pass();
  expect(await as('editor', 'DELETE', `/api/v1/namespaces/${lost.namespace}`)).toMatchObject({ status: 200 });
  return lost;
}
