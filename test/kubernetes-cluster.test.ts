import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { isOvertaken } from '../lib/cluster.ts';
import { namespaceRefusal, schemaRefusal } from '../lib/cluster-refusal.ts';
import { openCluster } from '../lib/kubernetes-cluster.ts';
import type { KubernetesObject } from '../lib/object.ts';

type Answer = { readonly code?: number; readonly body?: unknown };

const type = { group: 'aws.skymirror.dev', version: 'v1alpha1', kind: 'RDSInstance', plural: 'rdsinstances' };
const base = '/apis/aws.skymirror.dev/v1alpha1/namespaces/external/rdsinstances';
const bound = { signal: new AbortController().signal };
const object: KubernetesObject = {
  apiVersion: 'aws.skymirror.dev/v1alpha1',
  kind: 'RDSInstance',
  metadata: {
    name: 'orders',
    namespace: 'external',
    uid: 'u1',
    resourceVersion: '7',
    managedFields: [{ manager: 'skymirror' }],
  },
  spec: { arn: 'a' },
};

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

/** A cluster whose API server gives these answers in turn, the last one again and again. */
async function open(...answers: Answer[]) {
  const calls: { method: string; path: string; query: Record<string, string>; accept?: string; body: unknown }[] = [];
  const server = createServer(async (request, response) => {
    const { code = 200, body = object } = answers[Math.min(calls.length, answers.length - 1)] ?? {};
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x');
    const sent = await text(request);
    const { method = '', headers } = request;
    const query = Object.fromEntries(searchParams);
    const read: unknown = sent === '' ? undefined : JSON.parse(sent);
    calls.push({ method, path: pathname, query, accept: headers.accept ?? '', body: read });
    response.writeHead(code).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ending.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const cluster = openCluster({ name: 'prod', server: url, tls: {}, headers: async () => ({}) });
  ending.push(() => cluster.close());
  return { calls, cluster };
}

const failure = (code: number, reason: string, message: string) => ({
  code,
  body: { kind: 'Status', reason, message },
});
const page = (names: readonly string[], token?: string): Answer => ({
  body: {
    items: names.map((name) => ({ metadata: { name, namespace: 'external' } })),
    metadata: token === undefined ? {} : { continue: token },
  },
});

describe('the schema revision', () => {
  const crd = (annotations: object | undefined) => ({
    body: {
      apiVersion: 'meta.k8s.io/v1',
      kind: 'PartialObjectMetadata',
      metadata: { name: 'rdsinstances.aws.skymirror.dev', annotations },
    },
  });

  test('is on the CRD, of which only the metadata is asked for', async () => {
    const { calls, cluster } = await open(crd({ 'skymirror.dev/schema-revision': '3' }));
    expect(await cluster.schemaRevision(type, bound)).toBe(3);
    expect(calls).toMatchObject([
      {
        method: 'GET',
        path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/rdsinstances.aws.skymirror.dev',
        accept: expect.stringContaining('as=PartialObjectMetadata'),
      },
    ]);
  });

  test.each([[undefined], [{}]])('is 0 on a CRD that somebody else made (%j)', async (annotations) => {
    const { cluster } = await open(crd(annotations));
    expect(await cluster.schemaRevision(type, bound)).toBe(0);
  });

  test('is undefined where there is no CRD, which is refused with the command that installs it', async () => {
    const { cluster } = await open(failure(404, 'NotFound', 'customresourcedefinitions "x" not found'));
    const revision = await cluster.schemaRevision(type, bound);
    expect(revision).toBeUndefined();
    expect(schemaRefusal({ ...type, revision: 1 }, revision)).toBe(
      'SchemaMissing: the CRD rdsinstances.aws.skymirror.dev is not installed. Install it: skymirror crds --install, or kubectl apply --server-side -f deploy/crds',
    );
  });

  test('that may not be read is an error', async () => {
    const { cluster } = await open(failure(403, 'Forbidden', 'no'));
    await expect(cluster.schemaRevision(type, bound)).rejects.toMatchObject({ status: 403 });
  });
});

describe('a list', () => {
  const list = (cluster: Awaited<ReturnType<typeof open>>['cluster']) =>
    cluster.list(type, 'external', { 'spec.account': '1', 'spec.region': 'eu-west-1' }, bound);

  test('is read page by page, with the kind that its items lack', async () => {
    const { calls, cluster } = await open(page(['a', 'b'], 'next&page'), page(['c']));
    const objects = await list(cluster);
    expect(objects.map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c']);
    expect(objects[2]).toMatchObject({ apiVersion: 'aws.skymirror.dev/v1alpha1', kind: 'RDSInstance' });
    const query = { limit: '500', fieldSelector: 'spec.account=1,spec.region=eu-west-1' };
    expect(calls.map((call) => [call.path, call.query])).toEqual([
      [base, query],
      [base, { ...query, continue: 'next&page' }],
    ]);
  });

  test('asks for values that a selector would read as its own signs', async () => {
    const { calls, cluster } = await open(page([]));
    await cluster.list(type, 'external', { 'spec.host': 'a,b=c\\d' }, bound);
    expect(calls[0]?.query.fieldSelector).toBe('spec.host=a\\,b\\=c\\\\d');
  });

  test('begins anew where its continue token runs out in the middle', async () => {
    const expired = failure(410, 'Expired', 'the continue token is too old');
    const { calls, cluster } = await open(page(['a'], 'one'), expired, page(['a', 'b'], 'two'), page(['c']));
    expect((await list(cluster)).map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c']);
    expect(calls.map(({ query }) => query.continue)).toEqual([undefined, 'one', undefined, 'two']);
  });

  test('that gives the same continue token twice is an error, and not asked for without end', async () => {
    const { calls, cluster } = await open(page(['a'], 'one'));
    await expect(list(cluster)).rejects.toThrow('its list of rdsinstances gave the same continue token twice');
    expect(calls).toHaveLength(2);
  });

  test('with an object of another namespace is an error', async () => {
    const stray = { ...object, metadata: { ...object.metadata, namespace: 'kube-system' } };
    const { cluster } = await open({ body: { items: [stray], metadata: {} } });
    await expect(list(cluster)).rejects.toMatchObject({ status: 0, reason: 'Unreadable' });
  });

  test('that runs out again and again is an error', async () => {
    const { calls, cluster } = await open(failure(410, 'Expired', 'too old'));
    await expect(list(cluster)).rejects.toMatchObject({ status: 410 });
    expect(calls).toHaveLength(4);
  });

  test('of a kind that is not there is an error, not an empty list', async () => {
    const { cluster } = await open(failure(404, 'NotFound', 'the server could not find the requested resource'));
    await expect(list(cluster)).rejects.toMatchObject({ status: 404 });
  });

  test.each([{}, { items: 'none', metadata: {} }, { items: [{}], metadata: {} }])(
    'that is none (%j) is an error',
    async (body) => {
      const { cluster } = await open({ body });
      await expect(list(cluster)).rejects.toThrow();
    },
  );
});

describe('an object', () => {
  test('is read by its name', async () => {
    const { calls, cluster } = await open({});
    expect(await cluster.get(type, 'external', 'orders', bound)).toEqual(object);
    expect(calls).toMatchObject([{ method: 'GET', path: `${base}/orders` }]);
  });

  test('that is not there is undefined', async () => {
    const { cluster } = await open(failure(404, 'NotFound', 'rdsinstances "orders" not found'));
    expect(await cluster.get(type, 'external', 'orders', bound)).toBeUndefined();
  });

  test('that may not be read is an error', async () => {
    const { cluster } = await open(failure(403, 'Forbidden', 'no'));
    await expect(cluster.get(type, 'external', 'orders', bound)).rejects.toMatchObject({ status: 403 });
  });
});

describe('a write', () => {
  const verbs = {
    create: ['POST', base],
    replace: ['PUT', `${base}/orders`],
    replaceStatus: ['PUT', `${base}/orders/status`],
  } as const;

  test.each(Object.entries(verbs))(
    '%s is strict, under our name, with the version that was read',
    async (verb, [method, path]) => {
      const { calls, cluster } = await open({
        body: { ...object, metadata: { ...object.metadata, resourceVersion: '8' } },
      });
      const written = await cluster[verb as keyof typeof verbs](type, object, bound);
      expect(written.metadata.resourceVersion).toBe('8');
      expect(calls).toMatchObject([{ method, path, query: { fieldManager: 'skymirror', fieldValidation: 'Strict' } }]);
      const { managedFields, ...metadata } = object.metadata;
      expect(calls[0]?.body).toEqual({ ...object, metadata });
    },
  );

  test.each([
    ['that somebody overtook', 409, 'Conflict', true],
    ['of a name that is taken', 409, 'AlreadyExists', true],
    ['of an object that went', 404, 'NotFound', true],
    ['that is not valid', 422, 'Invalid', false],
  ])('%s says so', async (_, code, reason, overtaken) => {
    const { cluster } = await open(failure(code, reason, 'rdsinstances "orders"'));
    const error: unknown = await cluster.replace(type, object, bound).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: code, reason });
    expect(isOvertaken(error)).toBe(overtaken);
  });

  test('that is answered with an object of another namespace is an error: the next write would go there', async () => {
    const { cluster } = await open({ body: { ...object, metadata: { ...object.metadata, namespace: 'kube-system' } } });
    await expect(cluster.create(type, object, bound)).rejects.toMatchObject({ status: 0, reason: 'Unreadable' });
  });

  test('that is answered with an object of no namespace is an error', async () => {
    const { namespace, ...metadata } = object.metadata;
    const { cluster } = await open({ body: { ...object, metadata } });
    await expect(cluster.create(type, object, bound)).rejects.toMatchObject({ status: 0, reason: 'Unreadable' });
  });

  test('of an object without a namespace is not sent: there is no default', async () => {
    const { calls, cluster } = await open({ body: object });
    const { namespace, ...metadata } = object.metadata;
    for (const write of [cluster.create, cluster.replace, cluster.replaceStatus, cluster.remove]) {
      await expect(async () => write(type, { ...object, metadata }, bound)).rejects.toThrow('is in no namespace');
    }
    expect(calls).toHaveLength(0);
  });

  test('is not sent where beforeSend says no', async () => {
    const { calls, cluster } = await open({});
    const beforeSend = () => {
      throw new Error('too old');
    };
    await expect(cluster.replace(type, object, { ...bound, beforeSend })).rejects.toThrow('too old');
    expect(calls).toHaveLength(0);
  });
});

test('a delete is of exactly the object that was read', async () => {
  const { calls, cluster } = await open({ body: { kind: 'Status', status: 'Success' } });
  await cluster.remove(type, object, bound);
  expect(calls).toMatchObject([
    {
      method: 'DELETE',
      path: `${base}/orders`,
      body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u1', resourceVersion: '7' } },
    },
  ]);
});

describe('a namespace', () => {
  test.each([
    [{ body: { status: { phase: 'Active' } } }, 'Active', undefined],
    [{ body: {} }, 'Active', undefined],
    [{ body: { status: { phase: 'Terminating' } } }, 'Terminating', /NamespaceTerminating: .* external is going away/],
    [{ code: 404, body: { reason: 'NotFound' } }, undefined, /NamespaceMissing: .* kubectl create namespace external/],
  ])('that answers %j is %s', async (answer, phase, refusal) => {
    const { cluster, calls } = await open(answer);
    expect(await cluster.namespacePhase('external', bound)).toBe(phase);
    expect(calls).toMatchObject([{ method: 'GET', path: '/api/v1/namespaces/external' }]);
    if (refusal === undefined) expect(namespaceRefusal('external', phase)).toBeUndefined();
    else expect(namespaceRefusal('external', phase)).toMatch(refusal);
  });
});

test('an answer that no API server would give is said to be one, in a sentence', async () => {
  const { cluster } = await open({ body: { login: 'please' } });
  const asked = [
    cluster.get(type, 'external', 'orders', bound),
    cluster.list(type, 'external', {}, bound),
    cluster.schemaRevision(type, bound),
  ];
  const said = /^cluster \w+: the answer is not what an API server says\./;
  for (const { status, reason } of (await Promise.allSettled(asked)) as PromiseRejectedResult[]) {
    expect([status, (reason as Error).message]).toEqual(['rejected', expect.stringMatching(said)]);
  }
});
