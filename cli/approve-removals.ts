import { ApiError, isOvertaken } from '../lib/cluster.ts';
import { mapConcurrent } from '../lib/concurrent.ts';
import { markOf } from '../lib/mark.ts';
import { type KubernetesObject, parseObject, type ResourceType } from '../lib/object.ts';
import { approvalAnnotation, type Due } from '../lib/removal.ts';
import type { Target } from '../lib/resource.ts';
import { remember, scanName } from '../lib/scan.ts';
import { mirrorScan } from '../lib/scan-schema.ts';
import { type Administration, openAdministration } from './administration.ts';
import { type BlockedSet, blockedSet, placeOf, targetsOf } from './blocked-set.ts';
import { confirmed } from './confirm.ts';
import { exitCodes } from './exit-codes.ts';
import { connectionTo, type Filters, isDown, openSession, type Session } from './session.ts';
import type { Surroundings } from './surroundings.ts';
import { table } from './table.ts';

/** The options of `skymirror approve-removals`. */
export interface ApproveOptions extends Filters {
  readonly set?: string;
  readonly yes?: boolean;
}

/** A set that waits, and the scan that it was read from. */
interface Waiting {
  readonly set: BlockedSet;
  readonly members: readonly Due[];
  readonly scan: KubernetesObject;
  readonly target: Target;
  readonly cluster: Administration;
}

/** Members shown of a set; the scan names them all. */
const membersShown = 20;
const inFlight = 8;
/** Writes of the scan that may come in between before it is given up; a pass writes it a few times a minute at most. */
const attempts = 5;

/** Shows each set that waits, asks, and writes the approval of exactly that set into its scan. */
export async function approveRemovals(options: ApproveOptions, around: Surroundings): Promise<number> {
  const session = await openSession(options, around);
  const clusters = new Map<string, Administration>();
  let code: number = exitCodes.done;
  const complain = (message: string) => {
    around.error(message);
    code = exitCodes.failed;
  };
  try {
    const found = await sets(session, clusters, complain, around.signal);
    const chosen = chosenOf(found, options.set);
    for (const { set } of chosen.filter(({ set: { approved } }) => approved)) {
      around.print(`${set.approval} is approved already: the next pass of the mirror ${set.mirror} lets it go.`);
    }
    const waiting = chosen.filter(({ set: { approved } }) => !approved);
    if (waiting.length === 0) {
      const where = code === exitCodes.done ? '' : ' in what could be looked at';
      around.print(`There is nothing to approve${where}.`);
    }
    for (const one of waiting) {
      around.print(await textOf(one));
      if (options.yes !== true && !(await confirmed(questionOn(one), around))) {
        around.print(`${one.set.approval}: not approved.`);
        if (code === exitCodes.done) code = exitCodes.differs;
        continue;
      }
      try {
        await approve(one);
        around.print(`${one.set.approval}: approved. The next pass lets go what is still gone then.`);
      } catch (error) {
        around.signal.throwIfAborted();
        complain(said(error));
      }
    }
    return code;
  } finally {
    await Promise.all([...clusters.values()].map((cluster) => cluster.close()));
  }
}

const questionOn = ({ set: { count } }: Waiting) => ({
  text: String(count),
  what: `let ${count === 1 ? 'this' : 'these'} go`,
});

async function sets(
  session: Session,
  clusters: Map<string, Administration>,
  complain: (message: string) => void,
  signal: AbortSignal,
): Promise<Waiting[]> {
  const names = [...new Set(session.tasks.flatMap((task) => task.clusters))];
  const targets = (name: string) => session.tasks.filter((task) => task.clusters.includes(name)).flatMap(targetsOf);
  const found = names.map(async (name): Promise<Waiting[]> => {
    try {
      const cluster = openAdministration({ ...(await connectionTo(session, name)), name }, signal);
      clusters.set(name, cluster);
      let isBroken = false;
      const own = await mapConcurrent(targets(name), inFlight, async (target) => {
        if (isBroken) return undefined;
        return waitingIn(target, cluster).catch((error: unknown) => {
          // Somebody may approve in one namespace and not in the next. A cluster that is down is said to be once.
          if (!isBroken) complain(said(error));
          isBroken ||= isDown(error);
          return undefined;
        });
      });
      return own.filter((one) => one !== undefined);
    } catch (error) {
      complain(`cluster ${name}: ${said(error)}`);
      return [];
    }
  });
  return (await Promise.all(found)).flat();
}

