import type { Aws } from '../../dev/aws.ts';
import type { SqsEvent } from '../../dev/event-source-records.ts';
import type { Invoked } from '../../dev/lambda-process.ts';
import { hold } from '../../dev/proxy-faults.ts';
import { armAws, type DeadlyGate, type Death } from './backfill-kill.ts';
import { answer, type Plan } from './backfill-kill-steps.ts';
import type { BareFunctions } from './kills-worker.ts';

/** A death that has been, how often its request came, and what became of the worker. */
export interface Died extends Death {
  readonly region: string;
  readonly hits: number;
  readonly end: Invoked['report']['end'];
}

/** A worker that takes one message at a time, and dies of it as planned. */
export interface MortalWorker {
  invoke(batch: SqsEvent): Promise<Pick<Invoked, 'failed' | 'payload'>>;
  /** From now on deaths are taken up. */
  arm(): void;
  readonly died: readonly Died[];
  /** Since it was armed, by region. */
  readonly deliveries: ReadonlyMap<string, number>;
}

/** The deployed worker, in a new process after each death. */
export function mortalWorker(options: {
  readonly aws: Aws;
  readonly functions: BareFunctions;
  readonly gate: DeadlyGate;
  readonly plans: readonly Plan[];
  readonly keyOf: (region: string) => string;
}): MortalWorker {
  const { aws, functions, gate, plans, keyOf } = options;
  const worker = functions.named('worker');
  const died: Died[] = [];
  const deliveries = new Map<string, number>();
  let isArmed = false;

  async function invoke(batch: SqsEvent) {
    if (!isArmed) return worker.invoke(batch);
    const { region } = JSON.parse(batch.Records[0]?.body ?? '').scope;
    const delivery = deliveries.get(region) ?? 0;
    deliveries.set(region, delivery + 1);
    const death = plans.find((plan) => plan.region === region)?.deaths[delivery];
    return death === undefined ? worker.invoke(batch) : invokeToDeath(batch, region, death);
  }

  async function invokeToDeath(batch: SqsEvent, region: string, death: Death) {
    const { time, holds } = death;
    const dying = time === undefined ? worker : functions.variant('worker', { timeout: 2 * time });
    // A new process has to read what a warm one knows.
    await dying.kill();
    const die = () => {
      for (const pid of dying.pids()) process.kill(pid, 'SIGKILL');
    };
    const isToAws = /^[a-z]+ /.test(death.at);
    const armed = isToAws ? armAws(aws, death, die) : gate.arm(death, die, keyOf(region));
    const release = holds === undefined ? () => {} : holdPage(region, holds);
    const invoked = await dying.invoke(batch);
    release();
    armed.disarm();
    await dying.kill();
    const isAnswered = death === answer && !invoked.failed;
    died.push({ ...death, region, hits: isAnswered ? 1 : armed.hits(), end: invoked.report.end });
    return isAnswered ? { failed: true, payload: '' } : invoked;
  }

  function holdPage(region: string, page: number): () => void {
    const { effect, release } = hold();
    const when = { service: 'rds', action: 'DescribeDBInstances', region };
    const fault = aws.faults.add({ when, after: page - 1, times: 1, do: effect });
    return () => {
      fault.remove();
      release();
    };
  }

  return {
    invoke,
    arm() {
      isArmed = true;
    },
    died,
    deliveries,
  };
}
