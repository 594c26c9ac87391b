import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { setElement } from '../dev/proxy-rows.ts';
import { namespace, type Stack, startStack } from '../dev/stack.ts';
import { until } from '../dev/until.ts';
import { sync } from '../lib/sync.ts';

const controller = fileURLToPath(new URL('../examples/external-name-services/controller.ts', import.meta.url));
const serviceList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        ownerReferences: z.array(z.object({ kind: z.string(), uid: z.string() })).optional(),
      }),
      spec: z.object({ type: z.string(), externalName: z.string().optional() }),
    }),
  ),
});

let stack: Stack;
let running: ChildProcess | undefined;
let said = '';

beforeAll(async () => {
  stack = await startStack();
});

afterEach(async () => {
  if (running?.exitCode === null) {
    running.kill();
    await once(running, 'exit');
  }
});

afterAll(() => stack?.stop());

function start(): ChildProcess {
  const child = spawn(process.execPath, [controller, namespace], {
    env: { ...process.env, KUBECONFIG: stack.kubernetes.kubeconfig('admin') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      said += text;
    });
  running = child;
  return child;
}

const path = `/api/v1/namespaces/${namespace}/services`;

async function services() {
  return serviceList.parse((await stack.kubernetes.request(path)).body).items;
}

async function addressOf(name: string): Promise<string | undefined> {
  return (await services()).find(({ metadata }) => metadata.name === name)?.spec.externalName;
}

/** One pass over us-east-1 of the first account. */
async function pass(): Promise<void> {
  const [task] = stack.tasks();
  if (task === undefined) throw new Error('the stack has no task');
  expect((await sync(task, [stack.cluster])).ok).toBe(true);
}

const orders = 'orders-s035vtp0gxavv';
const payments = 'payments-ksxxmpcywnm7n';

test('the example keeps a Service for each database, follows its endpoint, and outlives the API server', async () => {
  // A Service of somebody else, who was there first.
  const taken = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: payments, namespace },
    spec: { type: 'ExternalName', externalName: 'mine.example.com' },
  };
  await stack.kubernetes.request(path, { method: 'POST', body: taken });
  await pass();
  const child = start();
  await until(async () => (await services()).length === 23, { what: 'a Service for each database' });
  const objects = await stack.kubernetes.request(
    `/apis/aws.skymirror.dev/v1alpha1/namespaces/${namespace}/rdsinstances/${orders}`,
  );
  const { metadata } = z.object({ metadata: z.object({ uid: z.string() }) }).parse(objects.body);
  const own = (await services()).find((one) => one.metadata.name === orders);
  expect(own).toMatchObject({
    metadata: { ownerReferences: [{ kind: 'RDSInstance', uid: metadata.uid }] },
    spec: { type: 'ExternalName', externalName: 'orders.aaaaaaaaaa.us-east-1.rds.amazonaws.com' },
  });
  await until(() => said.includes('conflict'), { what: 'the complaint about the Service that is not ours' });
  expect(await addressOf(payments)).toBe('mine.example.com');

  const moved = stack.aws.faults.add(
    setElement('orders', 'Address', 'orders.moved.example.com', { region: 'us-east-1' }),
  );
  await pass();
  await until(async () => (await addressOf(orders)) === 'orders.moved.example.com', { what: 'the new endpoint' });

  await stack.kubernetes.kill();
  await stack.kubernetes.restart();
  moved.remove();
  await pass();
  const back = 'orders.aaaaaaaaaa.us-east-1.rds.amazonaws.com';
  await until(async () => (await addressOf(orders)) === back, { what: 'the endpoint after the restart' });
  expect(child.exitCode).toBeNull();
});
