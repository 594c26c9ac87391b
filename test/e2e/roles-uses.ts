import type { Permission } from '../../cli/administration.ts';
import { type PruneOptions, prune } from '../../cli/prune.ts';
import type { Surroundings } from '../../cli/surroundings.ts';
import type { Kubernetes } from '../../dev/kubernetes.ts';
import { until } from '../../dev/until.ts';
import { openRun } from '../../lib/backfill.ts';
import { backfillRequest } from '../../lib/backfill-request.ts';
import { configFolder } from '../cli/cli.ts';
import { may, type Stack } from './stack.ts';
import type { World } from './world.ts';

/** A rule of a role. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** A role as lib/rbac.ts makes it. */
export interface Role {
  readonly metadata: { readonly name: string };
  readonly rules: readonly Rule[];
}

/** One verb on one resource, or one name that the rule is limited to. */
export interface Right {
  readonly role: Role;
  readonly rule: Rule;
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
  readonly name: string;
}

/** All that a role gives, piece by piece. */
export function rightsOf(role: Role): Right[] {
  return role.rules.flatMap((rule) =>
    rule.resources.flatMap((resource) =>
      rule.verbs.flatMap((verb) =>
        (rule.resourceNames ?? ['']).map((name) => ({
          ...{ role, rule, resource, verb, name },
          group: rule.apiGroups[0] ?? '',
        })),
      ),
    ),
  );
}

/** The role without one of its rights; other resources of the same rule stay. */
function without({ role, rule, resource, verb, name }: Right): Role {
  const others = rule.resources.filter((one) => one !== resource);
  const same = { ...rule, resources: [resource] };
  const changed =
    name === ''
      ? { ...same, verbs: rule.verbs.filter((one) => one !== verb) }
      : { ...same, resourceNames: (rule.resourceNames ?? []).filter((one) => one !== name) };
  const less = [
    ...(others.length === 0 ? [] : [{ ...rule, resources: others }]),
    ...(changed.verbs.length === 0 ? [] : [changed]),
  ];
  return { ...role, rules: role.rules.flatMap((one) => (one === rule ? less : [one])) };
}

/** Takes one right away until the end of the scope, and waits until both count. */
export async function withoutRight(
  kubernetes: Kubernetes,
  right: Right,
  asked: Permission,
  user: string,
): Promise<AsyncDisposable> {
  await until(() => may(kubernetes, asked, user), { what: `the right to ${right.verb}` });
  await kubernetes.apply([without(right)]);
  await until(async () => !(await may(kubernetes, asked, user)), { what: `the loss of ${right.verb}` });
  return {
    async [Symbol.asyncDispose]() {
      await kubernetes.apply([right.role]);
      await until(() => may(kubernetes, asked, user), { what: `the return of ${right.verb}` });
    },
  };
}

/** What has to be asked of the API server to know whether somebody has a right in that namespace. */
export function permissionOf({ verb, group, resource, name }: Right, namespace: string): Permission {
  const [plural = '', subresource] = resource.split('/');
  const place = name === '' ? { namespace } : { name };
  return { verb, group, resource: plural, ...(subresource === undefined ? {} : { subresource }), ...place };
}

/** Binds a role of a person to the user of that name in one namespace. */
export function bindingOf(role: Role, user: string, namespace: string) {
  const apiGroup = 'rbac.authorization.k8s.io';
  return {
    apiVersion: `${apiGroup}/v1`,
    kind: 'RoleBinding',
    metadata: { name: role.metadata.name, namespace },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role.metadata.name },
    subjects: [{ apiGroup, kind: 'User', name: user }],
  };
}

/** What kubectl sends for one verb on one resource; whether it is let. `annotate`, `patch` and `edit` read before. */
export async function asKubectl(stack: Stack, user: string, world: World, { resource, verb }: Right): Promise<boolean> {
  const name = { rdsinstances: world.nameOf('orders'), mirrorscans: world.scanPath.split('/').at(-1), syncruns: 'run' };
  const group = resource === 'rdsinstances' ? 'aws.skymirror.dev' : 'skymirror.dev';
  const all = `/apis/${group}/v1alpha1/namespaces/${world.namespace}/${resource}`;
  const one = `${all}/${name[resource as keyof typeof name]}`;
  const is = async (path: string, options = {}) =>
    (await stack.kubernetes.request(path, { user, ...options })).status === 200;
  if (verb === 'list') return is(all);
  if (verb === 'watch') return is(`${all}?watch=1&timeoutSeconds=1`);
  if (verb === 'get') return is(one);
  const change = resource === 'syncruns' ? { spec: { cancelled: true } } : approval;
  return (await is(one)) && is(one, { method: 'PATCH', contentType: 'application/merge-patch+json', body: change });
}

const approval = { metadata: { annotations: { 'skymirror.dev/approve-removals': '7-abc' } } };

/** A world that has been mirrored and has a backfill, so that there is one of everything. */
export async function oneOfEverything(stack: Stack): Promise<World> {
  const world = await stack.world({ instances: ['orders'] });
  await world.pass();
  const { signal } = new AbortController();
  const task = { ...world.task, clusters: ['main'], accountName: 'home', every: 60, paused: false };
  const open = async () => new Map([['main', stack.cluster]]);
  await openRun(backfillRequest.parse({}), 'run', { tasks: [task], signal, open, spelt: (field) => field });
  return world;
}

/** `skymirror prune` as that user, of a mirror that left this world, with what takes that verb; and what it said. */
export async function pruned(stack: Stack, user: string, { account, region, namespace }: World, verb: string) {
  const role = { role: stack.aws.roleArn(account), externalId: stack.aws.externalId };
  const config = await configFolder({
    clusters: { main: { kubeconfig: stack.kubernetes.kubeconfig(user) } },
    accounts: { home: { id: account, ...role } },
    mirrors: [{ name: 'renamed', sources: ['RDSInstance'], accounts: ['home'], regions: [region], namespace }],
  });
  const lines: string[] = [];
  const around: Surroundings = {
    print: (text) => lines.push(text),
    error: (text) => lines.push(text),
    paint: (_, text) => text,
    interactive: false,
    signal: new AbortController().signal,
    end: () => {},
  };
  const options: Record<string, Partial<PruneOptions>> = {
    patch: { rename: { from: 'production', to: 'renamed' } },
    delete: { remove: true, mirror: ['production'] },
  };
  try {
    const code = await prune({ config: config.file, output: 'table', yes: true, ...options[verb] }, around);
    return { code, said: lines.join('\n') };
  } catch (error) {
    return { code: 1, said: [...lines, error].join('\n') };
  } finally {
    await config.remove();
  }
}
