import * as z from 'zod';
import { ApiError } from '../lib/cluster.ts';
import type { Connection } from '../lib/kubeconfig.ts';
import { pathOf } from '../lib/kubernetes-cluster.ts';
import { type KubernetesObject, parseObject, type ResourceType } from '../lib/object.ts';
import { openTransport } from '../lib/transport.ts';

/** Under this name a person's changes by the command line appear in managedFields: never under that of a mirror. */
const fieldManager = 'skymirror-cli';

/** A manifest: whatever has a kind and a name. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** A right that a user has or has not. */
export interface Permission {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** What a person may do to a cluster by the command line, with the rights of their own. */
export interface Administration {
  readonly name: string;
  /** Server-side apply; conflicts with other managers are taken over, as these manifests are ours alone. */
  apply(path: string, manifest: Manifest): Promise<'created' | 'changed' | 'unchanged'>;
  /** A merge patch of labels or annotations under the object's resourceVersion. */
  patchMetadata(
    type: ResourceType,
    object: KubernetesObject,
    metadata: { readonly labels?: Texts; readonly annotations?: Texts },
  ): Promise<KubernetesObject>;
  /** DELETE under uid and resourceVersion. */
  remove(type: ResourceType, object: KubernetesObject): Promise<void>;
  /** Whether the API server would let this user do it; asking changes nothing. */
  may(permission: Permission): Promise<{ readonly allowed: boolean; readonly reason?: string }>;
  /** Any GET; `undefined` where there is nothing. */
  read(path: string): Promise<unknown>;
  close(): Promise<void>;
}

type Texts = Readonly<Record<string, string | null>>;

/** All that is read of what was applied: a CRD that was just made has no legal `status` yet (`conditions: null`). */
const versioned = z.looseObject({ metadata: z.looseObject({ resourceVersion: z.string() }) });

const review = z.looseObject({ status: z.looseObject({ allowed: z.boolean(), reason: z.string().optional() }) });

/** Opens a cluster for a person's own hand. */
export function openAdministration(connection: Connection, signal: AbortSignal): Administration {
  const { request, close } = openTransport(connection, { connections: 8, deadline: 30_000 });
  const read = async (path: string) => {
    try {
      return await request({ method: 'GET', path, signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  };
  return {
    name: connection.name,
    read,
    close,
    async apply(path, manifest) {
      const known = await read(path);
      const applied = versioned.parse(
        await request({
          method: 'PATCH',
          path: `${path}?fieldManager=${fieldManager}&force=true`,
          contentType: 'application/apply-patch+yaml',
          body: manifest,
          signal,
        }),
      );
      if (known === undefined) return 'created';
      const before = versioned.parse(known).metadata;
      return before.resourceVersion === applied.metadata.resourceVersion ? 'unchanged' : 'changed';
    },
    async patchMetadata(type, object, metadata) {
      const { uid, resourceVersion } = object.metadata;
      return parseObject(
        await request({
          method: 'PATCH',
          path: `${pathOf(type, object)}?fieldManager=${fieldManager}`,
          contentType: 'application/merge-patch+json',
          body: { metadata: { uid, resourceVersion, ...metadata } },
          signal,
        }),
      );
    },
    async remove(type, object) {
      const { uid, resourceVersion } = object.metadata;
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } };
      await request({ method: 'DELETE', path: pathOf(type, object), body, signal });
    },
    async may(permission) {
      const { status } = review.parse(
        await request({
          method: 'POST',
          path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
          body: {
            apiVersion: 'authorization.k8s.io/v1',
            kind: 'SelfSubjectAccessReview',
            spec: { resourceAttributes: permission },
          },
          signal,
        }),
      );
      return { allowed: status.allowed, ...(status.reason === undefined ? {} : { reason: status.reason }) };
    },
  };
}
