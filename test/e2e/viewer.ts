import type { Kubernetes } from '../../dev/kubernetes.ts';
import { until } from '../../dev/until.ts';
import { viewerRole } from '../../lib/rbac.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';

/** Binds a cluster role to the group of the user `viewer` in one namespace. */
export function viewerBinding(namespace: string, role: string) {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: role, namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'skymirror-viewers' }],
  };
}

/** Gives the user `viewer` the generated viewer role in a namespace, and waits until it counts. */
export async function allowViewer(kubernetes: Kubernetes, namespace: string): Promise<void> {
  await kubernetes.apply([viewerRole([rdsInstance]), viewerBinding(namespace, 'skymirror-viewer')]);
  const path = `/apis/aws.skymirror.dev/v1alpha1/namespaces/${namespace}/rdsinstances`;
  const isAllowed = async () => (await kubernetes.request(path, { user: 'viewer' })).status === 200;
  await until(isAllowed, { what: `the permission of viewer in ${namespace}` });
}
