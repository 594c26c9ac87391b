import * as z from 'zod';
import { badRequest, type Cause, conflict, invalid, unknownToTheModel } from './api-answers.ts';
import { isQualifiedName, metadataCauses } from './api-metadata.ts';
import { isSame } from './api-schema.ts';
import type { Place } from './api-store.ts';

const microTime = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/);
const event = z.object({
  apiVersion: z.literal('events.k8s.io/v1'),
  kind: z.literal('Event'),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
    creationTimestamp: z.string().optional(),
  }),
  eventTime: microTime.nullish(),
  reportingController: z.string().default(''),
  reportingInstance: z.string().default(''),
  action: z.string().default(''),
  reason: z.string().default(''),
  type: z.string().default(''),
  note: z.string().default(''),
  regarding: z.record(z.string(), z.string()).default({}),
  series: z.object({ count: z.int(), lastObservedTime: microTime.nullable() }).nullish(),
});

/** An Event of events.k8s.io/v1 as the model holds it: without the fields that are deprecated there. */
export type ApiEvent = z.infer<typeof event>;

/** Reads the body of a write. What Go could not decode is a 400 without an account of why. */
export function decodedEvent(body: unknown): ApiEvent {
  const { data, error } = event.safeParse(body);
  if (data === undefined) throw badRequest(`Event in version "v1" cannot be handled as a Event: ${error.message}`);
  return data;
}

/** What a POST makes of it. */
export function createdEvent(sent: ApiEvent, { name, namespace }: Place, uid: string, now: string): ApiEvent {
  const metadata = { name, namespace, uid, creationTimestamp: now };
  const made = { ...sent, metadata };
  check(made, []);
  return made;
}

/** What a PUT makes of what is there: only the series may change (ValidateEventUpdate of pkg/apis/core/validation). */
export function replacedEvent(sent: ApiEvent, place: Place, found: ApiEvent): ApiEvent {
  const { uid, resourceVersion } = sent.metadata;
  if (uid !== undefined && uid !== found.metadata.uid) throw conflict(place, 'Precondition failed: UID');
  if (resourceVersion !== undefined && resourceVersion !== found.metadata.resourceVersion) {
    throw conflict(place, 'the object has been modified');
  }
  const { metadata: _, series: __, ...is } = sent;
  const { metadata, series: ___, ...was } = found;
  const changed = Object.entries(is).filter(([key, value]) => !isSame(value, Object(was)[key]));
  const next = { ...sent, metadata };
  check(
    next,
    changed.map(([key]) => ({ field: internalName(key), reason: 'FieldValueInvalid' })),
  );
  return isSame(next, found) ? found : next;
}

/** As internal types call it: they are core/v1's. */
function internalName(field: string): string {
  const names: Record<string, string> = { note: 'message', regarding: 'involvedObject' };
  return names[field] ?? field;
}

/** ValidateEventCreate of pkg/apis/core/validation, for events.k8s.io/v1. */
function check({ metadata, ...made }: ApiEvent, more: readonly Cause[]): void {
  const { eventTime, reportingController, reportingInstance, action, reason, type, note, regarding, series } = made;
  const isMissing = { reportingController, reportingInstance, action, reason };
  const tooLong = { reportingInstance, action, reason };
  const wrong = (field: string, is: boolean): Cause[] => (is ? [{ field, reason: 'FieldValueInvalid' }] : []);
  const required = (field: string, is: boolean): Cause[] => (is ? [{ field, reason: 'FieldValueRequired' }] : []);
  if (eventTime === undefined || eventTime === null) throw unknownToTheModel('an Event without its time');
  const causes = [
    ...metadataCauses({ name: metadata.name }),
    ...Object.entries(isMissing).flatMap(([field, text]) => required(field, text === '')),
    ...wrong('reportingController', !isQualifiedName(reportingController)),
    ...Object.entries(tooLong).flatMap(([field, text]) => wrong(field, text.length > 128)),
    ...wrong('message', Buffer.byteLength(note) > 1024),
    ...wrong('type', !['Normal', 'Warning'].includes(type)),
    ...wrong('involvedObject.namespace', regarding.namespace === undefined && metadata.namespace !== 'default'),
    ...wrong('series.count', series !== undefined && series !== null && series.count < 2),
    ...more,
  ];
  if (causes.length > 0) throw invalid(metadata.name, causes);
}
