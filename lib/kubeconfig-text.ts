import { parse } from 'yaml';
import * as z from 'zod';
import type { Connection, TlsOptions } from './connection.ts';
import { eksSettingOf } from './exec-plugin.ts';
import { plainText } from './plain-text.ts';

const parts = z.record(z.string(), z.unknown());
const kubeconfig = z.looseObject({
  'current-context': z.string().nullish(),
  contexts: z.array(z.looseObject({ name: z.string(), context: parts.nullish() })).nullish(),
  clusters: z.array(z.looseObject({ name: z.string(), cluster: parts.nullish() })).nullish(),
  users: z.array(z.looseObject({ name: z.string(), user: parts.nullish() })).nullish(),
});

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));
const clusterParts = z.strictObject({
  server: z.url({ protocol: /^https$/ }),
  'certificate-authority-data': base64.optional(),
  'tls-server-name': z.string().optional(),
  'insecure-skip-tls-verify': z.boolean().optional(),
  'disable-compression': z.unknown().optional(),
  extensions: z.unknown().optional(),
});
const userParts = z.strictObject({
  token: z.string().optional(),
  'client-certificate-data': base64.optional(),
  'client-key-data': base64.optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  extensions: z.unknown().optional(),
});

/**
 * The way into a cluster by a kubeconfig that needs nothing beside itself: no file, no plugin, no proxy. Throws an Error that
 * says what it has too much or too little, and nothing of what is secret in it.
 */
export function connectionIn(text: string, context?: string): Connection {
  const file = readable(text);
  const wanted = context ?? file['current-context'] ?? '';
  if (wanted === '') throw new Error('it has no current context: give this cluster a "context" in the configuration');
  const place = file.contexts?.find(({ name }) => name === wanted)?.context;
  if (place == null) {
    // What the text itself says may be anything, the secret in the wrong place too.
    const which = context === undefined ? 'of the name that it says is current' : `"${plainText(context, 300)}"`;
    throw new Error(`it has no context ${which}`);
  }
  const cluster = checked('cluster', clusterParts, file.clusters?.find(({ name }) => name === place.cluster)?.cluster);
  const found = file.users?.find(({ name }) => name === place.user)?.user ?? {};
  if ('exec' in found) throw new Error(pluginText(found.exec, cluster.server));
  const user = checked('user', userParts, found);
  return {
    name: plainText(wanted, 300),
    server: new URL(cluster.server),
    tls: tlsOf(cluster, user),
    headers: async () => headersOf(user),
  };
}

function readable(text: string): z.infer<typeof kubeconfig> {
  let value: unknown;
  try {
    value = parse(text, { logLevel: 'error' });
  } catch {
    // The parser quotes what it cannot read, which may be a token: neither its words nor the error itself are kept.
    throw new Error('it is no YAML');
  }
  const { data } = kubeconfig.safeParse(value);
  if (data === undefined) throw new Error('it has not the form of a kubeconfig');
  return data;
}

/** All keys of a cluster or user ("kubeconfig (v1)", Kubernetes reference): any other may be a token that lost its own. */
const keysShown = new Set([
  ...Object.keys({ ...clusterParts.shape, ...userParts.shape }),
  ...['certificate-authority', 'proxy-url', 'client-certificate', 'client-key', 'tokenFile', 'exec', 'auth-provider'],
  ...['as', 'as-uid', 'as-groups', 'as-user-extra'],
]);

function checked<Schema extends z.ZodType>(what: string, schema: Schema, value: unknown): z.output<Schema> {
  if (value == null) throw new Error(`its context names no ${what} that is there`);
  const { data, error } = schema.safeParse(value);
  if (data !== undefined) return data;
  const [issue] = error?.issues ?? [];
  if (issue?.code === 'unrecognized_keys') {
    const keys = [...new Set(issue.keys.map((key) => (keysShown.has(key) ? key : 'an unknown key')))].join(', ');
    const rule =
      'a kubeconfig out of a secret has all in itself: certificate-authority-data, and a token, client-certificate-data with client-key-data, or username with password';
    throw new Error(`its ${what} has ${keys}, which is not possible here; ${rule}`);
  }
  throw new Error(`"${issue?.path.join('.')}" of its ${what} is missing or has not the right form`);
}

function pluginText(exec: unknown, server: string): string {
  const setting = eksSettingOf(exec, server);
  const mend =
    setting === undefined
      ? 'Put a token or a client certificate into it'
      : `Use this in its place, in the configuration: ${setting}`;
  return `it runs a credential plugin (exec), which is not possible here. ${mend}`;
}

function tlsOf(cluster: z.infer<typeof clusterParts>, user: z.infer<typeof userParts>): TlsOptions {
  const authority = cluster['certificate-authority-data'];
  const [cert, key] = [user['client-certificate-data'], user['client-key-data']];
  const servername = cluster['tls-server-name'];
  return {
    ...(authority === undefined ? {} : { ca: authority }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { rejectUnauthorized: false } : {}),
  };
}

function headersOf({ token, username, password }: z.infer<typeof userParts>): Record<string, string> {
  if (token !== undefined) return { Authorization: `Bearer ${token.trim()}` };
  if (username === undefined) return {};
  return { Authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` };
}
