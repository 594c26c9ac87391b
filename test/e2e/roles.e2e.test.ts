import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Permission } from '../../cli/administration.ts';
import { setStatus } from '../../dev/proxy-rows.ts';
import { until } from '../../dev/until.ts';
import { cancelBackfill, type Ground, openRun } from '../../lib/backfill.ts';
import { backfillRequest } from '../../lib/backfill-request.ts';
import type { Cluster } from '../../lib/cluster.ts';
import { syncRunCrd } from '../../lib/crd.ts';
import type { KubernetesCluster } from '../../lib/kubernetes-cluster.ts';
import { aggregatedViewerRole, viewerRole, writerRoles } from '../../lib/rbac.ts';
import type { Report } from '../../lib/report.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { removeExpiredRuns } from '../../lib/sync-run-expiry.ts';
import type { ConfiguredTask } from '../../lib/targets.ts';
import { watch } from '../../lib/watch.ts';
import { may, type Stack, startStack } from './stack.ts';
import { allowViewer, viewerBinding } from './viewer.ts';
import { complaints, type World } from './world.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
  await stack.kubernetes.apply([syncRunCrd()]);
});
afterAll(() => stack?.stop());

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Role {
  readonly metadata: { readonly name: string };
  readonly rules: readonly Rule[];
}

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

/** Every verb of every rule, and every name that a rule is limited to. */
const permissions = roles.flatMap((role) =>
  role.rules.flatMap((rule) =>
    rule.resources.flatMap((resource) =>
      rule.verbs.flatMap((verb) =>
        (rule.resourceNames ?? ['']).map((name) => ({
          role,
          rule,
          resource,
          verb,
          name,
          group: rule.apiGroups[0] ?? '',
        })),
      ),
    ),
  ),
);

describe('the writer role', () => {
  test('is enough for everything that a mirror does', async () => {
    const world = await stack.world({ instances: ['orders', 'ledger'] });
    const report = await everything(world);
    expect(complaints(report)).toBe('');
    expect(report).toMatchObject({ ok: true, clusters: [{ counts: { deleted: 1 } }] });
  });

  test.each(permissions)('does not work without $verb on $resource $name', async ({ role, rule, ...without }) => {
    const { verb, group, name } = without;
    const [resource = '', subresource] = without.resource.split('/');
    const world = await stack.world({ instances: ['orders', 'ledger'] });
    const asked: Permission = {
      verb,
      group,
      resource,
      ...(subresource === undefined ? {} : { subresource }),
      ...(name === '' ? { namespace: world.namespace } : { name }),
    };
    expect(await may(stack.kubernetes, asked)).toBe(true);
    await stack.kubernetes.apply([
      { ...role, rules: role.rules.flatMap((one) => (one === rule ? less(one, without) : one)) },
    ]);
    await until(async () => !(await may(stack.kubernetes, asked)), { what: `the loss of ${verb} on ${resource}` });
    const report = await everything(world);
    await stack.kubernetes.apply([role]);
    await until(() => may(stack.kubernetes, asked), { what: `the return of ${verb} on ${resource}` });
    // Events are best effort: a pass without them is applied all the same, and says what it lacks.
    expect(report.ok).toBe(group === 'events.k8s.io');
    expect(complaints(report)).toContain(`User "skymirror" cannot ${verb} resource "${without.resource}"`);
    expect(complaints(report)).toMatch(/RBAC does not allow it: "skymirror rbac"/);
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

describe('the viewer role', () => {
  test('reads objects and scans, and writes nothing', async () => {
    const world = await stack.world({ instances: ['orders'] });
    await world.pass();
    await allowViewer(stack.kubernetes, world.namespace);
    const as = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
      stack.kubernetes.request(path, {
        method,
        user: 'viewer',
        contentType: typeOf(method),
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

/** The rule without one verb or, where it is limited to names, without one name; other resources of it stay. */
function less(rule: Rule, without: { resource: string; verb: string; name: string }): Rule[] {
  const others = rule.resources.filter((one) => one !== without.resource);
  const same = { ...rule, resources: [without.resource] };
  const changed =
    without.name === ''
      ? { ...same, verbs: rule.verbs.filter((verb) => verb !== without.verb) }
      : { ...same, resourceNames: (rule.resourceNames ?? []).filter((name) => name !== without.name) };
  return [
    ...(others.length === 0 ? [] : [{ ...rule, resources: others }]),
    ...(changed.verbs.length === 0 ? [] : [changed]),
  ];
}

function typeOf(method: string): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
}
