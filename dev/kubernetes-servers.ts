import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { basename, join } from 'node:path';
import { request } from 'undici';
import { type Guard, type Launched, launch } from './guardian.ts';
import { until } from './until.ts';

/** A program that can be killed and started again on the same data and ports. */
export interface Server {
  pid(): number;
  /** Starts it unless it runs, and waits until it listens. Throws `PortTaken` when it cannot. */
  start(): Promise<void>;
  /** Asks until the answer is truthy, or throws the end of the log when the program ends first. */
  until(condition: () => Promise<boolean> | boolean, what: string): Promise<void>;
  kill(): Promise<void>;
}

/** Another program was faster; other ports, or the same ones a little later, may do. */
export class PortTaken extends Error {}

/** Ports of 127.0.0.1 that are free now; somebody else may be faster than whoever asked. */
export async function freePorts(count: number): Promise<number[]> {
  const listeners = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    listeners.map(async (listener) => {
      await new Promise<void>((resolve, reject) => listener.once('error', reject).listen(0, '127.0.0.1', resolve));
      const address: AddressInfo | string | null = listener.address();
      if (address === null || typeof address === 'string') throw new Error('freePorts: a listener without a port');
      return address.port;
    }),
  );
  await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
  return ports;
}

/** Where etcd keeps its data, its ports for clients and for peers, and whether it waits for the disk. */
export interface EtcdSetup {
  folder: string;
  client: number;
  peer: number;
  syncToDisk: boolean;
}

/** Known by a name of its own, so that another cluster's etcd on the same port is not taken for it. */
export function etcdServer(owner: Guard, file: string, { folder, client, peer, syncToDisk }: EtcdSetup): Server {
  const name = `etcd-${client}-${basename(folder)}`;
  const [clientUrl, peerUrl] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  const flags = [
    `--name=${name}`,
    `--data-dir=${join(folder, name)}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=${name}=${peerUrl}`,
    `--unsafe-no-fsync=${!syncToDisk}`,
  ];
  const listens = async () => {
    const response = await request(`${clientUrl}/v3/cluster/member/list`, {
      method: 'POST',
      body: '{}',
      headersTimeout: 5_000,
    }).catch(() => undefined);
    return response !== undefined && (await response.body.text()).includes(`"${name}"`);
  };
  return server(owner, 'etcd', file, flags, folder, listens);
}

/** Where kube-apiserver stands, and what it is told beside the usual. */
export interface ApiserverSetup {
  port: number;
  etcdPort: number;
  folder: string;
  tokensFile: string;
  keyFile: string;
  extraFlags: string[];
}

/** It signs its own certificate, which is in the answer of `certificate` once it has started. */
export function apiserverServer(owner: Guard, file: string, setup: ApiserverSetup) {
  const { port, etcdPort, folder, tokensFile, keyFile, extraFlags } = setup;
  const flags = [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--cert-dir=${join(folder, 'certificates')}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    // The next two spare it the look-up of this machine's address, which fails on a machine without a network.
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--allow-privileged=true',
    '--authorization-mode=RBAC',
    '--disable-admission-plugins=ServiceAccount',
    `--service-account-issuer=https://127.0.0.1:${port}/`,
    `--service-account-key-file=${keyFile}`,
    `--service-account-signing-key-file=${keyFile}`,
    `--token-auth-file=${tokensFile}`,
    ...extraFlags,
  ];
  // The key is written after the certificate, so that the certificate is whole once there is a key.
  const listens = () => existsSync(join(folder, 'certificates', 'apiserver.key'));
  return {
    ...server(owner, 'kube-apiserver', file, flags, folder, listens),
    certificate: () => readFile(join(folder, 'certificates', 'apiserver.crt'), 'utf8'),
    /** While it does not run: the next start signs another. */
    forgetCertificate: () => rm(join(folder, 'certificates'), { recursive: true, force: true }),
  };
}

function server(
  owner: Guard,
  name: string,
  file: string,
  flags: string[],
  folder: string,
  listens: () => Promise<boolean> | boolean,
): Server {
  let current: Launched | undefined;
  let runs = 0;

  async function start(): Promise<void> {
    if (current?.running()) return;
    runs += 1;
    current = await launch(owner, file, flags, { log: join(folder, `${name}-${runs}.log`) });
    await untilMet(listens, `the start of ${name}`);
  }

  async function untilMet(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
    const answer = async () => {
      const isMet = await condition();
      if (current?.running()) return isMet;
      const log = current?.logTail() ?? '';
      if (log.includes('address already in use')) throw new PortTaken(`${name} has lost its port:\n${log}`);
      throw new Error(`kubernetes: ${name} ended before ${what}; the end of its log:\n${log}`);
    };
    await until(answer, { what }).catch((cause) => {
      if (!current?.running()) throw cause;
      throw new Error(`kubernetes: ${name} runs, but is not ready; its log ends in\n${current.logTail()}`, { cause });
    });
  }

  return { start, until: untilMet, pid: () => current?.pid ?? 0, kill: async () => current?.kill() };
}
