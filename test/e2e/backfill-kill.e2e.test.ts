import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Aws, startAws } from '../../dev/aws.ts';
import type { RunningMapping } from '../../dev/event-source-mapping.ts';
import { type Kubernetes, startKubernetes } from '../../dev/kubernetes.ts';
import { rewrite } from '../../dev/proxy-faults.ts';
import { install, namespace } from '../../dev/stack.ts';
import { until } from '../../dev/until.ts';
import { groupOf } from '../../lib/messages.ts';
import { type Audit, createAudit, type Write } from './audit.ts';
import { type DeadlyGate, startDeadlyGate } from './backfill-kill.ts';
import { answer, deliveriesOf, type Plan, passesOf, plans } from './backfill-kill-steps.ts';
import { type MortalWorker, mortalWorker } from './backfill-kill-worker.ts';
import { fleetRule } from './fleet.ts';
import { type BareFunctions, keepSecret, startBareFunctions } from './kills-worker.ts';

const changing = plans.filter((one) => one.changed);
const sizeOf = (some: readonly Plan[]) => some.reduce((sum, { size }) => sum + size, 0);
const sizeIn = (region: string) => sizeOf(plans.filter((one) => one.region === region));
const resources = sizeOf(plans);

let aws: Aws;
let audit: Audit;
let kubernetes: Kubernetes;
let gate: DeadlyGate;
let functions: BareFunctions;
let worker: MortalWorker;
let mapping: RunningMapping;
let ended: SyncRun;
let writes: readonly Write[];

beforeAll(async () => {
  audit = await createAudit();
  const extraApiserverFlags = audit.flags;
  [kubernetes, aws] = await Promise.all([startKubernetes({ extraApiserverFlags }), startAws({ seed: false })]);
  await install(kubernetes, namespace);
  const instanceClass = 'db.r7g.large';
  for (const { region, size } of plans) aws.faults.add(fleetRule({ account: aws.home, region, size, instanceClass }));
  gate = await startDeadlyGate(kubernetes);
  const regions = plans.map(({ region }) => region);
  const mirrors = [{ name: 'production', namespace, accounts: ['home'], sources: ['RDSInstance'], regions }];
  const accounts = { home: { id: aws.home, role: aws.roleArn(aws.home), externalId: aws.externalId } };
  const clusters = { local: { secret: await keepSecret(aws, gate.kubeconfig) } };
  functions = await startBareFunctions(aws, { clusters, accounts, mirrors }, ['worker', 'backfill']);
  worker = mortalWorker({ aws, functions, gate, plans, keyOf });
  // One message at a time, so that it is known whose request it is.
  mapping = functions.poll('backfill', worker.invoke);
  await backfill({ scope: { region: changing.map(({ region }) => region) } });
  stop(changing);
  const known = (await audit.writes()).length;
  worker.arm();
  ended = await backfill({});
  writes = (await audit.writes()).slice(known);
}, 600_000);
afterAll(async () => {
  await mapping?.stop();
  await functions?.stop();
  await gate?.stop();
  await Promise.all([aws?.stop(), kubernetes?.stop()]);
  await audit?.remove();
});

function keyOf(region: string): string {
  return groupOf({ mirror: 'production', source: 'RDSInstance', scope: { account: aws.home, region } });
}

/** Each of their instances is in another state from now on. */
function stop(some: readonly Plan[]): void {
  for (const { region } of some) {
    const stopped = rewrite((body) => body.replaceAll('>available<', '>stopped<'));
    aws.faults.add({ when: { service: 'rds', action: 'DescribeDBInstances', region }, do: stopped });
  }
}

/** Asks for a backfill, waits for its end, and gives its SyncRun. */
async function backfill(request: object): Promise<SyncRun> {
  const begun = await functions.named('backfill').invoke(request);
  const path = `/apis/skymirror.dev/v1alpha1/namespaces/${namespace}/syncruns/${JSON.parse(begun.payload).run}`;
  const read = async () => (await kubernetes.request(path)).body as SyncRun;
  const isOver = async () => (await read()).status?.ended !== undefined && (await functions.waiting('backfill')) === 0;
  await until(isOver, { what: 'the end of the run', timeout: 500_000, interval: 200 });
  return read();
}

interface SyncRun {
  readonly status?: {
    readonly ended?: string;
    readonly targets?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
}

interface Mirrored {
  readonly metadata: { readonly uid: string };
  readonly spec: { readonly region: string };
  readonly status?: { readonly observed?: { readonly state?: string } };
}

async function objects(): Promise<readonly Mirrored[]> {
  const path = `/apis/aws.skymirror.dev/v1alpha1/namespaces/${namespace}/rdsinstances`;
  return ((await kubernetes.request(path)).body as { items: Mirrored[] }).items;
}

const written = (resource: string) => writes.filter(({ objectRef }) => objectRef.resource === resource);

function counted(values: Iterable<string>): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(values, (value) => value)].map(([value, all]) => [value, all.length]));
}

