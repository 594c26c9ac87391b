import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAlive } from '../../dev/guardian.ts';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { freePorts } from '../../dev/kubernetes-servers.ts';
import { until } from '../../dev/until.ts';

const minutes = 60_000;
const kubectl = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'kubectl'))
  .find(existsSync);

function configMap(name: string, more: object = {}) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' }, ...more };
}

function definition(plural: string, kind: string, more: object = {}) {
  const schema = { openAPIV3Schema: { type: 'object', properties: { size: { type: 'integer', ...more } } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.test.skymirror.dev` },
    spec: {
      group: 'test.skymirror.dev',
      scope: 'Namespaced',
      names: { plural, kind },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}

describe('one cluster', () => {
  let cluster: Kubernetes;
  const lines: string[] = [];

  beforeAll(async () => {
    cluster = await startKubernetes({ progress: (line) => lines.push(line), extraUsers: { 'a,"b': ['odd'] } });
    console.log(lines.at(-1));
  }, 10 * minutes);
  afterAll(() => cluster?.stop());

  test('is ready when it is handed over, and says how long that took', async () => {
    expect(lines.at(-1)).toMatch(/^kubernetes: ready at https:\/\/127\.0\.0\.1:\d+ after \d+\.\d s$/);
    expect(await cluster.request('/readyz')).toMatchObject({ status: 200, body: 'ok' });
    expect(await cluster.request('/api/v1/namespaces/default')).toMatchObject({ status: 200 });
  });

  test('refuses the writer until RBAC allows it', async () => {
    const path = '/api/v1/namespaces/default/configmaps';
    const write = async () => {
      const body = configMap('by-the-writer');
      return (await cluster.request(path, { method: 'POST', user: 'skymirror', body })).status;
    };
    expect(await write()).toBe(403);
    const group = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'skymirror-writers' };
    const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'writer' };
    await cluster.apply([
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'writer' },
        rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] }],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: { name: 'writer' },
        roleRef: role,
        subjects: [group],
      },
    ]);
    await until(async () => (await write()) === 201, { what: 'the permission' });
    expect(await cluster.request(path, { user: 'viewer' })).toMatchObject({ status: 403 });
  });

  test('knows its users by their groups, also one with an odd name', async () => {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    const who = (user: string) =>
      cluster.request('/apis/authentication.k8s.io/v1/selfsubjectreviews', { method: 'POST', body: review, user });
    const known = (username: string, group: string) => ({
      body: { status: { userInfo: { username, groups: expect.arrayContaining([group]) } } },
    });
    expect(await who('viewer')).toMatchObject(known('viewer', 'skymirror-viewers'));
    expect(await who('a,"b')).toMatchObject(known('a,"b', 'odd'));
    await expect(who('nobody')).rejects.toThrow('no user "nobody"; there are admin, skymirror, viewer');
  });

  test('applies a definition and, at once, an object of it', async () => {
    const thing = { apiVersion: 'test.skymirror.dev/v1', kind: 'Thing', metadata: { name: 'one' }, size: 3 };
    await cluster.apply([definition('things', 'Thing'), thing]);
    const path = '/apis/test.skymirror.dev/v1/namespaces/default/things/one';
    expect(await cluster.request(path)).toMatchObject({ status: 200, body: { size: 3 } });
  });

  test('refuses to apply what the server refuses, warns of, or does not know', async () => {
    await expect(cluster.apply([configMap('strict', { datas: {} })])).rejects.toThrow(/v1 ConfigMap strict.*datas/);
    const odd = definition('odds', 'Odd', { format: 'unheard-of' });
    await expect(cluster.apply([odd])).rejects.toThrow(/unrecognized format/);
    const unknown = { apiVersion: 'no.such/v1', kind: 'Group', metadata: { name: 'x' } };
    await expect(cluster.apply([unknown])).rejects.toThrow('apply its CustomResourceDefinition first');
    await expect(cluster.apply([{ kind: 'ConfigMap' }])).rejects.toThrow(
      /cannot apply {"kind":"ConfigMap"}.*apiVersion/s,
    );
    await expect(cluster.apply([configMap('x')], 'viewer')).rejects.toThrow(/as viewer: 403 .*cannot patch/);
  });

  test('writes a kubeconfig that kubectl understands, for its owner only', async () => {
    const path = cluster.kubeconfig('viewer');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(() => cluster.kubeconfig('nobody')).toThrow('no user "nobody"');
    const read = async (user: string): Promise<string> => {
      if (!kubectl) return JSON.stringify((await cluster.request('/api/v1/namespaces', { user })).body);
      const flags = ['--kubeconfig', cluster.kubeconfig(user), '--context', user, 'get', 'namespaces', '-o', 'json'];
      const { stdout } = await promisify(execFile)(kubectl, flags).catch((error) => ({ stdout: error.stderr }));
      return stdout;
    };
    expect(await read('admin')).toContain('"default"');
    expect(await read('viewer')).toMatch(/viewer.* cannot list/);
  });

  test('hands out its metrics', async () => {
    expect(await cluster.metrics()).toMatch(/^apiserver_request_total\{/m);
  });

  test('keeps its data when kube-apiserver is killed and restarted', { timeout: minutes }, async () => {
    await cluster.apply([configMap('before-kill')]);
    const before = cluster.pids();
    await cluster.kill();
    expect(isAlive(before.kubeApiserver)).toBe(false);
    await expect(cluster.request('/readyz')).rejects.toThrow();
    await cluster.restart();
    expect(cluster.pids().etcd).toBe(before.etcd);
    expect(cluster.pids().kubeApiserver).not.toBe(before.kubeApiserver);
    const path = '/api/v1/namespaces/default/configmaps/before-kill';
    expect(await cluster.request(path)).toMatchObject({ status: 200, body: { data: { a: 'b' } } });
  });

  test('keeps its data when etcd is killed and restarted', { timeout: minutes }, async () => {
    await cluster.apply([configMap('before-loss')]);
    const before = cluster.pids();
    await cluster.killEtcd();
    expect(isAlive(before.etcd)).toBe(false);
    await cluster.restart();
    expect(cluster.pids().kubeApiserver).toBe(before.kubeApiserver);
    const path = '/api/v1/namespaces/default/configmaps/before-loss';
    expect(await cluster.request(path)).toMatchObject({ status: 200, body: { data: { a: 'b' } } });
    await cluster.apply([configMap('after-loss')]);
  });
});

test('two clusters that start at once are two, and stopping leaves nothing of them', {
  timeout: 3 * minutes,
}, async () => {
  const clusters = await Promise.all([startKubernetes(), startKubernetes()]);
  const [one, two] = clusters;
  try {
    await one.apply([configMap('only-here')]);
    const path = '/api/v1/namespaces/default/configmaps/only-here';
    expect([(await one.request(path)).status, (await two.request(path)).status]).toEqual([200, 404]);
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  }
  for (const { folder, pids, stop } of clusters) {
    expect(existsSync(folder)).toBe(false);
    expect(Object.values(pids()).filter((pid) => isAlive(pid))).toEqual([]);
    await stop();
  }
});

test('tries other ports when one was taken meanwhile', { timeout: 3 * minutes }, async () => {
  const squatter = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
  const taken = (squatter.address() as AddressInfo).port;
  const asked: number[][] = [];
  const ports = async () => {
    const [first = 0, second = 0, third = 0] = await freePorts(3);
    asked.push(
      [
        [taken, second, third],
        [first, taken, third],
        [first, second, third],
      ][asked.length] ?? [],
    );
    return asked.at(-1) ?? [];
  };
  const lines: string[] = [];
  const cluster = await startKubernetes({ ports, progress: (line) => lines.push(line) });
  try {
    expect(asked).toHaveLength(3);
    expect(cluster.url).toBe(`https://127.0.0.1:${asked[2]?.[0]}`);
    expect(lines.filter((line) => line.includes('a port was taken'))).toHaveLength(2);
  } finally {
    await cluster.stop();
    squatter.close();
  }
});

test('says what kube-apiserver said when it does not start, and leaves nothing', { timeout: minutes }, async () => {
  const failed = startKubernetes({ extraApiserverFlags: ['--no-such-flag'] });
  await expect(failed).rejects.toThrow(/kube-apiserver ended before .*unknown flag: --no-such-flag/s);
});