const said = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function waitingIn(target: Target, cluster: Administration): Promise<Waiting | undefined> {
  const scan = await readObject(cluster, mirrorScan, target, scanName(target));
  const set = blockedSet(scan);
  if (scan === undefined || set === undefined) return undefined;
  const members = remember(scan).blocked?.members ?? [];
  return { set: { ...placeOf(target, cluster.name), ...set }, members, scan, target, cluster };
}

async function readObject(cluster: Administration, type: ResourceType, { mirror }: Target, name: string) {
  const found = await cluster.read(
    `/apis/${type.group}/${type.version}/namespaces/${mirror.namespace}/${type.plural}/${name}`,
  );
  return found === undefined ? undefined : parseObject(found);
}

function chosenOf(found: readonly Waiting[], approval: string | undefined): readonly Waiting[] {
  if (approval === undefined) return found;
  const chosen = found.filter(({ set }) => set.approval === approval);
  if (chosen.length > 0) return chosen;
  const known = found.map(({ set }) => set.approval).join(', ');
  throw new Error(`--set ${approval}: no such set waits${known === '' ? '; none does' : `. These do: ${known}`}`);
}

/** What a person has to see of a set before the question. */
async function textOf({ set, members, target, cluster }: Waiting): Promise<string> {
  const { approval, mirror, source, scope, namespace, message } = set;
  const shown = members.slice(0, membersShown);
  const notes = await mapConcurrent(shown, inFlight, (member) => noteOn(member, target, cluster));
  const rows = shown.map(({ name, since }, index) => [name, since, notes[index] ?? '']);
  const rest = members.length - shown.length;
  return [
    `${approval}: ${mirror} ${source} ${Object.values(scope).join('/')}, namespace ${namespace} of ${cluster.name}`,
    message,
    table(['NAME', 'MARKED SINCE', 'RESOURCE'], rows),
    ...(rest > 0 ? [`and ${rest} more`] : []),
    ...(notes.includes(undefined) ? ['This user may not read the objects: the names are those of the scan.'] : []),
  ].join('\n');
}

/** What the object of a member stands for, or that it does not go any more; `undefined` where it may not be read. */
async function noteOn({ name, uid, since }: Due, target: Target, cluster: Administration): Promise<string | undefined> {
  try {
    const object = await readObject(cluster, target.source, target, name);
    if (object === undefined || object.metadata.uid !== uid) return '(not there any more)';
    if (markOf(object, { target, now: 0 })?.since !== since) return '(seen again: stays)';
    return target.source.identityOf(object.spec)?.id ?? '';
  } catch (error) {
    return error instanceof ApiError && error.status === 403 ? undefined : `(cannot be read: ${said(error)})`;
  }
}

/** Approves under the version that was shown; of a scan that was written since, only while it names the same set. */
async function approve({ set, scan, target, cluster }: Waiting): Promise<void> {
  const { approval } = set;
  let current: KubernetesObject | undefined = scan;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    if (current === undefined || blockedSet(current)?.approval !== approval) {
      throw new Error(`${approval}: not approved, because the set has changed since it was shown. Look at it again`);
    }
    try {
      await cluster.patchMetadata(mirrorScan, current, { annotations: { [approvalAnnotation]: approval } });
      return;
    } catch (error) {
      if (!isOvertaken(error)) throw error;
      current = await readObject(cluster, mirrorScan, target, scanName(target));
    }
  }
  throw new Error(`${approval}: not approved, because its scan ${set.scan} is written again and again. Try once more`);
}
