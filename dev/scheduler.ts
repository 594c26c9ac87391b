import { randomUUID } from 'node:crypto';

/** An AWS::Scheduler::Schedule with a function as its target. */
export interface Schedule {
  readonly name: string;
  /** `rate(1 minute)`, `rate(5 minutes)`, `rate(1 hour)` ... */
  readonly expression: string;
  readonly functionName: string;
  /** JSON with the keywords of EventBridge Scheduler. */
  readonly input: string;
}

/** Schedules at work. */
export interface RunningScheduler {
  /** Fires all schedules now, or the one of that name; resolves when the functions have answered. */
  fire(name?: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Fires schedules as EventBridge Scheduler does: at once, then at their rate. Retries, cron expressions and time windows
 * it does not know. With `automatic: false` it only fires when asked.
 */
export function startScheduler<Own extends Schedule>(
  schedules: readonly Own[],
  settings: {
    invoke(functionName: string, event: unknown, schedule: Own): Promise<unknown>;
    readonly automatic?: boolean;
    readonly onProblem?: (problem: string) => void;
  },
): RunningScheduler {
  const { invoke, automatic = true, onProblem = () => {} } = settings;
  const underWay = new Set<Promise<unknown>>();
  const periods = schedules.map((schedule) => ({ schedule, period: periodOf(schedule) }));

  function fireOne(schedule: Own): Promise<unknown> {
    const fired = Promise.resolve(invoke(schedule.functionName, eventOf(schedule, new Date()), schedule)).catch(
      (error: unknown) => onProblem(`${schedule.name}: ${error}`),
    );
    underWay.add(fired);
    return fired.finally(() => underWay.delete(fired));
  }

  const timers = automatic
    ? periods.map(({ schedule, period }) => {
        void fireOne(schedule);
        return setInterval(() => void fireOne(schedule), period);
      })
    : [];
  return {
    async fire(name) {
      const named = schedules.filter((schedule) => name === undefined || schedule.name === name);
      if (named.length === 0)
        throw new Error(
          `scheduler: no schedule ${name ?? ''}; there are ${schedules.map((one) => one.name).join(', ')}`,
        );
      await Promise.all(named.map(fireOne));
    },
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

const units: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** Milliseconds between two firings. */
function periodOf({ name, expression }: Schedule): number {
  const [, count, unit = ''] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  const milliseconds = Number(count) * (units[unit] ?? Number.NaN);
  if (Number.isNaN(milliseconds))
    throw new Error(`scheduler: "${expression}" of ${name} is not understood here; write rate(<number> minutes)`);
  return milliseconds;
}

/** EventBridge Scheduler User Guide, "Adding context attributes in EventBridge Scheduler". */
export function eventOf({ name, input }: Pick<Schedule, 'name' | 'input'>, scheduled: Date): unknown {
  const keywords = {
    'schedule-arn': `arn:aws:scheduler:us-east-1:111122223333:schedule/default/${name}`,
    'scheduled-time': `${scheduled.toISOString().slice(0, 19)}Z`,
    'execution-id': randomUUID(),
    'attempt-number': '1',
  };
  const filled = Object.entries(keywords).reduce(
    (text, [keyword, value]) => text.replaceAll(`<aws.scheduler.${keyword}>`, value),
    input,
  );
  return JSON.parse(filled);
}
