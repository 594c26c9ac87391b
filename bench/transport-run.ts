import * as z from 'zod';
import { mapConcurrent } from '../lib/concurrent.ts';
import { parseObject } from '../lib/object.ts';
import { type Client, clients, targetSchema } from './transport-clients.ts';

/** What the process of one client is told, as JSON in the variable BENCH_RUN. */
export const runSchema = z.object({
  client: z.string(),
  target: targetSchema,
  names: z.array(z.string()),
  sequential: z.int(),
  /** Written by every PUT; a new one each time, so that every PUT changes its object. */
  value: z.int(),
});

/** What it prints: milliseconds, CPU milliseconds (all threads), bytes. */
export const runResultSchema = z.object({
  opened: z.number(),
  putMilliseconds: z.number(),
  getMilliseconds: z.number(),
  sequentialMilliseconds: z.number(),
  cpuMilliseconds: z.number(),
  peakBytes: z.number(),
});

/** The workload of one client in a process of its own: warms up, then measures. */
async function run(): Promise<z.infer<typeof runResultSchema>> {
  const { client: name, target, names, sequential, value } = runSchema.parse(JSON.parse(process.env.BENCH_RUN ?? '{}'));
  const open = Object.entries(clients).find(([key]) => key === name)?.[1];
  if (open === undefined) throw new Error(`no client "${name}"; there are ${Object.keys(clients).join(', ')}`);
  const began = performance.now();
  const client = await open(target);
  const opened = performance.now() - began;
  const current = await mapConcurrent(names, target.inFlight, async (one) => parseObject(await client.get(one)));
  const bodies = current.map((object) => {
    const { managedFields, ...metadata } = object.metadata;
    const observed = { ...object.status?.observed, promotionTier: value };
    return { ...object, metadata, status: { ...object.status, observed } };
  });
  const cpu = process.cpuUsage();
  const putMilliseconds = await timed(() =>
    mapConcurrent(bodies, target.inFlight, (body) => client.replaceStatus(body.metadata.name, body)),
  );
  const getMilliseconds = await timed(() => mapConcurrent(names, target.inFlight, (one) => client.get(one)));
  const sequentialMilliseconds = await timed(() => oneByOne(client, names.slice(0, sequential)));
  const { user, system } = process.cpuUsage(cpu);
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const cpuMilliseconds = (user + system) / 1000;
  await check(client, names, value);
  await client.close();
  return { opened, putMilliseconds, getMilliseconds, sequentialMilliseconds, cpuMilliseconds, peakBytes };
}

async function oneByOne(client: Client, names: readonly string[]): Promise<void> {
  for (const name of names) await client.get(name);
}

/** A client that only seems to write would win. */
async function check(client: Client, names: readonly string[], value: number): Promise<void> {
  const last = parseObject(await client.get(names.at(-1) ?? ''));
  if (last.status?.observed?.promotionTier !== value) throw new Error('the last PUT did not arrive');
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await run()), () => process.exit());
}
