import type { KubernetesObject } from '../../lib/object.ts';
import { badRequest, type Cause, conflict, invalid, Refusal, unknownToTheModel } from './api-answers.ts';
import { type FieldsOwner, managedFieldsOf, ownersAfter, type Writer } from './api-fields.ts';
import type { Kind } from './api-kinds.ts';
import {
  compact,
  decodedMetadata,
  type Metadata,
  metadataCauses,
  metadataChangeCauses,
  unknownMetadata,
} from './api-metadata.ts';
import { isObject, isSame, isShaped, problems, pruned } from './api-schema.ts';
import type { Place, Stored } from './api-store.ts';

/** A custom resource as a request brings it, decoded already. */
export interface Sent {
  readonly kind: Kind;
  readonly writer: Writer;
  readonly object: KubernetesObject;
}

/** What to do about fields that the schema does not have, or that the text has twice. */
export interface Strictness {
  readonly strict: boolean;
  readonly duplicates: readonly string[];
}

/** Which part of an object a request writes: everything but its `status`, or that alone. */
export type Part = 'main' | 'status';

const allButStatus = ['apiVersion', 'kind', 'metadata', 'spec'];
/** A schema that is broken in one of these ways keeps the rules of CEL from being tried (hasBlockingErr). */
const blocking = ['Required', 'TypeInvalid', 'NotSupported', 'TooLong', 'TooMany'].map((word) => `FieldValue${word}`);

