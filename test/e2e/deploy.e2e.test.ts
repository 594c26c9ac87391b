import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import type { Permission } from '../../cli/administration.ts';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { until } from '../../dev/until.ts';
import { mirrorScan, scanSpec } from '../../lib/scan-schema.ts';
import { sources } from '../../lib/sources.ts';
import { kubectl, kubectlPath } from './kubectl.ts';
import { may } from './stack.ts';

const deploy = fileURLToPath(new URL('../../deploy', import.meta.url));
const runner = 'system:serviceaccount:skymirror:skymirror';

let kubernetes: Kubernetes;
let folder: string;
beforeAll(async () => {
  kubernetes = await startKubernetes({ extraUsers: { [runner]: ['system:serviceaccounts'] } });
  folder = await mkdtemp(join(tmpdir(), 'skymirror-kustomize-'));
});
afterAll(async () => {
  await kubernetes?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
}

interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly configMapGenerator?: readonly { name: string; namespace: string; files: readonly string[] }[];
}

/** What kustomize makes of a folder; where there is no kubectl, what little of it these folders use. */
async function built(path: string): Promise<Manifest[]> {
  if (kubectlPath !== undefined) return documents(await kubectl(kubernetes, 'admin', ['kustomize', path]));
  if (path.endsWith('.yaml')) return documents(await readFile(path, 'utf8'));
  const [own] = documents<Kustomization>(await readFile(join(path, 'kustomization.yaml'), 'utf8'));
  const parts = [...(own?.resources ?? []), ...(own?.components ?? [])].map((name) => built(join(path, name)));
  const maps = (own?.configMapGenerator ?? []).map(async ({ name, namespace, files }): Promise<Manifest[]> => {
    const entries = files.map(async (file) => [file, await readFile(join(path, file), 'utf8')]);
    const data = Object.fromEntries(await Promise.all(entries));
    return [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data }];
  });
  return (await Promise.all([...parts, ...maps])).flat();
}

/** The command that the documentation gives, or its effect where there is no kubectl. */
async function install(path: string): Promise<void> {
  if (kubectlPath === undefined) await kubernetes.apply(await built(path));
  else await kubectl(kubernetes, 'admin', ['apply', '--server-side', '-k', path]);
}

function documents<Document = Manifest>(text: string): Document[] {
  return parseAllDocuments(text).map((document) => document.toJS());
}

const names = (manifests: readonly Manifest[]) =>
  manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted();

const listing = (namespace: string): Permission[] =>
  sources.map(({ group, plural }) => ({ verb: 'list', group, resource: plural, namespace }));

async function allowed(permissions: readonly Permission[], user: string): Promise<boolean> {
  return (await Promise.all(permissions.map((one) => may(kubernetes, one, user)))).every((is) => is);
}

describe('kubectl apply --server-side -k deploy', () => {
  test('installs the namespace, all CRDs, and roles of which only the writer is bound', async () => {
    const own = ['mirrorscans.skymirror.dev', 'syncruns.skymirror.dev'];
    const crds = [...sources.map(({ plural, group }) => `${plural}.${group}`), ...own];
    expect(names(await built(deploy))).toEqual(
      [
        'Namespace external',
        ...crds.map((name) => `CustomResourceDefinition ${name}`),
        ...['writer', 'schema-reader', 'viewer', 'approver', 'pruner'].map((role) => `ClusterRole skymirror-${role}`),
        'RoleBinding skymirror-writer',
        'ClusterRoleBinding skymirror-schema-reader',
      ].toSorted(),
    );
    await install(deploy);
    await until(() => allowed(listing('external'), 'skymirror'), { what: 'the permission of skymirror' });
    expect(await allowed(listing('external'), 'viewer')).toBe(false);
    expect(await allowed(listing('default'), 'skymirror')).toBe(false);
    for (const { group, plural } of sources) {
      const path = `/apis/${group}/v1alpha1/namespaces/external/${plural}`;
      const isServed = async () => (await kubernetes.request(path, { user: 'skymirror' })).status === 200;
      await until(isServed, { what: `the serving of ${plural}` });
    }
  });

  test('changes nothing when it is done again', async () => {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const state = async () => {
      const { items } = (await kubernetes.request(path)).body as { items: { metadata: { generation: number } }[] };
      return items.map(({ metadata }) => metadata.generation);
    };
    const before = await state();
    await install(deploy);
    expect(await state()).toEqual(before);
  });
});

test('your own kustomization takes the kinds in use and adds components', async () => {
  await cp(deploy, join(folder, 'deploy'), { recursive: true });
  const [first] = sources;
  const own = {
    resources: [`deploy/crds/${first?.plural}.${first?.group}.yaml`, 'deploy/rbac/writer.yaml'],
    components: ['deploy/optional/read-only', 'deploy/optional/flow-control'],
  };
  await writeFile(join(folder, 'kustomization.yaml'), stringify(own));
  const kinds = (await built(folder)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'CustomResourceDefinition')).toHaveLength(1);
  expect(kinds).toContain('ValidatingAdmissionPolicy');
  expect(kinds).toContain('FlowSchema');
});

