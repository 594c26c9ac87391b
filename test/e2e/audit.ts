import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import * as z from 'zod';

const write = z.object({
  verb: z.string(),
  objectRef: z.object({ resource: z.string(), subresource: z.string().optional(), name: z.string().optional() }),
  responseStatus: z.object({ code: z.number() }),
  /** Absent where the request was refused before it was read. */
  requestObject: z
    .looseObject({
      metadata: z.looseObject({ name: z.string() }),
      regarding: z.looseObject({ uid: z.string() }).optional(),
    })
    .optional(),
});

/** A write that the API server has answered. */
export type Write = z.infer<typeof write>;

/** The audit log of an API server. */
export interface Audit {
  /** What turns it on. */
  readonly flags: string[];
  /** All writes of our kinds until now, and of Events, in their order. */
  writes(): Promise<Write[]>;
  remove(): Promise<void>;
}

/** The API server's own record of each write of our kinds (Kubernetes Documentation, "Auditing"); written before it answers. */
export async function createAudit(): Promise<Audit> {
  const folder = await mkdtemp(join(tmpdir(), 'skymirror-audit-'));
  const [policy, log] = [join(folder, 'policy.yaml'), join(folder, 'audit.log')];
  const groups = ['aws.skymirror.dev', 'skymirror.dev', 'events.k8s.io'].map((group) => ({ group }));
  const verbs = ['create', 'update', 'patch', 'delete', 'deletecollection'];
  const rules = [{ level: 'Request', verbs, resources: groups }, { level: 'None' }];
  const omitStages = ['RequestReceived', 'ResponseStarted'];
  await writeFile(policy, stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages, rules }));
  return {
    flags: [`--audit-policy-file=${policy}`, `--audit-log-path=${log}`],
    async writes() {
      const lines = (await readFile(log, 'utf8')).split('\n').filter(Boolean);
      return lines.map((line) => write.parse(JSON.parse(line)));
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
