import { isDeepStrictEqual } from 'node:util';
import type { ApiAnswer, ApiCall } from './api-answers.ts';
import type { Kind } from './api-kinds.ts';
import { type ApiServer, apiServer } from './api-server.ts';
import { samples } from './sequence-bodies.ts';
import { play, type Said } from './sequence-play.ts';
import type { Sequence } from './sequences.ts';

/** A server, as sequences see it. */
export type Send = (call: ApiCall) => Promise<ApiAnswer>;

/** A sequence and what the real API server said to it. */
export interface Played {
  readonly sequence: Sequence;
  readonly namespace: string;
  readonly said: readonly Said[];
}

const kindsOfSamples = samples.map(({ kind }) => kind);

/** An API server in memory that has the same kinds as the real one. */
export function modelOf(kinds: readonly Kind[] = kindsOfSamples): ApiServer {
  return apiServer({
    now: () => Date.now(),
    kindOf: (group, plural) => kinds.find((kind) => kind.group === group && kind.plural === plural),
  });
}

/** What the server in memory says differently from the real one, in words; undefined where it is nothing. */
export async function difference({ sequence, namespace, said }: Played, model: Send): Promise<string | undefined> {
  const inMemory = await play(sequence, namespace, model);
  const [is, should] = [comparable(inMemory), comparable(said)];
  const at = should.findIndex((answer, index) => !isDeepStrictEqual(answer, is[index]));
  if (at < 0 && is.length === should.length) return undefined;
  const asked = said.slice(0, at + 1).map(({ call, answer }) => `${line(call)} -> ${answer.status}`);
  return [
    'the API server in memory differs from the real one in the answer to the last of these requests:',
    ...asked,
    `real:   ${JSON.stringify(should[at])}`,
    `memory: ${JSON.stringify(is[at])}`,
  ].join('\n');
}

function line({ method, path, body }: ApiCall): string {
  return `${method} ${path} ${typeof body === 'string' ? body : (JSON.stringify(body) ?? '')}`;
}

/**
 * Answers without what two servers may not have in common: uids are told apart by their order of appearance,
 * resourceVersions by their order, times by being there.
 */
function comparable(said: readonly Said[]): unknown[] {
  const uids = new Map<unknown, string>();
  const uidOf = (uid: unknown) => {
    const known = uids.get(uid) ?? `uid ${uids.size}`;
    uids.set(uid, known);
    return known;
  };
  const versions: number[] = [];
  /** How many of the versions that were told before are lower, and whether it was told before. */
  const versionOf = (text: unknown) => {
    const version = Number(text);
    const told = { above: versions.filter((other) => other < version).length, isNew: !versions.includes(version) };
    if (told.isNew) versions.push(version);
    return told;
  };
  const plain = (object: Any) => comparableObject(object, uidOf, versionOf);
  return said.map(({ answer: { status, body } }) => {
    if (typeof body === 'string') return { status, body };
    const answer = Object(body);
    if (answer.kind === 'Status') return { status, ...comparableStatus(answer, uidOf) };
    if (answer.kind === 'Namespace') return { status, name: answer.metadata.name, phase: answer.status.phase };
    if (answer.kind === 'PartialObjectMetadata') {
      const { name, annotations } = answer.metadata;
      return { status, name, annotations };
    }
    if (Array.isArray(answer.items)) {
      const { continue: token = '', remainingItemCount } = answer.metadata;
      return { status, items: answer.items.map(plain), goesOn: token !== '', remainingItemCount, kind: answer.kind };
    }
    return { status, object: plain(answer) };
  });
}

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape are compared, not used
type Any = any;

const isThere = (value: unknown) => value !== undefined;

function comparableObject(object: Any, uidOf: (uid: unknown) => string, versionOf: (version: unknown) => object) {
  const {
    uid,
    resourceVersion,
    creationTimestamp,
    deletionTimestamp,
    managedFields = [],
    ...metadata
  } = object.metadata;
  const fields = managedFields.map(({ time, ...entry }: Any) => entry);
  const told = {
    ...metadata,
    uid: uidOf(uid),
    version: versionOf(resourceVersion),
    times: [isThere(creationTimestamp), isThere(deletionTimestamp)],
  };
  if (object.kind !== 'Event') {
    const byManager = fields.toSorted((a: Any, b: Any) => (keyOf(a) < keyOf(b) ? -1 : 1));
    return { ...object, metadata: { ...told, managedFields: byManager } };
  }
  // What the API calls deprecated, and who owns the fields of an Event, is nothing that anybody here reads.
  const { deprecatedSource, deprecatedFirstTimestamp, deprecatedLastTimestamp, ...event } = object;
  const isKept = ([, value]: [string, unknown]) => value !== '' && value !== undefined && value !== null;
  return { ...Object.fromEntries(Object.entries(event).filter(isKept)), metadata: told };
}

const keyOf = ({ manager, subresource = '' }: Any) => `${manager} ${subresource}`;

/**
 * Messages count where lib reads them (lib/cluster.ts: a missing or terminating namespace), where they name the fields
 * of a strict decoding error, and where they are the same on any server; others hold uids, or Go's words.
 */
function comparableStatus({ status, reason, message, details = {} }: Any, uidOf: (uid: unknown) => string) {
  if (status === 'Success') return { status, uid: uidOf(details.uid) };
  const isCompared =
    ['NotFound', 'Forbidden', 'AlreadyExists'].includes(reason) || message.includes('strict decoding error');
  const causes = (details.causes ?? []).filter(({ field }: Any) => field !== '<nil>');
  const told = causes.map(({ field, reason: why }: Any) => `${field} ${why}`);
  return {
    reason,
    ...(isCompared ? { message } : {}),
    causes: [...new Set(reason === 'Invalid' ? told : [])].toSorted(),
  };
}
