import type { KubernetesObject } from '../../lib/object.ts';
import { badRequest, type Cause, unknownToTheModel } from './api-answers.ts';
import { isObject } from './api-schema.ts';

/** ObjectMeta as the model holds it. */
export type Metadata = KubernetesObject['metadata'];

type Fields = Readonly<Record<string, unknown>>;

const known = [
  ...['name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp'],
  ...['deletionGracePeriodSeconds', 'labels', 'annotations', 'finalizers'],
];
const maps = ['labels', 'annotations'];
const texts = ['name', 'namespace', 'uid', 'resourceVersion', 'deletionTimestamp'];
const beyondTheModel = ['generateName', 'ownerReferences', 'managedFields', 'selfLink'];

/** k8s.io/apimachinery/pkg/util/validation: IsDNS1123Subdomain, IsValidLabelValue, IsQualifiedName. */
const legalName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const legalLabel = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** True for what may be the key of a label, and the name of a controller or finalizer. */
export function isQualifiedName(key: string): boolean {
  const [name = '', prefix, ...more] = key.split('/').toReversed();
  return more.length === 0 && name !== '' && legalLabel.test(name) && (prefix === undefined || legalName.test(prefix));
}

/** The metadata of a body: nulls and empty maps are nothing. `undecodable` puts what is wrong into words. */
export function decodedMetadata(given: unknown, undecodable: (why: string) => string): Metadata {
  if (given === undefined || given === null) return { name: '' };
  if (!isObject(given)) {
    throw badRequest(undecodable(`json: cannot unmarshal ${typeof given} into Go value of type v1.ObjectMeta`));
  }
  const metadata: Metadata = { name: '' };
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    if (beyondTheModel.includes(key)) throw unknownToTheModel(`metadata.${key} in a body`);
    if (texts.includes(key) && typeof value !== 'string') throw unknownToTheModel(`metadata.${key} that is no text`);
    if (maps.includes(key)) metadata[key] = mapOf(value, key, undecodable);
    else if (known.includes(key)) metadata[key] = value;
  }
  return compact(metadata);
}

/** The fields of metadata that the server does not know. */
export function unknownMetadata(given: unknown): string[] {
  if (!isObject(given)) return [];
  return Object.keys(given)
    .filter((key) => !known.includes(key) && !beyondTheModel.includes(key))
    .map((key) => `metadata.${key}`);
}

/** Without what Go leaves out (omitempty): nothing, and empty maps and lists. */
export function compact(metadata: { readonly name: string } & Fields): Metadata {
  const { name, ...rest } = metadata;
  const isKept = (value: unknown) =>
    value !== undefined && (typeof value !== 'object' || Object.keys(Object(value)).length > 0);
  return { name, ...Object.fromEntries(Object.entries(rest).filter(([, value]) => isKept(value))) };
}

/** The finalizers that an object waits for. */
export function finalizersOf({ finalizers }: Metadata): readonly unknown[] {
  return Array.isArray(finalizers) ? finalizers : [];
}

/** What is wrong with the metadata of any object. */
export function metadataCauses(metadata: Metadata): Cause[] {
  const { name, labels = {}, annotations = {} } = metadata;
  const legal = {
    'metadata.name': [name === '' || (legalName.test(name) && name.length <= 253)],
    'metadata.labels': Object.entries(labels).flatMap(([key, value]) => [isQualifiedName(key), legalLabel.test(value)]),
    'metadata.annotations': Object.keys(annotations).map((key) => isQualifiedName(key.toLowerCase())),
    'metadata.finalizers': finalizersOf(metadata).map((one) => isQualifiedName(String(one))),
  };
  const bad = Object.entries(legal).flatMap(([field, all]) => all.flatMap((is) => (is ? [] : [field])));
  const causes = bad.map((field): Cause => ({ field, reason: 'FieldValueInvalid' }));
  return name === '' ? [{ field: 'metadata.name', reason: 'FieldValueRequired' }, ...causes] : causes;
}

/** What an update can do wrong besides (ValidateObjectMetaAccessorUpdate, ValidateNoNewFinalizers of apimachinery). */
export function metadataChangeCauses(sent: Metadata, old: Metadata): Cause[] {
  const isGoing = old.deletionTimestamp !== undefined;
  const waiting = finalizersOf(old);
  const changed = [
    ...(sent.uid !== undefined && sent.uid !== old.uid ? ['metadata.uid'] : []),
    ...(sent.deletionTimestamp !== undefined && !isGoing ? ['metadata.deletionTimestamp'] : []),
  ];
  const causes = changed.map((field): Cause => ({ field, reason: 'FieldValueInvalid' }));
  const isNew = isGoing && finalizersOf(sent).some((one) => !waiting.includes(one));
  return isNew ? [...causes, { field: 'metadata.finalizers', reason: 'FieldValueForbidden' }] : causes;
}

function mapOf(value: unknown, key: string, undecodable: (why: string) => string): unknown {
  const into = `Go struct field ObjectMeta.${key} of type`;
  const no = (what: unknown, type: string) =>
    badRequest(undecodable(`json: cannot unmarshal ${goType(what)} into ${into} ${type}`));
  if (!isObject(value)) throw no(value, 'map[string]string');
  const entries = Object.entries(value).map(([name, text]) => {
    if (text !== null && typeof text !== 'string') throw no(text, 'string');
    return [name, text ?? ''];
  });
  return Object.fromEntries(entries);
}

/** What encoding/json calls it. */
function goType(value: unknown): string {
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? 'array' : typeof value;
}
