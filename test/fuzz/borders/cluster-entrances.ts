import * as fc from 'fast-check';
import { ApiError } from '../../../lib/cluster.ts';
import type { Connection } from '../../../lib/connection.ts';
import { openEks } from '../../../lib/eks.ts';
import { openSecret } from '../../../lib/secret-kubeconfig.ts';
import { openTransport } from '../../../lib/transport.ts';
import type { Finding, Outcome } from '../attempt.ts';
import { answersOf, type Wrong, wrong } from '../aws-answers.ts';
import { setAwsKeys } from '../aws-keys.ts';
import { scope } from '../aws-valid.ts';
import { answered } from '../aws-wire.ts';
import { defineBorder } from '../border.ts';

const role = `arn:aws:iam::${scope.account}:role/enter`;
const secret = `arn:aws:secretsmanager:${scope.region}:${scope.account}:secret:cluster-AbCdEf`;
const parameter = `arn:aws:ssm:${scope.region}:${scope.account}:parameter/cluster`;

const { signal } = new AbortController();
const eks = { name: 'shop', region: scope.region };
const entrances: Readonly<Record<string, () => Promise<Connection>>> = {
  'by the identity at hand': () => openEks(eks, { signal }),
  'by a role': () => openEks({ ...eks, role, externalId: 'x1' }, { signal }),
  'by a secret': () => openSecret(secret, { signal }),
  'by a parameter': () => openSecret(parameter, { signal, context: 'main' }),
};

interface Input {
  readonly way: string;
  readonly wrongs: readonly Wrong[];
  readonly refused: boolean;
}

/** The ways into clusters that ask AWS: EKS and its tokens, kubeconfigs in Secrets Manager and SSM. */
export const clusterEntrances = defineBorder<Input>({
  name: 'EKS and secrets',
  arbitrary: fc.record({
    way: fc.constantFrom(...Object.keys(entrances)),
    wrongs: fc.array(
      wrong.map((one) => ({ ...one, request: one.request % 3 })),
      { minLength: 1, maxLength: 2 },
    ),
    refused: fc.boolean(),
  }),
  run({ way, wrongs, refused }) {
    setAwsKeys();
    return answered(
      answersOf(wrongs, () => {}),
      () => entered(entrances[way] ?? (() => Promise.reject(new Error(`no way ${way}`))), refused),
    );
  },
});

/** Opens the way, goes it where it leads to this machine, and asks for another where that one is refused. */
async function entered(open: () => Promise<Connection>, refused: boolean): Promise<Outcome> {
  const errors: unknown[] = [];
  const documented = (error: unknown) => {
    if (!(error instanceof ApiError) && !(error instanceof Error && ['Error', 'UnseenError'].includes(error.name)))
      throw error;
    errors.push(error);
    return undefined;
  };
  const connection = await open().catch(documented);
  if (connection === undefined) return { errors };
  const headers = await connection.headers().catch(documented);
  if (refused) await connection.renewed?.({ kind: 'refused', serverTime: Date.now() - 3_600_000 }).catch(documented);
  await connection.renewed?.({ kind: 'astray' }).catch(documented);
  if (connection.server.host === '127.0.0.1:1') {
    const transport = openTransport(connection, { connections: 1, deadline: 20 });
    await transport.request({ method: 'GET', path: '/version', signal }).catch(documented);
    await transport.close();
  }
  return { errors, said: [connection.name, connection.mend ?? ''], finding: oddConnection(connection, headers) };
}

function oddConnection({ server }: Connection, headers: Record<string, string> | undefined): Finding | undefined {
  if (server.protocol !== 'https:') return { kind: 'rules', what: `credentials would go to ${server}` };
  const sent = Object.keys(headers ?? {});
  return sent.every((name) => name === 'Authorization') ? undefined : { kind: 'rules', what: `headers: ${sent}` };
}
