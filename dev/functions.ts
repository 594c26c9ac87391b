import { mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Aws } from './aws.ts';
import { writeConfiguration } from './functions-configuration.ts';
import { callScheduled, createFunctions, type DeployedFunctions, pollAll } from './functions-run.ts';
import { guard } from './guardian.ts';
import type { Kubernetes } from './kubernetes.ts';
import type { Invoked } from './lambda-process.ts';
import { startScheduler } from './scheduler.ts';
import { type Deployed, deployInto } from './serverless.ts';
import { holdRoles, type StackRoles } from './serverless-roles.ts';
import { rolesIn } from './serverless-template.ts';

/** What to deploy into, and how it is to run. */
export interface FunctionsOptions {
  readonly aws: Aws;
  readonly kubernetes: Kubernetes;
  /** Put over the usual configuration of functions-configuration.ts. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** Whether schedules fire by themselves; else `fire` does it. */
  readonly automatic?: boolean;
  /** Whether queues are polled from the start, as they are when it is left out; else `poll` does it. */
  readonly polling?: boolean;
  /** Whether moto holds every call to its policies too; true when left out. */
  readonly enforceIam?: boolean;
  /** Seconds until failed messages come back; the queues' own 330 when left out. */
  readonly retryAfter?: number;
  readonly onInvoked?: (name: string, invoked: Invoked) => void;
  readonly progress?: (line: string) => void;
}

/** The deployed functions, running as Lambda runs them. */
export interface Functions extends Pick<DeployedFunctions, 'named' | 'variant'> {
  readonly deployed: Deployed;
  readonly roles: StackRoles;
  /** Fires schedules now, all or that one, and waits for the functions. */
  fire(name?: string): Promise<void>;
  /** Polls the queues until the function that this gives is called. */
  poll(): Promise<() => Promise<void>>;
  /** What went wrong outside of functions: polling and firing that was not allowed, say. */
  readonly problems: readonly string[];
  stop(): Promise<void>;
}

/**
 * Deploys serverless.yml into the emulated AWS and runs what it says there: each function from its zip, in processes
 * of its own with its role's credentials; the queues polled and the schedules fired as those roles. Events that are
 * put on the emulator's bus reach the event queue by the deployed rules.
 */
export async function startFunctions(options: FunctionsOptions): Promise<Functions> {
  const { aws, kubernetes, configuration = {}, enforceIam = true, progress = () => {} } = options;
  const owner = guard();
  const work = mkdtempSync(join(tmpdir(), 'skymirror-functions-'));
  owner.folder(work);
  const ends: (() => unknown)[] = [
    () => owner.release(),
    () => rm(work, { recursive: true, force: true, maxRetries: 10 }),
  ];
  const stop = async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  };
  try {
    const config = await writeConfiguration({ aws, kubernetes, folder: work, change: configuration });
    const deployed = await deployInto(aws, { config, work, progress });
    const roles = await holdRoles(aws, rolesIn(deployed.template));
    ends.push(roles.stop);
    if (enforceIam) {
      await aws.moto.enforceIam(true);
      ends.push(() => aws.moto.enforceIam(false));
    }
    const processes = join(work, 'processes');
    mkdirSync(processes);
    const { onInvoked, retryAfter } = options;
    const functions = createFunctions(deployed, { aws, roles, owner, work: processes, onInvoked });
    ends.push(functions.kill);
    const problems: string[] = [];
    const onProblem = (problem: string) => problems.push(problem);
    const poll = async () => {
      const end = await pollAll(deployed, functions, { aws, roles, onProblem, retryAfter });
      ends.push(end);
      return end;
    };
    if (options.polling ?? true) await poll();
    const scheduler = startScheduler(deployed.schedules, {
      automatic: options.automatic ?? false,
      onProblem,
      invoke: (functionName, event, schedule) =>
        callScheduled(functions.named(functionName), event, schedule, { aws, roles }),
    });
    ends.push(scheduler.stop);
    const { named, variant } = functions;
    return { deployed, roles, named, variant, fire: scheduler.fire, poll, problems, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
