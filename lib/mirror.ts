import type { JsonObject } from './json.ts';

/** One wish of a user: which resources are to be shown where, and what happens to those that are gone. */
export interface Mirror {
  readonly name: string;
  readonly namespace: string;
  /** Tags that become labels, by their key outside. */
  readonly tagLabels: readonly string[];
  /** Which are to be mirrored by their readable name; asked before anything else of them is read. */
  readonly selectsName: (name: string) => boolean;
  /** Which of those are to be mirrored by their observed fields; `selectsAll` where nothing is said. */
  readonly selects: (fields: JsonObject) => boolean;
  /** A text that stands for both selections: when it changes, what is read in turns is read anew. */
  readonly selection: string;
  /** `Retain` marks what is gone and never deletes it. */
  readonly removal: 'Delete' | 'Retain';
  /** Seconds between the mark and the delete. */
  readonly graceSeconds: number;
  /** How much of a scope may go in 24 hours, in percent, before a person is asked (never less than five objects). */
  readonly maxRemovalPercent: number;
  /** Seconds without a sight after which an object no longer counts as current. */
  readonly staleAfterSeconds: number;
}

/** The selection of a mirror that looks at no field: an id without an object is new then, and not passed over. */
export const selectsAll: Mirror['selects'] = () => true;

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * A mirror, with the defaults where nothing else is said. Throws where its name or namespace is not a DNS label, or a
 * number is out of range: they end up in names, labels and paths of the API.
 */
export function mirrorOf(wish: Pick<Mirror, 'name' | 'namespace'> & Partial<Mirror>): Mirror {
  for (const key of ['name', 'namespace'] as const) {
    if (dnsLabel.test(wish[key])) continue;
    throw new Error(`mirror: the ${key} "${wish[key]}" is not a DNS label: use a-z, 0-9 and dashes, at most 63`);
  }
  for (const key of ['graceSeconds', 'maxRemovalPercent', 'staleAfterSeconds'] as const) {
    const value = wish[key] ?? 0;
    if (Number.isFinite(value) && value >= 0) continue;
    throw new Error(`mirror ${wish.name}: ${key} is ${value}: use a number from 0 up`);
  }
  return {
    tagLabels: [],
    selectsName: () => true,
    selects: selectsAll,
    selection: '',
    removal: 'Delete',
    graceSeconds: 600,
    maxRemovalPercent: 30,
    staleAfterSeconds: 900,
    ...wish,
  };
}
