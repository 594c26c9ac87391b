import { Agent, request } from 'undici';
import * as z from 'zod';
import type { Kubernetes } from '../../dev/kubernetes.ts';
import { until } from '../../dev/until.ts';
import type { Told } from './truth.ts';

const object = z.looseObject({ metadata: z.looseObject({ uid: z.string(), resourceVersion: z.string() }) });
const list = z.object({ metadata: z.object({ resourceVersion: z.string() }), items: z.array(object) });
const event = z.object({ type: z.string(), object });

/** An object as the API server told it. */
export type Seen = z.infer<typeof object>;

/** What the API server itself tells of the objects of one kind and namespace. */
export interface View {
  objects(): Promise<Seen[]>;
  /** Everything that was told since the last time, up to what is there now. */
  told(): Promise<Told[]>;
  close(): Promise<void>;
}

/** Watches the objects of a collection that the selector chooses, past every proxy, as the administrator. */
export async function watchObjects(kubernetes: Kubernetes, path: string, fieldSelector: string): Promise<View> {
  const url = `${path}?fieldSelector=${encodeURIComponent(fieldSelector)}`;
  const agent = new Agent({ connect: { ca: kubernetes.certificateAuthority }, bodyTimeout: 0 });
  const read = async () => list.parse((await kubernetes.request(url)).body);
  const first = await read();
  const { body } = await request(`${kubernetes.url}${url}&watch=1&resourceVersion=${first.metadata.resourceVersion}`, {
    dispatcher: agent,
    headers: { authorization: `Bearer ${kubernetes.tokens.admin}` },
  });
  const told: z.infer<typeof event>[] = [];
  /** The version up to which the watch has told each object; `undefined`: that it was deleted. */
  const standing = new Map<string, string | undefined>(
    first.items.map(({ metadata }) => [metadata.uid, metadata.resourceVersion]),
  );
  let rest = '';
  body.setEncoding('utf8');
  body.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const one = event.parse(JSON.parse(line));
      told.push(one);
      const { uid, resourceVersion } = one.object.metadata;
      standing.set(uid, one.type === 'DELETED' ? undefined : resourceVersion);
    }
  });
  // The end of the watch is told where somebody waits for it: it has not caught up then.
  body.on('error', () => {});

  async function caughtUp(): Promise<boolean> {
    const { items } = await read();
    const current = new Map(items.map(({ metadata }) => [metadata.uid, metadata.resourceVersion]));
    return [...new Set([...current.keys(), ...standing.keys()])].every((uid) => standing.get(uid) === current.get(uid));
  }

  return {
    objects: async () => (await read()).items,
    async told() {
      await until(caughtUp, { what: `the watch of ${path} to tell all`, interval: 5 });
      return told.splice(0);
    },
    async close() {
      body.destroy();
      await agent.destroy();
    },
  };
}
