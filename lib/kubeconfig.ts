import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import * as z from 'zod';
import type { Connection } from './connection.ts';
import { kubeconfigForm } from './kubeconfig-form.ts';
import { plainText } from './plain-text.ts';

export type { Connection } from './connection.ts';

/** Which cluster to talk to. Left out: the default files and their current context, as kubectl does. */
export interface ClusterChoice {
  readonly kubeconfig?: string;
  readonly context?: string;
  /** The cluster of the pod that this process runs in, by its service account. */
  readonly inCluster?: boolean;
}

/** Where a pod finds its token; without one, client-node would try http://localhost:8080. */
const serviceAccountToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';

const formless = 'it has not the form of a kubeconfig';

/**
 * Reads a kubeconfig by client-node's rules; `patience`: milliseconds that a credential plugin gets for each answer, and
 * `signal` ends the wait for the first. Throws an Error that says which file or context is missing.
 */
export async function loadConnection(
  choice: ClusterChoice = {},
  patience = 30_000,
  signal?: AbortSignal,
): Promise<Connection> {
  const config = new KubeConfig();
  load(config, choice);
  if (choice.context !== undefined) selectContext(config, choice.context);
  const cluster = config.getCurrentCluster();
  const context = config.getCurrentContext();
  if (!context) {
    const mend = 'Choose one with "kubectl config use-context", or name it';
    throw refusal(`it has no current context. ${mend}; it has: ${contextNames(config)}`);
  }
  if (cluster === null) {
    throw refusal(`context "${context}" names no cluster. Choose one of: ${contextNames(config)}`);
  }
  if (cluster.proxyUrl !== undefined && cluster.proxyUrl !== '') {
    throw refusal(`cluster "${cluster.name}" has a proxy-url, which skymirror does not support. Remove it`);
  }
  const server = URL.parse(cluster.server);
  if (server === null || !/^https?:$/.test(server.protocol)) {
    // A URL may hold a password.
    const shown = cluster.server.replace(/^.*@/s, '…@');
    throw refusal(`cluster "${cluster.name}" has the server "${shown}", which is no https URL`);
  }
  const first = await security(config, patience, signal);
  return {
    name: plainText(context, 300),
    server,
    tls: {
      ...(first.ca === undefined ? {} : { ca: first.ca }),
      ...(first.cert === undefined ? {} : { cert: first.cert }),
      ...(first.key === undefined ? {} : { key: first.key }),
      ...(first.servername === undefined ? {} : { servername: first.servername }),
      ...(first.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: first.rejectUnauthorized }),
    },
    headers: async () => (await security(config, patience)).headers,
  };
}

function load(config: KubeConfig, choice: ClusterChoice): void {
  if (choice.inCluster === true) {
    loadFromPod(config);
    return;
  }
  const files = choice.kubeconfig === undefined ? defaultFiles() : [choice.kubeconfig];
  const inPod = process.env.KUBERNETES_SERVICE_HOST !== undefined && existsSync(serviceAccountToken);
  const inCluster = inPod && choice.kubeconfig === undefined;
  // As kubectl does: of a list, what is not there is passed over.
  const existing = files.filter((file) => existsSync(file));
  if (!inCluster && existing.length === 0) {
    throw new Error(`no kubeconfig: looked for ${files.join(', ')}. Set KUBECONFIG or name a file that exists`);
  }
  try {
    if (existing.length === 0) config.loadFromCluster();
    for (const [index, file] of existing.entries()) {
      const part = index === 0 ? config : new KubeConfig();
      part.loadFromFile(file);
      checkForm(part, file);
      if (part !== config) addPart(config, part);
    }
  } catch (error) {
    const what = `kubeconfig ${existing.join(', ')} cannot be read`;
    // What client-node trips over where a text is no text.
    if (error instanceof TypeError) throw new Error(plainText(`${what}: ${formless}`));
    throw failure(what, error);
  }
}

/**
 * As kubectl merges: of the current context and of each name the first file that has it is right (Kubernetes documentation,
 * "Organizing Cluster Access Using kubeconfig Files"). client-node's own merge takes the last context, and throws on a name.
 */
function addPart(config: KubeConfig, part: KubeConfig): void {
  const unknown = (known: readonly { readonly name: string }[]) => (one: { readonly name: string }) =>
    known.every(({ name }) => name !== one.name);
  config.clusters = [...config.clusters, ...part.clusters.filter(unknown(config.clusters))];
  config.users = [...config.users, ...part.users.filter(unknown(config.users))];
  config.contexts = [...config.contexts, ...part.contexts.filter(unknown(config.contexts))];
  if (!config.currentContext) config.currentContext = part.currentContext;
}

