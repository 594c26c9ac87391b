import * as z from 'zod';
import type { Mirror } from '../lib/mirror.ts';
import { conditionOf, type KubernetesObject, parseObject } from '../lib/object.ts';
import { approvalAnnotation } from '../lib/removal.ts';
import { type Report, reportLine } from '../lib/report.ts';
import { mirrorScan } from '../lib/scan-schema.ts';
import { sync } from '../lib/sync.ts';
import { namespace, type Stack } from './stack.ts';
import { kubectlTable, type TableOptions } from './table.ts';
import { until } from './until.ts';

/** What a scene plays on. `promise` is what the exit code stands for. */
export interface Stage {
  readonly stack: Stack;
  readonly signal: AbortSignal;
  readonly width: number;
  say(line: string): void;
  show(command: string, lines: readonly string[]): void;
  promise(what: string, seen: boolean): void;
}

/** Defaults, but for the grace between mark and delete: ten minutes are long for a demo. */
export const mirrorForDemo: Partial<Mirror> = { graceSeconds: 1 };

/** Where the API has the mirrored instances. */
export const objectsPath = pathOf('rdsinstances');
/** Where the API has the mirrored clusters. */
export const clustersPath = pathOf('rdsclusters');
/** Where the API has the mirrored queues. */
export const queuesPath = pathOf('sqsqueues');
/** Where the API has what happened. */
export const eventsPath = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
/** Where the API has the scans. */
export const scansPath = `/apis/skymirror.dev/v1alpha1/namespaces/${namespace}/mirrorscans`;

function pathOf(plural: string): string {
  return `/apis/aws.skymirror.dev/v1alpha1/namespaces/${namespace}/${plural}`;
}

/**
 * One pass over every kind, account and region. Its report lines are the ones that the log of a real mirror holds;
 * targets without a change share a line.
 */
export async function look({ stack, say, signal }: Stage): Promise<void> {
  let quiet = 0;
  for (const task of stack.tasks(mirrorForDemo)) {
    const report = await sync(task, [stack.cluster], { signal });
    if (isQuiet(report)) quiet += 1;
    else say(reportLine(report));
    for (const { failures } of report.clusters) for (const { message } of failures.slice(0, 3)) say(`  ${message}`);
  }
  if (quiet > 0) say(`${quiet === 1 ? 'the other target' : `${quiet} targets`}: complete, no change`);
}

/** True where a pass saw everything and had nothing to write. */
export function isQuiet({ ok, clusters }: Report): boolean {
  const changes = clusters.map(({ counts, blocked }) =>
    counts === undefined ? 1 : counts.created + counts.updated + counts.marked + counts.deleted + blocked,
  );
  return ok && changes.every((count) => count === 0);
}

/** Shows what that command would show. */
export async function table(stage: Stage, command: string, path: string, options: TableOptions): Promise<void> {
  const filter = options.only === undefined ? '' : ` | grep -E '^(NAME|${options.only.join('|')})'`;
  stage.show(
    command + filter,
    await kubectlTable(stage.stack.kubernetes, path, { ...options, width: stage.width - 3 }),
  );
}

/** The objects below a path of the API. */
export async function list({ stack }: Stage, path: string): Promise<KubernetesObject[]> {
  const { body } = await stack.kubernetes.request(path);
  const { items } = z.object({ items: z.array(z.looseObject({})) }).parse(body);
  return items.map((item) => parseObject({ apiVersion: 'v1', kind: 'Item', ...item }));
}

interface Place {
  readonly account: string;
  readonly region: string;
}

/** The object of a DB instance, if there is one. */
export async function find(
  stage: Stage,
  identifier: string,
  { account, region }: Place,
): Promise<KubernetesObject | undefined> {
  const arn = `arn:aws:rds:${region}:${account}:db:${identifier}`;
  return (await list(stage, `${objectsPath}?${new URLSearchParams({ fieldSelector: `spec.arn=${arn}` })}`))[0];
}

/** As `find`; ends the demo where there is none. */
export async function get(stage: Stage, identifier: string, place: Place): Promise<KubernetesObject> {
  return (await find(stage, identifier, place)) ?? fail(`an object for ${identifier}`);
}

/** What was observed of it, unchecked. */
export function observed(object: KubernetesObject): Record<string, unknown> {
  return object.status?.observed ?? {};
}

/** The MirrorScan of the instances of an account and region. */
export async function scanOf(stage: Stage, place: Place): Promise<KubernetesObject> {
  const scans = await list(stage, `${scansPath}?fieldSelector=spec.source=RDSInstance`);
  return scans.find(({ status }) => status?.scope === `${place.account}/${place.region}`) ?? fail('a MirrorScan');
}

/** The resourceVersions of all objects of an account, in one text. */
export async function versions(stage: Stage, account: string): Promise<string> {
  const objects = await list(
    stage,
    `${objectsPath}?${new URLSearchParams({ fieldSelector: `spec.account=${account}` })}`,
  );
  return objects.map(({ metadata }) => metadata.resourceVersion).join();
}

/** Writes to mirrored objects since the API server began, as it counts them itself. */
export async function writes({ stack }: Stage): Promise<number> {
  const lines = (await stack.kubernetes.metrics()).split('\n');
  const own = lines.filter(
    (line) =>
      line.startsWith('apiserver_request_total{') &&
      /resource="(rdsinstances|rdsclusters|sqsqueues)"/.test(line) &&
      /verb="(POST|PUT|PATCH|DELETE|APPLY)"/.test(line),
  );
  return own.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Until the youngest mark is older than the grace, by the cluster's clock. */
export async function graceOver(stage: Stage): Promise<void> {
  const marks = (await list(stage, objectsPath)).flatMap((object) => conditionOf(object, 'Exists') ?? []);
  const youngest = Math.max(
    ...marks.filter(({ status }) => status === 'False').map(({ lastTransitionTime }) => Date.parse(lastTransitionTime)),
  );
  const grace = (mirrorForDemo.graceSeconds ?? 0) * 1000;
  const options = { signal: stage.signal };
  await until(
    async () => {
      // Any answer brings the cluster's clock up to date.
      await stage.stack.cluster.schemaRevision(mirrorScan, options);
      return stage.stack.cluster.now() - youngest >= grace + 1000;
    },
    { what: 'the end of the grace' },
  );
}

/** What a person does by `kubectl annotate`, with the text that the scan asks for. */
export async function approve({ stack, show }: Stage, scan: KubernetesObject): Promise<void> {
  const { blockedRemoval } = z.looseObject({ blockedRemoval: z.object({ approval: z.string() }) }).parse(scan.status);
  show(
    `kubectl annotate mirrorscan -n ${namespace} ${scan.metadata.name} --overwrite ${approvalAnnotation}=${blockedRemoval.approval}`,
    [],
  );
  await stack.kubernetes.request(`${scansPath}/${scan.metadata.name}`, {
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { [approvalAnnotation]: blockedRemoval.approval } } },
  });
}

/** Ends the demo: its own estate is not as it takes it to be. */
export function fail(what: string): never {
  throw new Error(`the demo needs ${what}`);
}
