import type { Connection } from './connection.ts';
import { connectionIn } from './kubeconfig-text.ts';
import { credentialsOf, requestHandler } from './sources/aws/credentials.ts';
import { explain, isRefusal } from './sources/aws/explain.ts';
import { unlessAborted } from './unless-aborted.ts';

/** What a kubeconfig out of a secret is read with. */
export interface SecretOptions {
  readonly signal: AbortSignal;
  /** Left out: the current one of the kubeconfig. */
  readonly context?: string | undefined;
}

/** Milliseconds between two reads, by the wall clock: a cluster that refuses for another reason must not cost a read each time. */
const readEvery = 60_000;

/**
 * The way into a cluster by the kubeconfig that a secret of Secrets Manager or a parameter of SSM holds. It is read again
 * when the API server no longer accepts it, or is no longer where it says: then it may have been rotated.
 */
export async function openSecret(arn: string, { signal, context }: SecretOptions): Promise<Connection> {
  let text = await unlessAborted(read(arn), signal);
  let readAt = Date.now();

  function connection(): Connection {
    const own = text;
    return {
      ...inside(arn, own, context),
      mend: `Put a kubeconfig with a token or certificate that counts into ${arn}; it is read again within a minute.`,
      async renewed() {
        const now = Date.now();
        if (Math.abs(now - readAt) >= readEvery) {
          readAt = now;
          text = await read(arn);
        }
        return text === own ? undefined : connection();
      },
    };
  }

  return connection();
}

function inside(arn: string, text: string, context: string | undefined): Connection {
  try {
    return connectionIn(text, context);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the kubeconfig in ${arn} cannot be used: ${reason}`, { cause: error });
  }
}

async function read(arn: string): Promise<string> {
  const region = arn.split(':')[3] ?? '';
  const settings = { region, credentials: credentialsOf({}, { region }), requestHandler, maxAttempts: 3 };
  const isParameter = arn.split(':')[2] === 'ssm';
  try {
    return (await (isParameter ? readParameter(arn, settings) : readSecret(arn, settings))) ?? '';
  } catch (error) {
    const action = isParameter ? 'ssm:GetParameter' : 'secretsmanager:GetSecretValue';
    const { message } = explain(error, action);
    const mend = isRefusal(error) ? ` (${action}, and kms:Decrypt where a key of yours encrypts it)` : '';
    // Without the error as the cause: of an answer that cannot be parsed its words quote a part, which may be the secret.
    throw new Error(`${arn} cannot be read: ${message}${mend}`);
  }
}

interface Settings {
  readonly region: string;
  readonly credentials: ReturnType<typeof credentialsOf>;
  readonly requestHandler: typeof requestHandler;
  readonly maxAttempts: number;
}

async function readSecret(arn: string, settings: Settings): Promise<string | undefined> {
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManagerClient(settings);
  try {
    const { SecretString, SecretBinary } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    return SecretString ?? (SecretBinary === undefined ? undefined : Buffer.from(SecretBinary).toString());
  } finally {
    client.destroy();
  }
}

async function readParameter(arn: string, settings: Settings): Promise<string | undefined> {
  const { GetParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  const client = new SSMClient(settings);
  try {
    const { Parameter } = await client.send(new GetParameterCommand({ Name: arn, WithDecryption: true }));
    return Parameter?.Value;
  } finally {
    client.destroy();
  }
}