describe(`a worker that dies at every step of a backfill of ${resources} resources`, () => {
  test('has died at each of them', () => {
    const planned = plans.flatMap(({ region, deaths }) => deaths.map((death) => ({ ...death, region })));
    const ends = planned.map((death) => ({ ...death, hits: 1, end: death.at === answer.at ? 'answered' : 'exited' }));
    const inOrder = (list: readonly { readonly region: string }[]) =>
      list.toSorted((one, other) => one.region.localeCompare(other.region));
    expect(inOrder(worker.died)).toEqual(inOrder(ends));
  });

  test('completes the run, and counts each resource once', () => {
    const counts = { marked: 0, deleted: 0, unchanged: 0, kept: 0, refused: 0, failed: 0 };
    expect(ended.status).toMatchObject({
      state: 'Done',
      progress: `${plans.length}/${plans.length}`,
      seen: resources,
      changed: resources,
      counts,
    });
    for (const { region, size, ...of } of plans) {
      const { created = 0, updated = 0, ...target } = ended.status?.targets?.[keyOf(region)] ?? {};
      expect(target).toMatchObject({ scope: { region }, state: 'Done', seen: size, unchanged: 0 });
      expect({ region, sum: Number(created) + Number(updated) }).toEqual({ region, sum: size });
      if (of.changed) expect({ region, created }).toEqual({ region, created: 0 });
    }
  });

  test('looks at a target again only where the death left something to do', () => {
    const passes = plans.map(({ region }) => [region, ended.status?.targets?.[keyOf(region)]?.passes]);
    expect(passes).toEqual(plans.map((plan) => [plan.region, passesOf(plan)]));
  });

  test('writes every object once: its creation and its status, or what had changed', () => {
    const byName = Map.groupBy(written('rdsinstances'), ({ requestObject }) => requestObject?.metadata.name);
    const said = [...byName.values()].map((list) =>
      list
        .map(
          ({ verb, objectRef, responseStatus }) =>
            `${verb} ${objectRef.subresource ?? 'object'} ${responseStatus.code}`,
        )
        .join(', '),
    );
    const there = sizeOf(changing);
    expect(counted(said)).toEqual({
      'create object 201, update status 200': resources - there,
      'update status 200': there,
    });
  });

  test('shows the outside in every object', async () => {
    const expected = plans.map(({ region, size, ...of }) => [
      `${region} ${of.changed ? 'stopped' : 'available'}`,
      size,
    ]);
    const states = (await objects()).map(({ spec, status }) => `${spec.region} ${status?.observed?.state}`);
    expect(counted(states)).toEqual(Object.fromEntries(expected));
  });

  test('does not touch a target after its end', () => {
    const over = new Map<string, unknown>();
    for (const { requestObject, responseStatus } of written('syncruns')) {
      expect([200, 201]).toContain(responseStatus.code);
      const { status } = (requestObject ?? {}) as SyncRun;
      for (const [key, target] of Object.entries(status?.targets ?? {})) {
        if (over.has(key)) expect(target).toEqual(over.get(key));
        else if (target.state === 'Done') over.set(key, target);
      }
    }
    expect(over.size).toBe(plans.length);
  });

  test('tells no Event twice; those of a pass that died before it told them are lost', async () => {
    const regions = new Map((await objects()).map(({ metadata, spec }) => [metadata.uid, spec.region]));
    const events = written('events');
    expect(counted(events.map(({ verb, responseStatus }) => `${verb} ${responseStatus.code}`))).toEqual({
      'create 201': events.length,
    });
    expect(new Set(events.map(({ requestObject }) => requestObject?.metadata.name)).size).toBe(events.length);
    const told = counted(events.map(({ requestObject }) => regions.get(String(requestObject?.regarding?.uid)) ?? ''));
    expect(told['ap-northeast-1']).toBe(sizeIn('ap-northeast-1'));
    expect(told['ap-south-1']).toBeLessThan(sizeIn('ap-south-1') - 10);
  });

  test('leaves nothing in the queue, and no dead letter', async () => {
    expect(await functions.waiting('backfill')).toBe(0);
    expect(await functions.waiting('backfill-dead-letters')).toBe(0);
    expect(functions.problems).toEqual([]);
    const deliveries = plans.map((plan) => [plan.region, deliveriesOf(plan)]);
    expect(Object.fromEntries(worker.deliveries)).toEqual(Object.fromEntries(deliveries));
  });
});
