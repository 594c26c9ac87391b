import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { ApiError, type Cluster } from '../lib/cluster.ts';
import { type Configuration, parseConfiguration, problemText } from '../lib/configuration.ts';
import { type ClusterChoice, type Connection, loadConnection } from '../lib/kubeconfig.ts';
import { type KubernetesCluster, type KubernetesReader, openCluster, openReader } from '../lib/kubernetes-cluster.ts';
import { suggestion } from '../lib/nearest.ts';
import { sources } from '../lib/sources.ts';
import { type ConfiguredTask, tasksOf } from '../lib/targets.ts';
import { kindNamed } from './kind-named.ts';
import type { Surroundings } from './surroundings.ts';

/** Which part of the configuration a command is about; left out: all. */
export interface Filters {
  readonly config: string;
  readonly mirror?: readonly string[];
  readonly source?: readonly string[];
  /** `key=value`; of each key one value must fit. */
  readonly scope?: readonly string[];
}

/** A configuration file that has been read, and the tasks of it that the filters leave. */
export interface Session {
  readonly file: string;
  readonly configuration: Configuration;
  readonly tasks: readonly ConfiguredTask[];
  /** Ends the wait for a cluster's credentials. */
  readonly signal: AbortSignal;
}

/** Reads the configuration. Throws an Error that lists every problem in it with line and column. */
export async function openSession(filters: Filters, { signal }: Pick<Surroundings, 'signal'>): Promise<Session> {
  const file = filters.config;
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const mend = missing ? 'Make one with "skymirror init", or name another with --config' : 'Is it a readable file?';
    throw new Error(`${file} cannot be read: ${missing ? 'there is no such file' : String(error)}. ${mend}`, {
      cause: error,
    });
  });
  const parsed = parseConfiguration(text, { environment: process.env, sources });
  if ('problems' in parsed) {
    const lines = parsed.problems.map((problem) => problemText(file, problem));
    throw new Error(`the configuration is not right:\n${lines.join('\n')}`);
  }
  const { configuration } = parsed;
  return { file, configuration, tasks: filtered(tasksOf(configuration, sources), filters), signal };
}

function filtered(tasks: readonly ConfiguredTask[], filters: Filters): readonly ConfiguredTask[] {
  const mirrors = chosen('mirror', filters.mirror, new Set(tasks.map(({ mirror }) => mirror.name)));
  const kinds = chosen('source', filters.source?.map(kindNamed), new Set(tasks.map(({ source }) => source.kind)));
  const pairs = (filters.scope ?? []).map((pair) => scopePair(pair, tasks));
  const scope = Map.groupBy(pairs, ([key]) => key);
  const left = tasks.filter(
    (task) =>
      mirrors(task.mirror.name) &&
      kinds(task.source.kind) &&
      [...scope.values()].every((values) => values.some((pair) => fits(task, pair))),
  );
  if (left.length > 0 || tasks.length === 0) return left;
  const given = (['mirror', 'source', 'scope'] as const).flatMap((name) => {
    const values = filters[name];
    return values === undefined ? [] : [`--${name} ${values.join(',')}`];
  });
  throw new Error(`nothing in the configuration fits ${given.join(' ')}: each exists, and no mirror has all of it`);
}

function fits({ scope, accountName }: ConfiguredTask, [key, value]: readonly [string, string]): boolean {
  return scope[key] === value || (key === 'account' && accountName === value);
}

function chosen(option: string, wanted: readonly string[] | undefined, known: ReadonlySet<string>) {
  for (const name of wanted ?? []) {
    if (known.has(name)) continue;
    const near = suggestion(name, [...known]);
    const mend = near === '' ? `; it has ${[...known].join(', ')}` : near;
    throw new Error(`--${option} ${name}: the configuration has no such ${option}${mend}`);
  }
  return (name: string) => wanted === undefined || wanted.includes(name);
}

