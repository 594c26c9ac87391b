import type { KubernetesObject } from '../../lib/object.ts';
import type { FieldsOwner } from './api-fields.ts';

/** One object as it is kept. It is frozen: whoever changes what he read is found out. */
export interface Stored {
  readonly object: KubernetesObject;
  /** Undefined: its managedFields were lost, and are not kept again. */
  readonly owners: readonly FieldsOwner[] | undefined;
}

/** Where an object is. */
export interface Place {
  readonly group: string;
  readonly plural: string;
  readonly namespace: string;
  readonly name: string;
}

/** Keeps objects by place, in the order in which they were made. */
export interface Store {
  get(place: Place): Stored | undefined;
  /** Of one kind, in all namespaces. */
  all(group: string, plural: string): Stored[];
  /** As stored: with the next resourceVersion. */
  set(place: Place, next: Stored): Stored;
  delete(place: Place): void;
  /** The resourceVersion of the last write; one counter serves all kinds. */
  version(): string;
  /** A number that nothing else has, from the same counter. */
  next(): number;
}

/** An empty store. */
export function newStore(): Store {
  const kinds = new Map<string, Map<string, Stored>>();
  let version = 0;
  const kind = ({ group, plural }: Pick<Place, 'group' | 'plural'>) => kinds.get(`${plural}.${group}`);
  const keyOf = ({ namespace, name }: Place) => `${namespace}/${name}`;
  return {
    get: (place) => kind(place)?.get(keyOf(place)),
    all: (group, plural) => [...(kind({ group, plural })?.values() ?? [])],
    set(place, { object, owners }) {
      version += 1;
      const metadata = { ...object.metadata, resourceVersion: String(version) };
      const stored: Stored = { object: frozen({ ...object, metadata }), owners };
      const objects = kind(place) ?? new Map<string, Stored>();
      kinds.set(`${place.plural}.${place.group}`, objects.set(keyOf(place), stored));
      return stored;
    },
    delete(place) {
      version += 1;
      kind(place)?.delete(keyOf(place));
    },
    version: () => String(version),
    next: () => ++version,
  };
}

function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) frozen(child);
  return Object.freeze(value);
}
