import { isDeepStrictEqual } from 'node:util';
import { fieldManager, type KubernetesObject } from '../../lib/object.ts';
import { remember } from '../../lib/scan.ts';
import type { Write } from '../memory/memory-cluster.ts';
import type { Activity } from './activity.ts';
import type { Installation, Place, Witness } from './installation.ts';
import { judgeDelete, judgeMark, type Removals, removals } from './judge-removal.ts';
import { type Complete, judgeSight, judgeStale, saidBy } from './judge-sight.ts';
import type { Tally } from './tally.ts';
import { brief, hold } from './violation.ts';

/** Sees every write and throws a Violation at the first that no law allows. */
export interface Judge {
  readonly witness: Witness;
  readonly known: Removals;
  readonly completes: Complete[];
}

interface LastWrite {
  readonly who: Activity;
  readonly at: number;
  /** That of the last other run before. */
  readonly before: number;
}

const ownTypes = ['Ready', 'Exists', 'Synced'];
const ownLabels = /^(app\.kubernetes\.io\/managed-by$|skymirror\.dev\/|test\.skymirror\.dev\/|tags\.skymirror\.dev\/)/;

/** A judge of one schedule. */
export function judge(installed: () => Installation, tally: Tally): Judge {
  const known = removals();
  const completes: Complete[] = [];
  const lasts = new Map<string, LastWrite>();

  /** When the last other run wrote this very object. */
  function sinceOther(who: Activity, uid: string, now: number): number {
    const last = lasts.get(uid);
    const before = last === undefined ? -Infinity : last.who === who ? last.before : last.at;
    lasts.set(uid, { who, at: now, before });
    return before;
  }

  function thing(place: Place, write: Write, who: Activity): void {
    const at = installed();
    const { before, after, verb } = write;
    const object = after ?? before;
    if (object === undefined) return;
    const id = String(object.spec?.arn);
    hold(
      8,
      at.nameOf(id) === object.metadata.name,
      () => `${who.name} writes ${brief(object)}, which stands for ${id}`,
    );
    if (before !== undefined) judgeOwner(who, before);
    const since = sinceOther(who, `${place.cluster.name} ${object.metadata.uid}`, at.time.now);
    if (verb === 'remove' && before !== undefined) {
      tally.met('deleted');
      judgeDelete(at, place, who, { id, before, known });
      return;
    }
    if (before !== undefined && after !== undefined) judgeOthers(who, before, after);
    if (verb !== 'replaceStatus' || after === undefined) return;
    const [was, is] = [saidBy(before), saidBy(after)];
    tally.met(was === is ? 'updated' : is === 'present' && was === 'gone' ? 'returned' : `became ${is}`);
    if (is === 'unseen') judgeStale(at, who, place, after, completes);
    else if (claims(before) !== claims(after)) judgeSight(at, who, { id, after, since });
    if (is === 'gone' && was !== 'gone') judgeMark(who, id, before);
  }

  function scan({ before, after }: Write, who: Activity): void {
    hold(2, who.mode === 'whole', () => `${who.name} writes a MirrorScan, though it did not look at the whole scope`);
    const [was, is] = [before, after].map((one) => Date.parse(String(one?.status?.lastStarted ?? '')));
    const goesBack = was !== undefined && is !== undefined && is < was;
    hold(4, !goesBack, () => `${who.name} writes the figures of a pass over those of one that began later`);
    const { blocked } = remember(after);
    if (blocked === undefined) return;
    tally.met('braked');
    known.named.set(blocked.approval, new Set(blocked.members.map(({ uid, since }) => `${uid} ${since}`)));
  }

  return {
    known,
    completes,
    witness(place, write, who) {
      if (write.plural === 'things') {
        count(place, write);
        if (who === undefined) {
          unattributed(write);
          return;
        }
        hold(
          4,
          who.mode !== 'plan',
          () => `${who.name} writes ${brief(write.after ?? write.before)}, though it only plans`,
        );
        const key = `${place.cluster.name}/${write.name}`;
        who.wrote.set(key, [...(who.wrote.get(key) ?? []), write.verb]);
        thing(place, write, who);
      } else if (write.plural === 'mirrorscans' && who !== undefined) scan(write, who);
    },
  };

  /** The brake may reckon with no more than ever was there. */
  function count({ cluster }: Place, { verb, after }: Write): void {
    if (verb !== 'create' || after === undefined) return;
    const where = `${cluster.name}/${after.spec?.region}`;
    const held = cluster.objects('things').filter(({ spec }) => spec?.region === after.spec?.region).length;
    known.held.set(where, Math.max(known.held.get(where) ?? 0, held));
  }
}

/** People make and change objects; what else is done under our name must be somebody's. */
function unattributed({ manager, verb, name }: Write): void {
  if (manager !== fieldManager || verb === 'create' || verb === 'tamper') return;
  throw new Error(`nobody is known to have written ${name} (${verb})`);
}

/** What an object says of its resource; of one that nobody can read the health alone grows old. */
function claims(object: KubernetesObject | undefined): string {
  const { conditions = [], observed } = object?.status ?? {};
  return JSON.stringify([observed, conditions.filter(({ type }) => type === 'Exists' || type === 'Synced')]);
}

/** Law 8: ours by identity, field manager and label, and not going away. */
function judgeOwner(who: Activity, object: KubernetesObject): void {
  const { managedFields, labels, deletionTimestamp } = object.metadata;
  const isManaged = managedFields?.some(({ manager }) => manager === fieldManager) === true;
  const mirror = labels?.['skymirror.dev/mirror'] ?? 'production';
  hold(8, isManaged && mirror === 'production', () => `${who.name} writes ${brief(object)}, which is not ours`);
  hold(8, deletionTimestamp === undefined, () => `${who.name} writes ${brief(object)}`);
}

/** Laws 4 and 8: something of ours changes, and nothing of anybody else's. */
function judgeOthers(who: Activity, before: KubernetesObject, after: KubernetesObject): void {
  const [was, is] = [before, after].map((object) => ({
    labels: Object.entries(object.metadata.labels ?? {})
      .filter(([key]) => !ownLabels.test(key))
      .toSorted(),
    annotations: object.metadata.annotations,
    conditions: object.status?.conditions?.filter(({ type }) => !ownTypes.includes(type)),
  }));
  hold(8, isDeepStrictEqual(was, is) || saidBy(before) === 'nothing', () => {
    return `${who.name} changes what others put on ${brief(after)}: ${JSON.stringify([was, is])}`;
  });
  const [old, fresh] = [before, after].map(({ metadata, spec, status }) => ({
    labels: metadata.labels,
    spec,
    status: { ...status, conditions: status?.conditions?.map(({ lastTransitionTime: _, ...rest }) => rest) },
  }));
  hold(4, !isDeepStrictEqual(old, fresh), () => `${who.name} writes ${brief(after)} without a change`);
}
