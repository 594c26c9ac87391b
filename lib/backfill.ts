import { isDeepStrictEqual } from 'node:util';
import { type BackfillRequest, filterOf } from './backfill-request.ts';
import { ApiError, type Cluster } from './cluster.ts';
import { schemaRefusal } from './cluster-refusal.ts';
import { groupOf, messageVersion, type TargetMessage } from './messages.ts';
import { hasEnded, newRun, pendingTargets, type Run, type RunSpec, runOf } from './sync-run.ts';
import { maxTargets, syncRun, syncRunRevision } from './sync-run-schema.ts';
import { cancelRun, type RunPlace, readRun, updateTargets } from './sync-run-writer.ts';
import { fitting, tagPatterns } from './target-filter.ts';
import type { ConfiguredTask } from './targets.ts';

/** Where a run is told of: the cluster by its name in the configuration. */
export interface RunHome extends RunPlace {
  readonly cluster: string;
}

/** A run that is there, and the way to it. */
export interface OpenRun {
  readonly at: RunHome;
  readonly home: Cluster;
  readonly run: Run;
}

/** What a backfill takes from the outside. */
export interface Ground {
  /** Every target of the configuration. */
  readonly tasks: readonly ConfiguredTask[];
  readonly signal: AbortSignal;
  open(names: readonly string[]): Promise<ReadonlyMap<string, Cluster>>;
  /** How a field of the request is written by whoever gave it. */
  spelt(field: string): string;
}

/**
 * The run of a request: made under this name, or found as it was left. Its SyncRun stands with all targets when this
 * returns, and called again it makes nothing twice. Throws an Error where the request cannot be carried out.
 */
export async function openRun(request: BackfillRequest, name: string, ground: Ground): Promise<OpenRun> {
  const known = request.run === undefined ? undefined : await findRun(request.run, ground, isActive);
  const found = known ?? (await makeRun(request, name, ground));
  refuseOther(request, found, ground);
  if (Object.keys(found.run.targets).length > 0) return found;
  const targets = pendingTargets(chosenTasks(found.run.spec.filter, ground).map(targetOf));
  const { at, home } = found;
  const isEmpty = (run: Run) => Object.keys(run.targets).length === 0;
  const run = await updateTargets(home, at, (current) => (isEmpty(current) ? targets : undefined), ground);
  if (run === undefined) throw new Error(`the SyncRun ${at.namespace}/${at.name} was deleted while it was being made`);
  return { ...found, run };
}

/** Ends a run; what is under way stops within seconds, and one that has ended stays as it is. Throws where there is none. */
export async function cancelBackfill(name: string, ground: Ground): Promise<OpenRun> {
  const found = await findRun(name, ground, () => true);
  if (found !== undefined && hasEnded(found.run.status)) return found;
  const run = found === undefined ? undefined : await cancelRun(found.home, found.at, ground);
  if (found !== undefined && run !== undefined) return { ...found, run };
  throw new Error(`${ground.spelt('cancel')} ${name}: there is no such run; see kubectl get syncruns -A`);
}

/** A message for each target that has not ended. */
export function messagesOf({ at: { cluster, namespace, name }, run }: Pick<OpenRun, 'at' | 'run'>): TargetMessage[] {
  const scheduledAt = run.object.metadata.creationTimestamp ?? '';
  return Object.values(run.targets)
    .filter((target) => !hasEnded(target))
    .map(({ mirror, source, scope }) => ({
      version: messageVersion,
      run: name,
      mirror,
      source,
      scope,
      scheduledAt,
      hop: 0,
      syncRun: { cluster, namespace, name },
    }));
}

/** What is told of a run to whoever asked for it. */
export function answerOf({ at: { cluster, namespace, name }, run }: OpenRun) {
  return {
    run: name,
    syncRun: { cluster, namespace, name },
    mode: run.spec.mode,
    state: run.status.state ?? 'Pending',
    targets: Object.keys(run.targets).length,
  };
}

/** The key of a task among the targets of a run. */
export function keyOf(task: ConfiguredTask): string {
  return groupOf(targetOf(task));
}

const targetOf = ({ mirror, source, scope }: ConfiguredTask) => ({ mirror: mirror.name, source: source.kind, scope });

