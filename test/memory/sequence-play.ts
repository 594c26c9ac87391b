import type { ApiAnswer, ApiCall } from './api-answers.ts';
import { edited, type Sample, samples } from './sequence-bodies.ts';
import { type Name, type Old, plainWrite, type Sequence, type Step, type Where, type Write } from './sequences.ts';

/** One request and its answer. */
export interface Said {
  readonly call: ApiCall;
  readonly answer: ApiAnswer;
}

interface Seen {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
}

/** What a server has said of objects and Events, by name, and where its last list goes on. */
interface Known {
  readonly objects: Map<string, Seen[]>;
  readonly events: Map<string, Seen[]>;
  /** Names under which there are objects. */
  readonly alive: Set<Name>;
  list: { readonly path: string; readonly token: string } | undefined;
}

/** One server's answers to a sequence, in a namespace of its own; a step that has nothing to stand on is left out. */
export async function play(
  { kind, begun, steps }: Sequence,
  namespace: string,
  send: (call: ApiCall) => Promise<ApiAnswer>,
): Promise<Said[]> {
  const sample = samples.find((one) => one.kind.kind === kind);
  if (sample === undefined) throw new Error(`test/memory: no sample of ${kind}`);
  const known: Known = { objects: new Map(), events: new Map(), alive: new Set(), list: undefined };
  const said: Said[] = [];
  await send({ method: 'POST', path: '/api/v1/namespaces', body: namespaceOf(namespace) });
  const creates = begun.map((name): Step => ({ do: 'create', name, write: plainWrite }));
  for (const wished of [...creates, ...steps]) {
    const step = aimed(wished, known);
    const call = callOf(step, sample, namespace, known);
    if (call === undefined) continue;
    const answer = await send(call);
    said.push({ call, answer });
    learn(step, call, answer, known);
  }
  return said;
}

/** Most requests are to go to something that is there: else half of them would be answered with 404. */
function aimed(step: Step, { alive }: Known): Step {
  const [there] = alive;
  if (step.do === 'replace' && there === undefined && !step.write.isOfRead) return { ...step, do: 'create' };
  if (step.do !== 'replace' && step.do !== 'remove' && step.do !== 'patch' && step.do !== 'get') return step;
  return there === undefined || step.name === 'missing' || alive.has(step.name) ? step : { ...step, name: there };
}

