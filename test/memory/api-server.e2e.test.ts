import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApiAnswer, ApiCall } from './api-answers.ts';
import { firstDifference, type Real, startReal } from './real-server.ts';
import { samples } from './sequence-bodies.ts';
import { difference, modelOf, type Played, type Send } from './two-servers.ts';

/** Always the same here, so that each rule below is met; long.ts draws others. */
const seed = 6;
const played: Played[] = [];
let real: Real;

beforeAll(async () => {
  real = await startReal();
}, 120_000);
afterAll(() => real?.kubernetes.stop());

test('the API server in memory answers random sequences of requests as a real one does', async () => {
  const batch = { seed, sequences: 300, inFlight: 4, played: (one: Played) => played.push(one) };
  expect(await firstDifference(batch, real.send)).toBeUndefined();
  const codes = new Set(played.flatMap(({ said }) => said.map(({ answer }) => answer.status)));
  expect([...codes].toSorted()).toEqual([200, 201, 400, 403, 404, 409, 422, 500]);
});

describe('that it would be noticed', () => {
  const changed = (change: (call: ApiCall) => ApiCall, model = modelOf()): Send => {
    return async (call) => model.handle(change(call));
  };
  const answered = (change: (answer: ApiAnswer, call: ApiCall) => ApiAnswer, model = modelOf()): Send => {
    return async (call) => change(model.handle(call), call);
  };
  const kinds = samples.map(({ kind }) => kind);
  const inBody = (call: ApiCall, change: (body: Any) => Any) =>
    typeof call.body === 'object' ? { ...call, body: change(structuredClone(call.body)) } : call;
  const withoutRules = kinds.map((kind) => ({ ...kind, rules: [] }));
  const withoutTypes = kinds.map((kind) => ({ ...kind, schema: JSON.parse(loosened(JSON.stringify(kind.schema))) }));

  const broken: Record<string, () => Send> = {
    'the resourceVersion of an update is not checked': () => {
      const model = modelOf();
      return changed((call) => {
        if (call.method !== 'PUT') return call;
        const { metadata } = Object(model.handle({ method: 'GET', path: pathOf(call).replace(/\/status$/, '') }).body);
        return inBody(call, (body) => ({
          ...body,
          metadata: { ...body.metadata, resourceVersion: metadata?.resourceVersion },
        }));
      }, model);
    },
    'the uid of an update is not checked': () =>
      changed((call) =>
        call.method === 'PUT'
          ? inBody(call, ({ metadata: { uid, ...metadata }, ...body }) => ({ ...body, metadata }))
          : call,
      ),
    'a delete has no preconditions': () =>
      changed((call) => (call.method === 'DELETE' ? { method: call.method, path: call.path } : call)),
    'fields that the schema does not have are dropped without a word': () =>
      changed((call) => ({ ...call, path: call.path.replace('&fieldValidation=Strict', '') })),
    'spec may change': () => changed((call) => call, modelOf(withoutRules)),
    'a value may be anything': () => changed((call) => call, modelOf(withoutTypes)),
    'a list has no limit': () => changed((call) => ({ ...call, path: call.path.replace(/limit=\d+&?/, '') })),
    'a field selector selects nothing': () =>
      changed((call) => ({ ...call, path: call.path.replace(/fieldSelector=[^&]*/, 'fieldSelector=') })),
    'a PUT of the object writes its status': () =>
      changed((call) =>
        call.method === 'PUT' && !pathOf(call).endsWith('/status')
          ? { ...call, path: call.path.replace('?', '/status?') }
          : call,
      ),
    'finalizers hold nothing': () =>
      changed((call) =>
        inBody(call, ({ metadata, ...body }) => ({
          ...body,
          ...(metadata && { metadata: { ...metadata, finalizers: undefined } }),
        })),
      ),
    'a namespace that is going away takes new objects': () =>
      changed((call) =>
        call.method === 'DELETE' && call.path.startsWith('/api/') ? { ...call, method: 'GET' } : call,
      ),
    'the field manager is always the same': () =>
      changed((call) => ({ ...call, path: call.path.replace('fieldManager=kubectl', 'fieldManager=skymirror') })),
    'a kind that is missing is told like an object that is': () =>
      answered((answer) =>
        typeof answer.body === 'string'
          ? { status: 404, body: { kind: 'Status', reason: 'NotFound', message: '' } }
          : answer,
      ),
    'each write gives a new resourceVersion, also where nothing changed': () => {
      let version = 10_000;
      return answered((answer, { method }) => {
        if (method !== 'PUT' || answer.status !== 200) return answer;
        const body = Object(answer.body);
        version += 1;
        return { ...answer, body: { ...body, metadata: { ...body.metadata, resourceVersion: String(version) } } };
      });
    },
  };

  test.each(Object.entries(broken))('where %s', async (_, model) => {
    for (const one of played) if ((await difference(one, model())) !== undefined) return;
    expect.fail('no sequence shows it');
  });
});

test('a list whose pages are no longer kept ends with 410 on both', async () => {
  const model = modelOf();
  const inMemory: Send = async (call) => model.handle(call);
  const compact = { real: real.compact, inMemory: async () => model.compact() };
  const said: Record<string, unknown> = {};
  for (const [name, send] of Object.entries({ real: real.send, inMemory })) {
    const namespace = `pages-${name.toLowerCase()}`;
    const path = `/apis/skymirror.dev/v1alpha1/namespaces/${namespace}/mirrorscans`;
    await send({
      method: 'POST',
      path: '/api/v1/namespaces',
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    });
    const spec = { mirror: 'm', source: 'RDSInstance', scope: {} };
    for (const of of ['a', 'b', 'c']) {
      const body = { apiVersion: 'skymirror.dev/v1alpha1', kind: 'MirrorScan', metadata: { name: of }, spec };
      await send({ method: 'POST', path, body });
    }
    const { metadata } = Object((await send({ method: 'GET', path: `${path}?limit=1` })).body);
    const next = { method: 'GET', path: `${path}?limit=1&continue=${metadata.continue}` } as const;
    const before = await send(next);
    await send({ method: 'DELETE', path: `${path}/c` });
    await compact[name as keyof typeof compact]();
    const after = await send(next);
    said[name] = [before.status, after.status, Object(after.body).reason];
  }
  expect(said).toEqual({ real: [200, 410, 'Expired'], inMemory: [200, 410, 'Expired'] });
});

// biome-ignore lint/suspicious/noExplicitAny: bodies of any shape are broken here
type Any = any;

const pathOf = ({ path }: ApiCall) => path.split('?')[0] ?? '';

function loosened(schema: string): string {
  return schema
    .replaceAll(/"(enum|format|required|maxLength|maxItems)":("[^"]*"|\d+|\[[^\]]*\]),?/g, '')
    .replaceAll(/,}/g, '}');
}
