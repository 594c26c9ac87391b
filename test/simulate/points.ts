import { setImmediate as macrotask } from 'node:timers/promises';
import type { VirtualTime } from './virtual-time.ts';

/** A request on its way, or an answer: where an activity waits until the schedule lets it go on. */
export interface Point {
  readonly who: Who;
  readonly what: string;
  /** The cluster that is asked, if it is one. */
  readonly where: string | undefined;
  readonly open: () => void;
  /** What a write does that arrives although nobody waits for its answer any more. */
  readonly land?: (() => void) | undefined;
  readonly leave: () => void;
}

/** An activity as far as its points go. */
export interface Who {
  readonly id: number;
  readonly name: string;
  /** Its process has died: nothing of it happens any more. */
  dead: boolean;
  /** Nobody else is to come in between: its points open by themselves. */
  free: boolean;
}

/** Milliseconds that each way takes. */
const wayTakes = 7;

/** How many points one schedule may open: beyond that something runs in circles. */
const most = 30_000;

/** What is special about one way. */
export interface Way {
  readonly signal?: AbortSignal;
  readonly land?: (() => void) | undefined;
  readonly where?: string;
}

/** The one place where everything waits, and from which one goes on at a time. */
export interface Points {
  readonly pending: readonly Point[];
  /** Resolves when the schedule lets it go on, rejects with the reason of the signal; never, where its process has died. */
  pass(who: Who, what: string, way?: Way): Promise<void> | undefined;
  open(point: Point): Promise<void>;
  /** Lets time go by until then, with all that happens by itself meanwhile. */
  until(when: number): Promise<void>;
  /** The process of these has died. */
  die(who: Who): void;
  /** How many have been opened. */
  opened(): number;
}

const never = new Promise<void>(() => {});

/**
 * Points of one schedule. `after` is told who went on, when all that followed from it has happened. `landing`:
 * milliseconds after which a write arrives that its sender has given up; left out, it never does.
 */
export function points(time: VirtualTime, landing: number | undefined, after: (who: Who | undefined) => void): Points {
  const pending: Point[] = [];
  let opened = 0;
  let lander: Who | undefined;

  function count(): void {
    opened += 1;
    time.now += wayTakes;
    if (opened > most) throw new Error('the schedule does not end');
  }

  function abandon({ who, land, leave }: Point): void {
    leave();
    if (land === undefined || landing === undefined) return;
    const arrive = () => {
      lander = who;
      land();
    };
    time.at(time.now + landing, arrive, true);
  }

  return {
    pending,
    opened: () => opened,
    pass(who, what, { signal, land, where } = {}) {
      if (who.dead) return never;
      signal?.throwIfAborted();
      if (who.free) {
        count();
        return undefined;
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const leave = () => {
        const index = pending.indexOf(point);
        if (index !== -1) pending.splice(index, 1);
        signal?.removeEventListener('abort', abort);
      };
      const abort = () => {
        abandon(point);
        reject(signal?.reason);
      };
      const open = () => {
        leave();
        resolve();
      };
      const point: Point = { who, what, where, open, land, leave };
      pending.push(point);
      signal?.addEventListener('abort', abort);
      return promise;
    },
    async open(point) {
      count();
      point.open();
      await macrotask();
      after(point.who);
    },
    async until(when) {
      for (let next = time.next(); next !== undefined && next <= when; next = time.next()) {
        time.fireNext();
        await macrotask();
        after(lander);
        lander = undefined;
      }
      time.now = Math.max(time.now, when);
    },
    die(who) {
      who.dead = true;
      for (const point of pending.filter((one) => one.who === who)) abandon(point);
    },
  };
}
