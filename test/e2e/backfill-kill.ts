import { once } from 'node:events';
import type { Aws } from '../../dev/aws.ts';
import type { Kubernetes } from '../../dev/kubernetes.ts';
import type { Effect } from '../../dev/proxy-faults.ts';
import { type Gate, nameOf, type Passing, startGate } from './kills-gate.ts';

/** A request of the worker at which it dies: before the server gets it, or after it took effect and before the worker hears of it. */
export interface Death {
  /** What it means. */
  readonly step: string;
  readonly when: 'before' | 'after';
  /** As `stepOf` says it of a request to the cluster, or service and action of one to AWS. */
  readonly at: string;
  /** Which of those requests; the first when left out. */
  readonly nth?: number;
  /** Which page of the listing is held back for as long as the worker lives. */
  readonly holds?: number;
  /** Milliseconds within which the worker hears that its time is over; twice that is its time-out. */
  readonly time?: number;
}

/** A death that waits for its request. */
export interface Armed {
  hits(): number;
  disarm(): void;
}

/** A way into a cluster on which deaths wait. */
export interface DeadlyGate extends Pick<Gate, 'kubeconfig' | 'stop'> {
  arm(death: Death, die: () => void, target: string): Armed;
}

/** As `nameOf` has it; of a write of a SyncRun also how that target stands in it. */
function stepOf(passing: Passing, target: string): string {
  const name = nameOf(passing);
  const isReport = name.startsWith('PUT syncruns');
  return isReport ? `${name} ${JSON.parse(passing.body).status?.targets?.[target]?.state}` : name;
}

/** The gate through which a worker goes that is to die at its requests. */
export async function startDeadlyGate(kubernetes: Kubernetes): Promise<DeadlyGate> {
  let armed:
    | { readonly death: Death; readonly die: () => void; readonly target: string; seen: number; hits: number }
    | undefined;
  const gate = await startGate(kubernetes, async (passing, forward) => {
    const deadly = hit(passing);
    if (deadly?.death.when === 'before') return kill(deadly.die);
    const passed = await forward();
    return deadly?.death.when === 'after' ? kill(deadly.die) : passed;
  });

  function hit(passing: Passing) {
    if (armed?.death.at !== stepOf(passing, armed?.target ?? '')) return undefined;
    armed.seen += 1;
    if (armed.seen !== (armed.death.nth ?? 1)) return undefined;
    armed.hits += 1;
    return armed;
  }

  function kill(die: () => void): undefined {
    die();
    gate.cut();
  }

  return {
    kubeconfig: gate.kubeconfig,
    stop: gate.stop,
    arm(death, die, target) {
      const own = { death, die, target, seen: 0, hits: 0 };
      armed = own;
      return {
        hits: () => own.hits,
        disarm() {
          armed = undefined;
        },
      };
    },
  };
}

/** The same for a request to AWS. */
export function armAws(aws: Aws, { at, when, nth = 1 }: Death, die: () => void): Armed {
  const [service = '', action = ''] = at.split(' ');
  const before: Effect = { kind: 'wait', wait: (gone) => dieAndLeave(die, gone) };
  const after: Effect = {
    kind: 'rewrite',
    rewrite(body) {
      die();
      return body;
    },
  };
  const rule = { when: { service, action }, after: nth - 1, times: 1, do: when === 'before' ? before : after };
  const fault = aws.faults.add(rule);
  return { hits: () => fault.hits, disarm: fault.remove };
}

/** The request of the dead goes no further. */
async function dieAndLeave(die: () => void, gone: AbortSignal): Promise<void> {
  die();
  if (!gone.aborted) await once(gone, 'abort');
  throw new Error('the worker is dead');
}
