import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { ApiError } from '../../../lib/cluster.ts';
import type { Connection } from '../../../lib/connection.ts';
import { loadConnection } from '../../../lib/kubeconfig.ts';
import { connectionIn } from '../../../lib/kubeconfig-text.ts';
import { openTransport } from '../../../lib/transport.ts';
import type { Outcome } from '../attempt.ts';
import { defineBorder } from '../border.ts';
import { canary, canaryData } from '../canaries.ts';
import { damagedText, damagedYaml } from '../damage.ts';
import { hostileText } from '../hostile.ts';
import { ownFolder } from '../own-folder.ts';

const folder = ownFolder();
const file = join(folder, 'kubeconfig');
writeFileSync(join(folder, 'token'), canary);

/** Nobody listens there. */
const server = 'https://127.0.0.1:1';
const authority = Buffer.from('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n').toString('base64');
const context = [{ name: 'main', context: { cluster: 'c', user: 'u', namespace: 'n' } }];

const users: readonly object[] = [
  { token: canary },
  { tokenFile: 'token' },
  { username: 'admin', password: canary },
  { 'client-certificate-data': authority, 'client-key-data': canaryData },
  {
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'aws',
      args: ['eks', 'get-token'],
      env: [{ name: 'A', value: canary }],
    },
  },
  { 'auth-provider': { name: 'gcp', config: { 'access-token': canary } } },
];
const clusters: readonly object[] = [
  { server },
  { server, 'certificate-authority-data': authority, 'tls-server-name': 'kubernetes' },
  { server, 'insecure-skip-tls-verify': true },
  { server, 'proxy-url': `http://user:${encodeURIComponent(canary)}@proxy` },
  { server: `https://user:${encodeURIComponent(canary)}@127.0.0.1:1/path` },
];
const corpus = users.flatMap((user) =>
  clusters.map((cluster) => ({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'main',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: context,
  })),
);
const whole = corpus.map((one) => stringify(one));

/** What else may stand in a secret: the token alone, a key file, a kubeconfig that lost its line ends or its indents. */
const misplaced = fc.constantFrom(
  canary,
  `token: ${canary}`,
  `users: [{name: u, user: {${JSON.stringify(canary)}}}]\ncurrent-context: main\ncontexts: ${JSON.stringify(context)}\nclusters: [{name: c, cluster: {server: "${server}"}}]`,
  `current-context: ${canary}`,
  ...whole.map((text) => text.replaceAll('\n', ' ')),
  ...whole.map((text) => text.replaceAll(/^ +/gm, '')),
  ...whole.map((text) => JSON.stringify({ kubeconfig: text })),
);

/** Kubeconfigs: as a file, and as the text of a secret. What they hold that is secret comes into no message. */
export const kubeconfigs = defineBorder<{ readonly text: string; readonly wanted: string | undefined }>({
  name: 'kubeconfigs',
  arbitrary: fc.record({
    text: fc.oneof(
      { weight: 4, arbitrary: damagedYaml(corpus, 3) },
      { weight: 4, arbitrary: damagedText(fc.constantFrom(...whole)) },
      { weight: 1, arbitrary: misplaced },
    ),
    wanted: fc.option(fc.oneof(fc.constant('main'), hostileText), { freq: 4, nil: undefined }),
  }),
  async run({ text, wanted }) {
    const fromSecret = await entered(() => connectionIn(text, wanted));
    // What runs a program has a border of its own, and of a file people know the names of contexts.
    if (/exec|cmd-path|auth-provider/.test(text) || text.includes(`current-context: ${canary}`)) return fromSecret;
    writeFileSync(file, text);
    const choice = { kubeconfig: file, ...(wanted === undefined ? {} : { context: wanted }) };
    const fromFile = await entered(() => loadConnection(choice, 1_000));
    return { errors: [...(fromSecret.errors ?? []), ...(fromFile.errors ?? [])] };
  },
});

/** Opens a way in, and where it leads to this machine goes it: what the request throws is shown to people too. */
async function entered(open: () => Connection | Promise<Connection>): Promise<Outcome> {
  let connection: Connection;
  try {
    connection = await open();
  } catch (error) {
    if (error instanceof Error && error.name === 'Error') return { errors: [error] };
    throw error;
  }
  if (connection.server.host !== '127.0.0.1:1') return { said: [connection.name] };
  const transport = openTransport(connection, { connections: 1, deadline: 20 });
  try {
    await transport.request({ method: 'GET', path: '/version', signal: new AbortController().signal });
    return {};
  } catch (error) {
    if (error instanceof ApiError) return { errors: [error] };
    throw error;
  } finally {
    await transport.close();
  }
}
