import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type KubernetesBinaries, provideKubernetes } from './binaries.ts';
import { type Guard, guard } from './guardian.ts';
import { createKubernetesClient, type KubernetesClient } from './kubernetes-client.ts';
import { apiserverServer, etcdServer, freePorts, PortTaken } from './kubernetes-servers.ts';
import { secretMark } from './secret-mark.ts';
import { until } from './until.ts';

/** What to add to the usual cluster of tests and demo. */
export interface KubernetesOptions {
  extraApiserverFlags?: string[];
  /** Names of more users, each with its groups. */
  extraUsers?: Record<string, string[]>;
  /** URL that is asked by a TokenReview about each token that is none of a user's. */
  tokenWebhook?: string;
  /** Whether etcd has each write on the disk before it answers, as it is run in earnest; it is faster without. */
  syncToDisk?: boolean;
  progress?: (line: string) => void;
  /** Three ports of 127.0.0.1, asked for again when one turns out to be taken; free ones when left out. */
  ports?: () => Promise<number[]>;
}

/** A running Kubernetes API: etcd and kube-apiserver, no controllers, so no garbage collection and no pods. */
export interface Kubernetes extends Omit<KubernetesClient, 'close'> {
  url: string;
  /** PEM. */
  readonly certificateAuthority: string;
  /** Holds the data, the logs, and everything else of this cluster. */
  folder: string;
  /** By user: `admin` may do everything, `skymirror` and `viewer` what RBAC objects allow their groups. */
  tokens: Record<string, string>;
  /** Path of a file, readable by its owner only, whose one context is named after the user. */
  kubeconfig(user: string): string;
  /** Process ids, also of a process that was killed. */
  pids(): { kubeApiserver: number; etcd: number };
  /** SIGKILL to kube-apiserver. */
  kill(): Promise<void>;
  /** SIGKILL to etcd. */
  killEtcd(): Promise<void>;
  /** Starts what was killed, on the same data and ports, and waits until it is ready. */
  restart(): Promise<void>;
  /** Starts kube-apiserver anew with another certificate of another authority; the kubeconfigs then hold the new one. */
  rotateCertificate(): Promise<void>;
  /** Ends both and removes the folder; a second call does nothing. */
  stop(): Promise<void>;
}

interface Setup {
  owner: Guard;
  folder: string;
  binaries: KubernetesBinaries;
  tokens: Record<string, string>;
  extraFlags: string[];
  syncToDisk: boolean;
}

