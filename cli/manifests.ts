import { stringify } from 'yaml';
import type { Configuration } from '../lib/configuration.ts';
import { crdOf, mirrorScanCrd, syncRunCrd } from '../lib/crd.ts';
import { accessEntryCommand } from '../lib/eks-access.ts';
import { approverRole, bindingName, prunerRole, type Subject, viewerRole, writerRoles } from '../lib/rbac.ts';
import type { Source } from '../lib/source.ts';
import { sources } from '../lib/sources.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import { exitCodes } from './exit-codes.ts';
import { installCrds } from './manifests-install.ts';
import { openSession } from './session.ts';
import type { Surroundings } from './surroundings.ts';
import { type Format, shown, table } from './table.ts';
import { version } from './version.ts';

/** The options of `skymirror crds`. */
export interface CrdsOptions {
  readonly config: string;
  readonly install?: boolean;
  readonly all?: boolean;
}

/** The options of `skymirror rbac`. */
export interface RbacOptions {
  readonly config: string;
  readonly cluster?: string;
  readonly user?: readonly string[];
  readonly group?: readonly string[];
  /** `namespace/name`. */
  readonly serviceAccount?: readonly string[];
  /** ARN of the role that an EKS cluster is entered with; left out: the one that the configuration names. */
  readonly role?: string;
}

/** The options of commands that list what is built in. */
export interface ListOptions {
  readonly output: Format;
}

/** Prints the CRDs, ready for `kubectl apply`, or installs them. */
export async function crds(options: CrdsOptions, around: Surroundings): Promise<number> {
  const needsSession = options.install === true || options.all !== true;
  const session = needsSession ? await openSession({ config: options.config }, around) : undefined;
  const kinds = options.all === true ? sources : kindsOf(session?.tasks ?? []);
  const definitions = [...kinds.map(crdOf), mirrorScanCrd(), syncRunCrd()];
  if (options.install === true && session !== undefined) return installCrds(session, definitions, around);
  around.print(yamlOf(definitions));
  return exitCodes.done;
}

/** Prints roles and bindings for one cluster, ready for `kubectl apply`. */
export async function rbac(options: RbacOptions, around: Surroundings): Promise<number> {
  const { configuration, tasks } = await openSession({ config: options.config }, around);
  const namespaces = namespacesIn(tasks, Object.keys(configuration.clusters), options.cluster);
  const subjects = subjectsOf(options);
  // No Namespace objects: "kubectl delete -f" of this output would take along all that lives in them.
  around.print(`# Namespaces that have to exist: ${namespaces.join(', ')}`);
  for (const line of accessEntryLines(configuration.clusters, options)) around.print(line);
  // The roles are of all kinds: other configurations share them, and must not lose what this one does not use.
  const writers =
    subjects.length === 0
      ? writerRoles(sources, namespaces)
      : writerRoles(sources, namespaces, subjects, bindingName(subjects));
  around.print(yamlOf([...writers, viewerRole(sources), approverRole(), prunerRole(sources)]));
  return exitCodes.done;
}

/**
 * What an EKS cluster needs besides, as comments: an access entry that puts the role into the group that RBAC binds. None
 * where others than a group are bound.
 */
export function accessEntryLines(
  clusters: Configuration['clusters'],
  { cluster, user = [], serviceAccount = [], group, role }: Omit<RbacOptions, 'config'>,
): string[] {
  const entered = Object.entries(clusters).flatMap(([name, { eks }]) =>
    eks !== undefined && (cluster === undefined || name === cluster) ? [eks] : [],
  );
  if (role !== undefined && !/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(role))
    throw new Error(`--role ${role}: give the ARN of the role, arn:aws:iam::<account>:role/<name>`);
  if (role !== undefined && entered.length === 0)
    throw new Error(`--role ${role}: only EKS clusters take roles; name one with --cluster`);
  if (group === undefined && user.length + serviceAccount.length > 0) return [];
  return entered.flatMap((eks) => [
    `# Lets a role into the EKS cluster ${eks.name}, once, as somebody who administers it:`,
    `# ${accessEntryCommand(eks, role ?? eks.role, group)}`,
  ]);
}

