import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Cluster } from '../lib/cluster.ts';
import { type Configuration, parseConfiguration, problemText } from '../lib/configuration.ts';
import { type ClusterChoice, type Connection, loadConnection } from '../lib/kubeconfig.ts';
import { type KubernetesCluster, type KubernetesReader, openCluster, openReader } from '../lib/kubernetes-cluster.ts';
import { suggestion } from '../lib/nearest.ts';
import { sources } from '../lib/sources.ts';
import { type ConfiguredTask, tasksOf } from '../lib/targets.ts';

/** Which part of the configuration a command is about; left out: all. */
export interface Filters {
  readonly config: string;
  readonly mirror?: readonly string[];
  readonly source?: readonly string[];
  /** `key=value`, all of which must fit. */
  readonly scope?: readonly string[];
}

/** A configuration file that has been read, and the tasks of it that the filters leave. */
export interface Session {
  readonly file: string;
  readonly configuration: Configuration;
  readonly tasks: readonly ConfiguredTask[];
}

/** Reads the configuration. Throws an Error that lists every problem in it with line and column. */
export async function openSession(filters: Filters): Promise<Session> {
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
  return { file, configuration, tasks: filtered(tasksOf(configuration, sources), filters) };
}

function filtered(tasks: readonly ConfiguredTask[], filters: Filters): readonly ConfiguredTask[] {
  const mirrors = chosen('mirror', filters.mirror, new Set(tasks.map(({ mirror }) => mirror.name)));
  const kinds = chosen('source', filters.source, new Set(tasks.map(({ source }) => source.kind)));
  const scope = (filters.scope ?? []).flatMap((text) => text.split(',')).map((pair) => scopePair(pair, tasks));
  const left = tasks.filter(
    (task) =>
      mirrors(task.mirror.name) &&
      kinds(task.source.kind) &&
      scope.every(([key, value]) => task.scope[key] === value || (key === 'account' && task.accountName === value)),
  );
  if (left.length > 0 || tasks.length === 0) return left;
  throw new Error(
    `nothing in the configuration fits --scope ${filters.scope?.join(',')} together with the other filters`,
  );
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
  const [key = '', value] = pair.split('=', 2);
  const keys = [...new Set(tasks.flatMap(({ source }) => source.scopeKeys))];
  if (value !== undefined && keys.includes(key)) return [key, value];
  throw new Error(`--scope ${pair}: give it as ${keys.map((known) => `${known}=...`).join(',')}`);
}

/** The clusters that tasks name, opened; one that cannot be opened stays, and fails at every request. */
export async function openClusters(session: Session): Promise<ReadonlyMap<string, KubernetesCluster>> {
  return open(session, (connection) => openCluster(connection), unusable);
}

/** Milliseconds: whoever looks waits at the terminal, and a cluster that is down is soon said to be. */
const readDeadline = 10_000;

/** As `openClusters`, for looking alone: what comes back has no way to write. */
export async function openReaders(session: Session): Promise<ReadonlyMap<string, KubernetesReader>> {
  return open(session, (connection) => openReader(connection, { deadline: readDeadline }), unusable);
}

async function open<Opened>(
  session: Session,
  make: (connection: Connection) => Opened,
  failed: (name: string, error: unknown) => Opened,
): Promise<ReadonlyMap<string, Opened>> {
  const names = [...new Set(session.tasks.flatMap(({ clusters }) => clusters))];
  const opened = names.map(async (name): Promise<[string, Opened]> => {
    try {
      return [name, make({ ...(await connectionTo(session, name)), name })];
    } catch (error) {
      return [name, failed(name, error)];
    }
  });
  return new Map(await Promise.all(opened));
}

/** The way into a cluster of the configuration. Throws where its kubeconfig or context is not there. */
export async function connectionTo({ configuration, file }: Session, name: string): Promise<Connection> {
  const { kubeconfig, ...choice }: ClusterChoice = withoutUndefined(configuration.clusters[name] ?? {});
  if (kubeconfig === undefined) return loadConnection(choice);
  const path = kubeconfig.replace(/^~(?=\/|$)/, homedir());
  return loadConnection({ ...choice, kubeconfig: resolve(dirname(file), path) });
}

function withoutUndefined(
  value: { readonly [Key in keyof ClusterChoice]?: ClusterChoice[Key] | undefined },
): ClusterChoice {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}

/** A cluster that could not even be opened: each request says why, so that it is reported like one that is down. */
function unusable(name: string, cause: unknown): KubernetesCluster {
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
  return { ...cluster, listEverywhere: fail, close: async () => {} };
}

/** The opened clusters of a task, in the order of the configuration. */
export function clustersOf<Opened>(task: ConfiguredTask, opened: ReadonlyMap<string, Opened>): Opened[] {
  return task.clusters.flatMap((name) => opened.get(name) ?? []);
}

/** Where the configuration is looked for unless `--config` says otherwise. */
export const defaultConfig = join('.', 'skymirror.yaml');
