import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { Agent, request } from 'undici';
import { type Aws, startAws } from '../dev/aws.ts';
import { createInstance, resize } from '../dev/aws-changes.ts';
import { startFunctions } from '../dev/functions.ts';
import { type Kubernetes, startKubernetes } from '../dev/kubernetes.ts';
import { type Rule, rewrite } from '../dev/proxy-faults.ts';
import type { AwsRequest } from '../dev/proxy-request.ts';
import { install, namespace } from '../dev/stack.ts';
import { until } from '../dev/until.ts';
import { mapConcurrent } from '../lib/concurrent.ts';
import { collectionPath } from './cluster.ts';
import { figure, machine, readOptions, table } from './measure.ts';

const about = `node bench/event-latency.ts: from a change of a database to the object that shows it, with the deployed functions.
Each database changes in two rounds: in one its event is put straight into the queue of the function, in the other
onto the emulator's bus, whose deployed rules lead to that queue. What moto takes is told apart.`;
const region = 'us-east-1';

/** How an event reaches the queue of the function. */
type Way = 'bus' | 'queue';

/** Milliseconds, of each event or call. */
interface Measured {
  readonly way: Way;
  /** From the change outside to the object in the watch. */
  readonly shown: readonly number[];
  /** moto: what the emulated bus or queue took to accept and hand on an event. */
  readonly put: readonly number[];
  /** moto: what DescribeDBInstances took. */
  readonly described: readonly number[];
  /** Of the function, cold starts not included. */
  readonly invoked: readonly number[];
}

