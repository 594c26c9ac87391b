import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setStatus } from '../../dev/proxy-rows.ts';
import { until } from '../../dev/until.ts';
import { crdOf, mirrorScanCrd } from '../../lib/crd.ts';
import { conditionOf } from '../../lib/object.ts';
import { rdsInstance } from '../../lib/sources/aws/rds-instance.ts';
import { kubectl, kubectlPath, type Row, show, watch } from './kubectl.ts';
import { type Stack, startStack } from './stack.ts';
import { allowViewer } from './viewer.ts';
import type { World } from './world.ts';

let stack: Stack;
let world: World;
beforeAll(async () => {
  stack = await startStack();
  world = await stack.world({ instances: ['orders', 'ledger'], mirror: { tagLabels: ['team'] } });
  await world.create('wiki', { engine: 'mysql', engineVersion: '8.0.40', tags: { team: 'platform' } });
  await world.pass();
  await allowViewer(stack.kubernetes, world.namespace);
});
afterAll(() => stack?.stop());

const shown = (what: string, more: { wide?: boolean; labels?: string; fields?: string } = {}) =>
  show(stack.kubernetes, what, { namespace: world.namespace, ...more });

function named(rows: readonly Row[], identifier: string): Row | undefined {
  return rows.find(({ NAME = '' }) => NAME.replace('rdsinstance.aws.skymirror.dev/', '') === world.nameOf(identifier));
}

describe('kubectl get', () => {
  test('shows what people look for first', async () => {
    const rows = await shown('rdsinstances');
    expect(rows).toHaveLength(3);
    const columns = ['NAME', 'ENGINE', 'VERSION', 'CLASS', 'STATE', 'READY', 'ENDPOINT', 'AGE'];
    expect(Object.keys(rows[0] ?? {})).toEqual(columns);
    expect(named(rows, 'orders')).toEqual({
      NAME: world.nameOf('orders'),
      ENGINE: 'postgres',
      VERSION: '17.4',
      CLASS: 'db.t4g.medium',
      STATE: 'available',
      READY: 'True',
      ENDPOINT: expect.stringMatching(/^orders\..*\.rds\.amazonaws\.com$/),
      AGE: expect.stringMatching(/^\d+[smh]/),
    });
  });

  test('-o wide shows where it is and what it is made of as well', async () => {
    const row = named(await shown('rdsinstances', { wide: true }), 'orders');
    expect(row).toMatchObject({
      ENGINE: 'postgres',
      ACCOUNT: world.account,
      REGION: world.region,
      'MULTI-AZ': 'false',
      ZONE: `${world.region}a`,
      GIB: '20',
      PORT: '5432',
      AGE: expect.any(String),
    });
  });

  test.each(['rdsi', 'external', 'databases'])('%s shows the instances', async (what) => {
    const rows = await shown(what);
    expect(rows).toHaveLength(3);
    expect(named(rows, 'wiki')).toMatchObject({ ENGINE: 'mysql' });
  });

  test('-l chooses by a tag that is a label, by account and by mirror', async () => {
    const one = await shown('rdsinstances', { labels: 'tags.skymirror.dev/team=platform' });
    expect(one.map(({ NAME }) => NAME)).toEqual([world.nameOf('wiki')]);
    const labels = `aws.skymirror.dev/account=${world.account},skymirror.dev/mirror=production`;
    expect(await shown('rdsinstances', { labels })).toHaveLength(3);
    expect(await shown('rdsinstances', { labels: 'skymirror.dev/mirror=other' })).toEqual([]);
  });

  const selected: [field: string, value: string, found: string[]][] = [
    ['status.observed.engine', 'postgres', ['ledger', 'orders']],
    ['status.observed.engine', 'mysql', ['wiki']],
    ['status.observed.engineVersion', '8.0.40', ['wiki']],
    ['status.observed.class', 'db.t4g.medium', ['ledger', 'orders', 'wiki']],
    ['status.observed.state', 'stopped', []],
  ];
  test.each(selected)('--field-selector %s=%s finds %j', async (field, value, found) => {
    const rows = await shown('rdsinstances', { fields: `${field}=${value}` });
    expect(rows.map(({ NAME }) => NAME)).toEqual(found.map(world.nameOf).toSorted());
  });

  test('--field-selector takes the identity as well', async () => {
    const rows = await shown('rdsinstances', { fields: `spec.arn=${world.arn('ledger')},spec.region=${world.region}` });
    expect(rows.map(({ NAME }) => NAME)).toEqual([world.nameOf('ledger')]);
  });

  test('mirrorscans tells whether the mirror is alive and whole', async () => {
    const [row] = await shown('mirrorscans');
    expect(row).toMatchObject({
      MIRROR: 'production',
      SOURCE: 'RDSInstance',
      SCOPE: `${world.account}/${world.region}`,
      SEEN: '3',
      HELD: '3',
      COMPLETE: 'True',
      APPLIED: 'True',
      REMOVALBLOCKED: 'False',
    });
    expect(row).toHaveProperty(['LAST REPORT']);
    expect(await shown('mscan', { wide: true })).toMatchObject([{ CREATED: '3', DELETED: '0' }]);
  });

  test('-w shows a change', async () => {
    const lines = watch(stack.kubernetes, 'rdsinstances', world.namespace);
    const wiki = world.nameOf('wiki');
    const told: string[] = [];
    for await (const line of lines) {
      if (!line.includes(wiki)) continue;
      told.push(line);
      if (line.includes('db.m7g.4xlarge')) break;
      await world.resize('wiki', 'db.m7g.4xlarge');
      await world.pass();
    }
    expect(told[0]).toContain('db.t4g.medium');
    expect(told.at(-1)).toContain('db.m7g.4xlarge');
  });
});

