import * as z from 'zod';
import type { Provider } from '../../lib/define-source.ts';
import type { Source } from '../../lib/source.ts';
import { type Engine, engine as realEngine } from './engine.ts';

/** One resource outside. Without `id` its row names nobody; `state` that is no text fails the schema. */
export interface Row {
  readonly id: string | undefined;
  readonly state?: unknown;
  readonly resourceId?: unknown;
  readonly fields?: Readonly<Record<string, unknown>>;
  /** Set: the row is of another kind. */
  readonly excluded?: string;
}

/** The outside: what exists now, by id, and every call that anybody made. */
export interface World {
  readonly rows: Map<string, Row>;
  readonly calls: SourceCall[];
}

/** One call as a hook sees it. */
export interface SourceCall {
  readonly verb: 'prove' | 'page' | 'get' | 'modify';
  readonly ids: readonly string[];
}

/** What may happen to the calls of one session; it comes in as the `access` of a task. */
export interface SourceHooks {
  /** Before the outside looks. Throwing fails the call, hanging delays it. */
  readonly before?: (call: SourceCall) => void | Promise<void>;
  /** After the outside looked, before the caller hears of it. */
  readonly after?: (call: SourceCall) => void | Promise<void>;
  /** What a page of the listing holds instead of the truth. */
  readonly page?: (rows: readonly Row[], last: boolean) => readonly Row[];
  /** What a direct question is answered instead of the truth. */
  readonly found?: (id: string, row: Row | undefined) => Row | Error | undefined;
  /** The account that the credentials turn out to belong to. */
  readonly account?: string;
  /** The listing ended without an error, holding these ids. */
  readonly listed?: (ids: readonly (string | undefined)[]) => void;
  /** A direct question was answered. */
  readonly answered?: (asked: SourceCall, id: string, answer: Row | Error | undefined) => void;
}

interface Session {
  readonly account: string;
  readonly region: string;
  readonly hooks: SourceHooks;
  /** The one thing that a source must never do; it is only recorded. */
  readonly modify: () => void;
  calls: number;
}

const text = () => z.string().optional();
const part = () => z.string().meta({ selectable: true });
const identity = z.object({ arn: z.string(), account: part(), region: part(), name: z.string() });
const observed = z.object({
  state: z.string(),
  resourceId: text(),
  version: z.int().optional(),
  size: z.number().optional(),
  note: text(),
  groups: z.array(z.string()).optional(),
  tags: z.record(z.string(), z.string()).optional(),
  endpoint: z.object({ address: text(), port: z.int().optional() }).optional(),
});

/** The id of a resource of the memory source. */
export function idOf(name: string, scope = { account: '1', region: 'r' }): string {
  return `arn:test:${scope.account}:${scope.region}:${name}`;
}

/** A source over a world, made by the same defineSource as the real ones. */
export function memorySource(options: {
  readonly world: World;
  readonly engine?: Pick<Engine, 'defineSource' | 'UnseenError'>;
  readonly pageSize?: number;
  /** Set: the listing is of bare ids, and what is behind them is read again within so many seconds. */
  readonly refreshSeconds?: number;
}): Source {
  const { world, engine = realEngine, pageSize = 2, refreshSeconds } = options;

  async function call(session: Session, asked: SourceCall): Promise<void> {
    session.calls += 1;
    world.calls.push(asked);
    await session.hooks.before?.(asked);
  }

  const provider: Provider<SourceHooks, Session> = {
    group: 'test.skymirror.dev',
    scope: ['account', 'region'],
    access: z.custom<SourceHooks>(),
    permissions: ['test:GetCallerIdentity'],
    connect({ account = '', region = '' }, hooks) {
      const modify = () => world.calls.push({ verb: 'modify', ids: [] });
      return { account, region, hooks, modify, calls: 0 };
    },
    async prove(session, scope, signal) {
      const asked: SourceCall = { verb: 'prove', ids: [] };
      await call(session, asked);
      signal.throwIfAborted();
      await session.hooks.after?.(asked);
      const account = session.hooks.account ?? scope.account;
      if (account !== scope.account) throw new engine.UnseenError('WrongPlace', `the credentials are of ${account}`);
    },
    calls: (session) => session.calls,
    close() {},
    explain: (error) => ({ reason: 'Unreachable', message: error instanceof Error ? error.message : String(error) }),
  };

  return engine.defineSource({
    kind: 'Thing',
    plural: 'things',
    shortNames: [],
    categories: [],
    description: 'A thing in memory.',
    revision: 1,
    provider,
    identity,
    observed,
    permissions: ['test:DescribeThings'],
    ...(refreshSeconds === undefined ? {} : { refreshSeconds }),
    async *list(session, signal) {
      const inside = (id: string) => id.startsWith(idOf('', session));
      const listed: (string | undefined)[] = [];
      for (let marker = ''; ; ) {
        const asked: SourceCall = { verb: 'page', ids: [] };
        await call(session, asked);
        signal.throwIfAborted();
        const rest = [...world.rows]
          .filter(([id]) => inside(id) && id > marker)
          .toSorted(([a], [b]) => (a < b ? -1 : 1));
        const page = rest.slice(0, pageSize);
        const last = rest.length <= pageSize;
        const rows = page.map(([, row]) => row);
        marker = page.at(-1)?.[0] ?? '';
        await session.hooks.after?.(asked);
        const answer = session.hooks.page?.(rows, last) ?? rows;
        listed.push(...answer.map(({ id }) => id));
        if (last) session.hooks.listed?.(listed);
        yield refreshSeconds === undefined ? answer : answer.map(({ id }) => id ?? '');
        if (last) return;
      }
    },
    async get(session, ids, signal) {
      const asked: SourceCall = { verb: 'get', ids };
      await call(session, asked);
      signal.throwIfAborted();
      const { found = (_, row) => row } = session.hooks;
      const answers = new Map(ids.map((id) => [id, found(id, world.rows.get(id))] as const));
      await session.hooks.after?.(asked);
      for (const [id, answer] of answers) session.hooks.answered?.(asked, id, answer);
      return answers;
    },
    identify: identifyThing,
    idOf: ({ arn }) => arn,
    readable: ({ name }) => name,
    observe: ({ id, state, resourceId, fields = {}, excluded }) => {
      if (excluded !== undefined) return { id, excluded };
      const { version, size, note, groups, tags, endpoint } = fields;
      return { id, fields: { state, resourceId, version, size, note, groups, tags, endpoint } };
    },
    changes(before, after) {
      if (before.resourceId !== after.resourceId) return [{ reason: 'Replaced', message: 'another resource' }];
      const message = `${before.state} -> ${after.state}`;
      return before.state === after.state ? [] : [{ reason: 'StateChanged', message }];
    },
    health({ state }) {
      if (state === 'available') return { status: 'True', reason: 'Available', message: '' };
      return { status: state === 'odd' ? 'Unknown' : 'False', reason: 'State', message: state };
    },
  });
}

/** The identity behind an id such as arn:test:1:r:orders. */
export function identifyThing(id: string) {
  const [arn, test, account, region, name, ...more] = id.split(':');
  const legal = arn === 'arn' && test === 'test' && more.length === 0;
  return legal && account && region && name ? { arn: id, account, region, name } : undefined;
}
