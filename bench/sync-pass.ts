import * as z from 'zod';
import { loadConnection } from '../lib/kubeconfig.ts';
import { openCluster } from '../lib/kubernetes-cluster.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { reportLine } from '../lib/report.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { sync } from '../lib/sync.ts';

/** What the process of one pass is told, as JSON in the variable BENCH_PASS; AWS settings come as the SDK's own. */
export const passSchema = z.object({
  kubeconfig: z.string(),
  namespace: z.string(),
  account: z.string(),
  region: z.string(),
});

/** What it prints. `line`: the report of the pass, for people. */
export const passResultSchema = z.object({
  milliseconds: z.number(),
  outsideMilliseconds: z.number(),
  cpuMilliseconds: z.number(),
  peakBytes: z.number(),
  line: z.string(),
});

/** One pass in a process of its own, as a scheduled run is; then the outside alone, to tell the two apart. */
async function pass(): Promise<z.infer<typeof passResultSchema>> {
  const { kubeconfig, namespace, account, region } = passSchema.parse(JSON.parse(process.env.BENCH_PASS ?? '{}'));
  const cluster = openCluster(await loadConnection({ kubeconfig }));
  const scope = { account, region };
  const mirror = mirrorOf({ name: 'bench', namespace });
  const cpu = process.cpuUsage();
  const report = await sync({ mirror, source: rdsInstance, scope, access: {} }, [cluster]);
  const { user, system } = process.cpuUsage(cpu);
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const line = reportLine(report);
  if (!report.ok) throw new Error(`the pass did not work: ${line} ${JSON.stringify(report.clusters).slice(0, 500)}`);
  const outsideMilliseconds = await listOutside(scope);
  await cluster.close();
  const cpuMilliseconds = (user + system) / 1000;
  return { milliseconds: report.milliseconds, outsideMilliseconds, cpuMilliseconds, peakBytes, line };
}

async function listOutside(scope: Readonly<Record<string, string>>): Promise<number> {
  const outside = rdsInstance.open(scope, {});
  const began = performance.now();
  for await (const page of outside.list(new AbortController().signal)) {
    if (page.some(({ outcome }) => outcome !== 'observed')) throw new Error('a row of the estate is not valid');
  }
  outside.close();
  return performance.now() - began;
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await pass()), () => process.exit());
}
