import { type Mirror, mirrorOf } from '../lib/mirror.ts';
import { UnseenError } from '../lib/source.ts';
import { sync } from '../lib/sync.ts';
import { type ClusterHooks, type MemoryCluster, memoryCluster } from './memory/memory-cluster.ts';
import { idOf, memorySource, type Row, type SourceHooks, type World } from './memory/memory-source.ts';

const scope = { account: '1', region: 'r' };
const period = 3600;

/** What the outside answers about an id that the credentials may not read. */
export const denied = (id: string) => new UnseenError('AccessDenied', `no access to ${id}`);

/** So many names, in the order of the listing. */
export const manyNames = (count: number, stem = 'thing') =>
  Array.from({ length: count }, (_, index) => `${stem}-${String(index).padStart(4, '0')}`);

/** A mirror of a source that lists bare ids, ten minutes of grace, a heartbeat each five minutes. */
export function setUp(names: readonly string[], wish: Partial<Mirror> = {}, hooks: ClusterHooks = {}) {
  const world: World = { rows: new Map(), calls: [] };
  const put = (name: string, row: Partial<Row> = {}) =>
    world.rows.set(idOf(name), { id: idOf(name), state: 'available', ...row });
  for (const name of names) put(name);
  const cluster = memoryCluster({ hooks });
  const source = memorySource({ world, pageSize: 1000, refreshSeconds: period });
  const pass = (access: SourceHooks = {}, change: Partial<Mirror> = {}, clusters = [cluster]) => {
    const mirror = mirrorOf({ name: 'test', namespace: 'external', maxRemovalPercent: 100, ...wish, ...change });
    return sync({ mirror, source, scope, access }, clusters);
  };
  /** The names that were asked for, and forgets them. */
  const asked = () =>
    world.calls
      .splice(0)
      .flatMap(({ verb, ids }) => (verb === 'get' ? ids : []))
      .map((id) => id.split(':').at(-1));
  const object = (name: string, where: MemoryCluster = cluster) =>
    where.objects('things').find(({ spec }) => spec?.name === name);
  const brief = (name: string, where: MemoryCluster = cluster) =>
    object(name, where)?.status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
  const later = (minutes: number) => {
    cluster.time.now += minutes * 60_000;
  };
  /** One pass in each of so many minutes. */
  const passEachMinute = async (minutes: number, access: SourceHooks = {}, change: Partial<Mirror> = {}) => {
    for (let minute = 0; minute < minutes; minute += 1) {
      later(1);
      await pass(access, change);
    }
  };
  const scan = () => cluster.objects('mirrorscans')[0]?.status ?? {};
  return { world, put, cluster, source, pass, passEachMinute, asked, object, brief, later, scan };
}
