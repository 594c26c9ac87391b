import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Aws, startAws } from '../dev/aws.ts';
import type { Kubernetes } from '../dev/kubernetes.ts';
import { openNamespace, serverCosts, startCluster } from './cluster.ts';
import { createEstate, type Estate } from './estate.ts';
import { dump, findKubectl, type Kubectl } from './kubectl.ts';
import { figure, machine, median, medianRatio, readOptions, table } from './measure.ts';
import { passResultSchema } from './sync-pass.ts';

const about = `npm run bench:sync: a pass of skymirror over many instances, beside kubectl apply --server-side of the same objects.
Both run as processes of their own and take turns; every round has fresh namespaces.`;
const region = 'eu-west-1';
const passFile = fileURLToPath(new URL('sync-pass.ts', import.meta.url));
const execute = promisify(execFile);

/** What one step cost. Seconds; the requests are those that the API server and the AWS proxy counted. */
interface Sample {
  readonly wall: number;
  readonly pass?: number;
  readonly outside?: number;
  readonly cpu?: number;
  readonly peak?: number;
  readonly serverCpu: number;
  readonly writes: number;
  readonly describes: number;
}

type Samples = Map<string, Sample[]>;

interface Stage {
  readonly kubernetes: Kubernetes;
  readonly aws: Aws;
  readonly estate: Estate;
  readonly kubectl: Kubectl | undefined;
  readonly samples: Samples;
  readonly progress: (line: string) => void;
}

async function main(instances: number, rounds: number, json: boolean): Promise<void> {
  const progress = (line: string) => console.error(line);
  const kubernetes = await startCluster(progress);
  const aws = await startAws({ seed: false, progress });
  try {
    const estate = createEstate(instances, aws.home, region);
    aws.faults.add(estate.rule);
    const kubectl = await findKubectl(kubernetes);
    const stage = { kubernetes, aws, estate, kubectl, samples: new Map(), progress };
    await openNamespace(kubernetes, 'warm-up');
    await skymirror(stage, 'warm-up');
    const dumped = await dump(kubernetes, 'warm-up');
    if (dumped.objects !== instances) throw new Error(`the warm-up made ${dumped.objects} objects of ${instances}`);
    for (let round = 1; round <= rounds; round += 1) await compare(stage, dumped.file, round);
    const facts = { machine: machine(), kubectl: kubectl?.version, instances, bytesEach: dumped.bytesEach, rounds };
    console.log(json ? asJson(stage.samples, facts) : asTables(stage.samples, facts));
  } finally {
    await aws.stop();
    await kubernetes.stop();
  }
}

async function compare(stage: Stage, file: string, round: number): Promise<void> {
  const ours = `sync-${round}`;
  const theirs = `kubectl-${round}`;
  await openNamespace(stage.kubernetes, ours);
  await openNamespace(stage.kubernetes, theirs);
  const steps = [
    [
      () => measure(stage, 'sync, first pass', () => skymirror(stage, ours)),
      () => measure(stage, 'kubectl apply, first', () => apply(stage, file, theirs)),
    ],
    [
      () => measure(stage, 'sync, nothing changed', () => skymirror(stage, ours)),
      () => measure(stage, 'kubectl apply, nothing changed', () => apply(stage, file, theirs)),
    ],
  ];
  for (const pair of steps) {
    for (const step of round % 2 === 1 ? pair : pair.toReversed()) await step();
  }
  stage.estate.change();
  await measure(stage, 'sync, 10 % changed', () => skymirror(stage, ours));
}

type Step = Pick<Sample, 'wall'> & Partial<Sample>;

async function measure(stage: Stage, name: string, step: () => Promise<Step | undefined>): Promise<void> {
  const { kubernetes, aws, samples, progress } = stage;
  aws.requests.clear();
  const before = await serverCosts(kubernetes);
  const cost = await step();
  if (cost === undefined) return;
  const after = await serverCosts(kubernetes);
  const sample = {
    describes: aws.requests.count({ service: 'rds', action: 'DescribeDBInstances' }),
    ...cost,
    serverCpu: after.cpuSeconds - before.cpuSeconds,
    writes: after.writes - before.writes,
  };
  samples.set(name, [...(samples.get(name) ?? []), sample]);
  progress(`${name}: ${figure(sample.wall)} s, ${sample.writes} writes`);
}

