import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { stringify } from 'yaml';
import type { Aws } from './aws.ts';
import type { Kubernetes } from './kubernetes.ts';

/**
 * Writes a skymirror.yaml for functions in the emulated AWS: the local cluster, whose kubeconfig is put into a secret;
 * its own account, read by the stack's role; the other one, read by the role that it has. Gives its path.
 */
export async function writeConfiguration({
  aws,
  kubernetes,
  folder,
  change,
}: {
  readonly aws: Aws;
  readonly kubernetes: Kubernetes;
  readonly folder: string;
  readonly change: Readonly<Record<string, unknown>>;
}): Promise<string> {
  const secret = await keep(aws, await readFile(kubernetes.kubeconfig('skymirror'), 'utf8'));
  const others = aws.accounts.filter((id) => id !== aws.home);
  const accounts = Object.fromEntries(
    others.map((id, index) => [`other-${index + 1}`, { id, role: aws.roleArn(id), externalId: aws.externalId }]),
  );
  const configuration = {
    clusters: { local: { secret } },
    accounts: { home: { id: aws.home }, ...accounts },
    mirrors: [
      {
        name: 'production',
        namespace: 'external',
        accounts: ['home', ...Object.keys(accounts)],
        regions: aws.regions,
        sources: ['RDSInstance', 'RDSCluster', 'SQSQueue'],
      },
    ],
    ...change,
  };
  const path = join(folder, 'skymirror.yaml');
  await writeFile(path, stringify(configuration));
  return path;
}

async function keep(aws: Aws, SecretString: string): Promise<string> {
  const credentials = aws.administrator(aws.home);
  const client = new SecretsManagerClient({ endpoint: aws.motoEndpoint, region: 'us-east-1', credentials });
  try {
    const made = await client.send(new CreateSecretCommand({ Name: `skymirror/local-${Date.now()}`, SecretString }));
    return made.ARN ?? '';
  } finally {
    client.destroy();
  }
}
