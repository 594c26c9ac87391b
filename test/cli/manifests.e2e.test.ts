import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { until } from '../../dev/until.ts';
import { parseObject, revisionAnnotation } from '../../lib/object.ts';
import { sources } from '../../lib/sources.ts';
import { may } from '../e2e/stack.ts';
import { configFolder, runCli } from './cli.ts';

let kubernetes: Kubernetes;
let place: Awaited<ReturnType<typeof configFolder>>;
beforeAll(async () => {
  kubernetes = await startKubernetes({ extraUsers: { robot: [], second: [] } });
  place = await configFolder({});
});
afterAll(async () => {
  await kubernetes?.stop();
  await place?.remove();
});

const accounts = { main: { id: '111122223333' } };
const mirror = {
  name: 'one',
  sources: ['RDSInstance'],
  accounts: ['main'],
  regions: ['us-east-1'],
  namespace: 'external',
};
const instances = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/rdsinstances.aws.skymirror.dev';

async function configuration(more: object = {}, user = 'admin') {
  const clusters = { here: { kubeconfig: kubernetes.kubeconfig(user) } };
  await place.write({ clusters, accounts, mirrors: [mirror], ...more });
  return place.file;
}

const objectsOf = (text: string): object[] => parseAllDocuments(text).map((document) => document.toJS());

/** The CRDs that every mirror needs. */
const own = ['mirrorscans.skymirror.dev', 'syncruns.skymirror.dev'];

