import * as fc from 'fast-check';
import { answerOf, cancelBackfill, type Ground, messagesOf, openRun } from '../../../lib/backfill.ts';
import { backfillRequest } from '../../../lib/backfill-request.ts';
import { idsChosen } from '../../../lib/chosen.ts';
import { parseMessage } from '../../../lib/messages.ts';
import { mirrorOf } from '../../../lib/mirror.ts';
import { issuesText } from '../../../lib/plain-text.ts';
import { outgoing } from '../../../lib/queue.ts';
import { safeParse } from '../../../lib/safe-parse.ts';
import { selectsName, selectsTags } from '../../../lib/selection.ts';
import { syncRun } from '../../../lib/sync-run-schema.ts';
import { tagPatterns } from '../../../lib/target-filter.ts';
import type { ConfiguredTask } from '../../../lib/targets.ts';
import { memoryCluster } from '../../memory/memory-cluster.ts';
import { idOf, memorySource } from '../../memory/memory-source.ts';
import type { Finding, Outcome } from '../attempt.ts';
import { defineBorder } from '../border.ts';
import { damaged } from '../damage.ts';
import { hostileText } from '../hostile.ts';

const requests: readonly unknown[] = [
  {},
  { mirror: 'production' },
  { mirror: ['production', 'staging'], source: 'things', scope: { account: ['1', 'home'], region: 'r' } },
  { name: 'orders-*', tag: { team: ['payments', '*'], env: 'prod?' }, mode: 'plan' },
  { run: 'backfill-1', mode: 'apply', source: 'Thing' },
  { cancel: 'backfill-1' },
];

const names = ['orders-1', 'payments', 'a'.repeat(63)];
const tags = { team: 'payments', env: 'production', note: 'a'.repeat(256) };
const rows = names.map((name) => ({ id: idOf(name), state: 'available', fields: { tags } }));
const source = memorySource({ world: { rows: new Map(rows.map((row) => [row.id, row])), calls: [] }, pageSize: 10 });

const tasks = ['production', 'staging', 'paused'].map(
  (name): ConfiguredTask => ({
    mirror: mirrorOf({ name, namespace: `of-${name}` }),
    source,
    scope: { account: '1', region: 'r' },
    access: {},
    clusters: ['main'],
    accountName: 'home',
    every: 60,
    paused: name === 'paused',
  }),
);

/** Globs that take exponential time where they are matched by trying all that a star may stand for. */
const glob = fc
  .tuple(fc.constantFrom('*a', '*?', 'a*', '**'), fc.integer({ min: 1, max: 80 }), fc.constantFrom('', 'b'))
  .map(([unit, times, end]) => `${unit.repeat(times)}${end}`.slice(0, 256));
const selective = fc.record({
  name: fc.oneof(glob, hostileText),
  tag: fc.dictionary(fc.oneof(fc.constantFrom('team', 'note', '__proto__'), hostileText), glob, { maxKeys: 3 }),
});

/** Requests for a backfill, as whoever may invoke the function or run the command writes them. */
export const backfillRequests = defineBorder<unknown>({
  name: 'backfill requests',
  arbitrary: fc.oneof({ weight: 3, arbitrary: damaged(requests, 3) }, { weight: 1, arbitrary: selective }),
  async run(input) {
    const parsed = safeParse(backfillRequest, input);
    if (!parsed.success) return { said: [issuesText(parsed.error)] };
    const request = parsed.data;
    const cluster = memoryCluster({ name: 'main' });
    const signal = new AbortController().signal;
    const ground: Ground = {
      tasks,
      signal,
      open: async (wanted) => new Map(wanted.flatMap((name) => (name === 'main' ? [[name, cluster] as const] : []))),
      spelt: (field) => field,
    };
    try {
      if (request.cancel !== undefined) return { left: answerOf(await cancelBackfill(request.cancel, ground)) };
      const open = await openRun(request, request.run ?? 'backfill-fresh', ground);
      const messages = messagesOf(open).map(outgoing);
      const { filter } = open.run.spec;
      const patterns = filter.tags && tagPatterns(filter.tags);
      const choice = {
        ...(filter.name === undefined
          ? {}
          : { name: (name: string) => selectsName({ include: [filter.name ?? ''] }, name) }),
        ...(patterns === undefined
          ? {}
          : { fields: (fields: object) => selectsTags({ include: patterns }, { ...fields }) }),
      };
      const [task] = tasks;
      const ids = task === undefined ? [] : await idsChosen(task, [cluster], choice, signal);
      const writes = cluster.writes.map(({ plural }) => plural);
      return {
        left: [answerOf(open), ids],
        finding: unlawful(
          messages.map(({ body }) => body),
          writes,
          ids,
        ),
      };
    } catch (error) {
      // "Throws an Error where the request cannot be carried out."
      return documented(error);
    }
  },
});

function documented(error: unknown): Outcome {
  if (error instanceof Error && error.name === 'Error') return { errors: [error] };
  throw error;
}

function unlawful(bodies: readonly string[], writes: readonly string[], ids: readonly string[]): Finding | undefined {
  const odd = bodies.find((body) => !('message' in parseMessage(body)));
  if (odd !== undefined) return { kind: 'rules', what: `the worker does not take ${odd}` };
  const stray = ids.find((id) => !rows.some((row) => row.id === id));
  if (stray !== undefined) return { kind: 'rules', what: `chosen: ${stray}` };
  const write = writes.find((plural) => plural !== syncRun.plural);
  return write === undefined ? undefined : { kind: 'writes', what: write };
}
