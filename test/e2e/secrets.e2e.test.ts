import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { deny } from '../../dev/proxy-faults.ts';
import type { KubernetesCluster } from '../../lib/kubernetes-cluster.ts';
import { openClusters } from '../../lib/open-clusters.ts';
import { type Stack, startStack } from './stack.ts';
import { complaints } from './world.ts';

const region = 'us-east-1';
let stack: Stack;
let secrets: SecretsManagerClient;
let parameters: SSMClient;
let kubeconfig: string;
const opened: KubernetesCluster[] = [];
beforeAll(async () => {
  stack = await startStack();
  // Past the proxy, so that its policies and faults are for the code under test alone.
  const settings = { endpoint: stack.aws.motoEndpoint, region, credentials: stack.aws.baseKeys };
  secrets = new SecretsManagerClient(settings);
  parameters = new SSMClient(settings);
  kubeconfig = await readFile(stack.kubernetes.kubeconfig('skymirror'), 'utf8');
});
afterEach(() => {
  vi.useRealTimers();
  stack.aws.faults.clear();
});
afterAll(async () => {
  await Promise.all(opened.map((cluster) => cluster.close()));
  secrets?.destroy();
  parameters?.destroy();
  await stack?.stop();
});

const revoked = 'a-token-that-was-revoked';
/** Nothing listens on the port of tcpmux. */
const nowhere = 'https://127.0.0.1:1';
const withToken = (token: string) => kubeconfig.replace(stack.kubernetes.tokens.skymirror ?? '', token);

interface Store {
  readonly key: 'secret' | 'parameter';
  /** As the proxy records its reads. */
  readonly read: { readonly service: string; readonly action: string };
  create(name: string, text: string): Promise<string>;
  change(name: string, text: string): Promise<unknown>;
}

const stores: readonly Store[] = [
  {
    key: 'secret',
    read: { service: 'secretsmanager', action: 'GetSecretValue' },
    async create(name, text) {
      return (await secrets.send(new CreateSecretCommand({ Name: name, SecretString: text }))).ARN ?? '';
    },
    change: (name, text) => secrets.send(new PutSecretValueCommand({ SecretId: name, SecretString: text })),
  },
  {
    key: 'parameter',
    read: { service: 'ssm', action: 'GetParameter' },
    async create(name, text) {
      await parameters.send(new PutParameterCommand({ Name: `/${name}`, Value: text, Type: 'SecureString' }));
      return `arn:aws:ssm:${region}:${stack.aws.home}:parameter/${name}`;
    },
    change: (name, text) =>
      parameters.send(
        new PutParameterCommand({ Name: `/${name}`, Value: text, Type: 'SecureString', Overwrite: true }),
      ),
  },
];

async function enter(entry: Parameters<typeof openClusters>[0][string]): Promise<KubernetesCluster> {
  const cluster = (await openClusters({ here: entry }, ['here'], { signal: new AbortController().signal })).get('here');
  if (cluster === undefined) throw new Error('openClusters leaves none out');
  opened.push(cluster);
  return cluster;
}

describe.each(stores)('a kubeconfig in a $key', ({ key, read, create, change }) => {
  const reads = () => stack.aws.requests.count(read);

  test('lets a pass write', async () => {
    const world = await stack.world({ instances: ['orders'] });
    const cluster = await enter({ [key]: await create(`${key}-good`, kubeconfig) });
    const report = await world.pass({ clusters: [cluster] });
    expect(complaints(report)).toBe('');
    expect(report).toMatchObject({ ok: true, clusters: [{ counts: { created: 1 } }] });
  });

  test('is read again when the API server no longer takes it, and at most once a minute', async () => {
    const { namespace } = await stack.world();
    const name = `${key}-rotated`;
    const arn = await create(name, withToken(revoked));
    const cluster = await enter({ [key]: arn });
    const before = reads();
    const phase = () => cluster.namespacePhase(namespace, { signal: AbortSignal.timeout(60_000) });
    const failure = await phase().catch((error: unknown) => error);
    expect(String(failure)).toContain(
      `Unauthorized. Put a kubeconfig with a token or certificate that counts into ${arn}`,
    );
    expect(inspect(failure, { depth: 9 })).not.toContain(revoked);
    await change(name, kubeconfig);
    await expect(phase()).rejects.toThrow('Unauthorized');
    expect(reads()).toBe(before);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    expect(await Promise.all([phase(), phase()])).toEqual(['Active', 'Active']);
    expect(reads()).toBe(before + 1);
  });

  test('is read again when nothing listens where it says, because the API server may have moved', async () => {
    const { namespace } = await stack.world();
    const name = `${key}-moved`;
    const cluster = await enter({ [key]: await create(name, kubeconfig.replace(stack.kubernetes.url, nowhere)) });
    await change(name, kubeconfig);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    expect(await cluster.namespacePhase(namespace, { signal: AbortSignal.timeout(60_000) })).toBe('Active');
  });

  test('that was rotated to something broken is read again until it is mended', async () => {
    const { namespace } = await stack.world();
    const name = `${key}-broken-rotation`;
    const cluster = await enter({ [key]: await create(name, withToken(revoked)) });
    const phase = () => cluster.namespacePhase(namespace, { signal: AbortSignal.timeout(60_000) });
    await change(name, 'users: []');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    await expect(phase()).rejects.toThrow(
      /Unauthorized; the kubeconfig in .* cannot be used: it has no current context/,
    );
    await change(name, kubeconfig);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    expect(await phase()).toBe('Active');
  });

  test('is told by its ARN and what is wrong with it, and never by what it holds', async () => {
    const arn = await create(`${key}-broken`, `token: ${revoked}`);
    const failure = await (await enter({ [key]: arn }))
      .namespacePhase('x', { signal: AbortSignal.timeout(60_000) })
      .catch((error: unknown) => error);
    expect(String(failure)).toBe(
      `Error: cluster here: the kubeconfig in ${arn} cannot be used: it has no current context: give this cluster a "context" in the configuration`,
    );
    expect(inspect(failure, { depth: 9 })).not.toContain(revoked);
  });

  test('that may not be read is told with the permission that is missing', async () => {
    const arn = await create(`${key}-forbidden`, kubeconfig);
    stack.aws.faults.add({ when: read, do: deny() });
    const failure = (await enter({ [key]: arn })).namespacePhase('x', { signal: AbortSignal.timeout(60_000) });
    await expect(failure).rejects.toThrow(`cluster here: ${arn} cannot be read: AWS refused (AccessDenied`);
    await expect(failure).rejects.toThrow(key === 'secret' ? 'secretsmanager:GetSecretValue' : 'ssm:GetParameter');
  });

  test('that is not there is told by its ARN', async () => {
    const kind = key === 'secret' ? 'secretsmanager' : 'ssm';
    const arn = `arn:aws:${kind}:${region}:${stack.aws.home}:${key}${key === 'secret' ? ':' : '/'}none`;
    const failure = (await enter({ [key]: arn })).namespacePhase('x', { signal: AbortSignal.timeout(60_000) });
    await expect(failure).rejects.toThrow(`${arn} cannot be read: `);
  });
});

test('a secret may hold the kubeconfig as bytes', async () => {
  const { namespace } = await stack.world();
  const { ARN } = await secrets.send(new CreateSecretCommand({ Name: 'bytes', SecretBinary: Buffer.from(kubeconfig) }));
  const cluster = await enter({ secret: ARN });
  expect(await cluster.namespacePhase(namespace, { signal: AbortSignal.timeout(60_000) })).toBe('Active');
});
