import * as fc from 'fast-check';
import { canary } from './canaries.ts';
import { type Edit, edit } from './damage.ts';
import { hostileText } from './hostile.ts';

/** What is wrong with one answer. */
export interface Wrong {
  readonly request: number;
  readonly deed:
    | { readonly kind: 'edits'; readonly edits: readonly Edit[] }
    | { readonly kind: 'refusal'; readonly status: number; readonly reason: string; readonly message: string }
    | { readonly kind: 'text'; readonly status: number; readonly text: string }
    | { readonly kind: 'raw'; readonly text: string }
    /** What a debugging proxy answers: the request. */
    | { readonly kind: 'echo'; readonly status: number }
    /** A list that never ends. */
    | { readonly kind: 'endless' };
  readonly headers: Readonly<Record<string, string>>;
}

const status = fc.constantFrom(200, 201, 204, 302, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503);
const reason = fc.oneof(
  fc.constantFrom('NotFound', 'Conflict', 'AlreadyExists', 'Expired', 'Forbidden', 'Invalid'),
  hostileText,
);

const deed: fc.Arbitrary<Wrong['deed']> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.array(edit, { minLength: 1, maxLength: 3 }).map((edits) => ({ kind: 'edits' as const, edits })),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('refusal' as const), status, reason, message: hostileText }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('text' as const), status, text: hostileText }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('echo' as const), status }) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.constant({ kind: 'endless' as const }),
      fc.record({
        kind: fc.constant('raw' as const),
        text: fc.constantFrom(
          ...['', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}', 'HTTP/1.1 99999 x\r\n\r\n', '\u001b[2J', '{}'],
          ...['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 'HTTP/1.1 200 OK\r\na: \u0000\r\n\r\n'],
        ),
      }),
    ),
  },
);

const headers = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Record<string, string>>(
      ...['0', '-1', '1e9', 'Infinity', 'Wed, 21 Oct 2099 07:28:00 GMT', ''].map((value) => ({ 'retry-after': value })),
      ...['Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', '+275760-09-13', 'x'].map((date) => ({
        date,
      })),
      { location: `https://user:${encodeURIComponent(canary)}@elsewhere.example/` },
      { 'content-type': 'text/html' },
    ),
  },
);

/** Anything that may be wrong with an answer of an API server. */
export const wrong: fc.Arbitrary<Wrong> = fc.record({ request: fc.nat(14), deed, headers });
