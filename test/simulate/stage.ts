import { setImmediate as macrotask } from 'node:timers/promises';
import { bodies } from './activities.ts';
import type { Activity, Fault } from './activity.ts';
import { expectBounded } from './bounds.ts';
import type { Installation } from './installation.ts';
import type { Judge } from './judge.ts';
import type { Trouble } from './outside.ts';
import type { Point } from './points.ts';
import type { Stop } from './schedule.ts';
import type { Tally } from './tally.ts';
import { Violation } from './violation.ts';

/** How an activity is begun. */
export interface Beginning {
  readonly what: string;
  readonly of?: number;
  readonly release?: 1 | 2;
  readonly faults?: ReadonlyMap<number, Fault>;
  readonly trouble?: Trouble | undefined;
  /** Seconds until its time is over. */
  readonly budget?: number;
  /** Nobody comes in between. */
  readonly free?: boolean;
}

/** Lets activities begin, go on, and end. */
export interface Stage {
  readonly running: readonly Activity[];
  begin(beginning: Beginning): Activity;
  /** Lets it go on until it is about to pass such a point, or ends. */
  advance(who: Activity, until: Stop): Promise<void>;
  /** Lets everything that is under way end. */
  finish(): Promise<void>;
  /** One activity from its beginning to its end, with nobody in between. */
  alone(beginning: Beginning): Promise<Activity>;
  wait(seconds: number): Promise<void>;
}

const narrowed = ['narrow', 'events'];

/** The stage of one schedule. */
export function stage(at: Installation, { completes }: Judge, tally: Tally): Stage {
  const running: Activity[] = [];
  let failure: { readonly error: unknown } | undefined;

  const isOver = (who: Activity) => who.ended || who.dead;

  function tidy(): void {
    for (const who of running.filter(isOver)) running.splice(running.indexOf(who), 1);
    if (failure !== undefined) throw failure.error;
  }

  /** What is wrong with an activity that has ended is thrown where the schedule goes on. */
  function bounded(who: Activity): void {
    try {
      expectBounded(at, who);
    } catch (error) {
      failure ??= { error };
    }
  }

  function begin(beginning: Beginning): Activity {
    const { what, of = 0, release = 2, faults = new Map(), trouble, budget = 900, free = false } = beginning;
    const id = at.activities.length + 1;
    const who: Activity = {
      id,
      name: `${what} ${id}`,
      release,
      mode: what === 'plan' ? 'plan' : narrowed.includes(what) ? 'narrowed' : 'whole',
      abort: new AbortController(),
      faults,
      trouble,
      requests: 0,
      met: [],
      reads: [],
      sessions: [],
      sent: new Map(),
      wrote: new Map(),
      reports: [],
      ended: false,
      dead: false,
      free,
    };
    at.activities.push(who);
    if (running.length > 0) tally.met('overlaps');
    running.push(who);
    tally.met(`activity: ${what}`);
    tally.met(`release ${release}`);
    const began = at.time.now;
    const clusters = at.connect(who);
    const timer = at.time.at(began + budget * 1000, () => who.abort.abort(new Error('the time is over')));
    at.tell(who, `begins, release ${release}${trouble === undefined ? '' : `, and the outside is: ${trouble}`}`);
    if (trouble !== undefined) tally.met(`outside: ${trouble}`);
    const body = bodies[what];
    if (body === undefined) throw new Error(`there is no activity ${what}`);
    body(who, at, clusters, of).then(
      (reports) => {
        who.reports.push(...reports);
        who.ended = true;
        timer();
        at.release(who);
        if (what === 'poll' && who.sessions.length > 1) tally.met('a cluster left a pass');
        for (const { clusters } of reports) {
          tally.met(
            'refused',
            clusters.reduce((sum, { counts }) => sum + (counts?.refused ?? 0), 0),
          );
        }
        bounded(who);
        at.tell(
          who,
          `ends: ${reports.map(({ ok, incomplete }) => (ok ? 'ok' : (incomplete?.reason ?? 'not ok'))).join(', ')}`,
        );
        for (const report of who.mode === 'whole' ? reports : []) {
          for (const one of report.clusters) {
            const place = at.places.find(({ cluster }) => cluster.name === one.cluster);
            if (place === undefined || report.incomplete || one.skipped || one.broken) continue;
            // What could not be told to the scan no other run can know.
            if (one.failures.some(({ name }) => name === 'MirrorScan')) continue;
            completes.push({ place, region: String(report.scope.region), began, ended: at.time.now });
          }
        }
      },
      (error: unknown) => {
        who.ended = true;
        timer();
        const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
        failure ??= { error: error instanceof Violation ? error : new Violation(6, `${who.name} throws ${cause}`) };
      },
    );
    return who;
  }

  /** Which of those that wait goes on; the world says in which order, so that it is not always the first. */
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[at.world.order % Math.max(1, items.length)];

  async function advance(who: Activity, until: Stop): Promise<void> {
    await macrotask();
    at.look(who);
    const own = () => at.points.pending.filter((one) => one.who === who);
    const isStop = (one: Point) => one.what === until || (one.where === until && one.land !== undefined);
    // A cluster that is slow to write stays so; what was held at a point is let through this time.
    const heldBefore = new Set(own().filter(({ where }) => where !== until));
    for (let opened = 0; !isOver(who); opened += 1) {
      if (opened === until) return;
      const next = pick(own().filter((one) => !isStop(one) || heldBefore.has(one)));
      if (next === undefined) break;
      await at.points.open(next);
    }
    tidy();
  }

  async function finish(): Promise<void> {
    await macrotask();
    at.look(undefined);
    for (tidy(); running.length > 0; tidy()) {
      const next = pick(at.points.pending);
      if (next !== undefined) await at.points.open(next);
      else await stuck();
    }
  }

  /** Whoever waits for nothing else waits for a timer. */
  async function stuck(): Promise<void> {
    const next = at.time.next();
    if (next === undefined) throw new Violation(5, `${running[0]?.name} neither ends nor waits for anything`);
    await at.points.until(next);
  }

  return {
    running,
    begin,
    advance,
    finish,
    async alone(beginning) {
      const who = begin({ ...beginning, free: true });
      for (let turn = 0; !isOver(who); turn += 1) {
        await macrotask();
        if (turn > 10) await stuck();
      }
      at.look(who);
      tidy();
      return who;
    },
    async wait(seconds) {
      // What is left of those that have ended are deadlines that mean nothing any more.
      if (running.length === 0) at.time.clear();
      await at.points.until(at.time.now + seconds * 1000);
      tidy();
    },
  };
}
