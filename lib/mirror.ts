import type { JsonObject } from './json.ts';

/** One wish of a user: which resources are to be shown where, and what happens to those that are gone. */
export interface Mirror {
  readonly name: string;
  readonly namespace: string;
  /** Tags that become labels, by their key outside. */
  readonly tagLabels: readonly string[];
  /** Which of the resources that exist are to be mirrored. */
  readonly selects: (fields: JsonObject) => boolean;
  /** `Retain` marks what is gone and never deletes it. */
  readonly removal: 'Delete' | 'Retain';
  /** Seconds between the mark and the delete. */
  readonly graceSeconds: number;
  /** How much of a scope may go in 24 hours, in percent, before a person is asked (never less than five objects). */
  readonly maxRemovalPercent: number;
  /** Seconds without a sight after which an object no longer counts as current. */
  readonly staleAfterSeconds: number;
}

/** A mirror with the defaults of design.md 4 and 5 where nothing else is said. */
export function mirrorOf(wish: Pick<Mirror, 'name' | 'namespace'> & Partial<Mirror>): Mirror {
  return {
    tagLabels: [],
    selects: () => true,
    removal: 'Delete',
    graceSeconds: 600,
    maxRemovalPercent: 30,
    staleAfterSeconds: 900,
    ...wish,
  };
}
