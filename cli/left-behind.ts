import { mirrorScan } from '../lib/scan-schema.ts';
import type { ConfiguredTask } from '../lib/targets.ts';
import type { GroupPlace, Item } from './left-behind-item.ts';
import { type Stays, staysFor } from './left-behind-stays.ts';

/** What was found in one cluster. */
export interface Look {
  readonly cluster: string;
  /** Address of its API server, where it could be told. */
  readonly server?: string;
  /** The cluster's time in milliseconds. */
  readonly now: number;
  readonly items: readonly Item[];
  /** Objects of mirrored kinds that are not ours, or cannot be told to be. */
  readonly others: number;
  /** All its MirrorScans could be read, so that one that is not there is not. */
  readonly scansKnown: boolean;
  /** Namespaces that are going away. */
  readonly terminating: readonly string[];
}

/** Objects that nothing in the configuration accounts for, as `-o json` shows them. */
export interface LeftBehind extends GroupPlace {
  readonly objects: number;
  /** The name of their MirrorScan, where there is one. */
  readonly scan?: string;
  /** When a pass of their mirror reported last, and how many seconds ago by the cluster's clock. */
  readonly lastReport?: string;
  readonly sinceReport?: number;
  /** The first that the configuration does not have: `mirror`, `cluster`, `source`, a key of the scope, `namespace`. */
  readonly missing: string;
  /** The mirror of the configuration that shows the same there: was it renamed? */
  readonly successor?: string;
  /** Why `--remove` leaves these alone, if it does. */
  readonly stays?: Stays;
}

/** A group with what is in it. */
export interface Group {
  readonly shown: LeftBehind;
  readonly items: readonly Item[];
}

/** Where a task of the configuration accounts for objects. */
export type ConfiguredPlace = Required<GroupPlace>;

function configuredPlaces(tasks: readonly ConfiguredTask[], names: Names): ConfiguredPlace[] {
  return tasks.flatMap(({ clusters, mirror, parts, source, scope }) =>
    clusters.flatMap((cluster) =>
      (parts ?? [mirror]).map(({ namespace, name }) => ({
        cluster: names.get(cluster) ?? cluster,
        namespace,
        kind: source.kind,
        mirror: name,
        scope: Object.fromEntries(source.scopeKeys.map((key) => [key, scope[key] ?? ''])),
      })),
    ),
  );
}

/**
 * One look for each API server: two names of the configuration may lead to the same, by its address, or as an object
 * was seen under both. What belongs to the one would look left behind in the other.
 */
function oneForEach(looks: readonly Look[]): { readonly looks: readonly Look[]; readonly names: Names } {
  const first = new Map<string, string>();
  const names = new Map<string, string>();
  const merged = new Map<string, Look>();
  for (const look of looks) {
    const uids = look.items.flatMap(({ object }) => object.metadata.uid ?? []);
    const marks = [...(look.server === undefined ? [] : [look.server]), ...uids];
    const cluster = marks.map((mark) => first.get(mark)).find((known) => known !== undefined) ?? look.cluster;
    names.set(look.cluster, cluster);
    for (const mark of marks) if (!first.has(mark)) first.set(mark, cluster);
    const other = merged.get(cluster);
    const known = new Set(other?.items.map(({ object }) => object.metadata.uid));
    const items = look.items.filter(({ object }) => !known.has(object.metadata.uid));
    merged.set(cluster, {
      ...look,
      cluster,
      items: [...(other?.items ?? []), ...items.map((item) => ({ ...item, cluster }))],
      others: Math.max(look.others, other?.others ?? 0),
      scansKnown: look.scansKnown && (other?.scansKnown ?? true),
      terminating: [...look.terminating, ...(other?.terminating ?? [])],
    });
  }
  return { looks: [...merged.values()], names };
}

type Names = ReadonlyMap<string, string>;

/** What is needed to judge groups. */
export interface Judging {
  /** All of the configuration, paused ones included. */
  readonly tasks: readonly ConfiguredTask[];
  /** Clusters of the configuration that could not be looked at. */
  readonly unseen: readonly string[];
  /** Seconds without a report after which a mirror counts as no longer running. */
  readonly silence: number;
  /** Mirrors that a person has named as theirs to remove. */
  readonly claimed?: readonly string[];
}

/** What was found, judged. */
export interface Findings {
  /** What no task of the configuration covers, in the order of its places. */
  readonly groups: readonly Group[];
  /** Where the tasks account for objects, by one name for each API server. */
  readonly places: readonly ConfiguredPlace[];
  readonly others: number;
}