function callOf(step: Step, sample: Sample, namespace: string, known: Known): ApiCall | undefined {
  const { kind } = sample;
  const collection = (where: Where = 'here') => {
    const plural = where === 'missing kind' ? `no${kind.plural}` : kind.plural;
    const at = where === 'missing namespace' ? `no-${namespace}` : namespace;
    return `/apis/${kind.group}/${kind.version}/namespaces/${at}/${plural}`;
  };
  const events = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
  switch (step.do) {
    case 'create': {
      const fresh = { ...bodyOf(sample, namespace, step.name), metadata: { name: step.name, namespace } };
      const body = textOf(edited(fresh, step.write.edits), step.write);
      return { method: 'POST', path: collection(step.write.where) + queryOf(step.write), body };
    }
    case 'replace': {
      const read = step.write.isOfRead ? known.objects.get(step.name)?.at(-1) : undefined;
      const base = { ...bodyOf(sample, namespace, step.name), ...read };
      const metadata = { ...base.metadata, managedFields: undefined, ...claimed(step.old, step.name, known.objects) };
      const body = textOf(edited({ ...base, metadata }, step.write.edits), step.write);
      return {
        method: 'PUT',
        path: `${collection(step.write.where)}/${step.name}${step.part}${queryOf(step.write)}`,
        body,
      };
    }
    case 'patch': {
      const { name, labels, old } = step;
      const body = { metadata: { ...claimed(old, name, known.objects), labels } };
      const contentType = 'application/merge-patch+json';
      return { method: 'PATCH', path: `${collection()}/${name}?fieldManager=skymirror`, body, contentType };
    }
    case 'remove': {
      const preconditions = step.old && claimed(step.old, step.name, known.objects);
      const body = preconditions && { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
      return { method: 'DELETE', path: `${collection()}/${step.name}`, body };
    }
    case 'get':
      return { method: 'GET', path: `${collection(step.where)}/${step.name}` };
    case 'list': {
      const path = step.everywhere ? `/apis/${kind.group}/${kind.version}/${kind.plural}` : collection();
      // Of all namespaces only what is of this sequence, and then all at once: others change theirs meanwhile.
      const selector = step.everywhere
        ? `labelSelector=sequence=${namespace}`
        : step.selector.replace('here', namespace);
      const limit = step.limit === undefined || step.everywhere ? [] : [`limit=${step.limit}`];
      const [key = '', ...value] = selector.split('=');
      const query = [...limit, ...(key === '' ? [] : [`${key}=${encodeURIComponent(value.join('='))}`])];
      return { method: 'GET', path: query.length === 0 ? path : `${path}?${query.join('&')}` };
    }
    case 'next': {
      if (known.list === undefined) return undefined;
      const path = known.list.path.replace(/limit=\d+/, `limit=${step.limit}`);
      return { method: 'GET', path: `${path}&continue=${known.list.token}` };
    }
    case 'event':
      return { method: 'POST', path: events, body: edited(eventOf(step.name, namespace), step.edits) };
    case 'count': {
      const all = known.events.get(step.name) ?? [];
      const read = step.isOld ? all[0] : all.at(-1);
      if (read === undefined) return undefined;
      const series = { count: step.count, lastObservedTime: '2026-01-05T00:00:02.000000Z' };
      return { method: 'PUT', path: `${events}/${step.name}`, body: edited({ ...read, series }, step.edits) };
    }
    case 'read event':
      return { method: 'GET', path: `${events}/${step.name}` };
    case 'namespace': {
      const path = `/api/v1/namespaces${step.how === 'POST' ? '' : `/${namespace}`}`;
      return { method: step.how, path, ...(step.how === 'POST' ? { body: namespaceOf(namespace) } : {}) };
    }
    case 'definition':
      return {
        method: 'GET',
        path: `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${step.of}.${kind.group}`,
      };
  }
}

/** Remembers what later steps stand on. */
function learn(step: Step, call: ApiCall, { status, body }: ApiAnswer, known: Known): void {
  if (step.do === 'remove' && status < 500 && status !== 409) known.alive.delete(step.name);
  if (status >= 300) return;
  if (step.do === 'list' || step.do === 'next') {
    const { continue: token = '' } = Object(body).metadata;
    const path = call.path.replace(/&continue=.*$/, '');
    known.list = token === '' || !path.includes('limit=') ? undefined : { path, token };
    return;
  }
  if (step.do === 'namespace' || step.do === 'definition' || Object(body).kind === 'Status') return;
  const isEvent = ['event', 'count', 'read event'].includes(step.do);
  const seen = isEvent ? known.events : known.objects;
  const { name } = Object(body).metadata;
  if (!isEvent) known.alive.add(name);
  seen.set(name, [...(seen.get(name) ?? []), Object(body)]);
}

/** The uid and resourceVersion that a request supposes, of what this server has said. */
function claimed({ version, uid }: Old, name: string, objects: Known['objects']): object {
  const seen = objects.get(name) ?? [];
  const own = seen.at(-1)?.metadata;
  const foreign = [...objects].find(([other]) => other !== name)?.[1].at(-1)?.metadata;
  const versions = { right: own?.resourceVersion, none: undefined, old: seen[0]?.metadata.resourceVersion };
  const others = { foreign: foreign?.resourceVersion, future: '99999999999', zero: '0', 'no number': 'abc' };
  const uids = { none: undefined, right: own?.uid, foreign: foreign?.uid, 'made up': 'made-up' };
  return { resourceVersion: { ...versions, ...others }[version], uid: uids[uid] };
}

function bodyOf({ kind, spec, status }: Sample, namespace: string, name: string) {
  const metadata = { name, namespace, labels: { sequence: namespace } };
  return { apiVersion: `${kind.group}/${kind.version}`, kind: kind.kind, metadata, spec, status };
}

function textOf(body: unknown, { isDouble }: Write): unknown {
  return isDouble ? JSON.stringify(body).replace('"spec":{', '"spec":{"zap":1,"zap":2,') : body;
}

function queryOf({ manager, strict }: Write): string {
  return `?fieldManager=${manager}${strict ? '&fieldValidation=Strict' : ''}`;
}

function namespaceOf(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function eventOf(name: string, namespace: string): object {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: '2026-01-05T00:00:00.000000Z',
    reportingController: 'skymirror.dev/skymirror',
    reportingInstance: 'skymirror',
    action: 'Observe',
    reason: 'Gone',
    type: 'Normal',
    note: 'It is not there any more.',
    regarding: { apiVersion: 'v1', kind: 'Thing', namespace, name, uid: 'u' },
  };
}
