/** How often things happened over many schedules. */
export interface Tally {
  met(what: string, times?: number): void;
  readonly counts: Map<string, number>;
}

/** A tally that begins with these counts. */
export function tally(begin: Readonly<Record<string, number>> = {}): Tally {
  const counts = new Map<string, number>(Object.entries(begin));
  return {
    counts,
    met(what, times = 1) {
      counts.set(what, (counts.get(what) ?? 0) + times);
    },
  };
}

/**
 * How often each thing must have happened in a thousand schedules at least, a quarter of what was counted: laws that
 * hold where nothing happens are no laws.
 */
const least: Readonly<Record<string, number>> = {
  'a cluster left a pass': 1,
  'activity: backfill': 36,
  'activity: events': 286,
  'activity: narrow': 445,
  'activity: plan': 29,
  'activity: poll': 479,
  'activity: sync': 1673,
  'activity: worker': 253,
  approved: 10,
  'became gone': 164,
  'became invalid': 59,
  'became present': 2237,
  'became unread': 2,
  'became unseen': 395,
  'became unselected': 104,
  'blocked at the end': 3,
  braked: 10,
  'change: crowd back': 5,
  'change: crowd gone': 17,
  'change: excluded': 119,
  'change: gone': 233,
  'change: hidden': 110,
  'change: invalid': 115,
  'change: new': 356,
  'change: replaced': 113,
  'cluster: down': 7,
  'cluster: missing': 7,
  'cluster: refusing': 6,
  'cluster: terminating': 7,
  'cluster: up': 6,
  'cluster: upgraded': 6,
  crashes: 57,
  deleted: 192,
  'fault: blip': 29,
  'fault: denied': 29,
  'fault: die': 31,
  'fault: dies after': 21,
  'fault: error': 32,
  'fault: expired': 27,
  'fault: half': 26,
  'fault: lost': 29,
  'fault: reset': 25,
  'fault: throttled': 28,
  'fault: timeout': 32,
  'fault: unprocessable': 30,
  'outside: account': 39,
  'outside: denied': 44,
  'outside: lie': 42,
  'outside: nameless': 48,
  'outside: none': 7,
  'outside: single': 41,
  'outside: throttled': 44,
  'outside: timeout': 41,
  overlaps: 243,
  'person: annotates': 8,
  'person: begins to delete': 6,
  'person: condition': 9,
  'person: deletes': 9,
  'person: gives it to another mirror': 7,
  'person: labels': 5,
  'person: makes a collision': 5,
  'person: makes a foreign one': 6,
  'person: status': 8,
  refused: 100,
  'release 1': 531,
  'release 2': 2674,
  returned: 6,
  updated: 738,
};

/** What happened too rarely for so many schedules. */
export function missing(counts: ReadonlyMap<string, number>): string[] {
  const thousands = (counts.get('schedules') ?? 0) / 1000;
  return Object.entries(least).flatMap(([what, times]) => {
    const found = counts.get(what) ?? 0;
    return found >= Math.floor(times * thousands) ? [] : [`${what}: ${found} times`];
  });
}
