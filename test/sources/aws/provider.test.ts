import { beforeEach, describe, expect, test, vi } from 'vitest';
import { UnseenError } from '../../../lib/source.ts';
import { aws, clientOf } from '../../../lib/sources/aws/provider.ts';

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'nobody');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'nothing');
});

const errorOf = (name: string, message = 'as AWS says it', httpStatusCode?: number) =>
  Object.assign(new Error(message), {
    name,
    ...(httpStatusCode === undefined ? {} : { $metadata: { httpStatusCode } }),
  });

describe('an error of AWS that means', () => {
  test('credentials that are not there are no refusal', () => {
    expect(aws.explain(errorOf('CredentialsProviderError'))).toEqual({
      reason: 'AccessDenied',
      message:
        'there are no AWS credentials (CredentialsProviderError: as AWS says it). To mend it: set AWS_PROFILE to a profile that exists, or AWS_ACCESS_KEY_ID, or run under a role',
    });
  });

  test('a role that cannot be assumed says what the role lacks', () => {
    const said = 'User: a is not authorized to perform: sts:AssumeRole on resource: b';
    expect(aws.explain(errorOf('AccessDenied', said)).message).toContain(
      'let the role trust this identity, and give the external id',
    );
  });

  test('no access in a code that nobody knows is taken from the HTTP status', () => {
    expect(aws.explain(errorOf('NewDenial', 'no', 403))).toEqual({
      reason: 'AccessDenied',
      message: 'AWS refused (NewDenial: no)',
    });
  });

  test('too many requests in a code that nobody knows is taken from the HTTP status', () => {
    expect(aws.explain(errorOf('NewLimit', 'wait', 429))).toEqual({
      reason: 'Throttled',
      message: 'AWS throttles this account (NewLimit: wait)',
    });
  });

  test.each([
    ['SyntaxError', 'Unexpected token'],
    ['Error', 'char is not expected. Deserialization error: to see the raw response'],
  ])('an answer that cannot be read: %s', (name, message) => {
    expect(aws.explain(errorOf(name, message)).reason).toBe('BadAnswer');
  });

  test.each([
    [407, 'BadAnswer'],
    [502, 'Unreachable'],
  ])('an answer of something in between says its HTTP status: %s', (status, reason) => {
    expect(aws.explain(errorOf('SyntaxError', 'Unexpected token', status))).toEqual({
      reason,
      message: `AWS could not be asked (HTTP ${status}, SyntaxError: Unexpected token)`,
    });
  });

  test('nothing but that no address of a host answers is told by the code', () => {
    const error = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' });
    expect(aws.explain(error).message).toBe('AWS could not be asked (AggregateError: ECONNREFUSED)');
  });

  test.each([
    ['TimeoutError', 'the request took too long', undefined],
    ['Error', 'connect ECONNREFUSED 127.0.0.1:443', undefined],
    ['InternalFailure', 'try again', 500],
    ['ServiceUnavailable', 'try again', 503],
    ['DBInstanceNotFound', 'not found', 404],
  ])('nothing that we know is unreachable, never gone: %s', (name, message, code) => {
    expect(aws.explain(errorOf(name, message, code))).toEqual({
      reason: 'Unreachable',
      message: `AWS could not be asked (${name}: ${message})`,
    });
  });

  test.each([undefined, null, 'text', 7, {}, { name: 'A' }])('nothing at all is unreachable: %j', (error) => {
    expect(aws.explain(error)).toEqual({ reason: 'Unreachable', message: `AWS could not be asked: ${String(error)}` });
  });

  test.each(['ENOTFOUND', 'EAI_AGAIN'])('a name that DNS does not know says what to check: %s', (code) => {
    const error = Object.assign(new Error(`getaddrinfo ${code} rds.us-east-9.amazonaws.com`), { code });
    expect(aws.explain(error)).toEqual({
      reason: 'Unreachable',
      message: `AWS could not be asked (Error: ${error.message}). To mend it: check that the region is right and enabled for this account, and that there is a network and a DNS server`,
    });
  });

  test.each([TypeError, ReferenceError, RangeError])('nothing, but a bug of ours, is called one: %o', (Bug) => {
    expect(aws.explain(new Bug('fields.tags is undefined'))).toEqual({
      reason: 'InternalError',
      message: `internal error: ${Bug.name}: fields.tags is undefined`,
    });
  });

  test.each([{ code: 'ERR_INVALID_URL' }, { $metadata: { attempts: 1 } }])(
    'a TypeError of others is not: %j',
    (more) => {
      expect(aws.explain(Object.assign(new TypeError('Invalid URL'), more))).toEqual({
        reason: 'Unreachable',
        message: 'AWS could not be asked (TypeError: Invalid URL)',
      });
    },
  );

  test('several lines is told by the first', () => {
    expect(aws.explain(errorOf('Error', '\n one  two\r\nthree')).message).toBe(
      'AWS could not be asked (Error: one two)',
    );
  });

  test('a book is told by its beginning', () => {
    const { message } = aws.explain(errorOf('Error', 'x'.repeat(2_000)));
    expect(message).toBe(`AWS could not be asked (Error: ${'x'.repeat(499)}…)`);
    expect(aws.explain('x'.repeat(2_000)).message).toHaveLength(500 + 'AWS could not be asked: '.length);
  });
});

