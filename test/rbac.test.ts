import { describe, expect, test } from 'vitest';
import {
  aggregatedViewerRole,
  approverRole,
  prunerRole,
  viewerRole,
  writerBindings,
  writerGroup,
  writerRoles,
} from '../lib/rbac.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';

const cluster = { ...rdsInstance, plural: 'rdsclusters' };
const topic = { ...rdsInstance, group: 'kafka.skymirror.dev', plural: 'topics' };
const sources = [rdsInstance, cluster, topic];
const documents = writerRoles(sources, 'external');
const [writer, reader, inNamespace, inCluster] = documents;
const rulesOf = (document: object | undefined) => (document && 'rules' in document ? document.rules : undefined);

describe('a mirror may', () => {
  test('in its namespace do what the engine does, and nothing more', () => {
    expect(writer).toMatchObject({ kind: 'ClusterRole', metadata: { name: 'skymirror-writer' } });
    const aws = { apiGroups: ['aws.skymirror.dev'] };
    const kafka = { apiGroups: ['kafka.skymirror.dev'] };
    const own = { apiGroups: ['skymirror.dev'] };
    const verbs = ['get', 'list', 'create', 'update', 'delete'];
    expect(rulesOf(writer)).toEqual([
      { ...aws, resources: ['rdsinstances', 'rdsclusters'], verbs },
      { ...aws, resources: ['rdsinstances/status', 'rdsclusters/status'], verbs: ['update'] },
      { ...kafka, resources: ['topics'], verbs },
      { ...kafka, resources: ['topics/status'], verbs: ['update'] },
      { ...own, resources: ['mirrorscans'], verbs: ['get', 'list', 'create'] },
      { ...own, resources: ['syncruns'], verbs },
      { ...own, resources: ['mirrorscans/status', 'syncruns/status'], verbs: ['update'] },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['get', 'create', 'update'] },
      { apiGroups: [''], resources: ['namespaces'], verbs: ['get'] },
    ]);
  });

  test('in the cluster read the schema revisions of its CRDs, by name', () => {
    const names = [
      'mirrorscans.skymirror.dev',
      'rdsclusters.aws.skymirror.dev',
      'rdsinstances.aws.skymirror.dev',
      'syncruns.skymirror.dev',
      'topics.kafka.skymirror.dev',
    ];
    const crds = { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'] };
    expect(reader).toMatchObject({
      metadata: { name: 'skymirror-schema-reader' },
      rules: [{ ...crds, resourceNames: names, verbs: ['get'] }],
    });
    expect(rulesOf(reader)).toHaveLength(1);
  });

  test('do so as a member of one group, bound once in the namespace and once in the cluster', () => {
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: writerGroup }];
    const roleRef = (name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name });
    expect(documents).toHaveLength(4);
    expect(inNamespace).toMatchObject({ kind: 'RoleBinding', metadata: { namespace: 'external' }, subjects });
    expect(inNamespace).toMatchObject({ roleRef: roleRef('skymirror-writer') });
    expect(inCluster).toMatchObject({
      kind: 'ClusterRoleBinding',
      roleRef: roleRef('skymirror-schema-reader'),
      subjects,
    });
    expect(inCluster?.metadata).not.toHaveProperty('namespace');
  });
});

describe('a mirror that is told where and who it is', () => {
  const runner = { kind: 'ServiceAccount', name: 'mirror', namespace: 'tools' } as const;

  test('is bound in each of its namespaces, and once in the cluster', () => {
    const bindings = writerRoles(sources, ['payments', 'orders'], [runner]).filter(
      ({ kind }) => kind !== 'ClusterRole',
    );
    expect(bindings).toMatchObject([
      { kind: 'RoleBinding', metadata: { name: 'skymirror-writer', namespace: 'payments' }, subjects: [runner] },
      { kind: 'RoleBinding', metadata: { name: 'skymirror-writer', namespace: 'orders' }, subjects: [runner] },
      { kind: 'ClusterRoleBinding', metadata: { name: 'skymirror-schema-reader' }, subjects: [runner] },
    ]);
  });

  test('may be users and groups, which have an API group where a service account has a namespace', () => {
    const user = { kind: 'User', name: 'jo' } as const;
    const apiGroup = 'rbac.authorization.k8s.io';
    const [binding] = writerBindings('external', [user, runner]);
    expect(binding?.subjects).toEqual([{ apiGroup, ...user }, runner]);
  });

  test('may be one more beside the group, by bindings of another name to the same roles', () => {
    expect(writerBindings('external', [runner], 'cronjob')).toMatchObject([
      { metadata: { name: 'cronjob-writer' }, roleRef: { name: 'skymirror-writer' } },
      { metadata: { name: 'cronjob-schema-reader' }, roleRef: { name: 'skymirror-schema-reader' } },
    ]);
  });
});

describe('a viewer may', () => {
  test('read every kind, the scans and the backfills, and nothing more', () => {
    expect(viewerRole(sources).rules).toEqual([
      { apiGroups: ['aws.skymirror.dev'], resources: ['rdsinstances', 'rdsclusters'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['kafka.skymirror.dev'], resources: ['topics'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['skymirror.dev'], resources: ['mirrorscans', 'syncruns'], verbs: ['get', 'list', 'watch'] },
    ]);
  });

  test('be everybody with the role view, only where the aggregated role is applied', () => {
    const label = 'rbac.authorization.k8s.io/aggregate-to-view';
    expect(aggregatedViewerRole(sources).metadata.labels).toMatchObject({ [label]: 'true' });
    expect(aggregatedViewerRole(sources).rules).toEqual(viewerRole(sources).rules);
    expect(viewerRole(sources).metadata.labels).not.toHaveProperty([label]);
  });
});

test('an approver may annotate scans and cancel backfills, and nothing more', () => {
  const resources = ['mirrorscans', 'syncruns'];
  const scans = { apiGroups: ['skymirror.dev'], resources, verbs: ['get', 'list', 'patch'] };
  expect(approverRole()).toMatchObject({
    kind: 'ClusterRole',
    metadata: { name: 'skymirror-approver' },
    rules: [scans],
  });
});

test('a pruner may remove objects and scans, hand objects over, and approve nothing', () => {
  const verbs = ['list', 'patch', 'delete'];
  expect(prunerRole(sources).rules).toEqual([
    { apiGroups: ['aws.skymirror.dev'], resources: ['rdsinstances', 'rdsclusters'], verbs },
    { apiGroups: ['kafka.skymirror.dev'], resources: ['topics'], verbs },
    { apiGroups: ['skymirror.dev'], resources: ['mirrorscans'], verbs: ['list', 'delete'] },
  ]);
});