describe('deploy/optional', () => {
  afterEach(async () => {
    for (const kind of ['validatingadmissionpolicybindings', 'validatingadmissionpolicies']) {
      const path = `/apis/admissionregistration.k8s.io/v1/${kind}/skymirror-read-only`;
      await kubernetes.request(path, { method: 'DELETE' });
    }
  });

  test('read-only refuses what others write to every kind', async () => {
    await install(join(deploy, 'optional/read-only'));
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'viewer' }];
    const metadata = { name: 'careless', namespace: 'external' };
    const binding = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata, roleRef, subjects };
    await kubernetes.apply([binding]);
    const scan = { ...mirrorScan, identity: scanSpec };
    for (const { group, plural, kind, identity } of [...sources, scan]) {
      // Refused by the schema, a request would not get as far as the policy.
      const spec = Object.fromEntries(Object.keys(identity.shape).map((field) => [field, 'a']));
      const written = kind === scan.kind ? { ...spec, scope: {} } : spec;
      const body = { apiVersion: `${group}/v1alpha1`, kind, metadata: { name: 'by-hand' }, spec: written };
      const path = `/apis/${group}/v1alpha1/namespaces/external/${plural}?dryRun=All`;
      const refused = async () => {
        const { status, body: answer } = await kubernetes.request(path, { method: 'POST', user: 'viewer', body });
        return status === 403 && JSON.stringify(answer).includes("ValidatingAdmissionPolicy 'skymirror-read-only'");
      };
      await until(refused, { what: `the refusal of a ${kind} made by hand` });
    }
  });

  test('flow-control gives the mirror, and nobody else, a share of the API server', async () => {
    await install(join(deploy, 'optional/flow-control'));
    const uid = async (plural: string) => {
      const { body } = await kubernetes.request(`/apis/flowcontrol.apiserver.k8s.io/v1/${plural}/skymirror`);
      return (body as { metadata: { uid: string } }).metadata.uid;
    };
    const skymirror = [await uid('flowschemas'), await uid('prioritylevelconfigurations')];
    const classified = async (user: string, path = '/api/v1/namespaces/external') => {
      const { headers } = await kubernetes.request(path, { user });
      return [headers['x-kubernetes-pf-flowschema-uid'], headers['x-kubernetes-pf-prioritylevel-uid']];
    };
    const isOwn = async () => (await classified('skymirror')).join() === skymirror.join();
    await until(isOwn, { what: 'the flow of skymirror' });
    const lists = sources.map(({ group, plural }) => `/apis/${group}/v1alpha1/namespaces/external/${plural}`);
    for (const path of lists) expect(await classified('skymirror', path)).toEqual(skymirror);
    expect(await classified(runner)).toEqual(skymirror);
    expect(await classified('viewer')).not.toEqual(skymirror);
  });
});

describe('deploy/cronjob', () => {
  test('runs as a service account that has the rights of a writer', async () => {
    await install(join(deploy, 'cronjob'));
    const crd = { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' };
    const needed = [...listing('external'), { verb: 'get', ...crd, name: 'mirrorscans.skymirror.dev' }];
    await until(() => allowed(needed, runner), { what: 'the permission of the service account' });
    expect(await allowed(listing('skymirror'), runner)).toBe(false);
  });

  test('makes pods that the restricted pod security standard admits', async () => {
    const made = await built(join(deploy, 'cronjob'));
    const job = made.find(({ kind }) => kind === 'CronJob') as unknown as {
      spec: { jobTemplate: { spec: { template: { spec: { securityContext: object } } } } };
    };
    const { spec } = job.spec.jobTemplate.spec.template;
    const create = async (pod: object) => {
      const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'dry' }, spec: pod };
      return kubernetes.request('/api/v1/namespaces/skymirror/pods?dryRun=All', { method: 'POST', body });
    };
    const admitted = await create(spec);
    expect(admitted, JSON.stringify(admitted.body)).toMatchObject({ status: 201 });
    expect(admitted.headers).not.toHaveProperty('warning');
    expect(await create({ ...spec, securityContext: {} })).toMatchObject({ status: 403 });
  });

  test('hands the pod the configuration beside it', async () => {
    const map = (await built(join(deploy, 'cronjob'))).find(({ kind }) => kind === 'ConfigMap');
    expect(map?.metadata).toMatchObject({ name: 'skymirror', namespace: 'skymirror' });
    expect(map?.data).toEqual({ 'skymirror.yaml': await readFile(join(deploy, 'cronjob/skymirror.yaml'), 'utf8') });
  });
});
