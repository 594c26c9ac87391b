import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import type { Keys } from './aws-identities.ts';
import { type Guard, isAlive, type Launched, launch } from './guardian.ts';
import { environmentOf, type LambdaFunction } from './lambda-environment.ts';
import { type InvocationReport, reportLine } from './lambda-report.ts';
import { type RuntimeAnswer, runtimeError, startRuntimeApi } from './lambda-runtime.ts';
import { peakMemory, type Watched, watched } from './lambda-watch.ts';

/** What an invocation came to, as whoever invoked it and CloudWatch Logs get to see it. */
export interface Invoked {
  readonly requestId: string;
  /** JSON: the answer, or Lambda's `{ errorType, errorMessage }`. */
  readonly payload: string;
  readonly failed: boolean;
  /** Lambda's own lines and the function's. */
  readonly logs: readonly string[];
  readonly report: InvocationReport;
}

/** One execution environment: a process that is warm after its first invocation. */
export interface LambdaProcess {
  readonly pid: number;
  /** Whether it can take another invocation: a time-out, a crash and too much memory end it. */
  alive(): boolean;
  /** One at a time, as in Lambda. */
  invoke(payload: string): Promise<Invoked>;
  kill(): Promise<void>;
}

/** Where and as whom a function runs. */
export interface ProcessSettings {
  readonly owner: Guard;
  /** A folder that the guard knows; each environment makes one of its own in it. */
  readonly work: string;
  readonly credentials: Keys;
  readonly endpoint: string;
  /** Whether the process stands still between invocations, as in Lambda; true when left out. */
  readonly freeze?: boolean;
}

/** AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle": Init has 10 seconds. */
const initMilliseconds = 10_000;

/**
 * Starts an environment, which sees the variables that Lambda documents, those of the function, and nothing of this
 * machine's. Unlike Lambda's, an Init that takes too long is not tried again within the first invocation.
 */
export async function startLambdaProcess(
  definition: LambdaFunction,
  settings: ProcessSettings,
): Promise<LambdaProcess> {
  const { owner, work, credentials, endpoint, freeze = true } = settings;
  const { name, arn, folder, memory, timeout } = definition;
  const id = randomUUID();
  const temporary = join(work, id);
  mkdirSync(temporary);
  const bootstrap = await bootstrapIn(temporary);
  const api = await startRuntimeApi();
  const log = join(work, `${id}.log`);
  const began = performance.now();
  // Lambda's own start-up script gives the heap nine tenths of the memory (github.com/lambci/node-custom-lambda, v10.x).
  const heap = `--max-old-space-size=${Math.floor(memory * 0.9)}`;
  const env = environmentOf(definition, { credentials, endpoint, api: api.address, temporary, id });
  const child = await launch(owner, process.execPath, [heap, bootstrap], { log, cwd: folder, env }).catch(
    async (cause: unknown) => {
      await api.stop();
      throw new Error(`lambda: no process for ${name} in ${folder}`, { cause });
    },
  );
  const init = watched(child, api.idle(), { milliseconds: initMilliseconds, memory }).then((initialised) => ({
    initialised,
    milliseconds: performance.now() - began,
  }));
  let isCold = true;
  let read = 0;

  async function newLogs(): Promise<string[]> {
    const whole = await readFile(log);
    const lines = whole.subarray(read).toString().split('\n').filter(Boolean);
    read = whole.length;
    return lines;
  }

  let killed: Promise<void> | undefined;
  function kill(): Promise<void> {
    killed ??= child.kill().then(api.stop);
    return killed;
  }

  async function invoke(payload: string): Promise<Invoked> {
    const requestId = randomUUID();
    if (freeze && !isCold) signal(child, 'SIGCONT');
    const cold = isCold ? await init : undefined;
    isCold = false;
    const start = performance.now();
    const run = async () => {
      const bounds = { milliseconds: timeout * 1000, memory };
      const deadline = Date.now() + bounds.milliseconds;
      const answer = api.invoke({ requestId, deadline, functionArn: arn, traceId: newTraceId(), payload });
      return outcomeOf(
        await watched(child, answer, bounds),
        requestId,
        `Task timed out after ${timeout.toFixed(2)} seconds`,
      );
    };
    const { answer, end } = failedInit(cold?.initialised, requestId) ?? (await run());
    const milliseconds = performance.now() - start;
    const peak = peakMemory(child.pid);
    // The runtime asks for its next invocation right after its answer; what it writes until then belongs to this one.
    const bounds = { milliseconds: initMilliseconds, memory: Number.POSITIVE_INFINITY };
    const isOver = end !== 'answered' && end !== 'failed';
    if (isOver || (await watched(child, api.idle(), bounds)).end !== 'done') await kill();
    else if (freeze) signal(child, 'SIGSTOP');
    const report = { end, milliseconds, memory, init: cold?.milliseconds, peak };
    const logs = [
      `START RequestId: ${requestId} Version: $LATEST`,
      ...(await newLogs()),
      `END RequestId: ${requestId}`,
      reportLine(requestId, report),
    ];
    return { requestId, payload: answer.body, failed: answer.kind === 'error', logs, report };
  }

  // A process that has just died is known to the system before it is to Node.
  return { pid: child.pid, alive: () => child.running() && isAlive(child.pid), invoke, kill };
}

interface Outcome {
  readonly answer: RuntimeAnswer;
  readonly end: InvocationReport['end'];
}

/** What Lambda answers for a process that was too slow, too large or left, or what the process answered itself. */
function outcomeOf(ended: Watched<RuntimeAnswer>, requestId: string, timeout: string): Outcome {
  if (ended.end === 'done') return { answer: ended.value, end: ended.value.kind === 'error' ? 'failed' : 'answered' };
  const texts = {
    timeout: ['Sandbox.Timedout', timeout],
    'out of memory': ['Runtime.OutOfMemory', 'Runtime exited with error: signal: killed'],
    exited: ['Runtime.ExitError', 'Runtime exited without providing a reason'],
  } as const;
  const [type, text] = texts[ended.end];
  return { answer: runtimeError(type, `RequestId: ${requestId} Error: ${text}`), end: ended.end };
}

/** The outcome of an initialisation that went wrong, which is the outcome of the first invocation. */
function failedInit(
  initialised: Watched<RuntimeAnswer | undefined> | undefined,
  requestId: string,
): Outcome | undefined {
  if (initialised === undefined) return undefined;
  if (initialised.end === 'done')
    return initialised.value === undefined ? undefined : { answer: initialised.value, end: 'exited' };
  return outcomeOf(initialised, requestId, `Initialization timed out after ${initMilliseconds / 1000} seconds`);
}

function signal(child: Launched, name: 'SIGSTOP' | 'SIGCONT'): void {
  if (child.running()) process.kill(child.pid, name);
}

function newTraceId(): string {
  const seconds = Math.floor(Date.now() / 1000).toString(16);
  return `Root=1-${seconds}-${randomUUID().replaceAll('-', '').slice(8)};Sampled=0`;
}

/** A copy without types: a process that had to strip them would start later and larger than Lambda's. */
async function bootstrapIn(folder: string): Promise<string> {
  const source = fileURLToPath(new URL('lambda-bootstrap.ts', import.meta.url));
  const { code } = await transform(await readFile(source, 'utf8'), { loader: 'ts', format: 'esm', target: 'node24' });
  const file = join(folder, 'bootstrap.mjs');
  await writeFile(file, code);
  return file;
}
