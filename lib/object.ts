import * as z from 'zod';

/** The name under which skymirror appears in `metadata.managedFields`. Never changed: ownership depends on it. */
export const fieldManager = 'skymirror';

/** The annotation of a CRD that holds its schema revision. */
export const revisionAnnotation = 'skymirror.dev/schema-revision';

const condition = z.looseObject({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  lastTransitionTime: z.string(),
});

/**
 * No API server gives a name that would end a segment of a path or steer a terminal ("Object Names and IDs", Kubernetes
 * documentation: a name is at least a path segment).
 */
const nameOfObject = z
  .string()
  .max(253)
  .regex(/^(?!\.{1,2}$)[^\p{Cc}\s/%?#]+$/u);

const kubernetesObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: nameOfObject,
    namespace: nameOfObject.optional(),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
    creationTimestamp: z.string().optional(),
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    managedFields: z
      .array(z.looseObject({ manager: z.string().optional(), subresource: z.string().optional() }))
      .optional(),
  }),
  spec: z.record(z.string(), z.unknown()).optional(),
  status: z
    .looseObject({
      observed: z.record(z.string(), z.unknown()).optional(),
      conditions: z.array(condition).optional(),
    })
    .optional(),
});

/** A Kubernetes condition, as in the API conventions; `lastTransitionTime` moves only when `status` does. */
export type Condition = z.infer<typeof condition>;

/** What the engine reads of a custom resource. Everything else on it is kept as it is and sent back. */
export type KubernetesObject = z.infer<typeof kubernetesObject>;

/** Checks an answer of the API server. Throws a ZodError where it is not a Kubernetes object. */
export function parseObject(answer: unknown): KubernetesObject {
  return kubernetesObject.parse(answer);
}

/** Where a kind lives in the API. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
}

/** The condition of that type, if the object has one. */
export function conditionOf(object: KubernetesObject, type: string): Condition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}
