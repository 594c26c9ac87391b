import { fieldManager } from './object.ts';
import type { Subject } from './rbac.ts';
import { mirrorScan } from './scan-schema.ts';
import type { Source } from './source.ts';

/** There is no mirror without somebody who writes. */
type Writers = readonly [Subject, ...Subject[]];

const name = 'skymirror-read-only';

/**
 * Who deletes what nobody asked for by name: the controllers of namespaces and of owner references, by the names of
 * their own service accounts, and by that of a controller manager that runs without those
 * (`--use-service-account-credentials`). Deleting a CRD does not pass admission.
 */
const cleaners = [
  'system:serviceaccount:kube-system:namespace-controller',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:kube-controller-manager',
];

/** Labels that skymirror writes, as in resource.ts; everything below other prefixes belongs to whoever put it there. */
const ownLabel = '^(app\\.kubernetes\\.io/managed-by$|([-a-z0-9.]+\\.)?skymirror\\.dev/)';

/**
 * A policy and its binding that make mirrored objects read-only for everybody but the writers, whatever RBAC allows.
 * Labels, annotations and finalizers of one's own stay possible, so a blocked removal can be approved.
 */
export function admissionPolicy(sources: readonly Source[], writers: Writers) {
  const metadata = { name, labels: { 'app.kubernetes.io/part-of': 'skymirror' } };
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const policy = {
    apiVersion,
    kind: 'ValidatingAdmissionPolicy',
    metadata,
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: { resourceRules: resourceRules(sources) },
      matchConditions: [
        { name: 'not-the-mirror', expression: `!(${writers.map(isSubject).join(' || ')})` },
        { name: 'not-cleaning-up', expression: `!(request.userInfo.username in ${JSON.stringify(cleaners)})` },
        // For emergencies: RBAC does not bind this group either.
        { name: 'not-break-glass', expression: '!("system:masters" in request.userInfo.groups)' },
      ],
      variables: [
        { name: 'before', expression: 'oldObject.?metadata.labels.orValue({})' },
        { name: 'after', expression: 'object.?metadata.labels.orValue({})' },
      ],
      validations: validations(writers),
    },
  };
  const binding = {
    apiVersion,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata,
    spec: { policyName: name, validationActions: ['Deny'] },
  };
  return [policy, binding] as const;
}

function resourceRules(sources: readonly Source[]) {
  const kinds = [...sources, mirrorScan];
  const groups = [...new Set(kinds.map(({ group }) => group))].toSorted();
  return groups.map((group) => ({
    apiGroups: [group],
    apiVersions: ['*'],
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    resources: kinds.filter((kind) => kind.group === group).flatMap(({ plural }) => [plural, `${plural}/status`]),
  }));
}

function validations(writers: Writers) {
  const mend = `An administrator may act as the mirror: kubectl ${impersonation(writers)}`;
  const onUpdate = (expression: string) => `request.operation != "UPDATE" || (${expression})`;
  const isOwn = `key.matches(${JSON.stringify(ownLabel)})`;
  const kept = (one: string, other: string) =>
    `variables.${one}.all(key, !${isOwn} || variables.${other}[?key] == optional.of(variables.${one}[key]))`;
  const isManaged = (object: string) =>
    `${object}.metadata.?managedFields.orValue([]).exists(entry, entry.?manager.orValue("") == "${fieldManager}")`;
  return [
    {
      expression: 'request.operation == "UPDATE"',
      message: `only skymirror creates and deletes mirrored objects: create or delete what they stand for. ${mend}`,
    },
    {
      expression: onUpdate('object.?spec == oldObject.?spec && object.?status == oldObject.?status'),
      message: `only skymirror writes spec and status: change what the object stands for. ${mend}`,
    },
    {
      expression: onUpdate(`${kept('before', 'after')} && ${kept('after', 'before')}`),
      message: `only skymirror writes the labels app.kubernetes.io/managed-by and those of skymirror.dev: choose another prefix for yours. ${mend}`,
    },
    {
      // An owner that does not exist makes the garbage collector delete the object; without our field manager it is foreign.
      expression: onUpdate(
        `object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences && (!${isManaged('oldObject')} || ${isManaged('object')})`,
      ),
      message: `mirrored objects belong to skymirror: leave ownerReferences and managedFields as they are. ${mend}`,
    },
  ].map((validation) => ({ ...validation, reason: 'Forbidden' }));
}

function isSubject(subject: Subject): string {
  if (subject.kind === 'Group') return `${JSON.stringify(subject.name)} in request.userInfo.groups`;
  return `request.userInfo.username == ${JSON.stringify(userName(subject))}`;
}

function impersonation([first]: Writers): string {
  return first.kind === 'Group' ? `--as=you --as-group=${first.name}` : `--as=${userName(first)}`;
}

function userName(subject: Subject): string {
  return subject.kind === 'ServiceAccount'
    ? `system:serviceaccount:${subject.namespace}:${subject.name}`
    : subject.name;
}

/** What to know before the policy is applied, as the head of its file. */
export const admissionNotes = `Makes mirrored objects and scans read-only for all but skymirror, whatever RBAC allows. Others still change labels,
annotations and finalizers of their own where RBAC lets them, so a blocked removal can be approved.
Another identity of the mirror: name it in the condition not-the-mirror. Administrators are not exempt: a careless
"kubectl delete" and a GitOps controller are what this is for. Who has to write by hand acts as the mirror, which the
audit log tells, or is in the group system:masters; so does who prunes what a mirror left behind (role skymirror-pruner).
`;