/** A body as the server takes it: of the right kind, without nulls and without what its schema does not have. */
export function decoded(kind: Kind, body: unknown, { strict, duplicates }: Strictness): KubernetesObject {
  const { apiVersion, kind: said, metadata, ...rest } = isObject(body) ? body : {};
  if (typeof said !== 'string' || typeof apiVersion !== 'string') {
    throw badRequest(`the object provided is unrecognized (must be of type ${kind.kind})`);
  }
  const right = `${kind.group}/${kind.version}`;
  const undecodable = (why: string) =>
    `${said} in version "${apiVersion.split('/').at(-1)}" cannot be handled as a ${said}: ${why}`;
  const unknown = unknownMetadata(metadata);
  if (said !== kind.kind) throw unknownToTheModel('a body of another kind');
  // Of another version the server has no schema at hand.
  const content = apiVersion === right ? pruned(kind.schema, rest, '', unknown) : rest;
  const decodedFields = decodedMetadata(metadata, undecodable);
  const told = [
    ...duplicates.map((at) => `duplicate field "${at}"`),
    ...unknown.toSorted().map((at) => `unknown field "${at}"`),
  ];
  if (strict && told.length > 0) throw badRequest(undecodable(`strict decoding error: ${told.join(', ')}`));
  if (apiVersion !== right) {
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${right})`);
  }
  return { apiVersion, kind: said, metadata: decodedFields, ...(isObject(content) ? content : {}) };
}

/** What a POST makes of it. */
export function created({ kind, writer, object }: Sent, place: Place, uid: string): Stored {
  const { status: _, ...main } = object;
  const { labels, annotations, finalizers, resourceVersion = '0' } = object.metadata;
  const { name, namespace } = place;
  const own = { name, namespace, uid, generation: 1, creationTimestamp: writer.time };
  const made = { ...main, metadata: compact({ ...own, labels, annotations, finalizers }) };
  check(kind, made, undefined, metadataCauses(made.metadata));
  if (resourceVersion !== '0') throw new Refusal(500, '', 'resourceVersion should not be set on objects to be created');
  const isTracked = isShaped(kind.schema.properties?.status ?? {}, object.status);
  const { deletionTimestamp: __, deletionGracePeriodSeconds: ___, ...metadata } = object.metadata;
  const change = { before: {}, after: { ...object, metadata }, ignored: ['status'] };
  return withOwners(made, isTracked ? ownersAfter([], writer, kind.schema, change) : undefined);
}

/** Throws where what is there is not what the sender of a PUT has read (store.Update of k8s.io/apiserver). */
export function checkPreconditions(
  { uid, resourceVersion }: KubernetesObject['metadata'],
  place: Place,
  found: Stored,
): void {
  const is = found.object.metadata;
  if (uid !== undefined && uid !== is.uid) throw conflict(place, `Precondition failed: UID in precondition: ${uid}`);
  checkVersion(resourceVersion, place, found);
}

/** The part of the preconditions that holds for a patch too. */
export function checkVersion(version = '0', place: Place, found: Stored): void {
  if (!/^\d+$/.test(version)) {
    throw new Refusal(500, '', `strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`);
  }
  if (version === '0') throw invalid(place.name, [wrong('metadata.resourceVersion')]);
  if (version === found.object.metadata.resourceVersion) return;
  const remedy = 'please apply your changes to the latest version and try again';
  throw conflict(place, `the object has been modified; ${remedy}`);
}

/** What an update makes of what is there: `found` itself where nothing differs. */
export function updated({ kind, writer, object }: Sent, found: Stored, part: Part): Stored {
  const old = found.object;
  const next = part === 'main' ? mainOf(object, old) : withStatus(old, object.status);
  const ofMetadata = part === 'main' ? metadataChangeCauses(object.metadata, old.metadata) : [];
  check(kind, next, old, [...ofMetadata, ...(part === 'main' ? metadataCauses(next.metadata) : [])]);
  // What this door writes has passed its schema; the rest of the body only decides whether the owners can be kept.
  const [ignored, unread] = part === 'main' ? [['status'], 'status' as const] : [allButStatus, 'spec' as const];
  const isTracked = isShaped(kind.schema.properties?.[unread] ?? {}, object[unread]);
  const change = { before: old, after: object, ignored };
  const owners = isTracked && found.owners ? ownersAfter(found.owners, writer, kind.schema, change) : undefined;
  return isSameOwners(owners, found.owners) && isSameObject(next, old) ? found : withOwners(next, owners);
}

/** The object with its owners told in `metadata.managedFields`. */
export function withOwners(object: KubernetesObject, owners: readonly FieldsOwner[] | undefined): Stored {
  const { managedFields: _, ...own } = object.metadata;
  const managedFields = managedFieldsOf(owners ?? []);
  const metadata: Metadata = managedFields.length === 0 ? own : { ...own, managedFields };
  return { object: { ...object, metadata }, owners };
}

/** What a PUT of the object itself leaves of it: the server keeps `status` and what is its own of the metadata. */
function mainOf(sent: KubernetesObject, old: KubernetesObject): KubernetesObject {
  const { labels, annotations, finalizers } = sent.metadata;
  const { name, namespace, uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = old.metadata;
  const next = withStatus(sent, old.status);
  const generation = Number(old.metadata.generation) + (isSame(next.spec, old.spec) ? 0 : 1);
  const kept = { name, namespace, uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation };
  return { ...next, metadata: compact({ ...kept, labels, annotations, finalizers }) };
}

function check(kind: Kind, next: KubernetesObject, old: KubernetesObject | undefined, more: readonly Cause[]): void {
  const causes = [...more, ...problems(kind.schema, next, old, '')];
  const [was, is] = [old?.spec, next.spec];
  const isTried = was !== undefined && is !== undefined && !causes.some(({ reason }) => blocking.includes(reason));
  const broken = isTried ? kind.rules.filter((rule) => !rule(was, is)).map(() => wrong('spec')) : [];
  const all = [...causes, ...broken];
  if (all.length > 0) throw invalid(next.metadata.name, all);
}

function withStatus({ status: _, ...object }: KubernetesObject, status: KubernetesObject['status']): KubernetesObject {
  return status === undefined ? object : { ...object, status };
}

function isSameObject(next: KubernetesObject, old: KubernetesObject): boolean {
  const { managedFields: _, resourceVersion: __, ...metadata } = old.metadata;
  const { managedFields: ___, resourceVersion: ____, ...own } = next.metadata;
  return isSame({ ...next, metadata: own }, { ...old, metadata });
}

type Owners = readonly FieldsOwner[] | undefined;

/** An owner who wrote nothing is the same value as before. */
function isSameOwners(owners: Owners, before: Owners): boolean {
  if (owners === undefined || before === undefined) return owners === before;
  return owners.length === before.length && owners.every((owner) => before.includes(owner));
}

const wrong = (field: string): Cause => ({ field, reason: 'FieldValueInvalid' });
