import type { ResourceType } from './object.ts';

/** Why a cluster with this schema revision cannot be served, if it cannot: an older CRD would prune new fields. */
export function schemaRefusal(type: ResourceType & { revision: number }, revision: number | undefined) {
  const name = `${type.plural}.${type.group}`;
  const mend = 'skymirror crds --install, or kubectl apply --server-side -f deploy/crds';
  if (revision === undefined) return `SchemaMissing: the CRD ${name} is not installed. Install it: ${mend}`;
  if (revision >= type.revision) return undefined;
  return `SchemaTooOld: the CRD ${name} has schema revision ${revision}, this release writes ${type.revision}. Update it: ${mend}`;
}

/** Why nothing may be written into a namespace, if so: one that goes away is left alone (law 8). */
export function namespaceRefusal(namespace: string, phase: string | undefined): string | undefined {
  if (phase === undefined) {
    return `NamespaceMissing: there is no namespace ${namespace}. Create it: kubectl create namespace ${namespace}`;
  }
  if (phase === 'Active') return undefined;
  return `NamespaceTerminating: the namespace ${namespace} is going away; nothing in it is touched`;
}