function scopePair(pair: string, tasks: readonly ConfiguredTask[]): readonly [string, string] {
  const [key = '', value = '', ...more] = pair.split('=');
  const keys = [...new Set(tasks.flatMap(({ source }) => source.scopeKeys))];
  if (value === '' || more.length > 0 || !keys.includes(key)) {
    throw new Error(`--scope ${pair}: give it as ${keys.map((known) => `${known}=...`).join(',')}`);
  }
  if (tasks.some((task) => fits(task, [key, value]))) return [key, value];
  const names = key === 'account' ? tasks.map(({ accountName }) => accountName) : [];
  const known = [...new Set([...names, ...tasks.flatMap(({ scope }) => scope[key] ?? [])])];
  const near = suggestion(value, known);
  const mend = near === '' ? `; it has ${known.join(', ')}` : near;
  throw new Error(`--scope ${pair}: no mirror of the configuration has this ${key}${mend}`);
}

/**
 * The clusters that tasks name, opened; one that cannot be opened stays, and fails at every request. Those of `known`
 * that are open are kept as they are, the others tried again.
 */
export async function openClusters(
  session: Session,
  known: ReadonlyMap<string, KubernetesCluster> = new Map(),
): Promise<ReadonlyMap<string, KubernetesCluster>> {
  const kept = [...known].filter(([, cluster]) => !('isUnusable' in cluster));
  const names = namesOf(session).filter((name) => kept.every(([other]) => other !== name));
  return new Map([...kept, ...(await open(session, names, (connection) => openCluster(connection)))]);
}

/** Milliseconds: whoever looks waits at the terminal, and a cluster that is down is soon said to be. */
const readDeadline = 10_000;

/** As `openClusters`, for looking alone: what comes back has no way to write. */
export async function openReaders(session: Session): Promise<ReadonlyMap<string, KubernetesReader>> {
  return open(session, namesOf(session), (connection) => openReader(connection, { deadline: readDeadline }));
}

const namesOf = ({ tasks }: Session) => [...new Set(tasks.flatMap(({ clusters }) => clusters))];

async function open<Opened>(
  session: Session,
  names: readonly string[],
  make: (connection: Connection) => Opened,
): Promise<ReadonlyMap<string, Opened | Unusable>> {
  const opened = names.map(async (name): Promise<[string, Opened | Unusable]> => {
    try {
      return [name, make({ ...(await connectionTo(session, name)), name })];
    } catch (error) {
      return [name, unusable(name, error)];
    }
  });
  return new Map(await Promise.all(opened));
}

/** The way into a cluster of the configuration. Throws where its kubeconfig or context is not there. */
export async function connectionTo({ configuration, file, signal }: Session, name: string): Promise<Connection> {
  const { kubeconfig, ...choice }: ClusterChoice = withoutUndefined(configuration.clusters[name] ?? {});
  if (kubeconfig === undefined) return loadConnection(choice, undefined, signal);
  const path = kubeconfig.replace(/^~(?=\/|$)/, homedir());
  return loadConnection({ ...choice, kubeconfig: resolve(dirname(file), path) }, undefined, signal);
}

function withoutUndefined(
  value: { readonly [Key in keyof ClusterChoice]?: ClusterChoice[Key] | undefined },
): ClusterChoice {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}

/** A cluster that could not even be opened: each request says why, so that it is reported like one that is down. */
interface Unusable extends KubernetesCluster {
  readonly isUnusable: true;
}

function unusable(name: string, cause: unknown): Unusable {
  const fail = async (): Promise<never> => {
    throw new Error(`cluster ${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  };
  const cluster: Cluster = {
    name,
    now: () => Date.now(),
    schemaRevision: fail,
    namespacePhase: fail,
    list: fail,
    get: fail,
    create: fail,
    replace: fail,
    replaceStatus: fail,
    remove: fail,
    record: fail,
  };
  return { ...cluster, listEverywhere: fail, close: async () => {}, isUnusable: true };
}

/** The opened clusters of a task, in the order of the configuration. */
export function clustersOf<Opened>(task: ConfiguredTask, opened: ReadonlyMap<string, Opened>): Opened[] {
  return task.clusters.flatMap((name) => opened.get(name) ?? []);
}

/** Whether the cluster as a whole does not answer or lets nobody in, so that each further question would wait as long. */
export function isDown(error: unknown): boolean {
  return error instanceof ApiError && ([0, 401, 429].includes(error.status) || error.status >= 500);
}
