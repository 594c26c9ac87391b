import * as z from 'zod';
import type { Provider } from '../../lib/define-source.ts';
import type { Source } from '../../lib/source.ts';
import { identifyThing } from '../memory/memory-source.ts';
import { type Activity, type Fault, nextFault, type Order, type Session } from './activity.ts';
import type { WholeEngine } from './engine.ts';
import type { Outside, Row } from './outside.ts';
import type { Points } from './points.ts';

/** What a session of the source runs on. */
export interface Ground {
  readonly engine: WholeEngine;
  readonly outside: Outside;
  readonly points: Points;
  readonly order: Order;
  readonly tell: (who: Activity, what: string) => void;
  /** A process dies at its own request. */
  readonly die: (who: Activity) => void;
}

/** How a world is listed: whole rows, bare ids that are all asked for, or bare ids that are asked for in turns. */
export type Listing = 'rows' | 'ids' | 'turns';

/** Seconds in which all turns are taken. */
export const turnSeconds = 3600;

const pageSize = 2;
const identity = z.object({ arn: z.string(), account: z.string(), region: z.string(), name: z.string() });
const observed = z.object({
  state: z.string(),
  resourceId: z.string(),
  version: z.int(),
  note: z.string().optional(),
});

/** The id of a resource by its name and region. */
export function idOf(name: string, region = 'r'): string {
  return `arn:test:1:${region}:${name}`;
}

/** What a task is given as its access: who asks, and the world that is asked. */
export interface Access {
  readonly who: Activity;
  readonly ground: Ground;
}

interface Opened extends Access {
  readonly region: string;
  readonly trace: Session;
  /** Its credentials are of another account, which has nothing; a session keeps those that it began with. */
  readonly isElsewhere: boolean;
}

const made = new WeakMap<WholeEngine, Map<string, Source>>();

/** The source of the simulator in one of two releases, of which the second shows one field more. */
export function thingSource(engine: WholeEngine, release: 1 | 2, listing: Listing): Source {
  const known = made.get(engine) ?? new Map<string, Source>();
  made.set(engine, known);
  const key = `${release} ${listing}`;
  const source = known.get(key) ?? makeSource(engine, release, listing);
  known.set(key, source);
  return source;
}

