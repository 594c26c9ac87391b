import { shortHash } from './names.ts';
import { conditionOf, type KubernetesObject } from './object.ts';
import type { Source } from './source.ts';

/** A Kubernetes Event (events.k8s.io/v1), as far as it is ours to say. */
export interface EventObject {
  readonly apiVersion: 'events.k8s.io/v1';
  readonly kind: 'Event';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly action: string;
  readonly reason: string;
  readonly type: 'Normal' | 'Warning';
  readonly note: string;
  readonly regarding: Readonly<Record<'apiVersion' | 'kind' | 'namespace' | 'name' | 'uid', string>>;
}

/** Something that happened outside, to be told on the object that shows it. */
export interface Happening {
  readonly reason: string;
  readonly message: string;
  readonly type: EventObject['type'];
}

/** The most Events of one pass in one namespace; what is beyond is one Event on the MirrorScan. */
export const eventsPerPass = 50;

/** In bytes: validateEvent of the API server compares len(note), and refuses a longer one. */
const noteLength = 1024;

/**
 * What happened outside, by an object as it was and as it was written. Nothing where it was made or went: an estate of
 * thousands that is seen for the first time is no news.
 */
export function happenings(
  source: Pick<Source, 'changes'>,
  before: KubernetesObject | undefined,
  after: KubernetesObject | undefined,
): Happening[] {
  if (before === undefined || after === undefined) return [];
  const [was, is] = [conditionOf(before, 'Exists'), conditionOf(after, 'Exists')];
  if (was?.status !== 'False' && is?.status === 'False') {
    return [{ reason: 'Gone', type: 'Warning', message: is.message }];
  }
  const usable = conditionOf(after, 'Ready')?.status !== 'False';
  const type = usable ? 'Normal' : 'Warning';
  const returned: Happening = { reason: 'Returned', type, message: 'It exists again.' };
  const changes = source.changes(before.status?.observed ?? {}, after.status?.observed ?? {});
  return [
    ...(was?.status === 'False' && is?.status === 'True' ? [returned] : []),
    ...changes.map(({ reason, message }): Happening => ({ reason, type, message })),
  ];
}

/**
 * The Event for a happening. Its name follows from what it says, so that the same thing said again counts up instead
 * of making another; `now`: the cluster's time in milliseconds.
 */
export function eventOf(object: KubernetesObject, { reason, type, message }: Happening, now: number): EventObject {
  const { name, namespace = 'default', uid = '' } = object.metadata;
  const { read } = new TextEncoder().encodeInto(message, new Uint8Array(noteLength));
  const note = message.slice(0, read).toWellFormed();
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: `${name}.${shortHash(uid, reason, note)}`, namespace },
    eventTime: microTime(now),
    reportingController: 'skymirror.dev/skymirror',
    reportingInstance: 'skymirror',
    action: 'Observe',
    reason,
    type,
    note,
    regarding: { apiVersion: object.apiVersion, kind: object.kind, namespace, name, uid },
  };
}

/** The API's MicroTime: six digits behind the second. */
export function microTime(now: number): string {
  return new Date(now).toISOString().replace('Z', '000Z');
}
