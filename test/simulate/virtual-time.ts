import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';
import type { Time } from '../memory/memory-cluster.ts';

interface Timer {
  readonly at: number;
  readonly fire: () => void;
  readonly isLasting: boolean;
}

/** The time of one schedule: it goes on only where the schedule says so, and timers fire in it. */
export interface VirtualTime extends Time {
  /** When the next timer is due; `undefined` where there is none. */
  next(): number | undefined;
  /** Fires the timer that is due first, at its time. */
  fireNext(): void;
  at(when: number, fire: () => void, isLasting?: boolean): () => void;
  /** Nobody waits for any timer any more, but for those that last. */
  clear(): void;
}

/** A time that begins there, in milliseconds. */
export function virtualTime(begin: number): VirtualTime {
  let timers: Timer[] = [];
  return {
    now: begin,
    next: () => timers[0]?.at,
    fireNext() {
      const first = timers.shift();
      if (first === undefined) return;
      this.now = Math.max(this.now, first.at);
      first.fire();
    },
    at(when, fire, isLasting = false) {
      const timer = { at: when, fire, isLasting };
      const index = timers.findIndex(({ at }) => at > when);
      timers.splice(index === -1 ? timers.length : index, 0, timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    clear() {
      timers = timers.filter(({ isLasting }) => isLasting);
    },
  };
}

/** Minutes by which one look at the calendar clock of a function is off: nothing may depend on it. */
const dateSkews = [0, -7, 3, -1, 12];

let current: VirtualTime | undefined;
let looks = 0;

const real = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  sleep: timersPromises.setTimeout,
  timeout: AbortSignal.timeout,
  now: performance.now.bind(performance),
  date: Date.now,
};

/** What lib/ asks for the time and for timers is answered by this time until the work ends. One at a time in a process. */
export async function inVirtualTime<Result>(time: VirtualTime, work: () => Promise<Result>): Promise<Result> {
  if (current !== undefined) throw new Error('another schedule is being played in this process');
  current = time;
  looks = 0;
  install();
  try {
    return await work();
  } finally {
    current = undefined;
    uninstall();
  }
}

type Cancel = { readonly cancel: () => void };

function install(): void {
  const time = (): VirtualTime => {
    if (current === undefined) throw new Error('a timer of a schedule that is over');
    return current;
  };
  const later = (fire: () => void, milliseconds = 0): Cancel => ({
    cancel: time().at(time().now + milliseconds, fire),
  });
  Object.assign(globalThis, {
    setTimeout: later,
    clearTimeout: (timer?: Cancel) => timer?.cancel(),
  });
  timersPromises.setTimeout = ((milliseconds: number, value: unknown, options?: { signal?: AbortSignal }) => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const { signal } = options ?? {};
    if (signal?.aborted) return Promise.reject(signal.reason);
    const timer = later(() => resolve(value), milliseconds);
    signal?.addEventListener('abort', () => {
      timer.cancel();
      reject(signal.reason);
    });
    return promise;
  }) as typeof timersPromises.setTimeout;
  syncBuiltinESMExports();
  AbortSignal.timeout = (milliseconds) => {
    const abort = new AbortController();
    later(() => abort.abort(new DOMException('The operation timed out', 'TimeoutError')), milliseconds);
    return abort.signal;
  };
  performance.now = () => time().now;
  Date.now = () => time().now + (dateSkews[looks++ % dateSkews.length] ?? 0) * 60_000;
}

function uninstall(): void {
  Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
  timersPromises.setTimeout = real.sleep;
  syncBuiltinESMExports();
  AbortSignal.timeout = real.timeout;
  performance.now = real.now;
  Date.now = real.date;
}
