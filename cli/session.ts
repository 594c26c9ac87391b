import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ApiError } from '../lib/cluster.ts';
import { type Configuration, parseConfiguration, problemText } from '../lib/configuration.ts';
import type { Connection } from '../lib/connection.ts';
import { type KubernetesCluster, type KubernetesReader, openReader } from '../lib/kubernetes-cluster.ts';
import { connectionTo as connectTo, openClusters as openAll, openEach } from '../lib/open-clusters.ts';
import { sources } from '../lib/sources.ts';
import { fitting, type TargetFilter } from '../lib/target-filter.ts';
import { type ConfiguredTask, tasksOf } from '../lib/targets.ts';
import type { Surroundings } from './surroundings.ts';

/** Which part of the configuration a command is about. */
export interface Filters extends TargetFilter {
  readonly config: string;
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
  return { file, configuration, tasks: fitting(tasksOf(configuration, sources), filters, asOption), signal };
}

/** How people write an option. */
export const asOption = (name: string) => `--${name}`;

/** The clusters that tasks name, opened; see `openClusters` of lib/open-clusters.ts. */
export async function openClusters(
  session: Session,
  known?: ReadonlyMap<string, KubernetesCluster>,
): Promise<ReadonlyMap<string, KubernetesCluster>> {
  return openAll(session.configuration.clusters, namesOf(session), entranceOf(session), known);
}

/** Milliseconds: whoever looks waits at the terminal, and a cluster that is down is soon said to be. */
const readDeadline = 10_000;

/** As `openClusters`, for looking alone: what comes back has no way to write. */
export async function openReaders(session: Session): Promise<ReadonlyMap<string, KubernetesReader>> {
  const reader = (connection: Connection) => openReader(connection, { deadline: readDeadline });
  return openEach(namesOf(session), (name) => connectionTo(session, name), reader);
}

const namesOf = ({ tasks }: Session) => [...new Set(tasks.flatMap(({ clusters }) => clusters))];

/** The way into a cluster of the configuration. Throws where there is none. */
export async function connectionTo(session: Session, name: string): Promise<Connection> {
  return connectTo(session.configuration.clusters, name, entranceOf(session));
}

/** How the clusters of a session are entered. */
export const entranceOf = ({ signal, file }: Session) => ({ signal, folder: dirname(file) });

/** The opened clusters of a task, in the order of the configuration. */
export function clustersOf<Opened>(task: ConfiguredTask, opened: ReadonlyMap<string, Opened>): Opened[] {
  return task.clusters.flatMap((name) => opened.get(name) ?? []);
}

/** Whether the cluster as a whole does not answer or lets nobody in, so that each further question would wait as long. */
export function isDown(error: unknown): boolean {
  return error instanceof ApiError && ([0, 401, 429].includes(error.status) || error.status >= 500);
}
