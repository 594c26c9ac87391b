import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ApiCall } from '../memory/api-answers.ts';

/** A request as it comes in. */
export interface WireRequest {
  readonly method: ApiCall['method'];
  readonly path: string;
  readonly authorization: string;
  readonly body: string;
}

/** An answer, or bytes in its place that may be no HTTP at all; the connection ends behind those. */
export type WireAnswer =
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }
  | { readonly raw: string };

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

let answer: ((request: WireRequest) => WireAnswer) | undefined;
let address: Promise<URL> | undefined;

/** An HTTP server of this process, one for all inputs, that does not keep it alive. */
async function serve(): Promise<URL> {
  const server = createServer(async (request, response) => {
    const { url = '', headers } = request;
    const method = methods.find((one) => one === request.method) ?? 'GET';
    const body = await text(request);
    send(response, answer?.({ method, path: url, authorization: headers.authorization ?? '', body }) ?? { raw: '' });
  });
  server.on('connection', (socket) => socket.unref());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const { port } = server.address() as AddressInfo;
  return new URL(`http://127.0.0.1:${port}`);
}

function send(response: ServerResponse, sent: WireAnswer): void {
  if ('raw' in sent) response.socket?.end(sent.raw);
  else response.writeHead(sent.status, sent.headers).end(sent.body);
}

/** Lets these answers come from an API server while the work lasts. */
export async function served<Result>(
  by: (request: WireRequest) => WireAnswer,
  work: (server: URL) => Promise<Result>,
): Promise<Result> {
  address ??= serve();
  answer = by;
  try {
    return await work(await address);
  } finally {
    answer = undefined;
  }
}
