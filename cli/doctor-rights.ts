import { stringify } from 'yaml';
import { shortHash } from '../lib/names.ts';
import { type Subject, writerRoles } from '../lib/rbac.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import type { Permission } from './administration.ts';
import { kindsOf, namespacesOf } from './manifests.ts';

/** One verb on one resource, as a rule of a role grants it; without a namespace: in the cluster as a whole. */
export interface Right {
  readonly namespace?: string;
  readonly group: string;
  /** With its subresource behind a slash. */
  readonly resource: string;
  readonly verb: string;
  /** The rule holds for the object of this name alone. */
  readonly name?: string;
}

/** Every right that the generated roles give a mirror for these tasks: in each namespace those for the kinds in it. */
export function rightsOf(tasks: readonly ConfiguredTask[]): Right[] {
  const rights = namespacesOf(tasks).flatMap((namespace) => {
    const own = tasks.filter(({ mirror, parts }) => (parts ?? [mirror]).some((one) => one.namespace === namespace));
    const objects = writerRoles(kindsOf(own), namespace);
    return objects.flatMap((object) => {
      if (!('roleRef' in object)) return [];
      const role = objects.find(({ metadata }) => metadata.name === object.roleRef.name);
      const rules = role !== undefined && 'rules' in role ? role.rules : [];
      const place = object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace };
      return rules.flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            verbs.flatMap((verb): Right[] => {
              const right = { ...place, group, resource, verb };
              return resourceNames === undefined ? [right] : resourceNames.map((name) => ({ ...right, name }));
            }),
          ),
        ),
      );
    });
  });
  return [...new Map(rights.map((right) => [JSON.stringify(right), right])).values()];
}

/** The question that a review asks: looking at a namespace is a right in that namespace, on the object of its name. */
export function permissionOf({ namespace, group, resource, verb, name }: Right): Permission {
  const [plural = '', subresource] = resource.split('/');
  const object = plural === 'namespaces' ? namespace : name;
  return {
    verb,
    group,
    resource: plural,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(object === undefined ? {} : { name: object }),
  };
}

/** Without these a mirror works: what happened outside is then told by the objects alone. */
export function isOptional({ group }: Right): boolean {
  return group === 'events.k8s.io';
}

/** `create, update rdsinstances.aws.skymirror.dev; get namespaces`. */
export function rightsText(rights: readonly Right[]): string {
  const verbs = Map.groupBy(rights, ({ group, resource, name }) => {
    const kind = group === '' ? resource : resource.replace(/^[^/]+/, (plural) => `${plural}.${group}`);
    return name === undefined ? kind : `${kind} ${name}`;
  });
  return [...verbs].map(([kind, own]) => `${own.map(({ verb }) => verb).join(', ')} ${kind}`).join('; ');
}

/**
 * Roles that hold these rights and nothing else, bound to whoever lacks them, as YAML. The names end in a hash, because an
 * object of an earlier remedy must not be replaced by another.
 */
export function rightsManifests(rights: readonly Right[], subject: Subject): string {
  const places = Map.groupBy(rights, ({ namespace }) => namespace);
  const objects = [...places].flatMap(([namespace, own]) => {
    const rules = rulesOf(own);
    const name = `skymirror-added-${shortHash(JSON.stringify([rules, subject]))}`;
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
    const kind = namespace === undefined ? 'ClusterRole' : 'Role';
    const apiGroup = 'rbac.authorization.k8s.io';
    const apiVersion = `${apiGroup}/v1`;
    return [
      { apiVersion, kind, metadata, rules },
      {
        apiVersion,
        kind: `${kind}Binding`,
        metadata,
        roleRef: { apiGroup, kind, name },
        subjects: [subject.kind === 'ServiceAccount' ? subject : { apiGroup, ...subject }],
      },
    ];
  });
  const options = { lineWidth: 0, aliasDuplicateObjects: false };
  return objects.map((object) => stringify(object, options).trimEnd()).join('\n---\n');
}

/** A rule for each resource, or each name of one. */
function rulesOf(rights: readonly Right[]) {
  const resources = Map.groupBy(rights, ({ group, resource, name }) => JSON.stringify([group, resource, name]));
  return [...resources.values()].flatMap((own) => {
    const [first] = own;
    if (first === undefined) return [];
    const verbs = own.map(({ verb }) => verb);
    const names = first.name === undefined ? {} : { resourceNames: [first.name] };
    return [{ apiGroups: [first.group], resources: [first.resource], ...names, verbs }];
  });
}