test('kubectl wait --for=condition=Ready ends when the database can be used', async () => {
  const own = await stack.world({ instances: ['orders'] });
  await allowViewer(stack.kubernetes, own.namespace);
  const creating = stack.aws.faults.add(setStatus('orders', 'creating', { region: own.region }));
  await own.pass();
  expect(conditionOf(await own.object('orders'), 'Ready')?.status).toBe('False');
  const ready = async () => conditionOf(await own.object('orders'), 'Ready')?.status === 'True';
  const options = ['wait', '--for=condition=Ready', `rdsi/${own.nameOf('orders')}`, '-n', own.namespace];
  const waiting =
    kubectlPath === undefined
      ? until(ready, { what: 'the readiness' })
      : kubectl(stack.kubernetes, 'viewer', [...options, '--timeout=60s']);
  creating.remove();
  await own.pass();
  expect(String(await waiting)).toMatch(/condition met|true/);
});

describe('the schema that the cluster serves', () => {
  test('explains every field', async () => {
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    for (const name of ['rdsinstances.aws.skymirror.dev', 'mirrorscans.skymirror.dev']) {
      const { body } = await stack.kubernetes.request(`${definitions}/${name}`);
      const { spec } = body as { spec: { versions: { schema: { openAPIV3Schema: Schema } }[] } };
      const root = spec.versions[0]?.schema.openAPIV3Schema;
      const { spec: identity, status } = root?.properties ?? {};
      expect(root?.description).toMatch(/\.$/);
      expect([...unexplained(identity, 'spec'), ...unexplained(status, 'status')]).toEqual([]);
    }
  });

  test('is what kubectl explain shows', async () => {
    const path = '/openapi/v3/apis/aws.skymirror.dev/v1alpha1';
    const explained = async () =>
      kubectlPath === undefined
        ? JSON.stringify((await stack.kubernetes.request(path)).body)
        : kubectl(stack.kubernetes, 'viewer', ['explain', 'rdsinstances.status.observed']);
    const isPublished = async () => (await explained()).includes('engineVersion');
    await until(isPublished, { what: 'the publication of the schema' });
    const text = (await explained()).replace(/\s+/g, ' ');
    expect(text).toContain('DB instance status as AWS gives it.');
    expect(text).toContain('Absent until AWS has assigned it.');
  });

  test('is taken without a warning under strict validation, as a dry run and again', async () => {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    for (const crd of [crdOf(rdsInstance), mirrorScanCrd()]) {
      const query = 'dryRun=All&fieldManager=reviewer&force=true&fieldValidation=Strict';
      const answer = await stack.kubernetes.request(`${path}/${crd.metadata.name}?${query}`, {
        method: 'PATCH',
        contentType: 'application/apply-patch+yaml',
        body: crd,
      });
      expect(answer.status).toBe(200);
      expect(answer.headers.warning).toBeUndefined();
      await stack.kubernetes.apply([crd]);
      const { body } = await stack.kubernetes.request(`${path}/${crd.metadata.name}`);
      const { conditions } = (body as { status: { conditions: { type: string; status: string }[] } }).status;
      expect(conditions.filter(({ type }) => type === 'NonStructuralSchema')).toEqual([]);
    }
  });
});

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** The paths of fields without a sentence about them. */
function unexplained(schema: Schema | undefined, path: string): string[] {
  if (schema === undefined) return [path];
  const below = Object.entries(schema.properties ?? {}).flatMap(([key, child]) => unexplained(child, `${path}.${key}`));
  const inItems = Object.entries(schema.items?.properties ?? {}).flatMap(([key, child]) =>
    unexplained(child, `${path}[].${key}`),
  );
  return [...(schema.description === undefined ? [path] : []), ...below, ...inItems];
}
