import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Permission } from '../../cli/administration.ts';
import { setStatus } from '../../dev/proxy-rows.ts';
import { until } from '../../dev/until.ts';
import { cancelBackfill, type Ground, openRun } from '../../lib/backfill.ts';
import { backfillRequest } from '../../lib/backfill-request.ts';
import type { Cluster } from '../../lib/cluster.ts';
import { syncRunCrd } from '../../lib/crd.ts';
import type { KubernetesCluster } from '../../lib/kubernetes-cluster.ts';
import { aggregatedViewerRole, approverRole, prunerRole, viewerRole, writerRoles } from '../../lib/rbac.ts';
import type { Report } from '../../lib/report.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { removeExpiredRuns } from '../../lib/sync-run-expiry.ts';
import type { ConfiguredTask } from '../../lib/targets.ts';
import { watch } from '../../lib/watch.ts';
import { needles } from '../security/needles.ts';
import {
  asKubectl,
  bindingOf,
  oneOfEverything,
  permissionOf,
  pruned,
  type Role,
  rightsOf,
  withoutRight,
} from './roles-uses.ts';
import { may, type Stack, startStack } from './stack.ts';
import { allowViewer, viewerBinding } from './viewer.ts';
import { complaints, type World } from './world.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ kubernetes: { extraUsers: { approver: [], pruner: [] } } });
  await stack.kubernetes.apply([syncRunCrd()]);
});
afterAll(() => stack?.stop());

const roles = writerRoles([rdsInstance], 'default').flatMap((object): Role[] => ('rules' in object ? [object] : []));

/** Everything that a mirror ever does in a cluster; ends with the first thing that does not work. */
async function everything(world: World): Promise<Report> {
  const cluster = await stack.open();
  const pass = (ids?: string[]) =>
    world.pass({ clusters: [cluster], mirror: { graceSeconds: 0 }, ...(ids === undefined ? {} : { ids }) });
  const steps = [
    () => pass(),
    async () => {
      await world.patch(world.pathOf('orders'), { metadata: { labels: { 'skymirror.dev/mirror': null } } });
      return pass([world.arn('orders')]);
    },
    ...['storage-full', 'available', 'storage-full'].map((state) => async () => {
      stack.aws.faults.clear();
      stack.aws.faults.add(setStatus('orders', state, { account: world.account, region: world.region }));
      return pass();
    }),
    async () => {
      stack.aws.faults.clear();
      await world.remove('ledger');
      return pass();
    },
    () => backfillAndWatch(world, cluster),
    () => pass(),
  ];
  for (const step of steps.slice(0, -1)) {
    const report = await step();
    if (!report.ok || report.clusters.some(({ untold }) => untold !== undefined)) return report;
  }
  return pass();
}

/** What it takes to begin, cancel and forget a backfill, and to ask how old the scans are. */
async function backfillAndWatch(world: World, cluster: KubernetesCluster): Promise<Report> {
  const task: ConfiguredTask = { ...world.task, clusters: ['main'], accountName: 'home', every: 60, paused: false };
  const { signal } = new AbortController();
  const clusters = new Map([['main', cluster]]);
  const ground: Ground = { tasks: [task], signal, open: async () => clusters, spelt: (field) => field };
  const later: Cluster = { ...cluster, now: () => cluster.now() + 30 * 86_400_000 };
  try {
    await openRun(backfillRequest.parse({}), 'run-1', ground);
    await cancelBackfill('run-1', ground);
    await removeExpiredRuns(later, world.namespace, { signal });
    const { unreadable } = await watch([task], clusters, signal);
    for (const reason of unreadable.values()) throw new Error(reason);
    return await world.pass({ clusters: [cluster], ids: [world.arn('orders')] });
  } catch (error) {
    const failures = [{ name: 'run-1', message: String(error) }];
    const report = await world.pass({ clusters: [] });
    return { ...report, clusters: [{ cluster: 'main', namespace: world.namespace, failures, blocked: 0 }] };
  }
}