function makeSource({ defineSource, UnseenError }: WholeEngine, release: 1 | 2, listing: Listing): Source {
  /** One call: on its way, the look, and its answer on its way back. A repeated one looks twice. */
  async function call<Answer>(
    { who, trace, ground }: Opened,
    what: string,
    look: (fault: Fault | undefined) => Answer,
  ) {
    const { points, tell } = ground;
    trace.calls += 1;
    await points.pass(who, `ask ${what}`);
    const fault = nextFault(who);
    if (fault === 'blip') await points.pass(who, `ask ${what}`);
    if (fault === 'die') {
      ground.die(who);
      await points.pass(who, 'dead');
    }
    const error = errors[fault ?? ''];
    if (error !== undefined && !(fault === 'denied' && what === 'get')) {
      tell(who, `${what}: ${fault}`);
      throw new UnseenError(error, `${what} met ${fault}`);
    }
    if (fault === 'reset') {
      look(fault);
      await points.pass(who, `ask ${what}`);
    }
    const answer = look(fault);
    if (fault === 'dies after') ground.die(who);
    await points.pass(who, `told ${what}`);
    if (fault === 'lost') throw new UnseenError('Unreachable', `the answer to ${what} was lost`);
    return answer;
  }

  const troubled = ({ who, region, ground }: Opened, ...ofThese: readonly string[]) => {
    const trouble = who.trouble ?? ground.outside.trouble.get(region);
    return trouble !== undefined && ofThese.includes(trouble) ? trouble : undefined;
  };

  function throwTrouble(opened: Opened): void {
    const trouble = troubled(opened, 'throttled', 'denied', 'timeout');
    if (trouble !== undefined) throw new UnseenError(errors[trouble] ?? 'Unreachable', `the region is ${trouble}`);
  }

  const provider: Provider<Access, Opened> = {
    group: 'test.skymirror.dev',
    scope: ['account', 'region'],
    access: z.custom<Access>(),
    permissions: ['test:GetCallerIdentity'],
    connect({ region = '' }, { who, ground }) {
      const trace: Session = {
        place: region,
        listing: 'none',
        listed: new Set(),
        asks: [],
        asked: new Map(),
        calls: 0,
        pages: 0,
      };
      who.sessions.push(trace);
      return {
        who,
        ground,
        region,
        trace,
        isElsewhere: (who.trouble ?? ground.outside.trouble.get(region)) === 'account',
      };
    },
    async prove(opened) {
      await call(opened, 'prove', () => {});
      if (opened.isElsewhere) throw new UnseenError('WrongPlace', 'the credentials are of another account');
    },
    calls: ({ trace }) => trace.calls,
    close() {},
    explain: (error) => ({ reason: 'Unreachable', message: error instanceof Error ? error.message : String(error) }),
  };

  function pageAfter(opened: Opened, marker: string, fault: Fault | undefined) {
    throwTrouble(opened);
    const { outside } = opened.ground;
    // An empty account: nothing but the proof of place can tell.
    const all = opened.isElsewhere ? [] : outside.ids();
    const rest = all
      .filter((id) => id > marker && id.startsWith(idOf('', opened.region)))
      .flatMap((id) => outside.shown('list', id) ?? []);
    const isCut = fault === 'half' || troubled(opened, 'lie') !== undefined;
    const rows = rest.slice(0, isCut ? 1 : pageSize);
    const isNameless = fault === 'unprocessable' || troubled(opened, 'nameless') !== undefined;
    const broken: Row[] = isNameless ? [{ id: 'no id', state: '', resourceId: '', version: 0 }] : [];
    return { rows: [...rows, ...broken], isLast: isCut || rest.length <= pageSize, isBroken: broken.length > 0 };
  }

  function answerTo(opened: Opened, id: string, isDenied: boolean): Row | Error | undefined {
    if (isDenied) return new UnseenError('AccessDenied', `${id} may not be read`);
    return opened.isElsewhere ? undefined : opened.ground.outside.shown('get', id);
  }

  return defineSource({
    kind: 'Thing',
    plural: 'things',
    shortNames: [],
    categories: [],
    description: 'A thing of the simulator.',
    revision: release,
    provider,
    identity,
    observed: release === 1 ? observed : observed.extend({ size: z.number().optional() }),
    permissions: ['test:DescribeThings'],
    events: [
      { name: 'any', pattern: { source: ['test'] }, ids: ({ resources }) => resources.map((one) => String(one)) },
    ],
    ...(listing === 'turns' ? { refreshSeconds: turnSeconds } : {}),
    async *list(opened) {
      const { who, trace, ground } = opened;
      trace.listing = 'cut';
      let isBroken = false;
      for (let marker = ''; ; ) {
        const page = await call(opened, 'page', (fault) => pageAfter(opened, marker, fault));
        trace.pages += 1;
        for (const { id } of page.rows) trace.listed.add(id);
        isBroken ||= page.isBroken;
        marker = page.rows.at(-1)?.id ?? '';
        if (page.isLast && !isBroken) trace.listing = 'whole';
        ground.tell(who, `page: ${page.rows.map(wordsFor).join(', ') || 'nothing'}${page.isLast ? ', the last' : ''}`);
        yield listing === 'rows' ? page.rows : page.rows.map(({ id }) => id);
        if (page.isLast) return;
      }
    },
    async get(opened, ids) {
      const { order, tell } = opened.ground;
      const asked = order.next();
      for (const id of ids) opened.trace.asked.set(id, (opened.trace.asked.get(id) ?? 0) + 1);
      const answers = await call(opened, 'get', (fault) => {
        throwTrouble(opened);
        const isDenied = fault === 'denied' || troubled(opened, 'single') !== undefined;
        return new Map(ids.map((id, index) => [id, answerTo(opened, id, isDenied && index === 0)] as const));
      });
      for (const [id, row] of answers) {
        const answer = row === undefined ? 'gone' : row instanceof Error ? 'error' : 'there';
        opened.trace.asks.push({ order: asked, id, answer });
      }
      tell(
        opened.who,
        `get: ${[...answers].map(([id, row]) => `${id} ${row instanceof Error ? 'denied' : wordsFor(row)}`).join(', ')}`,
      );
      return answers;
    },
    identify: identifyThing,
    idOf: ({ arn }) => arn,
    readable: ({ name }) => name,
    observe: ({ id, state, resourceId, version, hidden, excluded }) => {
      if (excluded) return { id, excluded: 'another kind' };
      const fields = { state, resourceId, version, note: hidden ? 'hidden' : undefined };
      return { id, fields: release === 1 ? fields : { ...fields, size: sizeOf(version) } };
    },
    changes: (before, after) =>
      before.resourceId === after.resourceId ? [] : [{ reason: 'Replaced', message: 'another resource' }],
    health: ({ state }) => ({ status: state === 'available' ? 'True' : 'False', reason: 'State', message: state }),
  });
}

/** What only the second release shows. */
export function sizeOf(version: number): number {
  return 100 + (version % 5);
}

const errors: Readonly<Record<string, 'Throttled' | 'AccessDenied' | 'Unreachable'>> = {
  throttled: 'Throttled',
  denied: 'AccessDenied',
  timeout: 'Unreachable',
  error: 'Unreachable',
  expired: 'Unreachable',
};

/** A row in a few words. */
export function wordsFor(row: Row | undefined): string {
  if (row === undefined) return 'not found';
  const how = row.excluded ? ' excluded' : row.hidden ? ' hidden' : row.state === 'available' ? '' : ` ${row.state}`;
  return `${row.id.split(':').at(-1)} v${row.version} ${row.resourceId}${how}`;
}
