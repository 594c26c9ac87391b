import { ApiError, type Cluster, type ClusterReader } from './cluster.ts';
import type { KubernetesObject, ResourceType } from './object.ts';

/** What a pass would have done to one object: none `before` is a create, none `after` a delete. */
export interface PlannedChange {
  readonly type: ResourceType;
  readonly before: KubernetesObject | undefined;
  readonly after: KubernetesObject | undefined;
}

/** A cluster that notes what it is told to write; `changes` holds that, one for each object. */
export interface DryRun extends Cluster {
  changes(): PlannedChange[];
}

/**
 * A cluster for passes that must not write. It is given a reader, so there is nothing in it that could: what would be
 * written is answered as the API server would, and noted.
 */
export function dryRun(reader: ClusterReader): DryRun {
  const read = new Map<string, KubernetesObject>();
  const planned = new Map<string, PlannedChange>();
  const remember = (type: ResourceType, object: KubernetesObject): KubernetesObject => {
    read.set(keyOf(type, object), object);
    return object;
  };

  async function note(type: ResourceType, object: KubernetesObject, after: KubernetesObject | undefined) {
    const key = keyOf(type, object);
    planned.set(key, { type, before: read.get(key), after });
    return object;
  }

  return {
    name: reader.name,
    now: reader.now,
    schemaRevision: reader.schemaRevision,
    namespacePhase: reader.namespacePhase,
    async list(type, namespace, fields, options) {
      const objects = await reader.list(type, namespace, fields, options);
      return objects.map((object) => remember(type, object));
    },
    async get(type, namespace, name, options) {
      const object = await reader.get(type, namespace, name, options);
      return object === undefined ? undefined : remember(type, object);
    },
    async create(type, { status: _, ...object }, options) {
      const { name, namespace = 'default' } = object.metadata;
      // A pass lists the objects of its scope; the name may be taken by any other.
      if ((await reader.get(type, namespace, name, options)) !== undefined) {
        throw new ApiError(409, 'AlreadyExists', `${type.plural} "${name}" already exists`);
      }
      return note(type, object, object);
    },
    replace: (type, object) => note(type, object, object),
    replaceStatus: (type, object) => note(type, object, object),
    async remove(type, object) {
      await note(type, object, undefined);
    },
    record: async () => {},
    changes: () => [...planned.values()],
  };
}

function keyOf(type: ResourceType, { metadata }: KubernetesObject): string {
  return `${type.plural}.${type.group}/${metadata.namespace}/${metadata.name}`;
}
