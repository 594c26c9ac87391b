import type { EventObject } from './events.ts';
import type { KubernetesObject, ResourceType } from './object.ts';

/** What a request may be bound to. */
export interface RequestOptions {
  readonly signal: AbortSignal;
  /** Called before each send, retries included; what it throws ends the request. */
  readonly beforeSend?: () => void;
}

/** What can be asked of a cluster without changing it. */
export interface ClusterReader {
  readonly name: string;
  /** The API server's clock in milliseconds, as its last answer told it. */
  now(): number;
  /** The schema revision on the CRD of the kind; `undefined` where there is no such CRD. */
  schemaRevision(type: ResourceType, options: RequestOptions): Promise<number | undefined>;
  /** `Active`, `Terminating`, or `undefined` where there is no such namespace. */
  namespacePhase(namespace: string, options: RequestOptions): Promise<string | undefined>;
  /** All objects of a kind in a namespace whose fields are equal to these, from one consistent read. */
  list(
    type: ResourceType,
    namespace: string,
    fields: Readonly<Record<string, string>>,
    options: RequestOptions,
  ): Promise<KubernetesObject[]>;
  get(
    type: ResourceType,
    namespace: string,
    name: string,
    options: RequestOptions,
  ): Promise<KubernetesObject | undefined>;
}

/**
 * A Kubernetes cluster, as far as a mirror needs one. Implementations: the real one (kubernetes-cluster.ts), the one
 * that only notes what it is told (dry-run.ts), and one in memory that keeps the same rules, for tests. Every write is
 * conditional; every refusal is an ApiError.
 */
export interface Cluster extends ClusterReader {
  /** POST; its `status` is ignored by the server. Throws AlreadyExists where the name is taken. */
  create(type: ResourceType, object: KubernetesObject, options: RequestOptions): Promise<KubernetesObject>;
  /** PUT of everything but `status`, under the object's resourceVersion. */
  replace(type: ResourceType, object: KubernetesObject, options: RequestOptions): Promise<KubernetesObject>;
  /** PUT of `status` alone, under the object's resourceVersion. */
  replaceStatus(type: ResourceType, object: KubernetesObject, options: RequestOptions): Promise<KubernetesObject>;
  /** DELETE under uid and resourceVersion. */
  remove(type: ResourceType, object: KubernetesObject, options: RequestOptions): Promise<void>;
  /** Makes an Event, or counts the one of that name once more. */
  record(event: EventObject, options: RequestOptions): Promise<void>;
}

/** A request that the API server refused (`status`, `reason` from its Status object) or did not answer (status 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.reason = reason;
  }
}

/** True where somebody else wrote, created or deleted the object since it was read: read and observe again. */
export function isOvertaken(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 409 || (error.status === 404 && error.reason === 'NotFound' && !isNamespaceGone(error));
}

/**
 * True where no further write to this cluster can succeed in this pass: no answer, no access, the namespace or the
 * whole kind is gone. A write that is forbidden or fails otherwise may be one object's trouble (a quota, a policy).
 */
export function isClusterWide(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  if ([0, 401, 429].includes(error.status) || isNamespaceGone(error)) return true;
  return error.status === 404 && error.reason !== 'NotFound';
}

function isNamespaceGone({ status, message }: ApiError): boolean {
  return (
    (status === 404 && message.includes('namespaces "')) || (status === 403 && message.includes('being terminated'))
  );
}
