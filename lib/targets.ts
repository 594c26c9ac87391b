import type { Configuration, ConfiguredMirror } from './configuration-schema.ts';
import type { JsonObject } from './json.ts';
import { type Mirror, mirrorOf, selectsAll } from './mirror.ts';
import { selectsName, selectsTags, tagOf } from './selection.ts';
import type { Scope, Source } from './source.ts';
import type { Task } from './task.ts';

/** A task and what the configuration says around it. */
export interface ConfiguredTask extends Task {
  /** Names of the clusters to write into, in the order of the configuration. */
  readonly clusters: readonly string[];
  readonly accountName: string;
  /** Seconds from one look to the next. */
  readonly every: number;
  /** The configuration says that this mirror is not to run now. */
  readonly paused: boolean;
}

/** What is looked at as one, by name alone: who needs no source can do without its SDK. */
export interface ConfiguredTarget {
  readonly mirror: string;
  /** The kind. */
  readonly source: string;
  readonly scope: Scope;
  /** Seconds from one look to the next. */
  readonly every: number;
  readonly paused: boolean;
}

/** One target for each mirror, kind, account and region, paused ones included. */
export function targetsOf(configuration: Configuration): ConfiguredTarget[] {
  return configuration.mirrors.flatMap((mirror) => {
    const { name, every, paused } = mirror;
    const scopes = mirror.accounts.flatMap((account) => scopesOf(mirror, accountNamed(configuration, mirror, account)));
    return mirror.sources.flatMap((source) => scopes.map((scope) => ({ mirror: name, source, scope, every, paused })));
  });
}

/** One task for each target, with what it takes to look at it. */
export function tasksOf(configuration: Configuration, sources: readonly Source[]): ConfiguredTask[] {
  return configuration.mirrors.flatMap((mirror) =>
    mirror.accounts.flatMap((accountName) => {
      const account = accountNamed(configuration, mirror, accountName);
      const shared = {
        ...mirrorsOf(mirror, accountName),
        access: {
          ...(account.role === undefined ? {} : { roleArn: account.role }),
          ...(account.externalId === undefined ? {} : { externalId: account.externalId }),
        },
        clusters: mirror.clusters ?? Object.keys(configuration.clusters),
        accountName,
        every: mirror.every,
        paused: mirror.paused,
      };
      return sources
        .filter(({ kind }) => mirror.sources.includes(kind))
        .flatMap((source) => scopesOf(mirror, account).map((scope) => ({ ...shared, source, scope })));
    }),
  );
}

type Account = Configuration['accounts'][string];

function accountNamed({ accounts }: Configuration, { name }: ConfiguredMirror, accountName: string): Account {
  const account = accounts[accountName];
  if (account === undefined) throw new Error(`mirror ${name}: the account "${accountName}" is not declared`);
  return account;
}

function scopesOf({ regions }: ConfiguredMirror, { id }: Account): Scope[] {
  return regions.map((region) => ({ account: id, region }));
}

/** The mirror and, where tags decide the namespace, its parts. */
function mirrorsOf(mirror: ConfiguredMirror, accountName: string): Pick<Task, 'mirror' | 'parts'> {
  const { namespace } = mirror;
  const settings = {
    name: mirror.name,
    tagLabels: mirror.labels,
    ...selectionOf(mirror),
    removal: mirror.removal.policy,
    graceSeconds: mirror.removal.grace,
    maxRemovalPercent: mirror.removal.maxPercent,
    staleAfterSeconds: mirror.staleAfter,
  };
  if (typeof namespace === 'string') return { mirror: mirrorOf({ ...settings, namespace }) };
  const { byAccount, byTag, fallback } = namespace;
  if (byTag === undefined) {
    const own = new Map(Object.entries(byAccount ?? {})).get(accountName) ?? fallback;
    if (own === undefined) throw new Error(`mirror ${mirror.name}: no namespace for the account "${accountName}"`);
    return { mirror: mirrorOf({ ...settings, namespace: own }) };
  }
  const namespaces = new Map(Object.entries(byTag.values));
  const namespaceOf = (fields: JsonObject) => {
    const value = tagOf(fields, byTag.key);
    return (value === undefined ? undefined : namespaces.get(value)) ?? fallback;
  };
  const selects = settings.selects ?? selectsAll;
  const all = [...new Set([...(fallback === undefined ? [] : [fallback]), ...namespaces.values()])];
  const partOf = (own: string, chosen: (namespace: string | undefined) => boolean) => {
    const both = (fields: JsonObject) => chosen(namespaceOf(fields)) && selects(fields);
    return mirrorOf({ ...settings, namespace: own, selects: both });
  };
  return {
    mirror: partOf(all[0] ?? '', (own) => own !== undefined),
    parts: all.map((namespace) => partOf(namespace, (own) => own === namespace)),
  };
}

/** What a mirror selects, as functions and as the text that stands for them; nothing where it selects all. */
function selectionOf({ select, namespace }: ConfiguredMirror): Partial<Mirror> {
  const { names, tags } = select ?? {};
  const byTag = typeof namespace === 'string' ? undefined : namespace.byTag;
  if (names === undefined && tags === undefined && byTag === undefined) return {};
  const fallback = byTag === undefined || typeof namespace === 'string' ? undefined : namespace.fallback;
  return {
    selection: JSON.stringify(sorted({ names, tags, byTag, fallback })),
    ...(names === undefined ? {} : { selectsName: (name) => selectsName(names, name) }),
    ...(tags === undefined ? {} : { selects: (fields) => selectsTags(tags, fields) }),
  };
}

/** The value with its keys and lists in order, because the order of either means nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.toSorted();
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, sorted(item)] as const);
  return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
