import { conditionOf, type KubernetesObject } from '../lib/object.ts';
import type { Target } from '../lib/resource.ts';
import { remember } from '../lib/scan.ts';
import type { ConfiguredTask } from '../lib/targets.ts';

/** One namespace of one target in one cluster, as `-o json` shows it. */
export interface ScanPlace {
  readonly cluster: string;
  readonly namespace: string;
  readonly mirror: string;
  readonly source: string;
  readonly scope: Readonly<Record<string, string>>;
}

/** The removals of one scan that wait for a person as a set, as `-o json` shows them. */
export interface BlockedSet extends ScanPlace {
  readonly scan: string;
  /** What an approval has to repeat. */
  readonly approval: string;
  readonly count: number;
  /** A person has approved it already; the next pass lets it go. */
  readonly approved: boolean;
  /** The sentence of the condition RemovalBlocked. */
  readonly message: string;
}

/** A task once for each namespace that it fills. */
export function targetsOf({ mirror, parts, source, scope }: ConfiguredTask): Target[] {
  return (parts ?? [mirror]).map((part) => ({ mirror: part, source, scope }));
}

/** The place of a target, in the words of results. */
export function placeOf({ mirror, source, scope }: Target, cluster: string): ScanPlace {
  return { cluster, namespace: mirror.namespace, mirror: mirror.name, source: source.kind, scope };
}

/** The set of a scan that waits, or has been approved and not gone yet. */
export function blockedSet(scan: KubernetesObject | undefined): Omit<BlockedSet, keyof ScanPlace> | undefined {
  if (scan === undefined) return undefined;
  const { blocked, approval } = remember(scan);
  const condition = conditionOf(scan, 'RemovalBlocked');
  if (blocked === undefined || condition?.status !== 'True') return undefined;
  const approved = approval === blocked.approval;
  return {
    scan: scan.metadata.name,
    approval: blocked.approval,
    count: blocked.members.length,
    approved,
    // How to approve it is what nobody has to be told any more.
    message: approved ? condition.message.replace(/ To let that set go: .*$/, '') : condition.message,
  };
}
