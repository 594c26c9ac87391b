import * as fc from 'fast-check';
import { openCluster } from '../../../lib/kubernetes-cluster.ts';
import { passLines } from '../../../lib/log-lines.ts';
import { mirrorOf } from '../../../lib/mirror.ts';
import { fieldManager, type KubernetesObject } from '../../../lib/object.ts';
import { nameOf } from '../../../lib/resource.ts';
import { mirrorScan } from '../../../lib/scan-schema.ts';
import { sync } from '../../../lib/sync.ts';
import { type MemoryCluster, memoryCluster } from '../../memory/memory-cluster.ts';
import { idOf, memorySource, type World } from '../../memory/memory-source.ts';
import { served, type WireAnswer, type WireRequest } from '../api-wire.ts';
import { type Wrong, wrong } from '../api-wrongs.ts';
import type { Finding } from '../attempt.ts';
import { defineBorder } from '../border.ts';
import { canary } from '../canaries.ts';
import { edited } from '../damage.ts';

const scope = { account: '1', region: 'r' };
const mirror = mirrorOf({ name: 'production', namespace: 'external', tagLabels: ['team'] });
const names = ['one', 'two', 'fresh', 'foreign'];

function outside(...there: readonly string[]) {
  const rows = there.map((name) => ({ id: idOf(name), state: 'available', fields: { tags: { team: 'a' } } }));
  const world: World = { rows: new Map(rows.map((row) => [row.id, row])), calls: [] };
  return memorySource({ world, pageSize: 10 });
}

const source = outside(...names);
const nameOfThing = (name: string) => nameOf(source, idOf(name), source.identify(idOf(name)) ?? {});
const idsByName = new Map([...names, 'gone'].map((name) => [nameOfThing(name), idOf(name)]));

/** What a cluster holds: two that are right, one that is gone and due for removal, and one of another owner. */
async function pastOf(): Promise<{ readonly objects: readonly KubernetesObject[]; readonly now: number }> {
  const cluster = memoryCluster();
  const pass = (...there: readonly string[]) =>
    sync({ mirror, source: outside(...there), scope, access: {} }, [cluster]);
  await pass('one', 'two', 'gone');
  cluster.time.now += 60_000;
  await pass('one', 'two');
  cluster.time.now += 700_000;
  const objects = [...cluster.objects(source.plural), ...cluster.objects(mirrorScan.plural)];
  return { objects, now: cluster.time.now };
}

const past = await pastOf();

function clusterNow(): MemoryCluster {
  const cluster = memoryCluster({ time: { now: past.now } });
  const put = (manager: string, plural: string, object: KubernetesObject) => {
    const { uid, resourceVersion, managedFields, ...metadata } = object.metadata;
    cluster.put(manager, plural, { ...object, metadata });
  };
  for (const object of past.objects)
    put(fieldManager, object.kind === source.kind ? source.plural : mirrorScan.plural, object);
  const [example] = past.objects;
  if (example !== undefined) {
    const metadata = { name: nameOfThing('foreign'), namespace: mirror.namespace };
    put('kubectl', source.plural, { ...example, metadata, spec: { ...source.identify(idOf('foreign')) } });
  }
  return cluster;
}

interface Input {
  readonly wrongs: readonly Wrong[];
  /** What chance says to the pauses between retries: long ones do not fit the deadline, so that nothing is waited for. */
  readonly pause: number;
}

/** More than any pass over four things asks, its retries included. */
const mostRequests = 400;

/** The answers of an API server, over HTTP: to a pass that creates, updates, marks and deletes, and in what it remembers. */
export const apiServerAnswers = defineBorder<Input>({
  name: 'API-server answers',
  arbitrary: fc.record({
    wrongs: fc.array(wrong, { minLength: 1, maxLength: 3 }),
    pause: fc.oneof({ weight: 9, arbitrary: fc.constant(0.999) }, { weight: 1, arbitrary: fc.constant(0.3) }),
  }),
  async run({ wrongs, pause }) {
    const memory = clusterNow();
    const book = { count: 0, seen: new Map<string, unknown>(), findings: [] as Finding[] };
    const by = (request: WireRequest): WireAnswer => {
      const wrong = wrongs.find((one) => isFor(one, book.count, request));
      book.count += 1;
      const finding = unlawful(request, book.seen);
      if (finding !== undefined) book.findings.push(finding);
      if (book.count > mostRequests) book.findings.push({ kind: 'hangs', what: `more than ${mostRequests} requests` });
      return answerTo(request, wrong, memory, book);
    };
    const { random } = Math;
    Math.random = () => pause;
    const report = await served(by, async (server) => {
      const connection = {
        name: 'main',
        server,
        tls: {},
        headers: async () => ({ Authorization: `Bearer ${canary}` }),
      };
      const cluster = openCluster(connection, { deadline: 60 });
      try {
        return await sync({ mirror, source, scope, access: {} }, [cluster]);
      } finally {
        await cluster.close();
        Math.random = random;
      }
    });
    const conditions = memory.objects(source.plural).flatMap(({ status: said }) => said?.conditions ?? []);
    const [scan] = memory.objects(mirrorScan.plural);
    return {
      said: [...passLines(report).map(({ message }) => message), String(scan?.status?.error ?? '')],
      left: [report, conditions],
      finding: book.findings[0],
    };
  },
});