/** Starts a Kubernetes API that ends with this process; `stop` it to be rid of it sooner. */
export async function startKubernetes(options: KubernetesOptions = {}): Promise<Kubernetes> {
  const {
    extraUsers,
    extraApiserverFlags = [],
    tokenWebhook,
    syncToDisk = false,
    progress = () => {},
    ports = () => freePorts(3),
  } = options;
  const binaries = await provideKubernetes(progress);
  const began = performance.now();
  const owner = guard();
  const folder = mkdtempSync(join(tmpdir(), 'skymirror-kubernetes-'));
  owner.folder(folder);
  const groups = {
    admin: ['system:masters'],
    skymirror: ['skymirror-writers'],
    viewer: ['skymirror-viewers'],
    ...extraUsers,
  };
  try {
    const tokens = await writeSecrets(folder, groups);
    const webhookFlags = tokenWebhook === undefined ? [] : await writeWebhook(folder, tokenWebhook);
    const extraFlags = [...extraApiserverFlags, ...webhookFlags];
    const setup = { owner, folder, binaries, tokens, extraFlags, syncToDisk };
    const kubernetes = await startAnywhere(setup, ports, progress);
    progress(`kubernetes: ready at ${kubernetes.url} after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return kubernetes;
  } catch (error) {
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    owner.release();
    throw error;
  }
}

async function startAnywhere(
  setup: Setup,
  ports: () => Promise<number[]>,
  progress: (line: string) => void,
): Promise<Kubernetes> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startAt(setup, await ports());
    } catch (error) {
      if (!(error instanceof PortTaken) || attempt === 3) throw error;
      progress('kubernetes: a port was taken meanwhile; trying others');
    }
  }
}

async function startAt(setup: Setup, [port = 0, etcdPort = 0, peerPort = 0]: number[]): Promise<Kubernetes> {
  const { owner, folder, binaries, tokens, extraFlags, syncToDisk } = setup;
  const etcd = etcdServer(owner, binaries.etcd, { folder, client: etcdPort, peer: peerPort, syncToDisk });
  const files = { folder, tokensFile: join(folder, 'tokens.csv'), keyFile: join(folder, 'service-account.key') };
  const apiserver = apiserverServer(owner, binaries.kubeApiserver, { port, etcdPort, extraFlags, ...files });
  const url = `https://127.0.0.1:${port}`;
  let client: KubernetesClient | undefined;
  const kill = async () => {
    await Promise.all([etcd.kill(), apiserver.kill(), client?.close()]);
  };
  /** Starts what does not run, trusting the certificate that is there then. */
  const start = async () => {
    await etcd.start();
    await apiserver.start();
    const certificateAuthority = await apiserver.certificate();
    await client?.close();
    const started = createKubernetesClient(url, certificateAuthority, tokens);
    client = started;
    await apiserver.until(() => serves(started), 'the readiness of kube-apiserver');
    await writeKubeconfigs(folder, url, certificateAuthority, tokens);
    return { ...started, certificateAuthority };
  };
  try {
    let current = await start();
    const restart = () =>
      patiently(async () => {
        current = await start();
      });
    let stopped: Promise<void> | undefined;
    return {
      url,
      get certificateAuthority() {
        return current.certificateAuthority;
      },
      folder,
      tokens,
      request: (...asked) => current.request(...asked),
      apply: (...asked) => current.apply(...asked),
      metrics: () => current.metrics(),
      kubeconfig(user) {
        if (!tokens[user])
          throw new Error(`kubernetes: no user "${user}"; there are ${Object.keys(tokens).join(', ')}`);
        return kubeconfigPath(folder, user);
      },
      pids: () => ({ kubeApiserver: apiserver.pid(), etcd: etcd.pid() }),
      kill: apiserver.kill,
      killEtcd: etcd.kill,
      restart,
      async rotateCertificate() {
        await apiserver.kill();
        await apiserver.forgetCertificate();
        await restart();
      },
      stop() {
        stopped ??= kill()
          .then(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))
          .then(() => owner.release());
        return stopped;
      },
    };
  } catch (error) {
    await kill();
    throw error;
  }
}

async function serves({ request }: KubernetesClient): Promise<boolean> {
  try {
    const answers = await Promise.all([request('/readyz'), request('/api/v1/namespaces/default')]);
    return answers.every(({ status }) => status === 200);
  } catch {
    return false;
  }
}

/** While a server was down its port may have served as the near end of somebody's connection, which passes. */
async function patiently(start: () => Promise<void>): Promise<void> {
  const attempt = async () => {
    try {
      await start();
      return true;
    } catch (error) {
      if (error instanceof PortTaken) return false;
      throw error;
    }
  };
  await until(attempt, { what: 'a restart on the same port', interval: 500 });
}

async function writeSecrets(folder: string, groups: Record<string, string[]>): Promise<Record<string, string>> {
  const tokens = Object.fromEntries(
    Object.keys(groups).map((user) => [user, `${secretMark}${randomBytes(16).toString('hex')}`]),
  );
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const lines = Object.entries(groups).map(([user, of]) =>
    [tokens[user] ?? '', user, user, of.join(',')].map(quoted).join(','),
  );
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  await writeFile(join(folder, 'tokens.csv'), `${lines.join('\n')}\n`, { mode: 0o600 });
  await writeFile(join(folder, 'service-account.key'), privateKey, { mode: 0o600 });
  return tokens;
}

/** Answers are not kept for minutes, as is the default; kube-apiserver itself still keeps those that let in, for ten seconds. */
async function writeWebhook(folder: string, server: string): Promise<string[]> {
  const file = join(folder, 'token-webhook.kubeconfig');
  const clusters = [{ name: 'webhook', cluster: { server } }];
  const contexts = [{ name: 'webhook', context: { cluster: 'webhook', user: '' } }];
  const kubeconfig = { apiVersion: 'v1', kind: 'Config', clusters, contexts, 'current-context': 'webhook' };
  await writeFile(file, stringify(kubeconfig), { mode: 0o600 });
  return [
    `--authentication-token-webhook-config-file=${file}`,
    '--authentication-token-webhook-version=v1',
    '--authentication-token-webhook-cache-ttl=0s',
  ];
}

async function writeKubeconfigs(folder: string, url: string, authority: string, tokens: Record<string, string>) {
  const cluster = { server: url, 'certificate-authority-data': Buffer.from(authority).toString('base64') };
  for (const [user, token] of Object.entries(tokens)) {
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'skymirror', cluster }],
      users: [{ name: user, user: { token } }],
      contexts: [{ name: user, context: { cluster: 'skymirror', user } }],
      'current-context': user,
    };
    await writeFile(kubeconfigPath(folder, user), stringify(kubeconfig), { mode: 0o600 });
  }
}

const kubeconfigPath = (folder: string, user: string) => join(folder, `${encodeURIComponent(user)}.kubeconfig`);
