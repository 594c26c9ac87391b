import type { Keys } from './aws-identities.ts';
import type { LambdaFunction } from './lambda-environment.ts';
import { type Invoked, type LambdaProcess, type ProcessSettings, startLambdaProcess } from './lambda-process.ts';

/** A function that can be invoked; it starts processes as it needs them. */
export interface RunningFunction {
  readonly definition: LambdaFunction;
  /** Everything that was invoked and has ended, oldest first. */
  readonly history: readonly Invoked[];
  /** Waits while as many are running as may run at once. */
  invoke(event: unknown): Promise<Invoked>;
  /** Process ids of the environments that live, frozen ones too. */
  pids(): readonly number[];
  /** Ends all environments, also busy ones: the next invocation is a cold start. */
  kill(): Promise<void>;
}

/** As the settings of a process, but with credentials that are asked for at each cold start. */
export interface FunctionSettings extends Omit<ProcessSettings, 'credentials'> {
  credentials(): Promise<Keys>;
  /** Environments at most; 10 when left out. Above it Lambda refuses, and this waits. */
  readonly concurrency?: number;
  /** Whether the function may write logs; it may when left out. */
  readonly keepsLogs?: () => boolean;
  /** Told of each invocation when it has ended. */
  readonly onInvoked?: (invoked: Invoked) => void;
}

/** A function with its pool of environments: a free one is used again, else a new one is started. */
export function createFunction(definition: LambdaFunction, settings: FunctionSettings): RunningFunction {
  const { credentials, concurrency = 10, keepsLogs = () => true, onInvoked = () => {}, ...rest } = settings;
  const history: Invoked[] = [];
  const living = new Set<LambdaProcess>();
  const free: LambdaProcess[] = [];
  const waiting: (() => void)[] = [];
  let busy = 0;

  async function invoke(event: unknown): Promise<Invoked> {
    while (busy >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve));
    busy += 1;
    try {
      const environment = warm() ?? (await start());
      const ended = await environment.invoke(JSON.stringify(event));
      const invoked = keepsLogs() ? ended : { ...ended, logs: [] };
      if (environment.alive()) free.push(environment);
      else living.delete(environment);
      history.push(invoked);
      onInvoked(invoked);
      return invoked;
    } finally {
      busy -= 1;
      waiting.shift()?.();
    }
  }

  /** The one that was used last; what somebody has killed meanwhile is passed over. */
  function warm(): LambdaProcess | undefined {
    const environment = free.pop();
    if (environment === undefined || environment.alive()) return environment;
    living.delete(environment);
    void environment.kill();
    return warm();
  }

  async function start(): Promise<LambdaProcess> {
    const environment = await startLambdaProcess(definition, { ...rest, credentials: await credentials() });
    living.add(environment);
    return environment;
  }

  return {
    definition,
    history,
    invoke,
    pids: () => [...living].map(({ pid }) => pid),
    async kill() {
      free.splice(0);
      await Promise.all([...living].map((environment) => environment.kill()));
      living.clear();
    },
  };
}
