import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { stringify } from 'yaml';
import { connectionTo, openClusters } from '../lib/open-clusters.ts';

const signal = new AbortController().signal;
type Clusters = Parameters<typeof openClusters>[0];

async function failureIn(clusters: Clusters, name = 'here'): Promise<unknown> {
  const cluster = (await openClusters(clusters, [name], { signal })).get(name);
  return cluster?.namespacePhase('x', { signal }).catch((error: unknown) => error);
}

describe('a function', () => {
  test.each<[string, Clusters[string], string]>([
    ['a kubeconfig', { kubeconfig: '/nowhere' }, 'a kubeconfig'],
    ['a context', { context: 'a' }, 'a kubeconfig'],
    ['the default', {}, 'a kubeconfig'],
    ['the cluster of its own pod', { inCluster: true }, 'inCluster'],
  ])('refuses %s, with what to use instead', async (_, entry, what) => {
    expect(await failureIn({ here: entry })).toMatchObject({
      message: `cluster here: ${what} does not work in a function, which has no such files. In the configuration, give this cluster "eks", or "secret" or "parameter" with a kubeconfig in it`,
    });
  });

  test('loads neither client-node nor the client of EKS where an EKS cluster is configured in full', async () => {
    const library = JSON.stringify(new URL('../lib/open-clusters.ts', import.meta.url).href);
    const eks = { name: 'a', region: 'us-east-1', endpoint: 'https://a.example', certificateAuthority: 'YQ==' };
    const program = `
      import { registerHooks } from 'node:module';
      const loaded = [];
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
      const { openClusters } = await import(${library});
      const opened = await openClusters({ a: { eks: ${JSON.stringify(eks)} } }, ['a'], { signal: new AbortController().signal });
      console.log(JSON.stringify({ isOpen: !('isUnusable' in opened.get('a')), loaded }));`;
    const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      env: { ...process.env, ...keys },
      maxBuffer: 64 * 1024 * 1024,
    });
    const { isOpen, loaded } = JSON.parse(stdout) as { isOpen: boolean; loaded: string[] };
    expect(isOpen).toBe(true);
    expect(loaded.some((url) => url.endsWith('/lib/eks.ts'))).toBe(true);
    expect(loaded.filter((url) => /client-node|client-eks|client-ssm|client-secrets|\/yaml\//.test(url))).toEqual([]);
  });
});

test('an interruption ends the wait for a cluster', async () => {
  const stop = new AbortController();
  stop.abort(new Error('interrupted'));
  const eks = { name: 'a', region: 'us-east-1', endpoint: 'https://x.example', certificateAuthority: 'YQ==' };
  const opened = await openClusters({ here: { eks } }, ['here'], { signal: stop.signal });
  await expect(opened.get('here')?.namespacePhase('x', { signal })).rejects.toThrow('cluster here: interrupted');
});

describe('beside its configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'skymirror-open-'));
  beforeAll(() => {
    const servers = ['first', 'second'];
    const kubeconfig = {
      'current-context': 'first',
      clusters: servers.map((name) => ({ name, cluster: { server: `https://${name}.example` } })),
      users: [{ name: 'anyone', user: {} }],
      contexts: servers.map((name) => ({ name, context: { cluster: name, user: 'anyone' } })),
    };
    writeFileSync(join(folder, 'clusters'), stringify(kubeconfig), { mode: 0o600 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const serverOf = async (entry: Clusters[string]) => {
    vi.stubEnv('HOME', folder);
    vi.stubEnv('KUBECONFIG', join(folder, 'clusters'));
    vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined);
    return (await connectionTo({ here: entry }, 'here', { signal, folder })).server.hostname;
  };

  test.each<[string, Clusters[string], string]>([
    ['as kubectl finds it, where nothing is said', {}, 'first.example'],
    ['by a path from the folder of the configuration', { kubeconfig: 'clusters' }, 'first.example'],
    ['by a path from home', { kubeconfig: '~/clusters' }, 'first.example'],
    ['by its context', { context: 'second' }, 'second.example'],
    ['by both', { kubeconfig: './clusters', context: 'second' }, 'second.example'],
  ])('a cluster is found %s', async (_, entry, server) => {
    expect(await serverOf(entry)).toBe(server);
  });

  test('the cluster of the own pod is not looked for in a kubeconfig', async () => {
    await expect(serverOf({ inCluster: true })).rejects.toThrow('this process runs in no pod');
  });
});
