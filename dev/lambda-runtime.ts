import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

/** What the runtime is told of one invocation, by headers and a body. */
export interface RuntimeInvocation {
  readonly requestId: string;
  /** When the time is over, in milliseconds since 1970. */
  readonly deadline: number;
  readonly functionArn: string;
  readonly traceId: string;
  readonly payload: string;
}

/** What the runtime said: an answer of the function, or an error in Lambda's own JSON form. */
export interface RuntimeAnswer {
  readonly kind: 'response' | 'error';
  readonly body: string;
}

/** One execution environment's side of the Lambda Runtime API. */
export interface RuntimeApi {
  /** Value of AWS_LAMBDA_RUNTIME_API. */
  readonly address: string;
  /** Resolves when the runtime asks for its next invocation, or with the error of an initialisation that failed. */
  idle(): Promise<RuntimeAnswer | undefined>;
  /** Hands over an invocation; resolves with the answer. Only for a runtime that is idle. */
  invoke(invocation: RuntimeInvocation): Promise<RuntimeAnswer>;
  stop(): Promise<void>;
}

/** Lambda quotas, "Function configuration, deployment, and execution": a synchronous payload has 6 MB. */
const maxResponse = 6 * 1024 * 1024 + 100;

const version = '/2018-06-01/runtime';

/**
 * Serves the Lambda Runtime API for one process (AWS Lambda Developer Guide, "Using the Lambda runtime API for custom
 * runtimes"): invocation/next, invocation/<id>/response, invocation/<id>/error and init/error.
 */
export async function startRuntimeApi(): Promise<RuntimeApi> {
  let parked: ServerResponse | undefined;
  let arrival = Promise.withResolvers<RuntimeAnswer | undefined>();
  let current: { readonly requestId: string; readonly answer: PromiseWithResolvers<RuntimeAnswer> } | undefined;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [verb, path] = [request.method, request.url?.slice(version.length)];
    if (verb === 'GET' && path === '/invocation/next') {
      parked = response;
      arrival.resolve(undefined);
      return;
    }
    const body = await text(request);
    if (verb === 'POST' && path === '/init/error') {
      arrival.resolve({ kind: 'error', body });
      return accept(response);
    }
    const [, requestId, kind] = /^\/invocation\/([^/]+)\/(response|error)$/.exec(path ?? '') ?? [];
    if (verb !== 'POST' || requestId === undefined) return refuse(response, 404, 'UnknownPath', `${verb} ${path}`);
    if (requestId !== current?.requestId) return refuse(response, 400, 'InvalidRequestID', requestId);
    const { answer } = current;
    current = undefined;
    if (kind === 'response' && Buffer.byteLength(body) > maxResponse) {
      const said = 'Response payload size exceeded maximum allowed payload size (6291556 bytes).';
      refuse(response, 413, 'RequestEntityTooLarge', said);
      return answer.resolve(runtimeError('Function.ResponseSizeTooLarge', said));
    }
    accept(response);
    answer.resolve({ kind: kind === 'error' ? 'error' : 'response', body });
  }

  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  server.unref();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('startRuntimeApi: a server without a port');

  return {
    address: `127.0.0.1:${address.port}`,
    idle: () => arrival.promise,
    invoke({ requestId, deadline, functionArn, traceId, payload }) {
      if (parked === undefined) throw new Error('RuntimeApi.invoke: the runtime is not idle; wait for idle() first');
      const answer = Promise.withResolvers<RuntimeAnswer>();
      current = { requestId, answer };
      arrival = Promise.withResolvers();
      parked.writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': requestId,
        'lambda-runtime-deadline-ms': deadline,
        'lambda-runtime-invoked-function-arn': functionArn,
        'lambda-runtime-trace-id': traceId,
      });
      parked.end(payload);
      parked = undefined;
      return answer.promise;
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** An error in the form in which Lambda gives it to whoever invoked the function. */
export function runtimeError(errorType: string, errorMessage: string): RuntimeAnswer {
  return { kind: 'error', body: JSON.stringify({ errorType, errorMessage }) };
}

function accept(response: ServerResponse): void {
  response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
}

function refuse(response: ServerResponse, status: number, errorType: string, errorMessage: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ errorMessage, errorType }));
}
