import * as z from 'zod';
import { ApiError } from '../lib/cluster.ts';
import { mapConcurrent } from '../lib/concurrent.ts';
import type { Connection } from '../lib/connection.ts';
import { type KubernetesReader, openReader } from '../lib/kubernetes-cluster.ts';
import type { Subject } from '../lib/rbac.ts';
import { mirrorScan, mirrorScanRevision } from '../lib/scan-schema.ts';
import { syncRun, syncRunRevision } from '../lib/sync-run-schema.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import { openTransport, type Transport } from '../lib/transport.ts';
import { type Administration, openAdministration } from './administration.ts';
import type { Check, Finding } from './doctor-check.ts';
import { isOptional, permissionOf, type Right, rightsManifests, rightsOf, rightsText } from './doctor-rights.ts';
import { kindsOf, namespacesOf } from './manifests.ts';

/** How the clusters are looked at. */
export interface ClustersOptions {
  readonly signal: AbortSignal;
  /** The way into a cluster; throws where there is none. */
  readonly connectionTo: (name: string) => Promise<Connection>;
  readonly done: (cluster: string) => void;
}

const clustersAtOnce = 4;
const reviewsAtOnce = 8;
/** Milliseconds within which a cluster has to answer at all. */
const patience = 10_000;

/** The clusters that the tasks write into. */
export function clusterNames(tasks: readonly ConfiguredTask[]): string[] {
  return [...new Set(tasks.flatMap(({ clusters }) => clusters))];
}

/** Tries everything that the tasks need of their clusters. */
export async function checkClusters(
  tasks: readonly ConfiguredTask[],
  { signal, connectionTo, done }: ClustersOptions,
): Promise<Check[]> {
  const checks = await mapConcurrent(clusterNames(tasks), clustersAtOnce, async (name) => {
    const own = tasks.filter(({ clusters }) => clusters.includes(name));
    const findings = await findingsOf(own, async () => ({ ...(await connectionTo(name)), name }), signal);
    done(`cluster ${name}`);
    return findings.map((finding): Check => ({ area: 'cluster', where: name, ...finding }));
  });
  return checks.flat();
}

async function findingsOf(
  tasks: readonly ConfiguredTask[],
  connect: () => Promise<Connection>,
  signal: AbortSignal,
): Promise<Finding[]> {
  const opened: { close(): Promise<void> }[] = [];
  const kept = <Opened extends { close(): Promise<void> }>(one: Opened): Opened => {
    opened.push(one);
    return one;
  };
  const found: Finding[] = [];
  let mend: string | undefined;
  try {
    const connection = await connect();
    mend = connection.mend;
    const transport = kept(openTransport(connection, { connections: 1, deadline: patience }));
    found.push(await reachable(transport, signal), ...clock(transport.now() - Date.now()));
    const reader = kept(openReader(connection));
    found.push(...(await definitions(tasks, reader, signal)), ...(await namespaces(tasks, reader, signal)));
    found.push(...(await rights(tasks, kept(openAdministration(connection, signal)), transport, signal)));
  } catch (error) {
    const check = found.length === 0 ? answering : 'the rest of the checks';
    found.push({ check, ...refusalOf(error, mend) });
  } finally {
    await Promise.all(opened.map((one) => one.close()));
  }
  return found;
}

/** Where it is known what lets these credentials in, that is what is missing. */
function refusalOf(error: unknown, mend: string | undefined): Omit<Finding, 'check'> {
  if (error instanceof ApiError && error.status === 401 && mend !== undefined) {
    return { state: 'missing', message: 'the API server does not accept the credentials', mend };
  }
  return { state: 'failed', message: error instanceof Error ? error.message : String(error) };
}

const versionAnswer = z.looseObject({ gitVersion: z.string(), major: z.string(), minor: z.string() });
/** The first release with selectable fields of custom resources (feature CustomResourceFieldSelectors, on by default). */
const firstMinor = 31;

const answering = 'the cluster answers';

async function reachable({ request }: Transport, signal: AbortSignal): Promise<Finding> {
  try {
    return versionFinding(versionAnswer.parse(await request({ method: 'GET', path: '/version', signal })));
  } catch (error) {
    // Nothing of a mirror needs the version: a hardened cluster may keep it to itself.
    if (!(error instanceof ApiError && error.status === 403)) throw error;
    return { check: answering, state: 'ok', message: 'it does not tell its version' };
  }
}

/** Whether that release of Kubernetes is new enough. */
export function versionFinding({ gitVersion, major, minor }: z.infer<typeof versionAnswer>): Finding {
  // Distributions write `31+`.
  const isOld = major === '1' && Number.parseInt(minor, 10) < firstMinor;
  if (!isOld) return { check: answering, state: 'ok', message: gitVersion };
  const mend = `Upgrade it to Kubernetes 1.${firstMinor} or newer: the custom resources have selectable fields`;
  return { check: answering, state: 'missing', message: `Kubernetes ${gitVersion} is too old`, mend };
}

