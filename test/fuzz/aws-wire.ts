import { Readable } from 'node:stream';
import { queueSettings } from '../../lib/queue.ts';
import { requestHandler } from '../../lib/sources/aws/credentials.ts';

/** A request as the SDK hands it to whatever carries it. */
export interface WireRequest {
  readonly hostname: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** An answer in bytes, in the pieces in which they arrive. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly chunks: readonly Buffer[];
  /** The connection is reset behind the last piece. */
  readonly reset: boolean;
}

let answer: ((request: WireRequest) => WireAnswer) | undefined;

// The SDK takes what has a `handle` for a carrier of requests, and everything else for the settings of its own: so all
// clients of the product are answered here, with the SDK's parsers and retries as they are, and without a socket.
const carrier = {
  metadata: { handlerProtocol: 'http/1.1' },
  destroy() {},
  async handle(request: WireRequest, { abortSignal }: { readonly abortSignal?: AbortSignal } = {}) {
    abortSignal?.throwIfAborted();
    if (answer === undefined) throw new Error('nobody answers for AWS');
    const { status, headers, chunks, reset } = answer(request);
    const pieces = async function* () {
      yield* chunks;
      if (reset) throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    };
    return { response: { statusCode: status, headers, body: Readable.from(pieces(), { objectMode: false }) } };
  },
};
for (const settings of [requestHandler, queueSettings.requestHandler]) Object.assign(settings, carrier);

/** The deadlines of whole passes are longer: these stay as they are. */
const longestPause = 60_000;

/** Answers all that the SDK asks while the work lasts. Its pauses between retries pass at once, for its clock as well. */
export async function answered<Result>(
  by: (request: WireRequest) => WireAnswer,
  work: () => Promise<Result>,
): Promise<Result> {
  const { setTimeout } = globalThis;
  const { now } = Date;
  let skipped = 0;
  answer = by;
  Date.now = () => now() + skipped;
  globalThis.setTimeout = Object.assign(
    (callback: () => void, milliseconds = 0) => {
      if (milliseconds >= longestPause) return setTimeout(callback, milliseconds);
      const skip = () => {
        skipped += milliseconds;
        callback();
      };
      return setTimeout(skip, 0);
    },
    { __promisify__: setTimeout.__promisify__ },
  );
  try {
    return await work();
  } finally {
    globalThis.setTimeout = setTimeout;
    Date.now = now;
    answer = undefined;
  }
}