/** A kind that can be mirrored, as `-o json` shows it. */
export interface ShownSource {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly group: string;
  readonly version: string;
  readonly revision: number;
  readonly scope: readonly string[];
  readonly permissions: readonly string[];
  readonly description: string;
}

/** Lists the kinds that can be mirrored. */
export async function listSources({ output }: ListOptions, around: Surroundings): Promise<number> {
  const kinds = sources.map((source): ShownSource => {
    const { kind, plural, shortNames, categories, group, version, revision, permissions, description } = source;
    const scope = source.scopeKeys;
    return { kind, plural, shortNames, categories, group, version, revision, scope, permissions, description };
  });
  const heading = ['KIND', 'PLURAL', 'SHORT NAMES', 'GROUP', 'SCOPE', 'PERMISSIONS'];
  const rows = kinds.map(({ kind, plural, shortNames, group, scope, permissions }) => [
    kind,
    plural,
    shortNames.join(','),
    group,
    scope.join('/'),
    String(permissions.length),
  ]);
  around.print(shown(output, kinds, () => table(heading, rows)));
  return exitCodes.done;
}

/** What `skymirror version -o json` shows. */
export interface ShownVersion {
  readonly version: string;
  readonly node: string;
  /** By kind, the schema revision that its CRD must at least have. */
  readonly kinds: Readonly<Record<string, { readonly revision: number }>>;
}

/** Prints the version of the package and the schema revisions that it brings. */
export async function printVersion({ output }: ListOptions, around: Surroundings): Promise<number> {
  const kinds = Object.fromEntries(sources.map(({ kind, revision }) => [kind, { revision }]));
  const result: ShownVersion = { version: version(), node: process.versions.node, kinds };
  around.print(shown(output, result, () => `skymirror ${result.version}`));
  return exitCodes.done;
}

/** The kinds of these tasks, in the order of the list of sources. */
export function kindsOf(tasks: readonly ConfiguredTask[]): Source[] {
  return sources.filter((source) => tasks.some((task) => task.source === source));
}

/** The namespaces that these tasks fill. */
export function namespacesOf(tasks: readonly ConfiguredTask[]): string[] {
  const namespaces = tasks.flatMap(({ mirror, parts }) => (parts ?? [mirror]).map(({ namespace }) => namespace));
  return [...new Set(namespaces)].toSorted();
}

/**
 * The namespaces that the tasks fill in that cluster, or in all of them where none is named. Throws where these differ:
 * what is printed for one would bind roles in namespaces that another has not, or where nothing is written.
 */
export function namespacesIn(tasks: readonly ConfiguredTask[], clusters: readonly string[], only?: string): string[] {
  const known = only === undefined ? clusters : clusters.filter((name) => name === only);
  const filled = known.flatMap((name) => {
    const namespaces = namespacesOf(tasks.filter((task) => task.clusters.includes(name)));
    return namespaces.length === 0 ? [] : [namespaces];
  });
  const [first] = filled;
  if (first === undefined) {
    const what = known.length === 0 ? `the configuration has no cluster "${only}"` : 'no mirror writes into it';
    throw new Error(`--cluster ${only}: ${what}. The clusters are ${clusters.join(', ')}`);
  }
  if (filled.every((namespaces) => namespaces.join() === first.join())) return first;
  throw new Error(
    `the clusters ${clusters.join(', ')} need different roles: print them one by one, with --cluster ${clusters[0]}`,
  );
}

/** Who is to write, by the options; none where nobody is named. */
export function subjectsOf({ user = [], group = [], serviceAccount = [] }: Omit<RbacOptions, 'config'>): Subject[] {
  return [
    ...user.map((name): Subject => ({ kind: 'User', name })),
    ...group.map((name): Subject => ({ kind: 'Group', name })),
    ...serviceAccount.map((text): Subject => {
      const [namespace = '', name = '', ...more] = text.split('/');
      if (namespace !== '' && name !== '' && more.length === 0) return { kind: 'ServiceAccount', name, namespace };
      throw new Error(`--service-account ${text}: give it as namespace/name`);
    }),
  ];
}

/** Documents of one stream; what appears twice is written twice, not as an alias. */
export function yamlOf(documents: readonly object[]): string {
  const options = { lineWidth: 120, aliasDuplicateObjects: false };
  return documents.map((document) => stringify(document, options).trimEnd()).join('\n---\n');
}
