import { shortHash } from './names.ts';
import type { ResourceType } from './object.ts';
import { mirrorScan } from './scan-schema.ts';
import type { Source } from './source.ts';
import { syncRun } from './sync-run-schema.ts';

/** The group that the generated bindings name; put your own users or service accounts into it, or bind them instead. */
export const writerGroup = 'skymirror-writers';

/** Somebody to the API server, under the names that RBAC gives its subjects. */
export type Subject =
  | { readonly kind: 'User' | 'Group'; readonly name: string }
  | { readonly kind: 'ServiceAccount'; readonly name: string; readonly namespace: string };

const writers: readonly Subject[] = [{ kind: 'Group', name: writerGroup }];

/**
 * What skymirror needs in a cluster, and nothing more: the verbs are those that the engine sends. The role for objects
 * is bound in each namespace that is filled; schema revisions are read from the CRDs, by name. `name` is that of the
 * bindings, as in `writerBindings`.
 */
export function writerRoles(
  sources: readonly Source[],
  namespaces: string | readonly string[],
  subjects: readonly Subject[] = writers,
  name?: string,
) {
  const kinds = [...sources, mirrorScan, syncRun];
  const groups = [...new Set(sources.map(({ group }) => group))].toSorted();
  const rules = groups.flatMap((group) => {
    const plurals = sources.filter((source) => source.group === group).map(({ plural }) => plural);
    return [
      { apiGroups: [group], resources: plurals, verbs: ['get', 'list', 'create', 'update', 'delete'] },
      { apiGroups: [group], resources: plurals.map((plural) => `${plural}/status`), verbs: ['update'] },
    ];
  });
  const names = kinds.map(({ plural, group }) => `${plural}.${group}`).toSorted();
  return [
    role('skymirror-writer', 'What a mirror does in the namespace that it fills.', [
      ...rules,
      ...ownRules,
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['get', 'create', 'update'] },
      // Bound in a namespace, this is the right to look at that namespace alone: is it there, is it going away?
      { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] },
    ]),
    role('skymirror-schema-reader', 'Reads the schema revisions of its CRDs.', [
      {
        apiGroups: ['apiextensions.k8s.io'],
        resources: ['customresourcedefinitions'],
        resourceNames: names,
        verbs: ['get'],
      },
    ]),
    ...writerBindings(namespaces, subjects, name),
  ];
}

/** A run is cancelled by its spec, and deleted some days after it ended; scans stay, and a watch lists them. */
const ownRules: readonly Rule[] = [
  { apiGroups: [mirrorScan.group], resources: [mirrorScan.plural], verbs: ['get', 'list', 'create'] },
  {
    apiGroups: [syncRun.group],
    resources: [syncRun.plural],
    verbs: ['get', 'list', 'create', 'update', 'delete'],
  },
  {
    apiGroups: [mirrorScan.group],
    resources: [mirrorScan, syncRun].map(({ plural }) => `${plural}/status`),
    verbs: ['update'],
  },
];

/** Gives the roles of a writer to more subjects. Bindings of another `name` stand beside those of `writerRoles`. */
export function writerBindings(
  namespaces: string | readonly string[],
  subjects: readonly Subject[],
  name = 'skymirror',
) {
  const [writer, reader] = [`${name}-writer`, `${name}-schema-reader`];
  return [
    ...[namespaces].flat().map((namespace) => binding({ name: writer, namespace }, 'skymirror-writer', subjects)),
    binding({ name: reader }, 'skymirror-schema-reader', subjects),
  ];
}

/** A name for the bindings of these subjects alone: applied, they replace and narrow nothing of anybody else's. */
export function bindingName(subjects: readonly Subject[]): string {
  return `skymirror-${shortHash(...subjects.map((subject) => JSON.stringify(subject)).toSorted())}`;
}

/** What people need to look at mirrored objects, bound to nobody. */
export function viewerRole(sources: readonly Source[]) {
  return role('skymirror-viewer', 'Reads mirrored resources, scans and backfills.', viewRules(sources));
}

/**
 * What it takes to release removals that the brake holds, by an annotation on a MirrorScan, and to cancel a SyncRun: of
 * its spec nothing else may change. Bound to nobody.
 */
export function approverRole() {
  return role('skymirror-approver', 'Releases removals that wait for a person, and cancels backfills.', [
    {
      apiGroups: [mirrorScan.group],
      resources: [mirrorScan, syncRun].map(({ plural }) => plural),
      verbs: ['get', 'list', 'patch'],
    },
  ]);
}

/**
 * What it takes to show, remove or hand over what a mirror left behind (`skymirror prune`): more than a mirror itself
 * ever needs. Who may patch a scan could approve removals, so this role may not. Bound to nobody.
 */
export function prunerRole(sources: readonly Source[]) {
  return role('skymirror-pruner', 'Removes what a mirror left behind.', [
    ...rulesFor(sources, ['list', 'patch', 'delete']),
    ...rulesFor([mirrorScan], ['list', 'delete']),
  ]);
}

/** The rights of a viewer, added to the built-in roles view, edit and admin of every namespace. Opt-in: apply it or leave it. */
export function aggregatedViewerRole(sources: readonly Source[]) {
  const aggregated = role(
    'skymirror-aggregate-to-view',
    'Adds mirrored resources to the role view.',
    viewRules(sources),
  );
  const labels = { ...aggregated.metadata.labels, 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
  return { ...aggregated, metadata: { ...aggregated.metadata, labels } };
}

const partOf: Readonly<Record<string, string>> = { 'app.kubernetes.io/part-of': 'skymirror' };

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

function viewRules(sources: readonly Source[]): Rule[] {
  return rulesFor([...sources, mirrorScan, syncRun], ['get', 'list', 'watch']);
}

function rulesFor(kinds: readonly ResourceType[], verbs: readonly string[]): Rule[] {
  const groups = [...new Set(kinds.map(({ group }) => group))].toSorted();
  return groups.map((group) => ({
    apiGroups: [group],
    resources: kinds.filter((kind) => kind.group === group).map(({ plural }) => plural),
    verbs,
  }));
}

function role(name: string, description: string, rules: readonly Rule[]) {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: {
      name,
      labels: { ...partOf },
      annotations: { 'kubernetes.io/description': description },
    },
    rules,
  };
}

function binding(
  metadata: { readonly name: string; readonly namespace?: string },
  role: string,
  subjects: readonly Subject[],
) {
  const apiGroup = 'rbac.authorization.k8s.io';
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: metadata.namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
    metadata: { ...metadata, labels: { ...partOf } },
    roleRef: { apiGroup, kind: 'ClusterRole', name: role },
    subjects: subjects.map((subject) => (subject.kind === 'ServiceAccount' ? subject : { apiGroup, ...subject })),
  };
}