test('crds prints what an API server accepts: the kinds in use, or all', async () => {
  const inUse = await runCli(['crds', '--config', await configuration()]);
  expect(inUse).toMatchObject({ code: 0, stderr: '' });
  const names = (text: string) => objectsOf(text).map((object) => parseObject(object).metadata.name);
  expect(names(inUse.stdout)).toEqual(['rdsinstances.aws.skymirror.dev', ...own]);
  const all = await runCli(['crds', '--all'], { cwd: tmpdir() });
  expect(names(all.stdout)).toEqual([...sources.map(({ plural, group }) => `${plural}.${group}`), ...own]);
  for (const object of objectsOf(all.stdout)) {
    const { name } = parseObject(object).metadata;
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}?dryRun=All&fieldManager=t&fieldValidation=Strict`;
    const answer = await kubernetes.request(path, {
      method: 'PATCH',
      contentType: 'application/apply-patch+yaml',
      body: object,
    });
    expect(answer).toMatchObject({ status: 201 });
  }
});

test('status and removals say of a cluster without the CRDs that they are not installed, and what installs them', async () => {
  const file = await configuration();
  const status = await runCli(['status', '--config', file, '-o', 'json']);
  expect(status).toMatchObject({ code: 1, stderr: '' });
  const message = expect.stringContaining('skymirror crds --install');
  expect(JSON.parse(status.stdout)).toMatchObject([{ state: 'unknown', message }]);
  const removals = await runCli(['removals', '--config', file, '-o', 'json']);
  expect(removals).toMatchObject({ code: 1, stderr: message });
  expect(JSON.parse(removals.stdout)).toMatchObject({ removals: [], blocked: [], unknown: [{ message }] });
});

test('crds --install makes kinds that are served when it ends, and says what it did', async () => {
  const file = await configuration();
  const lines = (verb: string) => ['rdsinstances.aws.skymirror.dev', ...own].map((name) => `here: ${name} ${verb}\n`);
  const first = await runCli(['crds', '--install', '--config', file]);
  expect(first).toEqual({ code: 0, stdout: lines('created').join(''), stderr: '' });
  const { status } = await kubernetes.request(`${instances}`);
  expect(status).toBe(200);
  const second = await runCli(['crds', '--install', '--config', file]);
  expect(second).toEqual({ code: 0, stdout: lines('unchanged').join(''), stderr: '' });
  await patchRevision('0');
  const third = await runCli(['crds', '--install', '--config', file]);
  expect(third.stdout).toContain('here: rdsinstances.aws.skymirror.dev changed');
});

test('crds --install leaves a CRD of a newer release alone, says why, and goes on', async () => {
  const file = await configuration();
  await runCli(['crds', '--install', '--config', file]);
  await patchRevision('999');
  const { code, stdout, stderr } = await runCli(['crds', '--install', '--config', file]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: own.map((name) => `here: ${name} unchanged\n`).join('') });
  expect(stderr).toMatch(
    /^here: rdsinstances.aws.skymirror.dev left as it is: its schema revision is 999.*newer version$/m,
  );
  const { body } = await kubernetes.request(instances);
  expect(parseObject({ ...(body as object), status: {} }).metadata.annotations?.[revisionAnnotation]).toBe('999');
  await patchRevision('0');
});

test('crds --install takes no CRD of that name that does not say whose it is, until it is handed over', async () => {
  const file = await configuration();
  await runCli(['crds', '--install', '--config', file]);
  await patchRevision(null);
  const { code, stdout, stderr } = await runCli(['crds', '--install', '--config', file]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: own.map((name) => `here: ${name} unchanged\n`).join('') });
  expect(stderr).toMatch(/^here: rdsinstances.aws.skymirror.dev left as it is: .*somebody else's.*=0\n$/);
  await patchRevision('0');
  expect(await runCli(['crds', '--install', '--config', file])).toMatchObject({ code: 0, stderr: '' });
});

test('crds --install: a cluster that is down is one line, and the others go on', async () => {
  const down = { kubeconfig: join(place.folder, 'none.kubeconfig') };
  const clusters = { down, here: { kubeconfig: kubernetes.kubeconfig('admin') } };
  const { code, stdout, stderr } = await runCli(['crds', '--install', '--config', await configuration({ clusters })]);
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/^down: no kubeconfig/)]);
  expect(stdout).toContain('here: mirrorscans.skymirror.dev');
});

test('crds --install says which name another CRD has taken, does not wait for it, and installs the others', async () => {
  const { stdout } = await runCli(['crds', '--all']);
  const theirs = JSON.parse(JSON.stringify(objectsOf(stdout)[1]).replaceAll('rdsclusters', 'theirs')) as object;
  await kubernetes.apply([theirs]);
  const file = await configuration({ mirrors: [{ ...mirror, sources: ['RDSCluster'] }] });
  const { code, stdout: lines, stderr } = await runCli(['crds', '--install', '--config', file]);
  expect({ code, lines }).toEqual({ code: 1, lines: expect.stringContaining('here: mirrorscans.skymirror.dev') });
  expect(stderr).toMatch(/^here: rdsclusters.aws.skymirror.dev is not served: .*already in use.*\n$/);
});

test('crds --install without the right to says so of each CRD', async () => {
  const { code, stderr } = await runCli(['crds', '--install', '--config', await configuration({}, 'viewer')]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^here: .*User "viewer" cannot get resource "customresourcedefinitions"/);
});

test('what rbac prints gives the named user what a mirror needs', async () => {
  await kubernetes.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'external' } }]);
  const file = await configuration();
  const { code, stdout } = await runCli(['rbac', '--config', file, '--user', 'robot', '--service-account', 'a/b']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^# Namespaces that have to exist: external\n/);
  const objects = objectsOf(stdout);
  expect(objects.map((object) => parseObject(object).metadata.name)).toContain('skymirror-approver');
  await kubernetes.apply(objects);
  const asked = { verb: 'create', group: 'aws.skymirror.dev', resource: 'rdsinstances', namespace: 'external' };
  await until(() => may(kubernetes, asked, 'robot'), { what: 'the permission of robot' });
});

test('what rbac prints for one configuration takes nothing from what another has got', async () => {
  const queues = { ...mirror, name: 'two', sources: ['SQSQueue'], namespace: 'queues' };
  const namespaces = ['external', 'queues'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }));
  await kubernetes.apply(namespaces);
  const configurations = [
    [{}, 'robot'],
    [{ mirrors: [queues] }, 'second'],
  ] as const;
  for (const [more, user] of configurations) {
    const { stdout } = await runCli(['rbac', '--config', await configuration(more), '--user', user]);
    await kubernetes.apply(objectsOf(stdout));
  }
  const create = { verb: 'create', group: 'aws.skymirror.dev' };
  const instancesOf = { ...create, resource: 'rdsinstances', namespace: 'external' };
  const schema = { verb: 'get', group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' };
  const queuesOf = { ...create, resource: 'sqsqueues', namespace: 'queues' };
  await until(() => may(kubernetes, queuesOf, 'second'), { what: 'the permission of second' });
  expect(await may(kubernetes, instancesOf, 'robot')).toBe(true);
  const name = 'rdsinstances.aws.skymirror.dev';
  for (const user of ['robot', 'second']) expect(await may(kubernetes, { ...schema, name }, user)).toBe(true);
  expect(await may(kubernetes, instancesOf, 'second')).toBe(false);
});

test('rbac asks for one cluster where they differ', async () => {
  const here = { kubeconfig: kubernetes.kubeconfig('admin') };
  const mirrors = [
    { ...mirror, clusters: ['one'] },
    { ...mirror, name: 'two', namespace: 'other', clusters: ['two'] },
  ];
  const clusters = { one: here, two: { ...here, context: 'admin' }, idle: { ...here, context: 'x' } };
  const file = await configuration({ clusters, mirrors });
  const all = await runCli(['rbac', '--config', file]);
  expect(all).toMatchObject({ code: 1, stdout: '' });
  expect(all.stderr).toMatch(/the clusters one, two, idle need different roles.*--cluster one/);
  const two = await runCli(['rbac', '--config', file, '--cluster', 'two']);
  expect(two.stdout).toContain('namespace: other');
  expect(two.stdout).not.toContain('namespace: external');
  for (const [name, said] of [
    ['idle', 'no mirror writes into it'],
    ['three', 'has no cluster "three"'],
  ]) {
    expect((await runCli(['rbac', '--config', file, '--cluster', String(name)])).stderr).toContain(said);
  }
  const wrong = await runCli(['rbac', '--config', file, '--cluster', 'two', '--service-account', 'b']);
  expect(wrong.stderr).toContain('--service-account b: give it as namespace/name');
});

test('sources lists the kinds, in full where JSON or YAML is asked for', async () => {
  const { stdout } = await runCli(['sources']);
  expect(stdout).toMatch(/^KIND +PLURAL +SHORT NAMES +GROUP +SCOPE +PERMISSIONS\nRDSInstance +rdsinstances +rdsi /);
  const json: unknown = JSON.parse((await runCli(['sources', '-o', 'json'])).stdout);
  expect(json).toHaveLength(sources.length);
  expect(json).toContainEqual(expect.objectContaining({ kind: 'RDSInstance', scope: ['account', 'region'] }));
  expect(parse((await runCli(['sources', '-o', 'yaml'])).stdout)).toEqual(json);
});

test('version tells itself, Node and the schema revisions', async () => {
  expect((await runCli(['version'])).stdout).toMatch(/^skymirror \d+\.\d+\.\d+\n$/);
  const json: unknown = JSON.parse((await runCli(['version', '-o', 'json'])).stdout);
  const kinds = Object.fromEntries(sources.map(({ kind, revision }) => [kind, { revision }]));
  expect(json).toEqual({ version: expect.any(String), node: process.versions.node, kinds });
});

async function patchRevision(revision: string | null): Promise<void> {
  const body = { metadata: { annotations: { [revisionAnnotation]: revision } } };
  const contentType = 'application/merge-patch+json';
  expect(await kubernetes.request(instances, { method: 'PATCH', contentType, body })).toMatchObject({ status: 200 });
}
