// What AWS's Node runtime does in Lambda, as far as a handler can see it: loads the handler, then asks for one
// invocation after the other. It runs in the function's process with nothing but Node, as a copy without types.
import { existsSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

type Handler = (event: unknown, context: object) => unknown;

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;
// One connection that stays, so that a warm invocation costs no new one.
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

async function call(method: string, path: string, body = '') {
  const { promise, resolve: answered, reject } = Promise.withResolvers<import('node:http').IncomingMessage>();
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  request(`${api}${path}`, { method, headers, agent }, answered).on('error', reject).end(body);
  const response = await promise;
  return { headers: response.headers, body: await text(response) };
}

/** `_HANDLER` is a path in the task's folder, a dot, and the name of an export. */
async function load(): Promise<Handler> {
  const name = process.env._HANDLER ?? '';
  const dot = name.lastIndexOf('.');
  const stem = resolve(process.env.LAMBDA_TASK_ROOT ?? '', name.slice(0, dot));
  const file = ['.js', '.mjs', '.cjs'].map((ending) => `${stem}${ending}`).find((path) => existsSync(path));
  if (file === undefined) throw named('Runtime.ImportModuleError', `Cannot find module '${name.slice(0, dot)}'`);
  const handler: unknown = (await import(pathToFileURL(file).href))[name.slice(dot + 1)];
  if (typeof handler !== 'function') throw named('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  return (event, context) => handler(event, context);
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

function errorBody(error: unknown): string {
  const known = error instanceof Error ? error : new Error(String(error));
  const stackTrace = known.stack?.split('\n').slice(1) ?? [];
  const body = { errorType: known.name, errorMessage: known.message, trace: stackTrace };
  console.error(JSON.stringify({ ...body, kind: 'Invoke Error' }));
  return JSON.stringify(body);
}

async function handleNext(handler: Handler): Promise<void> {
  const { headers, body } = await call('GET', '/invocation/next');
  const awsRequestId = String(headers['lambda-runtime-aws-request-id']);
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  process.env._X_AMZN_TRACE_ID = String(headers['lambda-runtime-trace-id']);
  const context = {
    awsRequestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    getRemainingTimeInMillis: () => deadline - Date.now(),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
  };
  const path = `/invocation/${awsRequestId}`;
  try {
    const answer = await handler(JSON.parse(body), context);
    await call('POST', `${path}/response`, JSON.stringify(answer) ?? 'null');
  } catch (error) {
    await call('POST', `${path}/error`, errorBody(error));
  }
}

try {
  const handler = await load();
  for (;;) await handleNext(handler);
} catch (error) {
  await call('POST', '/init/error', errorBody(error)).catch(() => {});
  process.exitCode = 1;
  // A handler's module may have left timers behind.
  process.exit();
}
