import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import * as z from 'zod';
import type { Kubernetes } from './kubernetes.ts';
import { type CallFaults, type CallWhen, matchesCall } from './kubernetes-proxy-faults.ts';
import { type ApiCall, parseCall } from './kubernetes-proxy-request.ts';
import type { DoorTrouble } from './proxy-door.ts';
import { createRules } from './proxy-rules.ts';
import { faultsAt, startFaultServer } from './proxy-server.ts';

/** A running proxy before an API server. */
export type KubernetesProxy = {
  readonly url: string;
  readonly faults: CallFaults;
  /** The requests that reached the proxy, also those that a fault answered. */
  readonly calls: { readonly all: readonly ApiCall[]; count(when?: CallWhen): number; clear(): void };
  /** From now on who connects meets this, until `faults.clear()`. */
  shut(trouble: DoorTrouble): void;
  /** Path of a file as that of `Kubernetes.kubeconfig`, which leads to the proxy and trusts it alone. */
  kubeconfig(user: string): Promise<string>;
  /** Waits until all requests that have arrived are at their end, also those whose senders gave up. */
  settled(): Promise<void>;
  stop(): Promise<void>;
};

/** What the proxy changes in requests that no fault hits. */
export type KubernetesProxyOptions = {
  /** Objects on a page of a list, whatever the client asks for: lists of a few have several pages then. */
  readonly pageSize?: number;
};

const kubeconfigShape = z.looseObject({
  clusters: z.array(z.looseObject({ cluster: z.looseObject({ server: z.string() }) })),
});

/**
 * A proxy by TLS in front of kube-apiserver that understands requests, counts them, and breaks them on request. Answers
 * go through it whole, so that a watch gives nothing before its end.
 */
export async function startKubernetesProxy(
  kubernetes: Pick<Kubernetes, 'url' | 'certificateAuthority' | 'folder' | 'kubeconfig'>,
  { pageSize }: KubernetesProxyOptions = {},
): Promise<KubernetesProxy> {
  const faults: CallFaults = createRules(matchesCall);
  const recorded: ApiCall[] = [];
  const beyond = { url: kubernetes.url, authority: kubernetes.certificateAuthority };
  const { door, settled, stop } = await startFaultServer(beyond, { secure: true }, (incoming, body, forward) => {
    const call = parseCall(incoming.method ?? 'GET', incoming.url ?? '/');
    recorded.push(call);
    const { url = '/' } = incoming;
    const asked = pageSize === undefined ? url : url.replace(/([?&]limit)=\d+/, `$1=${pageSize}`);
    return { effects: faults.effects(call), forward: () => forward(incoming, body, asked) };
  });
  return {
    url: door.url,
    faults: faultsAt(door, faults),
    calls: {
      all: recorded,
      count: (when = {}) => recorded.filter((call) => matchesCall(when, call)).length,
      clear: () => recorded.splice(0),
    },
    shut: (trouble) => door.shut(trouble),
    async kubeconfig(user) {
      const shape = kubeconfigShape.parse(parse(await readFile(kubernetes.kubeconfig(user), 'utf8')));
      const cluster = {
        server: door.url,
        'certificate-authority-data': Buffer.from(door.authority).toString('base64'),
      };
      const clusters = shape.clusters.map((one) => ({ ...one, cluster }));
      const file = join(kubernetes.folder, `${encodeURIComponent(user)}-${new URL(door.url).port}.kubeconfig`);
      await writeFile(file, stringify({ ...shape, clusters }), { mode: 0o600 });
      return file;
    },
    settled,
    stop,
  };
}
