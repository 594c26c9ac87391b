import { CreateClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { vi } from 'vitest';
import type { Aws } from '../../dev/aws.ts';
import { createIdentities } from '../../dev/aws-identities.ts';
import { type EksClusters, startEksClusters } from '../../dev/eks-clusters.ts';
import { type EksVerifier, startEksVerifier } from '../../dev/eks-verifier.ts';
import { rewrite } from '../../dev/proxy-faults.ts';
import { element } from '../../dev/proxy-request.ts';
import type { Configuration } from '../../lib/configuration.ts';
import type { KubernetesCluster } from '../../lib/kubernetes-cluster.ts';
import { openClusters } from '../../lib/open-clusters.ts';
import { writerGroup } from '../../lib/rbac.ts';
import { allowWriter, type Stack, startStack } from './stack.ts';

/** Name and region of the emulated cluster. */
export const production = { name: 'production', region: 'us-east-1' };

type Eks = Configuration['clusters'][string]['eks'];

/** A stack whose cluster is an EKS cluster to whoever asks AWS, and checks tokens as EKS does. */
export interface EksStack extends Stack {
  readonly verifier: EksVerifier;
  readonly clusters: EksClusters;
  /** The role that has an access entry; it asks for the external id of the stack. */
  readonly role: string;
  /** Opens the cluster as a function does; closed with the stack. */
  enter(eks?: Eks, options?: { clusterRole?: string }): Promise<KubernetesCluster>;
  /** Where the cluster is, as a configuration says it. */
  place(): { endpoint: string; certificateAuthority: string };
  /** How far AWS's clock is ahead of the true one, in milliseconds; this process has its own by fake timers. */
  shiftAws(milliseconds: number): void;
}

/** Starts the stack with one cluster in the home account. */
export async function startEks(): Promise<EksStack> {
  let shift = 0;
  const trueNow = () => performance.timeOrigin + performance.now() + shift;
  const verifier = await startEksVerifier({ cluster: production.name, region: production.region, now: trueNow });
  const stack = await startStack({ kubernetes: { tokenWebhook: verifier.url } });
  const { aws, kubernetes } = stack;
  const clusters = await startEksClusters(aws.motoEndpoint);
  process.env.AWS_ENDPOINT_URL_EKS = clusters.endpoint;
  const role = aws.roleArn(aws.home);
  verifier.learn(aws.baseKeys, `arn:aws:iam::${aws.home}:user/skymirror-dev`);
  verifier.admit(role, [writerGroup]);
  // As AWS would, the verifier knows the keys that STS gives out, and until when they count.
  const learn = rewrite((xml) => {
    const text = (name: string) => (element(xml, name) ?? '').replaceAll('&amp;', '&');
    const keys = {
      accessKeyId: text('AccessKeyId'),
      secretAccessKey: text('SecretAccessKey'),
      sessionToken: text('SessionToken'),
    };
    const ends = new Date(Date.parse(text('Expiration')) + shift);
    verifier.learn(keys, text('Arn'), ends.getTime());
    return xml.replace(text('Expiration'), ends.toISOString());
  });
  aws.faults.add({ when: { service: 'sts', action: 'AssumeRole' }, do: learn });
  const place = () => ({
    endpoint: kubernetes.url,
    certificateAuthority: Buffer.from(kubernetes.certificateAuthority).toString('base64'),
  });
  await createCluster(aws, role);
  await allowWriter(kubernetes, 'default');
  clusters.place(production.name, { endpoint: kubernetes.url, certificateAuthority: kubernetes.certificateAuthority });
  const opened: KubernetesCluster[] = [];
  return {
    ...stack,
    verifier,
    clusters,
    role,
    place,
    async enter(eks = { ...production, role, externalId: aws.externalId }, options = {}) {
      const signal = new AbortController().signal;
      const found = await openClusters({ here: { eks } }, ['here'], { signal, ...options });
      const cluster = found.get('here');
      if (cluster === undefined) throw new Error('openClusters leaves none out');
      opened.push(cluster);
      return cluster;
    },
    shiftAws(milliseconds) {
      shift = milliseconds;
    },
    async stop() {
      vi.useRealTimers();
      await Promise.all(opened.map((cluster) => cluster.close()));
      await Promise.all([stack.stop(), verifier.stop(), clusters.stop()]);
    },
  };
}

async function createCluster({ motoEndpoint: endpoint, home }: Aws, roleArn: string): Promise<void> {
  const { keys: credentials } = await createIdentities(endpoint).assumeRole(home, 'administrator');
  const client = new EKSClient({ endpoint, region: production.region, credentials });
  const network = { subnetIds: ['subnet-1', 'subnet-2'], securityGroupIds: ['sg-1'] };
  await client.send(new CreateClusterCommand({ name: production.name, roleArn, resourcesVpcConfig: network }));
  client.destroy();
}
