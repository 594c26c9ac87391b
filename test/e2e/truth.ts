import * as z from 'zod';

/** Every state that the resources of one place have had outside, in one order over all of them. */
export interface Chronicle {
  /** It is there from now on, as another version than ever before. */
  change(arn: string): void;
  /** It is there no more. */
  remove(arn: string): void;
  /** What is there, with its version. */
  present(): ReadonlyMap<string, number>;
  /** A point in this order: what comes later is a change after it. */
  now(): number;
  /** The states of one resource; where it is not there, `isThere` is false. */
  statesOf(arn: string): readonly State[];
}

/** What a resource was from one change to the next; `at` is the number of the change, and the version. */
export interface State {
  readonly at: number;
  readonly isThere: boolean;
}

/** A chronicle in which nothing has ever been. */
export function createChronicle(): Chronicle {
  const states = new Map<string, State[]>();
  const current = new Map<string, number>();
  let changes = 0;
  const note = (arn: string, isThere: boolean) => {
    changes += 1;
    states.set(arn, [...(states.get(arn) ?? []), { at: changes, isThere }]);
    if (isThere) current.set(arn, changes);
    else current.delete(arn);
  };
  return {
    change: (arn) => note(arn, true),
    remove: (arn) => note(arn, false),
    present: () => new Map(current),
    now: () => changes,
    statesOf: (arn) => states.get(arn) ?? [],
  };
}

/** The fields by which an instance outside tells its version: three, so that a mixture of two versions is seen. */
export function fieldsOfVersion(version: number): { class: string; allocatedGiB: number; tag: string } {
  return { class: `db.v${version}.large`, allocatedGiB: version, tag: String(version) };
}

/** What is wrong with a cluster, by the ARNs that it is wrong with. */
export interface Complaints {
  /** It is there outside, and no object shows it. */
  readonly lost: readonly string[];
  /** An object that shows what it never was, or is the second for one resource. */
  readonly wrong: readonly string[];
  /** An object that shows what it was once, or does not say that it is there and current. */
  readonly stale: readonly string[];
  /** An object for what is not there, and it does not say so. */
  readonly extra: readonly string[];
}

const condition = z.object({ type: z.string(), status: z.string() });
const mirrored = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string().optional(),
    deletionTimestamp: z.string().optional(),
  }),
  spec: z.object({ arn: z.string() }),
  status: z
    .object({
      observed: z
        .object({
          class: z.string().optional(),
          storage: z.object({ allocatedGiB: z.number().optional() }).optional(),
          tags: z.record(z.string(), z.string()).optional(),
        })
        .optional(),
      conditions: z.array(condition).optional(),
    })
    .optional(),
});

/** A mirrored object as the API server tells it, read by nothing of skymirror's. */
export type Mirrored = z.infer<typeof mirrored>;

/** Reads one object of an answer of the API server. */
export const parseMirrored = (object: unknown): Mirrored => mirrored.parse(object);

/** Compares the items of a list, as the API server answered it, with what is there outside. */
export function complaintsAgainst(items: readonly unknown[], chronicle: Chronicle): Complaints {
  const objects = items.map(parseMirrored);
  const present = chronicle.present();
  const standing = objects.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const shown = new Set(standing.map(({ spec }) => spec.arn));
  const seconds = standing.filter(({ spec }, index) => standing.findIndex((one) => one.spec.arn === spec.arn) < index);
  const judged = standing.map((object) => ({
    arn: object.spec.arn,
    judgement: judge(object, present.get(object.spec.arn), chronicle),
  }));
  const those = (wanted: Judgement) =>
    judged.flatMap(({ arn, judgement }) => (judgement === wanted ? [arn] : [])).toSorted();
  return {
    lost: [...present.keys()].filter((arn) => !shown.has(arn)).toSorted(),
    wrong: [...those('wrong'), ...seconds.map(({ spec }) => spec.arn)],
    stale: those('stale'),
    extra: those('extra'),
  };
}

type Judgement = 'true' | 'wrong' | 'stale' | 'extra';