/** Judges what was found in the clusters by what the configuration says of them. */
export function leftBehind(looked: readonly Look[], judging: Judging): Findings {
  const { looks, names } = oneForEach(looked);
  const places = configuredPlaces(judging.tasks, names);
  const covered = new Set(places.flatMap((place) => [keyOf(place), keyOf({ ...place, mirror: undefined })]));
  const groups = looks.flatMap((look) => {
    const own = new Map<string, [Item, ...Item[]]>();
    for (const item of look.items) {
      const key = keyOf(item);
      const known = own.get(key);
      if (known !== undefined) known.push(item);
      else if (!covered.has(key)) own.set(key, [item]);
    }
    const sorted = [...own.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1));
    return sorted.map(([, items]) => groupOf(items, look, places, judging));
  });
  return { groups, places, others: looks.reduce((sum, { others }) => sum + others, 0) };
}

type Place = Omit<GroupPlace, 'mirror'> & { readonly mirror?: string | undefined };

function keyOf({ cluster, namespace, mirror, kind, scope }: Place): string {
  return JSON.stringify([cluster, namespace, mirror ?? '', kind, ...Object.values(scope)]);
}

function groupOf(
  items: readonly [Item, ...Item[]],
  look: Look,
  places: readonly ConfiguredPlace[],
  judging: Judging,
): Group {
  const [{ cluster, namespace, kind, mirror, scope }] = items;
  const place: GroupPlace = { cluster, namespace, kind, ...(mirror === undefined ? {} : { mirror }), scope };
  // Of objects without the label of a mirror, any that reports there may be theirs.
  const scans = (mirror === undefined ? look.items : items).filter(
    (item) => item.type === mirrorScan && keyOf({ ...item, mirror }) === keyOf(place),
  );
  const reports = scans.flatMap(({ reported }) => reported ?? []);
  const last = reports.length === 0 ? undefined : Math.max(...reports);
  const scan = items.find(({ type }) => type === mirrorScan);
  const successor = places.find((one) => keyOf({ ...one, mirror }) === keyOf(place))?.mirror;
  const missing = missingIn(place, places);
  const silence = Math.max(judging.silence, ...scans.flatMap(({ staleAfterSeconds }) => staleAfterSeconds ?? []));
  const stays = staysFor(place, { last, look, missing, successor, judging: { ...judging, silence } });
  return {
    items,
    shown: {
      ...place,
      objects: items.filter(({ type }) => type !== mirrorScan).length,
      ...(scan === undefined ? {} : { scan: scan.object.metadata.name }),
      ...(last === undefined
        ? {}
        : { lastReport: new Date(last).toISOString(), sinceReport: (look.now - last) / 1000 }),
      missing,
      ...(successor === undefined ? {} : { successor }),
      ...(stays === undefined ? {} : { stays }),
    },
  };
}

/** The first thing that sets a place apart from all of the configuration. */
function missingIn(place: GroupPlace, places: readonly ConfiguredPlace[]): string {
  const steps: [string, (one: GroupPlace) => unknown][] = [
    ['mirror', ({ mirror }) => mirror],
    ['cluster', ({ cluster }) => cluster],
    ['source', ({ kind }) => kind],
    ...Object.keys(place.scope).map((key): [string, (one: GroupPlace) => unknown] => [key, ({ scope }) => scope[key]]),
  ];
  let left = places;
  for (const [name, of] of steps) {
    left = left.filter((one) => of(one) === of(place));
    if (left.length === 0) return name;
  }
  return 'namespace';
}

/** What `--rename` does: objects that get another mirror's label, scans that have a successor, and what stays. */
export interface Renaming {
  readonly relabel: readonly Item[];
  readonly scans: readonly Item[];
  readonly stays: readonly Item[];
}

/** The objects and scans of the old name, by whether the mirror of the new name accounts for them where they are. */
export function renaming(
  groups: readonly Group[],
  { from, to }: { readonly from: string; readonly to: string },
  places: readonly GroupPlace[],
): Renaming {
  const own = groups.flatMap(({ items }) => items).filter(({ mirror }) => mirror === from);
  const covered = new Set(places.map(keyOf));
  const { moves = [], stays = [] } = Object.groupBy(own, (item) =>
    covered.has(keyOf({ ...item, mirror: to })) ? 'moves' : 'stays',
  );
  return {
    relabel: moves.filter(({ type }) => type !== mirrorScan),
    scans: moves.filter(({ type }) => type === mirrorScan),
    stays,
  };
}
