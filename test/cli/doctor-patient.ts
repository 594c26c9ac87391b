import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect } from 'vitest';
import type { Check, CheckState } from '../../cli/doctor-check.ts';
import { type Aws, type Keys, startAws } from '../../dev/aws.ts';
import { createInstance } from '../../dev/estate.ts';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { configFolder, runCli } from './cli.ts';

/** The kinds that the patient's configuration names. */
export const kinds = ['RDSInstance', 'RDSCluster', 'SQSQueue'];

/** How a configuration differs from the usual one. */
export interface Wish {
  readonly user?: string;
  readonly account?: object;
  readonly more?: object;
  readonly mirror?: object;
}

/** What `skymirror doctor` came to, for programs and for people. */
export interface Diagnosis {
  readonly code: number | null;
  readonly checks: readonly Check[];
  readonly text: string;
}

/** A cluster and an AWS in which all is there, with what tests of the doctor do to either. */
export interface Patient {
  readonly kubernetes: Kubernetes;
  readonly aws: Aws;
  readonly file: string;
  configure(wish?: Wish): Promise<void>;
  install(): Promise<unknown>;
  examine(keys?: Keys): Promise<Diagnosis>;
  stop(): Promise<void>;
}

/** Starts both sides. The user `nobody` has no rights in the cluster. */
export async function startPatient(): Promise<Patient> {
  const [kubernetes, aws] = await Promise.all([
    startKubernetes({ extraUsers: { nobody: [] } }),
    startAws({ seed: false }),
  ]);
  const place = await configFolder({});
  const usual = { name: 'one', sources: kinds, accounts: ['main'], regions: ['us-east-1'], namespace: 'external' };
  const patient: Patient = {
    kubernetes,
    aws,
    file: place.file,
    async configure({ user = 'admin', account = {}, more = {}, mirror = {} } = {}) {
      const clusters = { here: { kubeconfig: kubernetes.kubeconfig(user) } };
      const accounts = { main: { id: aws.home, ...account } };
      await place.write({ clusters, accounts, mirrors: [{ ...usual, ...mirror }], ...more });
    },
    install: () => runCli(['crds', '--all', '--install', '--config', place.file]),
    async examine(keys) {
      const own = {
        AWS_ACCESS_KEY_ID: keys?.accessKeyId,
        AWS_SECRET_ACCESS_KEY: keys?.secretAccessKey,
        AWS_SESSION_TOKEN: keys?.sessionToken,
      };
      const env = { ...aws.environment(), ...(keys === undefined ? {} : own) };
      const json = await runCli(['doctor', '--config', place.file, '-o', 'json'], { env });
      const { stdout, code } = await runCli(['doctor', '--config', place.file], { env });
      expect({ code: json.code, stderr: json.stderr }).toEqual({ code, stderr: '' });
      return { code, checks: JSON.parse(json.stdout) as Check[], text: stdout };
    },
    async stop() {
      await Promise.all([kubernetes.stop(), aws.stop(), place.remove()]);
    },
  };
  try {
    await Promise.all(aws.regions.map((region) => createOrders(aws, region)));
    await patient.configure();
    await patient.install();
    await kubernetes.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'external' } }]);
    return patient;
  } catch (error) {
    await patient.stop();
    throw error;
  }
}

/** A database, and in one region a queue, because a `get` is tried with something that is listed. */
async function createOrders(aws: Aws, region: string): Promise<void> {
  await createInstance(aws, {
    account: aws.home,
    region,
    identifier: 'orders',
    engine: 'postgres',
    engineVersion: '17.4',
    instanceClass: 'db.t4g.medium',
    storage: 20,
    multiAz: false,
    encrypted: true,
    tags: {},
  });
  if (region !== 'us-east-1') return;
  const client = new SQSClient({ endpoint: aws.motoEndpoint, region, credentials: aws.baseKeys });
  await client.send(new CreateQueueCommand({ QueueName: 'orders' }));
  client.destroy();
}

/** The checks that are in one of these states. */
export function bad(checks: readonly Check[], ...states: CheckState[]): Check[] {
  return checks.filter(({ state }) => states.includes(state));
}