async function skymirror({ kubernetes, aws, estate }: Stage, namespace: string): Promise<Step> {
  const pass = { kubeconfig: kubernetes.kubeconfig('skymirror'), namespace, account: aws.home, region };
  const env = { ...process.env, ...aws.environment(), BENCH_PASS: JSON.stringify(pass) };
  const began = performance.now();
  const { stdout } = await execute(process.execPath, [passFile], { env, timeout: 600_000 });
  const took = performance.now() - began;
  const { milliseconds, outsideMilliseconds, cpuMilliseconds, peakBytes } = passResultSchema.parse(JSON.parse(stdout));
  return {
    wall: (took - outsideMilliseconds) / 1000,
    pass: milliseconds / 1000,
    outside: outsideMilliseconds / 1000,
    cpu: cpuMilliseconds / 1000,
    peak: peakBytes / 2 ** 20,
    // The process lists the outside a second time, behind the pass, to tell what that alone takes.
    describes: aws.requests.count({ service: 'rds', action: 'DescribeDBInstances' }) - estate.pages,
  };
}

/** kubectl writes `status` by a second run only: the first cannot reach it. */
async function apply({ kubectl }: Stage, file: string, namespace: string): Promise<Step | undefined> {
  if (kubectl === undefined) return undefined;
  const main = await kubectl.apply(file, namespace, 'main');
  return { wall: (main + (await kubectl.apply(file, namespace, 'status'))) / 1000 };
}

const columns: Record<string, (sample: Sample) => number> = {
  'process s': ({ wall }) => wall,
  'pass s': ({ pass = Number.NaN }) => pass,
  'AWS list alone s': ({ outside = Number.NaN }) => outside,
  'client CPU s': ({ cpu = Number.NaN }) => cpu,
  'client peak RSS MB': ({ peak = Number.NaN }) => peak,
  'kube-apiserver CPU s': ({ serverCpu }) => serverCpu,
  'write requests': ({ writes }) => writes,
  DescribeDBInstances: ({ describes }) => describes,
};

/** Which pairs do the same work, the second by other means. */
const pairs = [
  ['kubectl apply, first', 'sync, first pass'],
  ['kubectl apply, nothing changed', 'sync, nothing changed'],
  ['sync, nothing changed', 'sync, first pass'],
  ['sync, 10 % changed', 'sync, first pass'],
] as const;

interface Facts {
  readonly machine: string;
  readonly kubectl: string | undefined;
  readonly instances: number;
  readonly bytesEach: number;
  readonly rounds: number;
}

function summary(samples: Samples) {
  const ratio = (one: string, to: string, column: (sample: Sample) => number) =>
    medianRatio((samples.get(one) ?? []).map(column), (samples.get(to) ?? []).map(column));
  return {
    steps: [...samples].map(([step, taken]) => ({
      step,
      medians: Object.fromEntries(Object.entries(columns).map(([name, read]) => [name, median(taken.map(read))])),
    })),
    ratios: pairs
      .filter(([one]) => samples.has(one))
      .map(([one, to]) => ({
        ratio: `${one} / ${to}`,
        process: ratio(one, to, ({ wall }) => wall),
        serverCpu: ratio(one, to, ({ serverCpu }) => serverCpu),
      })),
  };
}

function asJson(samples: Samples, facts: Facts): string {
  return JSON.stringify({ ...facts, ...summary(samples) }, undefined, 2);
}

function asTables(samples: Samples, facts: Facts): string {
  const { steps, ratios } = summary(samples);
  return [
    facts.machine,
    `${facts.instances} instances with every field that RDS knows, objects of ${facts.bytesEach} bytes; median of ${facts.rounds} rounds. Wall figures compare within this run only.`,
    facts.kubectl === undefined
      ? 'No kubectl in the PATH: nothing to compare with.'
      : `kubectl ${facts.kubectl}: one run for the objects and one with --subresource=status, for the same result.`,
    '',
    table(
      ['step', ...Object.keys(columns)],
      steps.map(({ step, medians }) => [
        step,
        ...Object.keys(columns).map((name) => figure(medians[name] ?? Number.NaN)),
      ]),
    ),
    '',
    table(
      ['ratio', 'process s', 'kube-apiserver CPU s'],
      ratios.map((one) => [one.ratio, figure(one.process), figure(one.serverCpu)]),
    ),
  ].join('\n');
}

const wanted = readOptions(about, {
  instances: { default: 1000, help: 'DB instances' },
  rounds: { default: 3, help: 'rounds' },
});
if (wanted !== undefined) await main(wanted.count('instances'), wanted.count('rounds'), wanted.json);