function chosenTasks(filter: RunSpec['filter'], { tasks, spelt }: Ground): readonly ConfiguredTask[] {
  if (filter.tags !== undefined) tagPatterns(filter.tags);
  const fit = fitting(tasks, { mirror: filter.mirrors, source: filter.sources, scope: filter.scope }, spelt);
  const active = fit.filter(({ paused }) => !paused);
  if (active.length > maxTargets) {
    const narrow = (['mirror', 'source', 'scope'] as const).map(spelt).join(', ');
    throw new Error(
      `${active.length} targets (mirror x kind x account x region) are more than a run can have, ${maxTargets}: narrow it down by ${narrow}, and make several runs`,
    );
  }
  if (active.length > 0) return active;
  const mirrors = [...new Set(fit.map(({ mirror }) => mirror.name))].join(', ');
  throw new Error(`there is nothing to do: the configuration has paused ${mirrors || 'everything'}`);
}

async function makeRun(request: BackfillRequest, name: string, ground: Ground): Promise<OpenRun> {
  const filter = filterOf(request);
  const [place] = chosenTasks(filter, ground).flatMap(homeOf);
  if (place === undefined) throw new Error('the configuration names no cluster for this mirror');
  const at = { ...place, name };
  const home = await openHome(at.cluster, ground);
  const bound = { signal: ground.signal };
  const refusal = schemaRefusal({ ...syncRun, revision: syncRunRevision }, await home.schemaRevision(syncRun, bound));
  if (refusal !== undefined) throw new Error(`cluster ${at.cluster}: ${refusal}`);
  const mode = request.mode === 'plan' ? 'Plan' : 'Apply';
  const { namespace } = at;
  try {
    const made = await home.create(syncRun, newRun({ namespace, name }, { mode, filter, cancelled: false }), bound);
    return { at, home, run: runOf(made) };
  } catch (error) {
    // Made before, by this very request: the invocation died, or its answer was lost.
    const run =
      error instanceof ApiError && error.status === 409 ? await readRun(home, { namespace, name }, bound) : undefined;
    if (run === undefined) throw error;
    return { at, home, run };
  }
}

/** A run is carried on as it was begun, or not at all. */
function refuseOther(request: BackfillRequest, { at, run: { spec } }: OpenRun, { spelt }: Ground): void {
  const filter = filterOf(request);
  if (Object.keys(filter).length > 0 && !isDeepStrictEqual(filter, spec.filter)) {
    const own = JSON.stringify(spec.filter);
    throw new Error(
      `${spelt('run')} ${at.name}: this run has other filters (${own}): leave yours out, or take another name`,
    );
  }
  if (request.mode !== undefined && request.mode !== spec.mode.toLowerCase()) {
    throw new Error(`${spelt('run')} ${at.name}: this run is one of mode ${spec.mode}: take another name`);
  }
}

/** Runs are told of in the first cluster and namespace of a mirror. */
function homeOf({ clusters: [cluster], mirror: { namespace } }: ConfiguredTask): Omit<RunHome, 'name'>[] {
  return cluster === undefined ? [] : [{ cluster, namespace }];
}

async function openHome(cluster: string, ground: Ground): Promise<Cluster> {
  const home = (await ground.open([cluster])).get(cluster);
  if (home === undefined) throw new Error(`the configuration has no cluster ${cluster}`);
  return home;
}

const isActive = ({ paused }: ConfiguredTask) => !paused;

/** Looks for a run wherever one may be. Throws where no place has it and one of those that count cannot be looked at. */
async function findRun(
  name: string,
  ground: Ground,
  counts: (task: ConfiguredTask) => boolean,
): Promise<OpenRun | undefined> {
  const homes = Map.groupBy(
    ground.tasks.flatMap((task) => homeOf(task).map((home) => ({ task, home }))),
    ({ home }) => `${home.cluster}/${home.namespace}`,
  );
  let failure: { readonly error: unknown } | undefined;
  for (const members of homes.values()) {
    const [{ home: place } = { home: undefined }] = members;
    if (place === undefined) continue;
    const at = { ...place, name };
    try {
      const home = await openHome(at.cluster, ground);
      const run = await readRun(home, at, { signal: ground.signal });
      if (run !== undefined) return { at, home, run };
    } catch (error) {
      if (members.some(({ task }) => counts(task))) failure ??= { error };
    }
  }
  if (failure !== undefined) throw failure.error;
  return undefined;
}