const clockTolerance = 60_000;

/** Nothing where the clocks agree: only the cluster's own counts, so that this is for whoever reads logs. */
export function clock(difference: number): Finding[] {
  if (Math.abs(difference) <= clockTolerance) return [];
  const seconds = Math.round(Math.abs(difference) / 1000);
  const message = `the cluster's clock is ${seconds} s ${difference > 0 ? 'ahead of' : 'behind'} this machine's`;
  return [{ check: 'the clocks agree', state: 'warning', message, mend: 'Set the clock that is wrong, by NTP' }];
}

async function definitions(
  tasks: readonly ConfiguredTask[],
  reader: KubernetesReader,
  signal: AbortSignal,
): Promise<Finding[]> {
  const own = [
    { ...mirrorScan, revision: mirrorScanRevision },
    { ...syncRun, revision: syncRunRevision },
  ];
  const kinds = [...kindsOf(tasks), ...own];
  return mapConcurrent(kinds, reviewsAtOnce, async (kind): Promise<Finding> => {
    const check = `CRD ${kind.plural}.${kind.group}`;
    return unlessForbidden(check, async () => {
      const revision = await reader.schemaRevision(kind, { signal });
      const mend = 'skymirror crds --install';
      if (revision === undefined) return { check, state: 'missing', message: 'there is no such CRD', mend };
      if (revision >= kind.revision) return { check, state: 'ok' };
      const message = `its schema revision is ${revision}, ${kind.revision} is needed`;
      return { check, state: 'missing', message, mend };
    });
  });
}

async function namespaces(
  tasks: readonly ConfiguredTask[],
  reader: KubernetesReader,
  signal: AbortSignal,
): Promise<Finding[]> {
  return mapConcurrent(namespacesOf(tasks), reviewsAtOnce, async (namespace): Promise<Finding> => {
    const check = `namespace ${namespace}`;
    return unlessForbidden(check, async () => {
      const phase = await reader.namespacePhase(namespace, { signal });
      if (phase === 'Active') return { check, state: 'ok' };
      const mend = `kubectl create namespace ${namespace}`;
      if (phase === undefined) return { check, state: 'missing', message: 'there is no such namespace', mend };
      return { check, state: 'missing', message: `it is ${phase}`, mend: `Wait until it is gone, then: ${mend}` };
    });
  });
}

/** What may not be looked at is a right that is missing, and told as that; whether it is there stays open. */
async function unlessForbidden(check: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 403)) throw error;
    return { check, state: 'skipped', message: 'not looked at: the right to is missing, see below' };
  }
}

async function rights(
  tasks: readonly ConfiguredTask[],
  administration: Administration,
  transport: Transport,
  signal: AbortSignal,
): Promise<Finding[]> {
  const wanted = rightsOf(tasks);
  const answers = await mapConcurrent(wanted, reviewsAtOnce, async (right) => {
    const { allowed } = await administration.may(permissionOf(right));
    return { right, allowed };
  });
  const lacking = answers.filter(({ allowed }) => !allowed).map(({ right }) => right);
  const mend = lacking.length === 0 ? '' : await rightsRemedy(lacking, transport, signal);
  const groups = Map.groupBy(wanted, (right) => {
    const place = right.namespace === undefined ? 'in the whole cluster' : `in namespace ${right.namespace}`;
    return isOptional(right) ? `Events ${place}` : `rights ${place}`;
  });
  return [...groups].map(([check, own]): Finding => {
    const gone = own.filter((right) => lacking.includes(right));
    if (gone.length === 0) return { check, state: 'ok' };
    const optional = gone.every(isOptional);
    const note = optional ? '; without them a mirror works, and tells nothing by Events' : '';
    return { check, state: optional ? 'warning' : 'missing', message: `not allowed: ${rightsText(gone)}${note}`, mend };
  });
}

async function rightsRemedy(lacking: readonly Right[], transport: Transport, signal: AbortSignal): Promise<string> {
  const subject = await whoAmI(transport, signal);
  return `Apply this as somebody who may give rights (kubectl apply -f):\n${rightsManifests(lacking, subject)}`;
}

const selfReview = z.looseObject({ status: z.looseObject({ userInfo: z.looseObject({ username: z.string() }) }) });

/** Whom the API server takes these credentials for; everybody may ask (Kubernetes 1.28 and newer). */
async function whoAmI({ request }: Transport, signal: AbortSignal): Promise<Subject> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const { username } = selfReview.parse(await request({ method: 'POST', path, body, signal })).status.userInfo;
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? [];
  if (namespace === undefined || name === undefined) return { kind: 'User', name: username };
  return { kind: 'ServiceAccount', name, namespace };
}