/** A list that never ends goes on in the requests behind. */
function isFor({ request, deed }: Wrong, count: number, { path }: WireRequest): boolean {
  return request === count || (deed.kind === 'endless' && request < count && path.includes('continue='));
}

function answerTo(
  { method, path, authorization, body }: WireRequest,
  wrong: Wrong | undefined,
  memory: MemoryCluster,
  book: { readonly seen: Map<string, unknown>; readonly findings: Finding[] },
): WireAnswer {
  const sentBody = body === '' ? {} : JSON.parse(body);
  const good = memory.server.handle({
    method,
    path: wrong?.deed.kind === 'endless' ? path.replace(/&continue=.*/, '') : path,
    ...(body === '' ? {} : { body: sentBody }),
  });
  const isNew = method === 'POST' && path.includes(`/${source.plural}`);
  if (isNew && [400, 422].includes(good.status)) {
    book.findings.push({
      kind: 'writes',
      what: `against the schema: ${body.slice(0, 2_000)} ${JSON.stringify(good.body)}`,
    });
  }
  const date = new Date(memory.time.now).toUTCString();
  const sent = { 'content-type': 'application/json', date, ...wrong?.headers };
  const deed = wrong?.deed;
  if (deed?.kind === 'raw') return { raw: deed.text };
  if (deed?.kind === 'text') return { status: deed.status, headers: sent, body: deed.text };
  if (deed?.kind === 'echo')
    return { status: deed.status, headers: sent, body: `you sent authorization: ${authorization}` };
  if (deed?.kind === 'refusal') {
    const { kind: _, ...refusal } = deed;
    return { status: deed.status, headers: sent, body: JSON.stringify({ kind: 'Status', ...refusal }) };
  }
  const answer = changed(good.body, deed);
  // What it has made itself is its own, whatever the answer to that says.
  if (method === 'GET') note(answer, book.seen);
  else if (isNew)
    note({ ...sentBody, metadata: { ...sentBody.metadata, managedFields: [{ manager: fieldManager }] } }, book.seen);
  return { status: good.status, headers: sent, body: JSON.stringify(answer) ?? '' };
}

function changed(body: unknown, deed: Wrong['deed'] | undefined): unknown {
  if (deed?.kind === 'edits') return deed.edits.reduce(edited, body);
  if (deed?.kind === 'endless') return { items: [], ...Object(body), metadata: { continue: 'again' } };
  return body;
}

/** What the client has been told that an object is, by its name. */
function note(answer: unknown, seen: Map<string, unknown>): void {
  const { items } = Object(answer);
  for (const object of Array.isArray(items) ? items : [answer]) {
    const name = Object(Object(object).metadata).name;
    if (typeof name === 'string') seen.set(name, object);
  }
}

/** Law 8: only what was seen to be ours is written, only what exists outside is made, only what is gone is deleted. */
function unlawful({ method, path, body }: WireRequest, seen: ReadonlyMap<string, unknown>): Finding | undefined {
  if (method === 'GET') return undefined;
  const what = `${method} ${path} ${body.slice(0, 500)}`;
  const [place = ''] = path.split('?');
  if (place.startsWith('/apis/events.k8s.io/v1/namespaces/')) return undefined;
  const own = `/apis/test.skymirror.dev/v1alpha1/namespaces/${mirror.namespace}/${source.plural}`;
  const scans = `/apis/skymirror.dev/v1alpha1/namespaces/${mirror.namespace}/${mirrorScan.plural}`;
  if (place.startsWith(scans) && method !== 'DELETE') return undefined;
  if (!place.startsWith(own)) return { kind: 'writes', what };
  const [name = ''] = place.slice(own.length + 1).split('/');
  if (method === 'POST') {
    const made = Object(Object(JSON.parse(body)).metadata).name;
    return names.some((one) => nameOfThing(one) === made) ? undefined : { kind: 'writes', what };
  }
  const { metadata, spec } = Object(seen.get(name));
  const managers = [Object(metadata).managedFields].flat().map((entry) => Object(entry).manager);
  const isOurs = managers.includes(fieldManager) && Object(spec).arn === idsByName.get(name);
  const mayGo = method !== 'DELETE' || name === nameOfThing('gone');
  return isOurs && mayGo ? undefined : { kind: 'writes', what };
}
