import type { Judging, Look } from './left-behind.ts';
import type { GroupPlace } from './left-behind-item.ts';

/** Why `--remove` leaves objects alone. The message fits all of a mirror that stay for the same reason. */
export interface Stays {
  readonly why: 'terminating' | 'unknown' | 'alive' | 'renamed' | 'unclaimed';
  readonly message: string;
}

/** What is known of a place beside its name. */
interface Known {
  /** When its mirror reported last, in milliseconds. */
  readonly last: number | undefined;
  readonly look: Look;
  readonly missing: string;
  readonly successor: string | undefined;
  readonly judging: Judging;
}

/** The first reason to leave a place alone; a mirror that a person has claimed by its name has none of the last four. */
export function staysFor(
  { namespace, mirror }: GroupPlace,
  { last, look, missing, successor, judging }: Known,
): Stays | undefined {
  if (look.terminating.includes(namespace)) {
    return { why: 'terminating', message: 'the namespace is going away, and these with it' };
  }
  if (missing === 'cluster' && judging.unseen.length > 0) {
    const message = `${judging.unseen.join(', ')} could not be looked at, and may be the same cluster by another name`;
    return { why: 'unknown', message };
  }
  if (mirror !== undefined && judging.claimed?.includes(mirror) === true) return undefined;
  const claim = mirror === undefined ? 'look whose they are' : `to remove them all the same: --mirror ${mirror}`;
  if (!look.scansKnown) {
    return {
      why: 'unknown',
      message: `without its MirrorScan nobody can tell whether their mirror still runs; ${claim}`,
    };
  }
  if (last !== undefined && look.now - last <= judging.silence * 1000) {
    const ago = Math.max(0, Math.round((look.now - last) / 1000));
    return {
      why: 'alive',
      message: `their mirror reported ${ago} s ago, perhaps from another configuration; ${claim}`,
    };
  }
  // What has lost the label of its mirror has nobody's name to claim it by.
  if (mirror === undefined || missing !== 'mirror') return undefined;
  if (successor !== undefined) {
    const message = `${successor} shows the same, and would make them anew: hand them over with --rename or, ${claim}`;
    return { why: 'renamed', message };
  }
  const message = `the configuration has no mirror ${mirror}: it may be another configuration's; to remove them: --mirror ${mirror}`;
  return { why: 'unclaimed', message };
}