describe('no explanation shows', () => {
  const canonical = `The Canonical String for this request should have been 'POST / x-amz-security-token:SECRET'`;

  test.each([
    ['SignatureDoesNotMatch', `The signature does not match.\n\n${canonical}`, 'The signature does not match.'],
    ['SignatureDoesNotMatch', `The signature does not match. ${canonical}`, 'The signature does not match.'],
    ['IncompleteSignature', "not valid: 'AWS4-HMAC-SHA256 Credential=A, Signature=SECRET'", "not valid: '"],
    ['CredentialsProviderError', 'Command failed: vault read --token SECRET\ndenied', 'Command failed'],
    ['SyntaxError', `Unexpected token 'S', "SECRET" is not valid JSON`, "Unexpected token 'S'"],
    ['SyntaxError', `Unexpected token 'S', ..."Key": SECRET"... is not valid JSON`, "Unexpected token 'S'"],
    [
      'CredentialsProviderError',
      `SyntaxError: Unexpected token 'S', "SECRET" is not valid JSON`,
      "Unexpected token 'S'",
    ],
  ])('the credentials in the text of %s: %s', (name, said, kept) => {
    const { message } = aws.explain(errorOf(name, said));
    expect(message).not.toContain('SECRET');
    expect(message).toContain(`${kept})`);
    expect(aws.explain(said).message).not.toContain('SECRET');
  });
});

describe('access to AWS', () => {
  test.each([{}, { roleArn: 'arn:aws:iam::1:role/a' }, { roleArn: 'a', externalId: 'b' }])('may be %j', (access) => {
    expect(aws.access.parse(access)).toEqual(access);
  });

  test.each([undefined, 'role', { role: 'a' }, { roleArn: 1 }])('may not be %j', (access) => {
    expect(aws.access.safeParse(access).success).toBe(false);
  });
});

describe('a region', () => {
  const prove = (scope: Record<string, string>) =>
    aws.prove(aws.connect(scope, {}), { account: '111122223333', ...scope }, AbortSignal.abort(new Error('asked AWS')));

  test.each([
    'eu-west-1',
    'us-gov-west-1',
    'us-iso-east-1',
    'us-isob-east-1',
    'cn-northwest-1',
    'ap-southeast-5',
    'eusc-de-east-1',
  ])('may be %s', async (region) => {
    await expect(prove({ region })).rejects.not.toThrow(UnseenError);
  });

  test.each(['', 'eu-west', 'EU-WEST-1', 'eu_west_1', 'eu-west-1.evil.example', 'eu-west-1/', '@evil-a-1', 'all'])(
    'may not be %j: nothing is asked',
    async (region) => {
      const session = aws.connect({ region }, {});
      const proof = aws.prove(session, { account: '1', region }, new AbortController().signal);
      await expect(proof).rejects.toThrow(`"${region}" is not the name of an AWS region`);
      expect(aws.calls(session)).toBe(0);
    },
  );

  test('may not be missing', async () => {
    await expect(prove({})).rejects.toThrow('"" is not the name of an AWS region');
  });
});

test('a session has one client for each service, and ends them all', () => {
  const session = aws.connect({ region: 'eu-west-1' }, {});
  const ended: string[] = [];
  const make = (name: string) => () => ({ name, destroy: () => ended.push(name) });
  const first = clientOf(session, 'rds', make('rds'));
  expect(clientOf(session, 'rds', make('another'))).toBe(first);
  expect(clientOf(session, 'sts', make('sts'))).not.toBe(first);
  aws.close(session);
  expect(ended).toEqual(['rds', 'sts']);
});
