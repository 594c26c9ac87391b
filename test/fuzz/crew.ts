import { Worker } from 'node:worker_threads';
import type { Failure } from './border.ts';
import { spelt } from './spelt.ts';
import type { JobResult } from './worker.ts';

/** Some inputs of one border. */
export interface Order {
  readonly border: string;
  readonly seed: number;
  readonly runs: number;
  readonly path?: string;
}

/** What became of an order; a thread that hung or died has tried what it had begun. */
export interface Done extends JobResult {
  readonly order: Order;
}

/** Milliseconds: an input that takes longer is taken for one that would never end. */
const longestInput = 10_000;
/** Importing all that is tried takes some seconds on a machine with other work. */
const longestStart = 120_000;

/** Whoever follows the work. */
export interface Follower {
  /** So many inputs more have been begun. */
  begun(more: number): void;
  done(one: Done): void;
}

/** Carries out orders on so many threads, each in the order of the list. */
export async function carryOut(orders: readonly Order[], threads: number, follower: Follower): Promise<void> {
  const left = orders[Symbol.iterator]();
  const work = async () => {
    let hand: Hand | undefined;
    for (const order of left) {
      hand ??= hire();
      const { isOver, ...result } = await hand.carryOut(order, follower);
      if (isOver) {
        await hand.end();
        hand = undefined;
      }
      follower.done({ order, ...result });
    }
    await hand?.end();
  };
  await Promise.all(Array.from({ length: threads }, work));
}

interface Hand {
  /** `isOver`: the thread is of no more use. */
  carryOut(order: Order, follower: Follower): Promise<JobResult & { readonly isOver: boolean }>;
  end(): Promise<unknown>;
}

function hire(): Hand {
  // Memory is bounded, so that an input that takes all of it is a crash of its own and not one of the whole run.
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 1_500 },
  });
  let limit = longestStart;
  return {
    end: () => worker.terminate(),
    carryOut(order, { begun }) {
      const progress = new Int32Array(new SharedArrayBuffer(8));
      const { promise, resolve } = Promise.withResolvers<JobResult & { readonly isOver: boolean }>();
      let [seen, attempts, since] = [0, 0, performance.now()];
      const look = () => {
        const [count, all] = [Atomics.load(progress, 0), Atomics.load(progress, 1)];
        begun(count - seen);
        seen = count;
        if (all !== attempts) [attempts, since, limit] = [all, performance.now(), longestInput];
        else if (performance.now() - since > limit) over('hangs', `longer than ${limit / 1000} s`);
      };
      const over = (kind: Failure['kind'], what: string) => {
        const failure = { kind, what, input: 'replay it', path: String(Math.max(0, seen - 1)) };
        resolve({ tried: seen, failure, isOver: true });
      };
      const onError = (error: unknown) => over('crashes', spelt(error));
      const watch = setInterval(look, 500);
      worker.on('error', onError).once('message', (result: JobResult) => {
        look();
        resolve({ ...result, isOver: false });
      });
      worker.postMessage({ ...order, progress });
      return promise.finally(() => {
        clearInterval(watch);
        worker.off('error', onError);
      });
    },
  };
}
