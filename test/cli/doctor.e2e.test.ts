import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { until } from '../../dev/until.ts';
import { revisionAnnotation } from '../../lib/object.ts';
import { may } from '../e2e/stack.ts';
import { runCli } from './cli.ts';
import { bad, type Patient, startPatient } from './doctor-patient.ts';

let patient: Patient;
beforeAll(async () => {
  patient = await startPatient();
});
afterAll(() => patient?.stop());

test('where all is there, all checks are ok and the exit code is 0', async () => {
  await patient.configure();
  const { code, checks, text } = await patient.examine();
  expect(code).toBe(0);
  expect(checks.map(({ area, where, check, state }) => `${area} ${where}: ${check}: ${state}`)).toEqual([
    'aws main/us-east-1: the credentials are of this account: ok',
    'aws main/us-east-1: list RDSInstance: ok',
    'aws main/us-east-1: get RDSInstance: ok',
    'aws main/us-east-1: get a RDSInstance that does not exist: ok',
    'aws main/us-east-1: list RDSCluster: ok',
    'aws main/us-east-1: get RDSCluster: skipped',
    'aws main/us-east-1: list SQSQueue: ok',
    'aws main/us-east-1: get SQSQueue: ok',
    'aws main/us-east-1: get a SQSQueue that does not exist: ok',
    'cluster here: the cluster answers: ok',
    'cluster here: CRD rdsinstances.aws.skymirror.dev: ok',
    'cluster here: CRD rdsclusters.aws.skymirror.dev: ok',
    'cluster here: CRD sqsqueues.aws.skymirror.dev: ok',
    'cluster here: CRD mirrorscans.skymirror.dev: ok',
    'cluster here: CRD syncruns.skymirror.dev: ok',
    'cluster here: namespace external: ok',
    'cluster here: rights in namespace external: ok',
    'cluster here: Events in namespace external: ok',
    'cluster here: rights in the whole cluster: ok',
  ]);
  expect(text).toContain('skipped  get RDSCluster: not tried: no RDSCluster exists there');
  expect(text).toMatch(/\n18 ok, 1 skipped\.\n$/);
});

test('looking changes nothing, in AWS and in the cluster', async () => {
  await patient.configure();
  patient.aws.requests.clear();
  const state = async () => (await patient.kubernetes.request('/metrics')).body as string;
  const writes = (metrics: string) =>
    [...metrics.matchAll(/^apiserver_request_total\{(.*)\} (\d+)$/gm)]
      .filter(([, labels = '']) => /verb="(POST|PUT|PATCH|DELETE|APPLY)"/.test(labels))
      .filter(([, labels = '']) => /group="(aws.skymirror.dev|skymirror.dev|events.k8s.io|rbac|apiext)/.test(labels))
      .map(([line]) => line);
  const before = writes(await state());
  expect(before).not.toEqual([]);
  await patient.examine();
  expect(writes(await state())).toEqual(before);
  const actions = new Set(patient.aws.requests.all.map(({ service, action }) => `${service}:${action}`));
  expect([...actions].toSorted()).toEqual([
    'rds:DescribeDBClusters',
    'rds:DescribeDBInstances',
    'sqs:GetQueueAttributes',
    'sqs:ListDeadLetterSourceQueues',
    'sqs:ListQueueTags',
    'sqs:ListQueues',
    'sts:GetCallerIdentity',
  ]);
});

test('a user without rights gets a manifest that gives exactly these', async () => {
  await patient.configure({ user: 'nobody' });
  const sick = await patient.examine();
  expect(sick.code).toBe(2);
  const names = ['rights in namespace external', 'Events in namespace external', 'rights in the whole cluster'];
  const lacking = bad(sick.checks, 'missing', 'warning');
  expect(lacking.map(({ check }) => check)).toEqual(names);
  expect(lacking.map(({ state }) => state)).toEqual(['missing', 'warning', 'missing']);
  expect(lacking[0]?.message).toContain('get, list, create, update, delete rdsinstances.aws.skymirror.dev');
  expect(bad(sick.checks, 'skipped').map(({ check }) => check)).toContain('namespace external');
  const [mend = '', ...others] = new Set(lacking.map((check) => check.mend));
  expect(others).toEqual([]);
  expect(sick.text).toContain(mend);
  await patient.kubernetes.apply(yamlIn(mend));
  const asked = { verb: 'get', group: '', resource: 'namespaces', namespace: 'external', name: 'external' };
  await until(() => may(patient.kubernetes, asked, 'nobody'), { what: 'the permission of nobody' });
  const well = await patient.examine();
  expect(bad(well.checks, 'missing', 'failed', 'warning')).toEqual([]);
  expect(well.code).toBe(0);
  const elsewhere = { verb: 'list', group: 'aws.skymirror.dev', resource: 'rdsinstances', namespace: 'default' };
  expect(await may(patient.kubernetes, elsewhere, 'nobody')).toBe(false);
});

test('a CRD that is too old and a namespace that is not there are named with the command', async () => {
  await patient.configure({ mirror: { namespace: 'elsewhere' } });
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/rdsinstances.aws.skymirror.dev';
  await patient.kubernetes.request(path, {
    method: 'PATCH',
    contentType: 'application/merge-patch+json',
    body: { metadata: { annotations: { [revisionAnnotation]: '0' } } },
  });
  const sick = await patient.examine();
  expect(sick.code).toBe(2);
  expect(bad(sick.checks, 'missing')).toMatchObject([
    { check: 'CRD rdsinstances.aws.skymirror.dev', mend: 'skymirror crds --install' },
    { check: 'namespace elsewhere', mend: 'kubectl create namespace elsewhere' },
  ]);
  await patient.install();
  await patient.kubernetes.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } }]);
  expect((await patient.examine()).code).toBe(0);
});

test('a cluster that is down has failed with its reason, and the others are looked at', async () => {
  const here = { kubeconfig: patient.kubernetes.kubeconfig('admin') };
  await patient.configure({ more: { clusters: { down: { kubeconfig: '/nowhere/config' }, here } } });
  const { code, checks } = await patient.examine();
  expect(code).toBe(1);
  expect(bad(checks, 'failed')).toMatchObject([
    { where: 'down', check: 'the cluster answers', message: expect.stringMatching(/no kubeconfig/) },
  ]);
  expect(checks).toContainEqual({ area: 'cluster', where: 'here', check: 'namespace external', state: 'ok' });
});

test('a configuration that cannot be used ends with exit code 1 and its problems', async () => {
  await patient.configure({ more: { mirrors: [] } });
  const { code, stdout, stderr } = await runCli(['doctor', '--config', patient.file], {
    env: patient.aws.environment(),
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/skymirror.yaml:\d+:\d+: mirrors: is empty/);
});

/** The manifests below the first line of a remedy. */
function yamlIn(mend: string): object[] {
  const [, ...lines] = mend.split('\n');
  return parseAllDocuments(lines.join('\n')).map((document) => document.toJS());
}
