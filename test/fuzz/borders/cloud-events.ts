import * as fc from 'fast-check';
import { type EventMessage, syncEvents } from '../../../lib/event-sync.ts';
import type { KubernetesObject } from '../../../lib/object.ts';
import { reportLine } from '../../../lib/report.ts';
import { nameOf } from '../../../lib/resource.ts';
import { inScope, type Observation, type Scope, type Source } from '../../../lib/source.ts';
import { sources } from '../../../lib/sources.ts';
import { maxReceives } from '../../../lib/work.ts';
import { samples, taskOf } from '../../event-samples.ts';
import { type MemoryCluster, memoryCluster } from '../../memory/memory-cluster.ts';
import type { Finding } from '../attempt.ts';
import { defineBorder } from '../border.ts';
import { canary } from '../canaries.ts';
import { damaged, damagedJson } from '../damage.ts';
import { hostileText } from '../hostile.ts';

const scopes: readonly Scope[] = ['us-east-1', 'us-east-2'].map((region) => ({ account: '123456789012', region }));

/** All that exists outside: what the samples name. */
const existing = new Set(samples.flatMap(({ ids = {} }) => Object.values(ids).flat()));

/** What senders put beside the part that is read, secrets among it. */
const secretive = samples.map(({ body }) => ({
  ...body,
  detail: { ...Object(Object(body).detail), password: canary },
}));

const message: fc.Arbitrary<EventMessage> = fc.record({
  messageId: fc.constantFrom('1', '2', '3'),
  body: damagedJson([...samples.map(({ body }) => body), ...secretive]),
  receiveCount: fc.integer({ min: 1, max: maxReceives }),
  messageAttributes: damaged([undefined, {}, ...samples.flatMap(({ attributes }) => attributes ?? [])], 2),
});

/** The kind as it is, over an outside in memory that notes what it is asked for. */
function inMemory(source: Source, scope: Scope, asked: string[]): Source {
  const answer = (id: string): Observation | undefined => {
    const identity = source.identify(id);
    if (!existing.has(id) || identity === undefined) return undefined;
    const fields = source.kind === 'SQSQueue' ? { url: 'https://queue.example', fifo: false } : { state: 'available' };
    return { outcome: 'observed', id, identity, fields, health: { status: 'True', reason: 'Up', message: '' } };
  };
  return {
    ...source,
    open: () => ({
      prove: async () => {},
      async *list() {},
      async get(ids) {
        for (const id of ids) asked.push(inScope(source.identify(id) ?? {}, scope) ? id : `not in scope: ${id}`);
        return new Map(ids.map((id) => [id, answer(id)]));
      },
      calls: () => 1,
      close() {},
    }),
  };
}

/** Events of the queue, in whatever form they come: of EventBridge, CloudTrail, AWS Config, through SNS or raw. */
export const cloudEvents = defineBorder<readonly EventMessage[]>({
  name: 'cloud events',
  arbitrary: fc.oneof(
    fc.array(message, { minLength: 1, maxLength: 3 }),
    hostileText.map((body) => [{ messageId: '1', body, receiveCount: 1 }]),
  ),
  async run(messages) {
    const asked: string[] = [];
    const clusters: MemoryCluster[] = [];
    const tasks = sources.flatMap((source) => scopes.map((scope) => taskOf(inMemory(source, scope, asked), scope)));
    const open = () => {
      const cluster = clusters[0] ?? memoryCluster();
      clusters[0] = cluster;
      return Promise.resolve(new Map([['main', cluster]]));
    };
    const result = await syncEvents(messages, tasks, { signal: new AbortController().signal, clusters: open });
    const { ignored, reports, errors, failed, givenUp } = result;
    const examples = [...ignored.values()].map(({ example }) => example);
    const objects = clusters.flatMap(({ writes }) => writes.flatMap(({ after }) => after ?? []));
    const known = new Set(messages.map(({ messageId }) => messageId));
    return {
      said: reports.map(reportLine),
      errors,
      left: { examples, reports },
      finding:
        unlawfulAsk(asked, messages) ??
        unlawfulWrite(objects) ??
        tooLong(examples) ??
        ([...failed, ...givenUp].every((id) => known.has(id))
          ? undefined
          : { kind: 'rules', what: 'an unknown message' }),
    };
  },
});

function unlawfulAsk(asked: readonly string[], messages: readonly EventMessage[]): Finding | undefined {
  const outside = asked.find((id) => id.startsWith('not in scope'));
  if (outside !== undefined) return { kind: 'rules', what: outside };
  // One event names at most a hundred ids, of at most each kind.
  const most = messages.length * 100 * sources.length;
  return asked.length > most ? { kind: 'rules', what: `${asked.length} ids were asked for` } : undefined;
}

const names = new Set(
  sources.flatMap((source) =>
    [...existing].flatMap((id) => {
      const identity = source.identify(id);
      return identity === undefined ? [] : [nameOf(source, id, identity)];
    }),
  ),
);

/** Whatever an event says, what is written follows from the outside alone. */
function unlawfulWrite(objects: readonly KubernetesObject[]): Finding | undefined {
  const odd = objects.find(({ metadata, spec }) => !names.has(metadata.name) || !existing.has(String(spec?.arn)));
  return odd === undefined ? undefined : { kind: 'writes', what: JSON.stringify(odd).slice(0, 1_000) };
}

function tooLong(examples: readonly string[]): Finding | undefined {
  const long = examples.find((example) => example.length > 250);
  return long === undefined ? undefined : { kind: 'lengths', what: long };
}
