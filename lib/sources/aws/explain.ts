import * as z from 'zod';
import { type ErrorRow, rowFor } from '../../error-table.ts';
import { publicText } from '../../public-text.ts';
import { type Explanation, UnseenError } from '../../source.ts';
import { errorTable, grant } from './errors.ts';

/** What an error says about itself; the SDK's classes differ by service, these fields do not. */
const awsError = z.looseObject({
  name: z.string(),
  message: z.string(),
  code: z.unknown().optional(),
  $metadata: z.looseObject({ httpStatusCode: z.number().optional() }).optional(),
});

type AwsError = z.infer<typeof awsError>;

/** Our own bugs and those of a user's `selects`; what the SDK throws of these has `$metadata`, what Node throws a code. */
const internal = new Set(['TypeError', 'ReferenceError', 'RangeError']);

/** True for an answer of this action that says: looked, and there is none. */
export function isGone(action: string, error: unknown): boolean {
  const row = notFound(action, error);
  return row !== undefined && row.unless === undefined;
}

/** True also where the service says the same to those who may not look: then the row's `unless` has to be ruled out. */
export function mayBeGone(action: string, error: unknown): boolean {
  return notFound(action, error) !== undefined;
}

/** By the name that AWS gave alone, and only with an answer: without one nobody looked. */
function notFound(action: string, error: unknown): Extract<ErrorRow, { meaning: 'gone' }> | undefined {
  const known = awsError.safeParse(error).data;
  if (known?.$metadata?.httpStatusCode === undefined) return undefined;
  const row = rowFor(errorTable, known.name, action);
  return row?.meaning === 'gone' ? row : undefined;
}

/** True where a right is missing that somebody can grant to whoever reads. */
export function isRefusal(error: unknown): boolean {
  // What `get` gives is explained already, and tells by its remedy what it was.
  if (error instanceof UnseenError) return error.message.endsWith(grant);
  const known = awsError.safeParse(error).data;
  return known !== undefined && rowOf(known, undefined)?.remedy === grant;
}

/** What an error means for what was asked of AWS; `action` in the writing of permissions, left out where it is not known. */
export function explain(error: unknown, action?: string): Explanation {
  if (error instanceof UnseenError) return error;
  const known = awsError.safeParse(error).data;
  if (known === undefined) return { reason: 'Unreachable', message: `${unasked}: ${publicText(String(error))}` };
  // Node says of a host that has several addresses only by code what each of them came to.
  const said = `${publicText(known.name)}: ${publicText(known.message || String(known.code ?? ''))}`;
  // The SDK assumes the roles of profiles by itself, whatever it was asked for.
  const asked = known.message.includes('sts:AssumeRole') ? 'sts:AssumeRole' : action;
  const row = rowOf(known, asked);
  return row === undefined ? unlisted(known, said) : listed(row, said);
}

/** By the name that AWS gave, else by Node's code of a connection that failed. */
function rowOf({ name, code }: AwsError, action: string | undefined): ErrorRow | undefined {
  return rowFor(errorTable, name, action) ?? (typeof code === 'string' ? rowFor(errorTable, code, action) : undefined);
}

const unasked = 'AWS could not be asked';

function listed(row: ErrorRow, said: string): Explanation {
  const mend = row.remedy === undefined ? '' : `. To mend it: ${row.remedy}`;
  if (row.meaning === 'gone') return { reason: 'Unreachable', message: `AWS has no such thing (${said})${mend}` };
  return {
    reason: row.reason,
    message: `${opening(row, said)} (${said})${mend}${row.meaning === 'our fault' ? report : ''}`,
  };
}

const report = '. That is an error of skymirror: please report it with this message';

function opening({ meaning, reason }: Exclude<ErrorRow, { meaning: 'gone' }>, said: string): string {
  if (meaning === 'our fault') return 'AWS says that skymirror asked wrongly';
  if (reason === 'Throttled') return 'AWS throttles this account';
  // Nobody was asked: the SDK found nothing to sign with.
  if (said.startsWith('CredentialsProviderError')) return 'there are no AWS credentials';
  return reason === 'AccessDenied' ? 'AWS refused' : unasked;
}

/** What the SDK puts where the answer is an error and says nothing of it. */
const nameless = ['Unknown', 'UnknownError', 'NotFound'];

/** A code without a row is judged by the status of its answer, and never as gone. */
function unlisted({ name, message, code, $metadata }: AwsError, said: string): Explanation {
  const status = $metadata?.httpStatusCode ?? 0;
  if (status === 429) return { reason: 'Throttled', message: `AWS throttles this account (${said})` };
  if (status === 401 || status === 403) return { reason: 'AccessDenied', message: `AWS refused (${said})` };
  if (internal.has(name) && $metadata === undefined && code === undefined) {
    return { reason: 'InternalError', message: `internal error: ${said}` };
  }
  // What cannot be read and is no success comes from something between here and AWS; then the status says more.
  const isEmpty = nameless.includes(name) && nameless.includes(message);
  const isUnreadable = isEmpty || name === 'SyntaxError' || message.includes('Deserialization');
  const answer = isUnreadable && status >= 300 ? `HTTP ${status}, ${isEmpty ? 'without an error code' : said}` : said;
  return { reason: isUnreadable && status < 500 ? 'BadAnswer' : 'Unreachable', message: `${unasked} (${answer})` };
}