async function main(events: number, perSecond: number, json: boolean): Promise<void> {
  const progress = (line: string) => console.error(line);
  const [kubernetes, aws] = await Promise.all([startKubernetes({ progress }), startAws({ seed: false, progress })]);
  const ends: (() => unknown)[] = [() => aws.stop(), () => kubernetes.stop()];
  try {
    await install(kubernetes, namespace);
    const names = Array.from({ length: events }, (_, index) => `orders-${String(index).padStart(5, '0')}`);
    for (const name of names) await createInstance(aws, instance(aws, name));
    progress(`${events} databases`);
    const mirror = { name: 'production', namespace, accounts: ['home'], regions: [region], sources: ['RDSInstance'] };
    const invoked: number[] = [];
    const functions = await startFunctions({
      aws,
      kubernetes,
      configuration: { mirrors: [mirror] },
      progress,
      onInvoked: (name, { report }) => name.endsWith('-event') && invoked.push(report.milliseconds),
    });
    ends.push(functions.stop);
    await functions.fire();
    const classes = await watchClasses(kubernetes);
    ends.push(classes.stop);
    await until(() => classes.shown.size === events, { what: 'the first look', timeout: 300_000 });
    const { rule, described } = timedDescribes();
    aws.faults.add(rule);
    const measured: Measured[] = [];
    for (const [way, to] of [
      ['queue', 'db.r6g.large'],
      ['bus', 'db.r6g.xlarge'],
    ] as const) {
      for (const list of [invoked, described]) list.splice(0);
      const { shown, put } = await round({ aws, names, classes, way, to, perSecond });
      measured.push({ way, shown, put, described: [...described], invoked: [...invoked] });
      progress(`${way}: ${shown.length} events`);
    }
    for (const problem of functions.problems) progress(problem);
    console.log(json ? asJson(measured, events, perSecond) : asTables(measured, events, perSecond));
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

function instance(aws: Aws, identifier: string) {
  const size = { instanceClass: 'db.t4g.micro', multiAz: false, storage: 20, encrypted: true };
  return { account: aws.home, region, identifier, engine: 'postgres', engineVersion: '17.4', tags: {}, ...size };
}

/** Changes one database after the other at a steady rate, and waits until all changes are shown. */
async function round(wanted: {
  readonly aws: Aws;
  readonly names: readonly string[];
  readonly classes: Classes;
  readonly way: Way;
  readonly to: string;
  readonly perSecond: number;
}): Promise<Pick<Measured, 'shown' | 'put'>> {
  const { aws, names, classes, way, to, perSecond } = wanted;
  const announcer = announce(aws, way);
  const changed = new Map<string, number>();
  const put: number[] = [];
  const began = performance.now();
  await mapConcurrent(names.entries(), names.length, async ([index, name]) => {
    await pause(Math.max(0, began + (index * 1000) / perSecond - performance.now()));
    await resize(aws, instance(aws, name), to);
    const at = performance.now();
    changed.set(name, at);
    await announcer.tell(name);
    put.push(performance.now() - at);
  });
  const isShown = () => names.every((name) => classes.shown.get(name)?.class === to);
  await until(isShown, { what: 'all changes in the watch', timeout: 300_000, interval: 50 });
  announcer.stop();
  return { put, shown: names.map((name) => (classes.shown.get(name)?.at ?? Number.NaN) - (changed.get(name) ?? 0)) };
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Puts the event of a database on the bus, or what the bus would make of it into the queue. */
function announce(aws: Aws, way: Way) {
  const bus = new EventBridgeClient({ endpoint: aws.motoEndpoint, region, credentials: aws.administrator(aws.home) });
  const sqs = aws.sqs(aws.home, region);
  const QueueUrl = `${aws.motoEndpoint}/${aws.home}/skymirror-test-events`;
  return {
    async tell(name: string): Promise<void> {
      const arn = `arn:aws:rds:${region}:${aws.home}:db:${name}`;
      const detail = { SourceType: 'DB_INSTANCE', SourceArn: arn, SourceIdentifier: name, EventID: 'RDS-EVENT-0014' };
      const kind = 'RDS DB Instance Event';
      if (way === 'bus') {
        const entry = { Source: 'aws.rds', DetailType: kind, Resources: [arn], Detail: JSON.stringify(detail) };
        await bus.send(new PutEventsCommand({ Entries: [entry] }));
        return;
      }
      const time = new Date().toISOString();
      const envelope = {
        version: '0',
        id: name,
        'detail-type': kind,
        source: 'aws.rds',
        account: aws.home,
        time,
        region,
      };
      const MessageBody = JSON.stringify({ ...envelope, resources: [arn], detail });
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    },
    stop: () => bus.destroy(),
  };
}

/** Which class each database has in the cluster, and since when the watch has told so. */
interface Classes {
  readonly shown: ReadonlyMap<string, { readonly class: string; readonly at: number }>;
  stop(): Promise<void>;
}

interface Watched {
  readonly object: { readonly spec?: { identifier: string }; readonly status?: { observed?: { class?: string } } };
}

async function watchClasses(kubernetes: Kubernetes): Promise<Classes> {
  const shown = new Map<string, { readonly class: string; readonly at: number }>();
  const dispatcher = new Agent({ connect: { ca: kubernetes.certificateAuthority }, bodyTimeout: 0 });
  const headers = { authorization: `Bearer ${kubernetes.tokens.admin}` };
  const path = `${collectionPath(namespace)}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`;
  const { body } = await request(`${kubernetes.url}${path}`, { dispatcher, headers });
  const read = async () => {
    let rest = '';
    for await (const chunk of body.setEncoding('utf8')) {
      const at = performance.now();
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { object }: Watched = JSON.parse(line);
        const found = object.status?.observed?.class;
        const name = object.spec?.identifier;
        if (name === undefined || found === undefined || shown.get(name)?.class === found) continue;
        shown.set(name, { class: found, at });
      }
    }
  };
  const reading = read().catch(() => {});
  return {
    shown,
    async stop() {
      await dispatcher.destroy();
      await reading;
    },
  };
}

/** Takes the time of each DescribeDBInstances between proxy and moto. */
function timedDescribes(): { readonly rule: Rule; readonly described: number[] } {
  const described: number[] = [];
  const asked = new WeakMap<AwsRequest, number>();
  const match = (call: AwsRequest) => asked.set(call, performance.now()).has(call);
  const answered = rewrite((body, call) => {
    described.push(performance.now() - (asked.get(call) ?? Number.NaN));
    return body;
  });
  return { rule: { when: { service: 'rds', action: 'DescribeDBInstances', match }, do: answered }, described };
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return Math.round(sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN);
}

const columns: Record<string, (measured: Measured) => number> = {
  p50: ({ shown }) => percentile(shown, 0.5),
  p90: ({ shown }) => percentile(shown, 0.9),
  p99: ({ shown }) => percentile(shown, 0.99),
  max: ({ shown }) => percentile(shown, 1),
  'moto: put p50': ({ put }) => percentile(put, 0.5),
  'moto: put p99': ({ put }) => percentile(put, 0.99),
  'moto: describe p50': ({ described }) => percentile(described, 0.5),
  'moto: describe p99': ({ described }) => percentile(described, 0.99),
  invocations: ({ invoked }) => invoked.length,
  'invocation p50': ({ invoked }) => percentile(invoked, 0.5),
};

function asJson(measured: readonly Measured[], events: number, perSecond: number): string {
  const results = measured.map((one) => ({
    way: one.way,
    ...Object.fromEntries(Object.entries(columns).map(([name, read]) => [name, read(one)])),
  }));
  return JSON.stringify({ machine: machine(), events, perSecond, results }, undefined, 2);
}

function asTables(measured: readonly Measured[], events: number, perSecond: number): string {
  return [
    machine(),
    `${events} events about as many databases, ${perSecond} a second, each way; milliseconds from the change outside to the object in a watch. The mapping collects a batch for a second, as it does in AWS.`,
    '',
    table(
      ['by', ...Object.keys(columns)],
      measured.map((one) => [one.way, ...Object.values(columns).map((read) => figure(read(one)))]),
    ),
  ].join('\n');
}

const wanted = readOptions(about, {
  events: { default: 500, help: 'databases that change' },
  rate: { default: 20, help: 'changes a second' },
});
if (wanted !== undefined) await main(wanted.count('events'), wanted.count('rate'), wanted.json);
