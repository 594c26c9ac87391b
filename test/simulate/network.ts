import type { Cluster, RequestOptions } from '../../lib/cluster.ts';
import type { MemoryCluster } from '../memory/memory-cluster.ts';
import { type Activity, type Fault, nextFault, readingOf } from './activity.ts';
import type { Ground } from './thing.ts';

/** Milliseconds: what is on its way for longer is given up by lib/transport.ts (its deadline), and never arrives here. */
export const longestFlight = 30_000;

const short: Readonly<Record<string, string>> = { things: '', mirrorscans: 'scan ', syncruns: 'run ' };

/** A connection of one process to a cluster: each request meets the schedule on its way there and back. */
export function connection(
  cluster: MemoryCluster,
  ground: Ground & { readonly state: { down: boolean; refuses: string | undefined } },
  whose: () => Activity,
): Cluster {
  const { engine, points, order, tell, state } = ground;
  const { ApiError } = engine;
  const inner = cluster.client({ read: (object) => whose().reads.push(readingOf(object, order.next())) });

  function refusal(fault: Fault | undefined, verb: string, name: string): Error | undefined {
    if (state.down) return new ApiError(0, 'Unreachable', `${cluster.name} is down`);
    const isWrite = ['create', 'replace', 'replaceStatus', 'remove'].includes(verb);
    if (isWrite && state.refuses !== undefined && name.startsWith(state.refuses)) {
      return new ApiError(403, 'Forbidden', 'a policy of the cluster denies it');
    }
    const [status, reason] = statuses[fault ?? ''] ?? [];
    if (status === undefined || reason === undefined) return undefined;
    return status === 410 && verb !== 'list'
      ? new ApiError(500, 'InternalError', 'no')
      : new ApiError(status, reason, 'no');
  }

  /** As lib/transport.ts: asks `beforeSend` before each send, and sends again what may have been lost. */
  async function send<Answer>(
    verb: string,
    type: { readonly plural: string },
    name: string,
    bound: RequestOptions,
    effect: (bound: RequestOptions) => Promise<Answer>,
  ): Promise<Answer> {
    const who = whose();
    const what = `${short[type.plural] ?? ''}${verb}`;
    const isWrite = !['revision', 'namespace', 'list', 'get'].includes(verb);
    const say = (outcome: string) => tell(who, `${cluster.name}: ${what} ${name} ${outcome}`);
    const way = { signal: bound.signal, where: cluster.name };
    const alone = { signal: new AbortController().signal };
    let sentAt = 0;
    const land = () => {
      if (cluster.time.now - sentAt > longestFlight) return;
      say('arrives, and nobody waits for the answer');
      effect(alone).catch(() => undefined);
    };
    let again = 1;
    for (let attempt = 0; ; attempt += 1) {
      bound.signal.throwIfAborted();
      bound.beforeSend?.();
      if (isWrite) who.sent.set(`${cluster.name}/${name}`, (who.sent.get(`${cluster.name}/${name}`) ?? 0) + 1);
      sentAt = cluster.time.now;
      await points.pass(who, what, { ...way, land: isWrite ? land : undefined });
      const fault = attempt === 0 ? nextFault(who) : undefined;
      if (fault === 'die') {
        ground.die(who);
        await points.pass(who, 'dead');
      }
      const isLate = cluster.time.now - sentAt > longestFlight;
      const error = isLate ? new ApiError(0, 'Unreachable', 'no answer in time') : refusal(fault, verb, name);
      if (fault === 'blip' && again > 0) {
        again -= 1;
        continue;
      }
      if (error !== undefined) {
        say(`is answered ${error.message}${fault === undefined ? '' : ` (${fault})`}`);
        throw error;
      }
      const outcome = await attemptOnce(() => effect({ signal: alone.signal }));
      say('error' in outcome ? `is answered ${outcome.error}` : 'is done');
      if (fault === 'dies after') ground.die(who);
      if (!['revision', 'namespace'].includes(verb)) await points.pass(who, 'answer', way);
      if (fault === 'reset' && again > 0) {
        again -= 1;
        continue;
      }
      if (fault === 'lost') throw new ApiError(0, 'Unreachable', 'the answer was lost');
      if ('error' in outcome) throw outcome.error;
      return outcome.answer;
    }
  }

  const nameIn = ({ metadata }: { readonly metadata: { readonly name: string } }) => metadata.name;
  return {
    name: cluster.name,
    now: () => inner.now(),
    schemaRevision: (type, bound) => send('revision', type, '', bound, (own) => inner.schemaRevision(type, own)),
    namespacePhase: (name, bound) =>
      send('namespace', { plural: 'namespaces' }, name, bound, (own) => inner.namespacePhase(name, own)),
    list: (type, namespace, fields, bound) =>
      send('list', type, '', bound, (own) => inner.list(type, namespace, fields, own)),
    get: (type, namespace, name, bound) =>
      send('get', type, name, bound, (own) => inner.get(type, namespace, name, own)),
    create: (type, object, bound) =>
      send('create', type, nameIn(object), bound, (own) => inner.create(type, object, own)),
    replace: (type, object, bound) =>
      send('replace', type, nameIn(object), bound, (own) => inner.replace(type, object, own)),
    replaceStatus: (type, object, bound) =>
      send('replaceStatus', type, nameIn(object), bound, (own) => inner.replaceStatus(type, object, own)),
    remove: (type, object, bound) =>
      send('remove', type, nameIn(object), bound, (own) => inner.remove(type, object, own)),
    record: (event, bound) =>
      send('record', { plural: 'events' }, event.metadata.name, bound, (own) => inner.record(event, own)),
  };
}

const statuses: Readonly<Record<string, readonly [number, string]>> = {
  throttled: [429, 'TooManyRequests'],
  denied: [403, 'Forbidden'],
  timeout: [0, 'Unreachable'],
  error: [500, 'InternalError'],
  unprocessable: [422, 'Invalid'],
  expired: [410, 'Expired'],
};

async function attemptOnce<Answer>(effect: () => Promise<Answer>) {
  try {
    return { answer: await effect() };
  } catch (error) {
    return { error };
  }
}
