import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, linkSync, openSync, readFileSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

/** What one owner (a cluster, an emulator, a build) wants gone when this process is gone. */
export interface Guard {
  /** The supervisor's process id. */
  pid: number;
  /**
   * Takes in a process group by its leader, a child spawned with `detached: true`. A leader that ends by itself must
   * not leave others behind: without it the group's id proves nothing, and nothing is killed.
   */
  add(pid: number): void;
  /** Takes in a folder to remove. */
  folder(path: string): void;
  /** Forgets everything of this owner; call it after cleaning up. */
  release(): void;
}

/** A child that ends with this process, whatever this process dies of. */
export interface Launched {
  pid: number;
  running(): boolean;
  /** Its exit code, undefined when a signal ended it. */
  exited(): Promise<number | undefined>;
  /** The end of the log, for error messages. */
  logTail(): string;
  /** SIGKILL to the whole process group; resolves once the leader is gone. */
  kill(): Promise<void>;
}

interface Belongings {
  processes: { pid: number; started?: string }[];
  folders: string[];
}

const owners = new Set<Belongings>();
let supervisor: ChildProcess | undefined;

/**
 * Hands processes and folders to a supervisor, one for each process of ours, that kills and removes them when we are
 * gone: after a normal end, an exception, a signal or `kill -9`. No signal handler is needed or installed.
 */
export function guard(): Guard {
  const own: Belongings = { processes: [], folders: [] };
  owners.add(own);
  const pid = tell();
  return {
    pid,
    add(child) {
      const started = startTime(child);
      if (started === undefined && hasProc()) return; // Dead already; its id may soon be another's.
      own.processes.push(started === undefined ? { pid: child } : { pid: child, started });
      tell();
    },
    folder(path) {
      own.folders.push(path);
      tell();
    },
    release() {
      owners.delete(own);
      tell();
    },
  };
}

/**
 * Starts a program that a guard knows from its first moment on. It does not keep this process alive, and of the
 * environment it sees only what it is given.
 */
export async function launch(
  owner: Guard,
  file: string,
  parameters: string[],
  { log, env = {}, cwd = '/' }: { log: string; env?: NodeJS.ProcessEnv; cwd?: string },
): Promise<Launched> {
  const output = openSync(log, 'a', 0o600);
  keep(log);
  const child = spawn(file, parameters, { detached: true, stdio: ['ignore', output, output], env, cwd });
  closeSync(output);
  if (child.pid !== undefined) owner.add(child.pid);
  await once(child, 'spawn').catch((cause) => {
    throw new Error(`launch: ${file} does not start; is it an executable for this machine?`, { cause });
  });
  const pid = child.pid ?? Number.NaN;
  child.unref();
  const running = () => child.exitCode === null && child.signalCode === null;
  const exited = async () => {
    child.ref();
    if (running()) await once(child, 'exit');
    return child.exitCode ?? undefined;
  };
  return {
    pid,
    running,
    exited,
    logTail: () => readFileSync(log, 'utf8').trimEnd().split('\n').slice(-15).join('\n'),
    async kill() {
      if (running()) killGroup(pid);
      await exited();
    },
  };
}

/** A second name for a log, in the folder where the tests search all output: its own folder goes with its owner. */
function keep(log: string): void {
  const folder = process.env.SKYMIRROR_KEEP_LOGS;
  if (folder !== undefined) linkSync(log, join(folder, `log-${randomUUID()}`));
}

/**
 * When a process started, in the kernel's clock ticks: with the id it names one process for good, where the id alone
 * comes round again. Undefined where there is no /proc, and for what is dead (a zombie is dead).
 */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Whether the process runs; with `started` from `startTime`, whether it is still the same one. */
export function isAlive(pid: number, started?: string): boolean {
  if (hasProc()) {
    const current = startTime(pid);
    return current !== undefined && (started === undefined || current === started);
  }
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function hasProc(): boolean {
  return existsSync('/proc/self/stat');
}

/** Sends the whole state as one line, so that the supervisor needs only the last complete line it got. */
function tell(): number {
  if (!supervisor || supervisor.exitCode !== null || supervisor.signalCode !== null) supervisor = startSupervisor();
  supervisor.stdin?.write(`${JSON.stringify([...owners])}\n`);
  if (supervisor.pid === undefined) throw new Error(`guard: ${process.execPath} does not start as a supervisor`);
  return supervisor.pid;
}

function startSupervisor(): ChildProcess {
  if (Number.parseInt(process.versions.node, 10) < 24) {
    throw new Error(
      `guard: Node 24 is needed, this is ${process.version}; npm run and npx use the one in node_modules`,
    );
  }
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
    cwd: '/',
  });
  // A supervisor that was killed is replaced by the next `tell`; neither its end nor a broken pipe is ours to die of.
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  if (child.stdin instanceof Socket) child.stdin.unref();
  child.unref();
  return child;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}

async function supervise(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  let state = '[]';
  let rest = '';
  try {
    for await (const chunk of process.stdin.setEncoding('utf8')) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      state = lines.at(-1) ?? state;
    }
  } catch {
    // A torn pipe says the same as a closed one: the process at its other end is gone.
  }
  const belongings: Belongings[] = JSON.parse(state);
  const left = belongings.flatMap(({ processes }) => processes).filter(({ pid, started }) => isAlive(pid, started));
  for (const { pid } of left) killGroup(pid);
  const gone = () => left.every(({ pid, started }) => !isAlive(pid, started));
  await until(gone, { what: 'the end of the guarded processes' }).catch(() => {});
  for (const folder of belongings.flatMap(({ folders }) => folders)) {
    try {
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    } catch {
      // Nobody is left to be told; the other folders still have to go.
    }
  }
}

if (import.meta.main) await supervise();
