import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type * as z from 'zod';
import type { Kubernetes } from '../dev/kubernetes.ts';
import { mapConcurrent } from '../lib/concurrent.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { collectionPath, openNamespace, startCluster } from './cluster.ts';
import { figure, machine, median, medianRatio, readOptions, table } from './measure.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { baseline, clients, type Target } from './transport-clients.ts';
import { runResultSchema, type runSchema } from './transport-run.ts';

const about = `npm run bench:transport: ways to carry requests to the Kubernetes API, the same workload through each.
Every client runs in a process of its own, warm; each round has them all, in a new order.`;
const namespace = 'default';
const inFlight = 16;
const sequential = 20;
/** Milliseconds in which the server gets rid of what the client before has left behind. */
const settling = 1000;
const runFile = fileURLToPath(new URL('transport-run.ts', import.meta.url));
const execute = promisify(execFile);

/** All clients with the same load, and ours with others: what a higher concurrency would bring. */
const variants: Readonly<Record<string, Pick<Run, 'client'> & { readonly inFlight: number }>> = {
  ...Object.fromEntries(Object.keys(clients).map((client) => [client, { client, inFlight }])),
  [`${baseline}, 4 in flight`]: { client: baseline, inFlight: 4 },
  [`${baseline}, 64 in flight`]: { client: baseline, inFlight: 64 },
};

type Sample = z.infer<typeof runResultSchema> & { readonly connections: number; readonly peakConnections: number };
type Run = z.infer<typeof runSchema>;

async function main(rounds: number, requests: number, json: boolean): Promise<void> {
  const progress = (line: string) => console.error(line);
  const kubernetes = await startCluster(progress);
  const proxy = await startTcpProxy(Number(new URL(kubernetes.url).port));
  try {
    await openNamespace(kubernetes, namespace);
    const names = await fill(kubernetes, requests);
    const samples = new Map<string, Sample[]>(Object.keys(variants).map((name) => [name, []]));
    for (let round = 1; round <= rounds; round += 1) {
      for (const [name, variant] of shuffled(Object.entries(variants))) {
        progress(`round ${round} of ${rounds}: ${name}`);
        const target = targetOf(kubernetes, proxy, variant.inFlight);
        const value = round * 100 + Object.keys(variants).indexOf(name);
        samples.get(name)?.push(await measure({ client: variant.client, target, names, sequential, value }, proxy));
      }
    }
    console.log(json ? asJson(samples, rounds, requests) : asTables(samples, rounds, requests));
  } finally {
    await proxy.stop();
    await kubernetes.stop();
  }
}

/** A new order each round: a client that leaves hundreds of connections behind slows down whoever comes next. */
function shuffled<Item>(items: readonly Item[]): Item[] {
  const drawn = items.map((item) => ({ item, lot: Math.random() }));
  return drawn.toSorted((left, right) => left.lot - right.lot).map(({ item }) => item);
}

function targetOf(kubernetes: Kubernetes, proxy: TcpProxy, inFlight: number): Target {
  const { group, version, plural } = rdsInstance;
  return {
    server: `https://127.0.0.1:${proxy.port}`,
    certificateAuthority: kubernetes.certificateAuthority,
    token: kubernetes.tokens.skymirror ?? '',
    group,
    version,
    plural,
    namespace,
    inFlight,
  };
}

async function measure(run: Run, proxy: TcpProxy): Promise<Sample> {
  await sleep(settling);
  proxy.take();
  const env = { ...process.env, BENCH_RUN: JSON.stringify(run) };
  const { stdout } = await execute(process.execPath, [runFile], { env, timeout: 300_000 });
  const { opened, peak } = proxy.take();
  return { ...runResultSchema.parse(JSON.parse(stdout)), connections: opened, peakConnections: peak };
}

async function fill(kubernetes: Kubernetes, count: number): Promise<string[]> {
  const account = '111122223333';
  const region = 'eu-west-1';
  const names = Array.from({ length: count }, (_, index) => `orders-${String(index).padStart(4, '0')}`);
  await mapConcurrent(names, inFlight, async (name) => {
    const arn = `arn:aws:rds:${region}:${account}:db:${name}`;
    const body = {
      apiVersion: `${rdsInstance.group}/${rdsInstance.version}`,
      kind: rdsInstance.kind,
      metadata: { name, labels: { 'app.kubernetes.io/managed-by': 'skymirror' } },
      spec: { arn, account, region, identifier: name },
    };
    const created = await kubernetes.request(collectionPath(namespace), { method: 'POST', body });
    if (created.status !== 201) throw new Error(`cannot create ${name}: ${JSON.stringify(created.body)}`);
    const status = { observed: observed(name, region), conditions: [] };
    const path = `${collectionPath(namespace)}/${name}/status`;
    const contentType = 'application/merge-patch+json';
    const written = await kubernetes.request(path, { method: 'PATCH', body: { status }, contentType });
    if (written.status !== 200) throw new Error(`cannot fill ${name}: ${JSON.stringify(written.body)}`);
  });
  return names;
}

