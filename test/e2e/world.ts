import type { Aws } from '../../dev/aws.ts';
import { createInstance, deleteInstance, type EstateInstance, type Place, resize } from '../../dev/estate.ts';
import type { Kubernetes } from '../../dev/kubernetes.ts';
import { until } from '../../dev/until.ts';
import type { Cluster } from '../../lib/cluster.ts';
import { type Mirror, mirrorOf } from '../../lib/mirror.ts';
import { conditionOf, type KubernetesObject, parseObject } from '../../lib/object.ts';
import type { Counts, Report } from '../../lib/report.ts';
import { nameOf } from '../../lib/resource.ts';
import { scanName } from '../../lib/scan.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { type SyncOptions, sync, type Task } from '../../lib/sync.ts';

/** What is special about a world; the rest is given. */
export interface WorldWish extends Partial<Place> {
  readonly namespace?: string;
  readonly mirror?: Partial<Mirror>;
  /** Instances that are there from the beginning. */
  readonly instances?: readonly string[];
}

/** How one pass differs from the usual one. */
export interface PassWish extends SyncOptions {
  readonly mirror?: Partial<Mirror>;
  readonly access?: unknown;
  readonly clusters?: readonly Cluster[];
}

/** One scope outside and the namespace that mirrors it, with what tests do to either. */
export interface World extends Place {
  readonly namespace: string;
  readonly task: Task;
  /** `.../namespaces/world-1/rdsinstances`. */
  readonly path: string;
  readonly scanPath: string;
  /** One `sync` of the real engine. */
  pass(wish?: PassWish): Promise<Report>;
  create(identifier: string, change?: Partial<EstateInstance>): Promise<void>;
  remove(...identifiers: string[]): Promise<void>;
  resize(identifier: string, to: string): Promise<void>;
  arn(identifier: string): string;
  nameOf(identifier: string): string;
  pathOf(identifier: string): string;
  object(identifier: string): Promise<KubernetesObject>;
  /** By identifier. */
  objects(): Promise<Map<string, KubernetesObject>>;
  identifiers(): Promise<string[]>;
  scan(): Promise<KubernetesObject>;
  /** A merge patch by the administrator, as a user would send it; `/status` behind the name for the subresource. */
  patch(path: string, body: object): Promise<KubernetesObject>;
}

/** The parts that a world stands on. */
interface Ground {
  readonly kubernetes: Kubernetes;
  readonly aws: Aws;
  readonly cluster: Cluster;
}

/** Makes the instances and the handle; namespace and permissions are there already. */
export async function createWorld(
  { kubernetes, aws, cluster }: Ground,
  wish: WorldWish & Place & { readonly namespace: string },
): Promise<World> {
  const { account, region, namespace } = wish;
  const mirror = mirrorOf({ name: 'production', namespace, ...wish.mirror });
  const access = { roleArn: aws.roleArn(account), externalId: aws.externalId };
  const task: Task = { mirror, source: rdsInstance, scope: { account, region }, access };
  const path = `/apis/${rdsInstance.group}/v1alpha1/namespaces/${namespace}/${rdsInstance.plural}`;
  const arn = (identifier: string) => `arn:aws:rds:${region}:${account}:db:${identifier}`;
  const name = (identifier: string) =>
    nameOf(rdsInstance, arn(identifier), { arn: arn(identifier), account, region, identifier });
  const scanPath = `/apis/skymirror.dev/v1alpha1/namespaces/${namespace}/mirrorscans/${scanName(task)}`;

  async function ask(where: string, options?: Parameters<Kubernetes['request']>[1]): Promise<unknown> {
    // 429: the API server is about to serve a kind whose schema has just changed.
    const answered = async () => {
      const answer = await kubernetes.request(where, options);
      return answer.status === 429 ? undefined : answer;
    };
    const { status, body } = await until(answered, { what: `an answer to ${where}` });
    if (status >= 300) throw new Error(`${options?.method ?? 'GET'} ${where}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  const world: World = {
    account,
    region,
    namespace,
    task,
    path,
    scanPath,
    pass: ({ mirror: change, access: other, clusters = [cluster], ...options } = {}) =>
      sync({ ...task, mirror: { ...mirror, ...change }, access: other ?? access }, clusters, {
        ...options,
        // A machine that has much else to do is no cluster that cannot be read.
        limits: { readDeadline: 60_000, ...options.limits },
      }),
    create: (identifier, change = {}) =>
      createInstance(aws, {
        account,
        region,
        identifier,
        engine: 'postgres',
        engineVersion: '17.4',
        instanceClass: 'db.t4g.medium',
        storage: 20,
        multiAz: false,
        encrypted: true,
        tags: { team: 'commerce' },
        ...change,
      }),
    async remove(...identifiers) {
      for (const identifier of identifiers) await deleteInstance(aws, { account, region, identifier });
    },
    resize: (identifier, to) => resize(aws, { account, region, identifier }, to),
    arn,
    nameOf: name,
    pathOf: (identifier) => `${path}/${name(identifier)}`,
    object: async (identifier) => parseObject(await ask(`${path}/${name(identifier)}`)),
    async objects() {
      const { items } = (await ask(path)) as { items: object[] };
      const kind = { apiVersion: `${rdsInstance.group}/v1alpha1`, kind: rdsInstance.kind };
      const objects = items.map((item) => parseObject({ ...kind, ...item }));
      return new Map(objects.map((object) => [String(object.spec?.identifier), object]));
    },
    identifiers: async () => [...(await world.objects()).keys()].toSorted(),
    scan: async () => parseObject(await ask(scanPath)),
    patch: async (where, body) =>
      parseObject(await ask(where, { method: 'PATCH', contentType: 'application/merge-patch+json', body })),
  };
  for (const identifier of wish.instances ?? []) await world.create(identifier);
  return world;
}

/** What a pass did in its first cluster, without what is zero. */
export function done(report: Report): Partial<Counts> {
  const counts: Partial<Counts> = report.clusters[0]?.counts ?? {};
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => value > 0));
}

/** Everything a report complains about, in one text. */
export function complaints(report: Report): string {
  const inside = report.clusters.flatMap(({ skipped, untold, failures }) => [
    skipped,
    untold,
    ...failures.map((one) => one.message),
  ]);
  return [report.incomplete?.message, ...inside].filter((text) => text !== undefined).join('\n');
}

/** `True NotFound`: status and reason of a condition. */
export function conditionText(object: KubernetesObject, type: string): string {
  const condition = conditionOf(object, type);
  return condition === undefined ? 'none' : `${condition.status} ${condition.reason}`;
}

/** The three judgements of a mirrored object. */
export function judgements(object: KubernetesObject) {
  return {
    Exists: conditionText(object, 'Exists'),
    Synced: conditionText(object, 'Synced'),
    Ready: conditionText(object, 'Ready'),
  };
}

/** Resource versions by identifier: equal before and after means that nothing was written. */
export async function versions(world: World): Promise<Record<string, string | undefined>> {
  const objects = await world.objects();
  return Object.fromEntries([...objects].map(([identifier, { metadata }]) => [identifier, metadata.resourceVersion]));
}