describe('the writer role', () => {
  test('is enough for everything that a mirror does, and nothing of that puts a secret into the cluster', async () => {
    const world = await stack.world({ instances: ['orders', 'ledger'] });
    const report = await everything(world);
    expect(complaints(report)).toBe('');
    expect(report).toMatchObject({ ok: true, clusters: [{ counts: { deleted: 1 } }] });
    const kinds = [
      'aws.skymirror.dev/v1alpha1/rdsinstances',
      'skymirror.dev/v1alpha1/mirrorscans',
      'events.k8s.io/v1/events',
    ];
    for (const kind of kinds) {
      const { body } = await stack.kubernetes.request(`/apis/${kind}`);
      expect((body as { items: object[] }).items).not.toEqual([]);
      const content = Buffer.from(JSON.stringify([body, report]));
      expect(needles.filter(({ bytes }) => content.includes(bytes))).toEqual([]);
    }
  });

  test.each(roles.flatMap(rightsOf))('does not work without $verb on $resource $name', async (right) => {
    const { verb, group, resource } = right;
    const world = await stack.world({ instances: ['orders', 'ledger'] });
    await using _ = await withoutRight(stack.kubernetes, right, permissionOf(right, world.namespace), 'skymirror');
    const report = await everything(world);
    // Events are best effort: a pass without them is applied all the same, and says what it lacks.
    expect(report.ok).toBe(group === 'events.k8s.io');
    expect(complaints(report)).toContain(`User "skymirror" cannot ${verb} resource "${resource}"`);
    expect(complaints(report)).toMatch(/RBAC does not allow it: "skymirror rbac"/);
  });

  test.each([
    ['RoleBinding', 'skymirror-writer', /the writer role is not bound in it/],
    ['ClusterRoleBinding', 'skymirror-schema-reader', /cannot get resource "customresourcedefinitions"/],
  ])('does not work without its %s %s', async (kind, name, complaint) => {
    const world = await stack.world({ instances: ['orders'] });
    const place = kind === 'RoleBinding' ? `namespaces/${world.namespace}/rolebindings` : 'clusterrolebindings';
    const path = `/apis/rbac.authorization.k8s.io/v1/${place}/${name}`;
    const { body } = await stack.kubernetes.request(path);
    await stack.kubernetes.request(path, { method: 'DELETE' });
    const refused = await until(async () => refusal(await world.pass()), { what: `the loss of the ${kind}` });
    const { metadata, ...binding } = body as { apiVersion: string; kind: string; metadata: { namespace?: string } };
    await stack.kubernetes.apply([{ ...binding, metadata: { name, namespace: metadata.namespace } }]);
    expect(refused).toMatch(complaint);
    await until(async () => refusal(await world.pass()) === undefined, { what: `the return of the ${kind}` });
  });

  test('allows nothing elsewhere, and nothing else', async () => {
    const { namespace } = await stack.world();
    const { group } = rdsInstance;
    const refused: Permission[] = [
      { verb: 'list', group, resource: 'rdsinstances' },
      { verb: 'list', group, resource: 'rdsinstances', namespace: 'default' },
      { verb: 'create', group, resource: 'rdsinstances', namespace: 'kube-system' },
      { verb: 'deletecollection', group, resource: 'rdsinstances', namespace },
      { verb: 'delete', group: 'skymirror.dev', resource: 'mirrorscans', namespace },
      { verb: 'get', group: '', resource: 'secrets', namespace },
      { verb: 'list', group: '', resource: 'pods', namespace },
      { verb: 'update', group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
      { verb: 'list', group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
    ];
    const answers = await Promise.all(refused.map((permission) => may(stack.kubernetes, permission)));
    expect(answers).toEqual(refused.map(() => false));
  });
});

/** What the first cluster was left out for. */
const refusal = ({ clusters: [first] }: Report) => first?.skipped;

const viewer = viewerRole([rdsInstance]);
const approver = approverRole();
const pruner = prunerRole([rdsInstance]);

describe('of the roles for people', () => {
  let world: World;
  beforeAll(async () => {
    world = await oneOfEverything(stack);
    const bindings = Object.entries({ viewer, approver }).map(([user, role]) => bindingOf(role, user, world.namespace));
    await stack.kubernetes.apply([viewer, approver, pruner, ...bindings]);
  });

  test.each(
    Object.entries({ viewer, approver }).flatMap(([user, role]) => rightsOf(role).map((right) => ({ user, ...right }))),
  )('the $user needs $verb on $resource', async ({ user, ...right }) => {
    expect(await asKubectl(stack, user, world, right)).toBe(true);
    await using _ = await withoutRight(stack.kubernetes, right, permissionOf(right, world.namespace), user);
    expect(await asKubectl(stack, user, world, right)).toBe(false);
  });

  test('the pruner needs all of its own', async () => {
    const own = await oneOfEverything(stack);
    await stack.kubernetes.apply([bindingOf(pruner, 'pruner', own.namespace)]);
    const rights = rightsOf(pruner);
    // What takes away comes last, the scan after its objects.
    const order = ['list', 'patch', 'delete'];
    for (const right of rights.toSorted((one, other) => order.indexOf(one.verb) - order.indexOf(other.verb))) {
      const asked = permissionOf(right, own.namespace);
      await using _ = await withoutRight(stack.kubernetes, right, asked, 'pruner');
      const { code, said } = await pruned(stack, 'pruner', own, right.verb);
      expect(said).toContain(`User "pruner" cannot ${right.verb} resource "${right.resource}"`);
      expect(code).toBe(1);
    }
    expect((await pruned(stack, 'pruner', own, 'delete')).said).toContain('Removed: ');
  });
});

describe('the viewer role', () => {
  test('reads objects and scans, and writes nothing', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    await allowViewer(stack.kubernetes, world.namespace);
    const as = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
      stack.kubernetes.request(path, {
        method,
        user: 'viewer',
        contentType: method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        ...(body ? { body } : {}),
      });
    for (const path of [world.pathOf('orders'), world.scanPath]) {
      const { status, body } = await as('GET', path);
      expect(status).toBe(200);
      expect((await as('PUT', path, body)).status).toBe(403);
      expect((await as('PATCH', path, { metadata: { labels: { a: 'b' } } })).status).toBe(403);
      expect((await as('PATCH', `${path}/status`, { status: {} })).status).toBe(403);
      expect((await as('DELETE', path)).status).toBe(403);
      expect((await as('POST', path.slice(0, path.lastIndexOf('/')), body)).status).toBe(403);
    }
  });

  test('can be added to the built-in role view', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    const asked: Permission = {
      verb: 'list',
      group: rdsInstance.group,
      resource: 'rdsinstances',
      namespace: world.namespace,
    };
    const aggregated = aggregatedViewerRole([rdsInstance]);
    expect(aggregated.rules).toEqual(viewerRole([rdsInstance]).rules);
    await stack.kubernetes.apply([aggregated]);
    // No controller runs here that would aggregate: the selector of the built-in role has to be met by the label.
    const { body } = await stack.kubernetes.request('/apis/rbac.authorization.k8s.io/v1/clusterroles/view');
    const { aggregationRule } = body as { aggregationRule: { clusterRoleSelectors: { matchLabels: object }[] } };
    expect(aggregationRule.clusterRoleSelectors.map(({ matchLabels }) => matchLabels)).toContainEqual({
      'rbac.authorization.k8s.io/aggregate-to-view': 'true',
    });
    expect(aggregated.metadata.labels).toHaveProperty(['rbac.authorization.k8s.io/aggregate-to-view'], 'true');
    await stack.kubernetes.apply([viewerBinding(world.namespace, aggregated.metadata.name)]);
    await until(() => may(stack.kubernetes, asked, 'viewer'), { what: 'the permission by the aggregated role' });
    expect(await may(stack.kubernetes, { ...asked, verb: 'delete' }, 'viewer')).toBe(false);
  });
});