/** About 1 KB, the middle of what RDS instances come to. */
function observed(name: string, region: string) {
  return {
    engine: 'postgres',
    engineVersion: '17.4',
    class: 'db.r6g.large',
    state: 'available',
    resourceId: 'db-ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    endpoint: {
      address: `${name}.c9akciq32rgk.${region}.rds.amazonaws.com`,
      port: 5432,
      hostedZoneId: 'Z2R2ITUGPM61AM',
    },
    createdAt: '2024-05-17T08:15:30.123Z',
    multiAz: true,
    availabilityZone: `${region}a`,
    storage: { type: 'gp3', allocatedGiB: 400, maxAllocatedGiB: 1000, iops: 12000, throughputMiBps: 500 },
    encryption: {
      encrypted: true,
      kmsKeyId: `arn:aws:kms:${region}:111122223333:key/5c0b7e0a-6f0e-4b0e-9f0c-1d2e3f405162`,
    },
    network: { public: false, type: 'IPV4', vpcId: 'vpc-0123456789abcdef0', securityGroups: ['sg-0a1b2c3d4e5f60718'] },
    backup: { retentionDays: 14, window: '03:00-03:30', target: 'region', copyTags: true },
    parameterGroups: { 'default.postgres17': 'in-sync' },
    deletionProtection: true,
    tags: { team: 'orders', environment: 'production', 'cost-center': '4711' },
  };
}

const columns: Record<string, (sample: Sample, requests: number) => number> = {
  'PUT/s': (sample, requests) => (requests / sample.putMilliseconds) * 1000,
  'GET/s': (sample, requests) => (requests / sample.getMilliseconds) * 1000,
  'ms per GET alone': (sample) => sample.sequentialMilliseconds / sequential,
  'CPU ms/request': (sample, requests) => sample.cpuMilliseconds / (2 * requests + sequential),
  'TLS connections': (sample) => sample.connections,
  'open at once': (sample) => sample.peakConnections,
  'peak RSS MB': (sample) => sample.peakBytes / 2 ** 20,
  'import+open ms': (sample) => sample.opened,
};

type Samples = ReadonlyMap<string, readonly Sample[]>;

function summary(samples: Samples, requests: number) {
  const ours = samples.get(baseline) ?? [];
  return [...samples].map(([client, taken]) => ({
    client,
    cells: Object.entries(columns).map(([column, read]) => {
      const values = taken.map((sample) => read(sample, requests));
      const base = ours.map((sample) => read(sample, requests));
      return { column, median: median(values), ratio: medianRatio(values, base) };
    }),
  }));
}

function asJson(samples: Samples, rounds: number, requests: number): string {
  return JSON.stringify({ machine: machine(), rounds, requests, results: summary(samples, requests) }, undefined, 2);
}

function asTables(samples: Samples, rounds: number, requests: number): string {
  const results = summary(samples, requests);
  const show = (read: 'median' | 'ratio') =>
    table(
      ['client', ...Object.keys(columns)],
      results.map(({ client, cells }) => [client, ...cells.map((cell) => figure(cell[read]))]),
    );
  return [
    machine(),
    `${requests} conditional PUTs of /status (about 1 KB), ${requests} GETs, ${inFlight} in flight where nothing else is said, then ${sequential} GETs one by one; median of ${rounds} rounds.`,
    `Connections are those of all ${3 * requests + sequential + 1} requests of the process, warm-up included. Wall figures compare within this run only.`,
    '',
    show('median'),
    '',
    `Ratios to ${baseline}:`,
    '',
    show('ratio'),
  ].join('\n');
}

const wanted = readOptions(about, {
  rounds: { default: 5, help: 'rounds' },
  requests: { default: 300, help: 'PUTs, and as many GETs, per client and round' },
});
if (wanted !== undefined) await main(wanted.count('rounds'), wanted.count('requests'), wanted.json);
