import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as z from 'zod';
import type { Kubernetes } from '../dev/kubernetes.ts';
import { collectionPath } from './cluster.ts';

const execute = promisify(execFile);
const listSchema = z.object({
  items: z.array(
    z.looseObject({
      metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()).optional() }),
    }),
  ),
});

/** kubectl as whoever applies manifests would use it, with caches of its own. */
export interface Kubectl {
  readonly version: string;
  /** `kubectl apply --server-side`, of everything but `status` or of `status` alone; milliseconds of the process. */
  apply(file: string, namespace: string, part: 'main' | 'status'): Promise<number>;
}

/** The kubectl of the PATH; `undefined` where there is none. */
export async function findKubectl(kubernetes: Kubernetes): Promise<Kubectl | undefined> {
  const common = ['--kubeconfig', kubernetes.kubeconfig('tool'), '--cache-dir', join(kubernetes.folder, 'kubectl')];
  const run = (args: readonly string[]) =>
    execute('kubectl', [...common, ...args], { timeout: 600_000, maxBuffer: 2 ** 26 });
  try {
    const { stdout } = await run(['version', '--client']);
    return {
      version: stdout.split('\n')[0]?.replace('Client Version: ', '') ?? '',
      async apply(file, namespace, part) {
        const subresource = part === 'status' ? ['--subresource=status'] : [];
        const began = performance.now();
        await run(['apply', '--server-side', '-n', namespace, '-f', file, ...subresource]);
        return performance.now() - began;
      },
    };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes the objects of a namespace into one file that can be applied into any other; says how many and how large. */
export async function dump(kubernetes: Kubernetes, namespace: string) {
  const file = join(kubernetes.folder, 'objects.json');
  const { items } = listSchema.parse((await kubernetes.request(collectionPath(namespace))).body);
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await writeFile(file, list);
  return { file, objects: items.length, bytesEach: Math.round(list.length / items.length) };
}