function judge(object: Mirrored, current: number | undefined, chronicle: Chronicle): Judgement {
  if (current === undefined) return statusOf(object, 'Exists') === 'False' ? 'true' : 'extra';
  const version = versionOf(object);
  if (version === current) {
    return ['Exists', 'Synced'].every((type) => statusOf(object, type) === 'True') ? 'true' : 'stale';
  }
  return wasOnce(chronicle, object.spec.arn, version) ? 'stale' : 'wrong';
}

/** The status of that condition, `none` where the object has none. */
export function statusOf({ status }: Mirrored, type: string): string {
  return status?.conditions?.find((one) => one.type === type)?.status ?? 'none';
}

/** The version that an object shows; `undefined` where it shows none, or parts of several. */
export function versionOf({ status }: Mirrored): number | undefined {
  const version = status?.observed?.storage?.allocatedGiB;
  if (version === undefined) return undefined;
  const { class: size, tag } = fieldsOfVersion(version);
  return status?.observed?.class === size && status.observed.tags?.version === tag ? version : undefined;
}

/** The complaints that a past of an object gives rise to. */
export interface PastComplaints {
  /** Showed what it never was. */
  readonly wrong: readonly string[];
  /** Shows an older version after a newer one, or an older one after it was gone. */
  readonly stale: readonly string[];
  /** Said that it is gone although it was there all the time. */
  readonly marked: readonly string[];
  /** Was deleted without the mark that says that it is gone, or although it was there all the time. */
  readonly lost: readonly string[];
}

/** One event of a watch. */
export interface Told {
  readonly type: string;
  readonly object: unknown;
}

/**
 * What a watch told, in its order, held against the chronicle. What was there all the time since `since`, a point
 * before the first look of any pass that wrote this, can neither be marked nor deleted.
 */
export function complaintsAboutPast(told: readonly Told[], chronicle: Chronicle, since: number): PastComplaints {
  const wrong = new Set<string>();
  const stale = new Set<string>();
  const marked = new Set<string>();
  const lost = new Set<string>();
  const reached = new Map<string, number>();
  for (const { type, object } of told) {
    const one = parseMirrored(object);
    const { arn } = one.spec;
    const isGone = statusOf(one, 'Exists') === 'False';
    const wasThere = wasThereSince(chronicle, arn, since);
    if (type === 'DELETED' && (wasThere || !isGone)) lost.add(arn);
    if (isGone && wasThere) marked.add(arn);
    const version = versionOf(one);
    if (one.status?.observed !== undefined && !wasOnce(chronicle, arn, version)) wrong.add(arn);
    // By uid: an object that was made again has no past but what was already so when the passes began.
    const before = reached.get(one.metadata.uid) ?? stateAt(chronicle, arn, since)?.at ?? 0;
    const now = isGone ? absenceAfter(chronicle, arn, before) : version;
    if (now === undefined) continue;
    if (now < before) stale.add(arn);
    reached.set(one.metadata.uid, Math.max(now, before));
  }
  return { wrong: [...wrong], stale: [...stale], marked: [...marked], lost: [...lost] };
}

function wasOnce(chronicle: Chronicle, arn: string, version: number | undefined): boolean {
  return chronicle.statesOf(arn).some(({ at, isThere }) => isThere && at === version);
}

function wasThereSince(chronicle: Chronicle, arn: string, since: number): boolean {
  const later = chronicle.statesOf(arn).filter(({ at }) => at > since);
  return stateAt(chronicle, arn, since)?.isThere === true && later.every(({ isThere }) => isThere);
}

function stateAt(chronicle: Chronicle, arn: string, when: number): State | undefined {
  return chronicle.statesOf(arn).findLast(({ at }) => at <= when);
}

/** Of the times at which it was not there, the first that does not lie before what was shown. */
function absenceAfter(chronicle: Chronicle, arn: string, before: number): number | undefined {
  return chronicle.statesOf(arn).find(({ at, isThere }) => !isThere && at >= before)?.at ?? 0;
}