function loadFromPod(config: KubeConfig): void {
  if (process.env.KUBERNETES_SERVICE_HOST === undefined || !existsSync(serviceAccountToken)) {
    throw new Error(
      `this process runs in no pod: KUBERNETES_SERVICE_HOST or ${serviceAccountToken} is missing. Name a kubeconfig instead of inCluster, or mount the service account's token`,
    );
  }
  config.loadFromCluster();
}

/**
 * Throws where it has not the form of a kubeconfig, and uses token files: kubectl calls the field `tokenFile`; client-node
 * 2.0.1 knows it under another name and would send no token.
 */
function checkForm(config: KubeConfig, file: string): void {
  const { users } = kubeconfigForm.parse(parse(readFileSync(file, 'utf8'), { logLevel: 'error' }));
  for (const { name, user } of users ?? []) {
    if (user?.tokenFile == null || user.token != null) continue;
    const authProvider = { name: 'tokenFile', config: { tokenFile: resolve(dirname(file), user.tokenFile) } };
    config.users = config.users.map((known) => (known.name === name ? { ...known, authProvider } : known));
  }
}

function selectContext(config: KubeConfig, context: string): void {
  if (config.getContextObject(context) === null) {
    throw refusal(`no context "${context}". It has: ${contextNames(config)}`);
  }
  config.setCurrentContext(context);
}

function defaultFiles(): string[] {
  const named = (process.env.KUBECONFIG ?? '').split(delimiter).filter((file) => file !== '');
  return named.length > 0 ? named : [join(homedir(), '.kube', 'config')];
}

function contextNames(config: KubeConfig): string {
  return (
    config
      .getContexts()
      .map(({ name }) => name)
      .join(', ') || 'none'
  );
}

interface Security {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  servername?: string;
  rejectUnauthorized?: boolean;
  auth?: string;
  headers: Record<string, string>;
}

async function security(config: KubeConfig, patience: number, signal?: AbortSignal): Promise<Security> {
  const options: Security = { headers: {} };
  const context = config.getCurrentContext();
  const answered = new AbortController();
  const end = AbortSignal.any([answered.signal, ...(signal === undefined ? [] : [signal])]);
  const silence = sleep(patience, undefined, { signal: end }).then(() => {
    const said = `the credential plugin of context "${context}" did not answer within ${patience / 1000} s`;
    throw refusal(`${said}. Run it by hand: does it wait for a login?`);
  });
  const applied = config.applyToHTTPSOptions(options).catch((error: unknown) => {
    throw failure(`kubeconfig: the credentials of context "${context}" do not work`, error);
  });
  try {
    await Promise.race([applied, silence]);
  } finally {
    answered.abort();
  }
  if (options.auth !== undefined) {
    options.headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return options;
}

/** A file may be anybody's: what it is named after, and what it names, is shown as plain text. */
function refusal(said: string): Error {
  return new Error(plainText(`kubeconfig: ${said}`));
}

/** The reason in words. What a parser quotes may be a token: it is left out, and so is the error itself as the cause. */
function failure(said: string, error: unknown): Error {
  const what = plainText(said);
  if (!(error instanceof Error)) return new Error(`${what}: ${error}`);
  if (error.name === 'SyntaxError') return new Error(`${what}: the credential plugin did not answer with JSON`);
  // What client-node trips over where the answer has no "status".
  if (error.name === 'TypeError') return new Error(`${what}: the credential plugin answered without credentials`);
  if (error instanceof z.ZodError) return new Error(`${what}: ${formless}`);
  if (/^YAML|^ReferenceError$/.test(error.name)) return new Error(`${what}: ${withoutQuotes(error.message)}`);
  return new Error(plainText(`${what}: ${error.message}`), { cause: error });
}

/** Of a YAML error the reason and the place: `unidentified alias "…" (1:5)` and an excerpt become `unidentified alias (1:5)`. */
function withoutQuotes(message: string): string {
  const [line = ''] = message.split('\n', 1);
  return line.replace(/(?:: | ?"| ?!<).*?(?=(?: \(\d+:\d+\)| at line \d+, column \d+:)?$)/, '').replace(/:$/, '');
}
