import type { KubernetesObject } from './object.ts';
import { remember, scanName } from './scan.ts';
import type { Source } from './source.ts';
import type { Task } from './task.ts';

/** The scans of one namespace of one cluster, and the targets that write there. */
export interface ScanPlace {
  readonly cluster: string;
  readonly namespace: string;
  readonly targets: readonly ScanTarget[];
  /** `undefined`: they could not be read. */
  readonly scans: readonly KubernetesObject[] | undefined;
  /** The cluster's time in milliseconds. */
  readonly now: number;
}

/** A target, and after how long a silence it no longer counts as current. */
export interface ScanTarget extends Pick<Task, 'scope'> {
  readonly source: Source;
  readonly mirror: Pick<Task['mirror'], 'name' | 'staleAfterSeconds'>;
}

/** How long ago a target was last seen in full, in percent of its mirror's staleAfter: from 100 on it is overdue. */
export interface ScanAge extends Pick<ScanPlace, 'cluster' | 'namespace'> {
  readonly target: ScanTarget;
  readonly percent: number;
  readonly why: 'Seen' | 'NoScan' | 'ClusterUnreadable' | 'TimeToCome';
}

/**
 * What counts for a target of which nothing is known: no memory tells since when. A single look may meet a target that
 * was just configured or a cluster that is just being updated, so the alarm waits for three such looks in a row.
 */
const unknownPercent = 200;

/** As lib/scan.ts allows it. */
const skewAllowed = 60_000;

/** The target that was seen in full the longest ago, measured by its mirror's staleAfter; none where there is none. */
export function oldestScan(places: readonly ScanPlace[]): ScanAge | undefined {
  const ages = places.flatMap((place) => place.targets.map((target) => ageOf(place, target)));
  return ages.reduce<ScanAge | undefined>(
    (worst, age) => (worst && worst.percent >= age.percent ? worst : age),
    undefined,
  );
}

function ageOf({ cluster, namespace, scans, now }: ScanPlace, target: ScanTarget): ScanAge {
  const place = { cluster, namespace, target, percent: unknownPercent };
  if (scans === undefined) return { ...place, why: 'ClusterUnreadable' };
  const name = scanName(target);
  const { completed } = remember(scans.find(({ metadata }) => metadata.name === name));
  if (completed === undefined || Number.isNaN(completed)) return { ...place, why: 'NoScan' };
  // No pass but a clock that was wrong; believed, it would silence the alarm until then.
  if (completed > now + skewAllowed) return { ...place, why: 'TimeToCome' };
  return { ...place, why: 'Seen', percent: Math.max(0, now - completed) / (target.mirror.staleAfterSeconds * 10) };
}
