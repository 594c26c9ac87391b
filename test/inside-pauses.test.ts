import { describe, expect, test } from 'vitest';
import { ApiError } from '../lib/cluster.ts';
import { mirrorOf } from '../lib/mirror.ts';
import { readInside } from '../lib/read-inside.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { type ClusterHooks, memoryCluster } from './memory/memory-cluster.ts';

const target = {
  mirror: mirrorOf({ name: 'production', namespace: 'external' }),
  source: rdsInstance,
  scope: { account: '111122223333', region: 'eu-west-1' },
};

function setUp(before: ClusterHooks['before']) {
  const cluster = memoryCluster({ name: 'prod', hooks: { ...(before && { before }) } });
  const time = { now: 0 };
  const signal = new AbortController().signal;
  const read = (deadline?: AbortSignal) =>
    readInside(target, cluster, undefined, { signal, clock: () => time.now, ...(deadline && { deadline }) });
  return { time, read };
}

describe('a cluster that is read for a pass', () => {
  test('is left out for a growing time while it fails, five minutes at most, and is read again then', async () => {
    let fails = true;
    const before = () => (fails ? Promise.reject(new ApiError(503, '', 'etcd is away')) : undefined);
    const { time, read } = setUp(before);
    const pauses: number[] = [];
    for (let round = 0; round < 11; round += 1) {
      await expect(read()).rejects.toThrow('etcd is away');
      const message = await read().then(String, (error: Error) => error.message);
      const [, seconds = ''] = /^left out for (\d+) s more: etcd is away$/.exec(message) ?? [];
      pauses.push(Number(seconds));
      time.now += Number(seconds) * 1000;
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    fails = false;
    await read();
    fails = true;
    await expect(read()).rejects.toThrow('etcd is away');
    await expect(read()).rejects.toThrow('left out for 1 s more');
  });

  test.each([0, 429, 500, 503])('is left out where it answers %d, and says why each time', async (status) => {
    const { time, read } = setUp(() => Promise.reject(new ApiError(status, '', 'away')));
    await expect(read()).rejects.toThrow('away');
    await expect(read()).rejects.toThrow('left out for 1 s more: away');
    await expect(read()).rejects.toThrow('left out for 1 s more: away');
    time.now += 1000;
    await expect(read()).rejects.toThrow(/^away$/);
  });

  test.each([400, 401, 403, 404])('is asked again at once where it refuses with %d', async (status) => {
    const { read } = setUp(({ verb }) =>
      verb === 'list' ? Promise.reject(new ApiError(status, '', 'no')) : undefined,
    );
    await expect(read()).rejects.toThrow(/^no$/);
    await expect(read()).rejects.toThrow(/^no$/);
  });

  test('is left out where the deadline passed, from the end of that read on', async () => {
    const deadline = new AbortController();
    const { time, read } = setUp(({ verb }) => {
      if (verb !== 'list') return;
      time.now += 60_000;
      deadline.abort(new Error('too slow'));
    });
    await expect(read(deadline.signal)).rejects.toThrow('too slow');
    await expect(read()).rejects.toThrow('left out for 1 s more: too slow');
  });

  test('is asked again at once where the pass was ended meanwhile', async () => {
    const cluster = memoryCluster({ hooks: { before: () => Promise.reject(new ApiError(0, '', 'away')) } });
    const options = { clock: () => 0, signal: AbortSignal.abort(new Error('over')) };
    await expect(readInside(target, cluster, undefined, options)).rejects.toThrow('away');
    const again = { ...options, signal: new AbortController().signal };
    await expect(readInside(target, cluster, undefined, again)).rejects.toThrow(/^away$/);
  });
});
