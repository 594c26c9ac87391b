import { type Kubernetes, startKubernetes } from '../dev/kubernetes.ts';
import { until } from '../dev/until.ts';
import { crdOf, mirrorScanCrd } from '../lib/crd.ts';
import { writerRoles } from '../lib/rbac.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';

/** A group whose members may do everything with RDSInstances, for tools that need more verbs than skymirror does. */
export const toolGroup = 'bench-tools';

/** A real API server with our CRDs; users are bound by `openNamespace`. */
export async function startCluster(progress: (line: string) => void): Promise<Kubernetes> {
  const kubernetes = await startKubernetes({ progress, extraUsers: { tool: [toolGroup] } });
  await kubernetes.apply([crdOf(rdsInstance), mirrorScanCrd()]);
  return kubernetes;
}

/** Makes a namespace in which `skymirror` has what the generated RBAC gives it, and `tool` every verb. */
export async function openNamespace(kubernetes: Kubernetes, name: string): Promise<void> {
  const api = 'rbac.authorization.k8s.io';
  const role = {
    apiVersion: `${api}/v1`,
    kind: 'ClusterRole',
    metadata: { name: toolGroup },
    rules: [{ apiGroups: [rdsInstance.group], resources: ['*'], verbs: ['*'] }],
  };
  const binding = {
    apiVersion: `${api}/v1`,
    kind: 'RoleBinding',
    metadata: { name: toolGroup, namespace: name },
    roleRef: { apiGroup: api, kind: 'ClusterRole', name: toolGroup },
    subjects: [{ apiGroup: api, kind: 'Group', name: toolGroup }],
  };
  if (name !== 'default') await kubernetes.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }]);
  await kubernetes.apply([...writerRoles([rdsInstance], name), role, binding]);
  for (const user of ['skymirror', 'tool']) {
    const mayList = async () => (await kubernetes.request(collectionPath(name), { user })).status === 200;
    await until(mayList, { what: `the permission of ${user} in ${name}` });
  }
}

/** The API path of all RDSInstances of a namespace. */
export function collectionPath(namespace: string): string {
  return `/apis/${rdsInstance.group}/${rdsInstance.version}/namespaces/${namespace}/${rdsInstance.plural}`;
}

/** What the API server has spent so far, by its own metrics: answered writes of RDSInstances, and CPU time. */
export async function serverCosts(kubernetes: Kubernetes): Promise<{ writes: number; cpuSeconds: number }> {
  const lines = (await kubernetes.metrics()).split('\n');
  const writes = lines.filter(
    (line) =>
      line.startsWith('apiserver_request_total{') &&
      line.includes(`resource="${rdsInstance.plural}"`) &&
      /verb="(POST|PUT|PATCH|APPLY|DELETE)"/.test(line),
  );
  const cpu = lines.find((line) => line.startsWith('process_cpu_seconds_total '));
  return { writes: writes.reduce((sum, line) => sum + sampleValue(line), 0), cpuSeconds: sampleValue(cpu ?? '') };
}

function sampleValue(line: string): number {
  return Number(line.split(' ').at(-1));
}
