import type { Time } from '../memory/memory-cluster.ts';

/** One resource outside, as an API would answer it. A `state` that is no text fails the schema. */
export interface Row {
  readonly id: string;
  readonly state: unknown;
  /** Another one under the same name is another resource. */
  readonly resourceId: string;
  readonly version: number;
  /** The mirror does not select it. */
  readonly hidden?: true;
  /** It is of another kind. */
  readonly excluded?: true;
}

/** Who is asked: a listing and a direct question may each be behind for a while. */
export type View = 'list' | 'get';

/** Milliseconds by which the views are behind a change. */
export type Lags = Readonly<Record<View, number>>;

/**
 * The longest time by which a view is ever behind, in milliseconds: of a queue that is deleted "the deletion process takes
 * up to 60 seconds", in which requests may succeed (Amazon SQS API Reference, DeleteQueue).
 */
export const longestLag = 60_000;

interface Version {
  readonly row: Row | undefined;
  readonly at: number;
  readonly seen: Lags;
}

/** What may be wrong with a place for a while. */
export const troubles = ['throttled', 'denied', 'timeout', 'lie', 'nameless', 'account', 'single'] as const;
export type Trouble = (typeof troubles)[number];

/** The outside over time: every state of every resource, and since when each view shows it. It knows no engine. */
export interface Outside {
  change(id: string, row: Row | undefined, lags: Lags): void;
  /** What is there in truth. */
  truth(id: string): Row | undefined;
  /** What a view shows now. */
  shown(view: View, id: string): Row | undefined;
  ids(): string[];
  /** Every state that one of these views showed at some time from then until now; `undefined`: nothing was there. */
  shownSince(views: readonly View[], id: string, since: number): (Row | undefined)[];
  /** What is wrong with each place (the region of a scope) now. */
  readonly trouble: Map<string, Trouble>;
}

/** An outside without resources. */
export function outside(time: Time): Outside {
  const histories = new Map<string, Version[]>();
  const historyOf = (id: string) => histories.get(id) ?? [];

  /** When each version was shown: from its own time in this view until a later one was. */
  function* spans(view: View, id: string) {
    const versions = [{ row: undefined, at: -Infinity, seen: { list: -Infinity, get: -Infinity } }, ...historyOf(id)];
    for (const [index, { row, seen }] of versions.entries()) {
      const until = Math.min(Infinity, ...versions.slice(index + 1).map((later) => later.seen[view]));
      if (until > seen[view]) yield { row, from: seen[view], until };
    }
  }

  return {
    trouble: new Map(),
    change(id, row, { list, get }) {
      const known = historyOf(id);
      known.push({ row, at: time.now, seen: { list: time.now + list, get: time.now + get } });
      histories.set(id, known);
    },
    truth: (id) => historyOf(id).at(-1)?.row,
    shown: (view, id) => historyOf(id).findLast(({ seen }) => seen[view] <= time.now)?.row,
    ids: () => [...histories.keys()].toSorted(),
    shownSince: (views, id, since) =>
      views.flatMap((view) =>
        [...spans(view, id)].filter(({ from, until }) => from <= time.now && until > since).map(({ row }) => row),
      ),
  };
}

/** What a mirror has to make of a row. */
export type Shape = 'gone' | 'present' | 'invalid' | 'unselected';

/** The shape that a state of the outside takes for the mirror of the simulator. */
export function shapeOf(row: Row | undefined): Shape {
  if (row === undefined) return 'gone';
  if (row.excluded) return 'unselected';
  if (typeof row.state !== 'string') return 'invalid';
  return row.hidden ? 'unselected' : 'present';
}
