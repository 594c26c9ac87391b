import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { freePorts } from '../../dev/kubernetes-servers.ts';
import { until } from '../../dev/until.ts';
import { crds, type Sample, samples } from './sequence-bodies.ts';
import { play } from './sequence-play.ts';
import { sequences } from './sequences.ts';
import { difference, modelOf, type Played, type Send } from './two-servers.ts';

/** A real API server that has the kinds of the samples. */
export interface Real {
  readonly kubernetes: Kubernetes;
  /** As the user who may do everything. */
  readonly send: Send;
  /** Makes it forget all pages of lists: etcd its old revisions, and kube-apiserver, started anew, what it has kept. */
  compact(): Promise<void>;
}

const metadataOnly = { accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json' };

/** Starts etcd and kube-apiserver; `kubernetes.stop` ends them. */
export async function startReal(): Promise<Real> {
  const ports = await freePorts(3);
  const kubernetes = await startKubernetes({ ports: async () => ports });
  await kubernetes.apply(crds);
  await until(async () => (await Promise.all(samples.map(isServed))).every(Boolean), {
    what: 'the serving of the samples',
  });
  const etcd = (path: string, body: object) =>
    fetch(`http://127.0.0.1:${ports[1]}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
  /** A kind that was just made answers 429 for a moment. */
  async function isServed({ kind: { group, version, plural } }: Sample): Promise<boolean> {
    return (await kubernetes.request(`/apis/${group}/${version}/${plural}`)).status === 200;
  }
  return {
    kubernetes,
    send: ({ method, path, body, contentType = 'application/json' }) => {
      const headers = path.includes('/customresourcedefinitions/') ? metadataOnly : {};
      return kubernetes.request(path, { method, contentType, headers, ...(body === undefined ? {} : { body }) });
    },
    async compact() {
      const { header } = Object(await (await etcd('range', { key: 'AA==' })).json());
      await etcd('compaction', { revision: header.revision, physical: true });
      await kubernetes.kill();
      await kubernetes.restart();
    },
  };
}

/** Which sequences, and how many at a time. */
export interface Batch {
  readonly seed: number;
  readonly sequences: number;
  readonly inFlight: number;
  /** Of fast-check, together with the seed of its message: the sequence that failed, shrunk as it was. */
  readonly path?: string;
  /** Told of each sequence that was played. */
  readonly played: (played: Played) => void;
}

/** What differed first, shrunk, and how to see it again; undefined where nothing did. */
export async function firstDifference(batch: Batch, send: Send): Promise<string | undefined> {
  const property = fc.asyncProperty(sequences, async (sequence) => {
    // To shrink is to play again: each time in a namespace where nothing is.
    const namespace = `s-${randomBytes(8).toString('hex')}`;
    const played = { sequence, namespace, said: await play(sequence, namespace, send) };
    batch.played(played);
    const model = modelOf();
    const found = await difference(played, async (call) => model.handle(call));
    if (found !== undefined) throw new Error(found);
  });
  const numRuns = Math.ceil(batch.sequences / batch.inFlight);
  const lanes = Array.from({ length: batch.inFlight }, (_, lane) => batch.seed + lane);
  const results = await Promise.all(
    lanes.map((seed) =>
      fc.check(property, { seed, numRuns, ...(batch.path === undefined ? {} : { path: batch.path }) }),
    ),
  );
  const failed = results.find((result) => result.failed);
  if (failed === undefined) return undefined;
  const why = failed.errorInstance instanceof Error ? failed.errorInstance.message : String(failed.errorInstance);
  return `${why}\nAgain: node test/memory/long.ts --seed ${failed.seed} --path ${failed.counterexamplePath}`;
}
