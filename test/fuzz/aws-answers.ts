import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { valid } from './aws-valid.ts';
import type { WireAnswer, WireRequest } from './aws-wire.ts';
import { type Edit, edit, edited, type Slice, sliced, slices } from './damage.ts';
import { hostileText } from './hostile.ts';

/** What is wrong with one answer; the rest of it is as it should be. */
export interface Wrong {
  /** Which of the requests of a pass. */
  readonly request: number;
  readonly body:
    | { readonly kind: 'damaged'; readonly slices: readonly Slice[]; readonly edits: readonly Edit[] }
    /** The text of an element becomes another. */
    | { readonly kind: 'element'; readonly index: number; readonly text: string }
    | { readonly kind: 'error'; readonly code: string; readonly message: string }
    /** What a debugging proxy answers, and AWS itself of a signature that does not match: the request. */
    | { readonly kind: 'echo'; readonly code: string; readonly canonical: boolean }
    | { readonly kind: 'text'; readonly text: string };
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly pieces: number;
  readonly reset: boolean;
}

const codes = [
  ...['Throttling', 'AccessDenied', 'ExpiredToken', 'InvalidClientTokenId', 'SignatureDoesNotMatch', 'InternalFailure'],
  ...[
    'DBInstanceNotFound',
    'DBInstanceNotFoundFault',
    'DBClusterNotFoundFault',
    'AWS.SimpleQueueService.NonExistentQueue',
  ],
  ...[
    'com.amazonaws.sqs#QueueDoesNotExist',
    'QueueDoesNotExist',
    'ValidationError',
    'RequestThrottled',
    'OptInRequired',
  ],
];
const code = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...codes) }, { weight: 1, arbitrary: hostileText });

const xmlish = fc.oneof(
  fc.constantFrom(
    ...[
      '<Marker>m</Marker>',
      '<DBInstance>',
      '</DBInstances>',
      '<DBInstances/>',
      '<![CDATA[',
      ']]>',
      '<!--',
      '&#27;',
      '&#x0;',
      '&lol;',
    ],
    ...[
      '<?xml version="1.1"?>',
      '<TagList><Tag><Key>__proto__</Key><Value>x</Value></Tag></TagList>',
      '<__proto__>a</__proto__>',
    ],
    ...[
      '"NextToken":"n",',
      '"__proto__":{"a":1},',
      '"QueueUrls":null,',
      '"__type":"a#b",',
      '\u001b[2J',
      '&amp;#x1b;[31m',
    ],
  ),
  hostileText,
);

const body: fc.Arbitrary<Wrong['body']> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('damaged' as const),
      slices: fc.array(slices(xmlish), { maxLength: 3 }),
      edits: fc.array(edit, { maxLength: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('element' as const), index: fc.nat(200), text: hostileText }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('error' as const), code, message: hostileText }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('echo' as const), code, canonical: fc.boolean() }) },
  { weight: 1, arbitrary: hostileText.map((text) => ({ kind: 'text' as const, text })) },
);

const headers = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Record<string, string>>(
      { 'content-type': 'text/html' },
      { 'content-encoding': 'gzip' },
      { 'x-amzn-query-error': 'AWS.SimpleQueueService.NonExistentQueue;Sender' },
      { 'x-amzn-query-error': ';;__proto__\u001b' },
      { 'x-amzn-errortype': 'constructor:http://a' },
      { 'retry-after': '99999999' },
      { date: 'Tue, 01 Jan 1980 00:00:00 GMT' },
      { 'x-amzn-requestid': '\u001b[2J' },
    ),
  },
);

/** Anything that may be wrong with an answer. */
export const wrong: fc.Arbitrary<Wrong> = fc.record({
  request: fc.nat(6),
  body,
  status: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(200, 204, 301, 400, 401, 403, 404, 413, 429, 500, 503, 599) },
  ),
  headers,
  pieces: fc.constantFrom(1, 1, 2, 9),
  reset: fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, fc.constant(true)),
});

/** Answers as AWS would, but for what is wrong; `told` gets headers and body of each answer. */
export function answersOf(
  wrongs: readonly Wrong[],
  told: (body: string) => void,
): (request: WireRequest) => WireAnswer {
  let count = 0;
  return (request) => {
    const number = count;
    count += 1;
    const isJson = !/^(sts|rds)\./.test(request.hostname);
    const good = valid[actionOf(request)] ?? '';
    const odd = wrongs.find((one) => one.request === number);
    const text = odd === undefined ? textOf(good) : bodyOf(odd.body, good, request, isJson);
    told(`${JSON.stringify(odd?.headers ?? {})} ${text}`);
    const isError = odd?.body.kind === 'error' || odd?.body.kind === 'echo';
    const bytes = Buffer.from(text);
    return {
      status: odd?.status || (isError ? 400 : 200),
      headers: { 'content-type': isJson ? 'application/x-amz-json-1.0' : 'text/xml', ...odd?.headers },
      chunks: inPieces(odd?.headers['content-encoding'] === 'gzip' ? gzipSync(bytes) : bytes, odd?.pieces ?? 1),
      reset: odd?.reset ?? false,
    };
  };
}

function actionOf({ headers: { 'x-amz-target': target }, path, body: sent }: WireRequest): string {
  if (path.startsWith('/clusters/')) return 'DescribeCluster';
  return target?.split('.')[1] ?? new URLSearchParams(String(sent)).get('Action') ?? '';
}

const textOf = (good: string | object) => (typeof good === 'string' ? good : JSON.stringify(good));

function bodyOf(odd: Wrong['body'], good: string | object, request: WireRequest, isJson: boolean): string {
  switch (odd.kind) {
    case 'damaged':
      return odd.slices.reduce(
        sliced,
        textOf(typeof good === 'string' ? good : Object(odd.edits.reduce(edited, good))),
      );
    case 'element':
      return typeof good === 'string' ? withText(good, odd.index, odd.text) : textOf(good);
    case 'error':
      return errorBody(odd.code, odd.message, isJson);
    case 'echo': {
      const lines = Object.entries(request.headers).map(([name, value]) => `${name}:${value}`);
      const said = odd.canonical
        ? `The request signature we calculated does not match. The canonical string should have been 'POST\n/\n${lines.join('\n')}'`
        : `bad request: ${lines.join(' ')}`;
      return errorBody(odd.code, said, isJson);
    }
    case 'text':
      return odd.text;
  }
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('\u001b', '&#27;');

function errorBody(name: string, message: string, isJson: boolean): string {
  if (isJson) return JSON.stringify({ __type: name, message });
  return `<ErrorResponse><Error><Type>Sender</Type><Code>${escaped(name)}</Code><Message>${escaped(message)}</Message></Error><RequestId>1</RequestId></ErrorResponse>`;
}

/** The XML with the text of its so-many-th element replaced. */
function withText(text: string, index: number, by: string): string {
  const count = text.match(/>[^<>]*<\//g)?.length ?? 0;
  let left = count === 0 ? 0 : index % count;
  return text.replace(/>[^<>]*<\//g, (found) => (left-- === 0 ? `>${escaped(by)}</` : found));
}

function inPieces(bytes: Buffer, count: number): Buffer[] {
  const size = Math.max(1, Math.ceil(bytes.length / count));
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}
