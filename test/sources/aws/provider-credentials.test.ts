import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { aws } from '../../../lib/sources/aws/provider.ts';
import { rdsInstance } from '../../../lib/sources/aws/rds-instance.ts';

const scope = { account: '111122223333', region: 'us-east-1' };
const access = { roleArn: 'arn:aws:iam::111122223333:role/reader', externalId: 'skymirror-1' };
const sts = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"';
const assumed = (credentials: string) =>
  `<AssumeRoleResponse ${sts}><AssumeRoleResult>${credentials}</AssumeRoleResult></AssumeRoleResponse>`;
const whole =
  '<Credentials><AccessKeyId>ASSUMED</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2036-01-01T00:00:00Z</Expiration></Credentials>';
const ownCaller = `<GetCallerIdentityResponse ${sts}><GetCallerIdentityResult><Account>${scope.account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;

let folder: string;
let server: Server;
let answer: string;
let caller: string;
let status: number;
const asked: { form: URLSearchParams; key: string | undefined }[] = [];
const sockets: Socket[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'skymirror-credentials-'));
  answer = assumed(whole);
  caller = ownCaller;
  status = 200;
  server = createServer(async (request, response) => {
    const form = new URLSearchParams(await text(request));
    asked.push({ form, key: /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] });
    response.setHeader('content-type', 'text/xml');
    response.statusCode = form.get('Action') === 'AssumeRole' ? status : 200;
    response.end(form.get('Action') === 'AssumeRole' ? answer : caller);
  });
  // As long as a load balancer keeps them: who does not close them leaves them.
  server.keepAliveTimeout = 350_000;
  server.on('connection', (socket) => sockets.push(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'BASE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_SESSION_TOKEN', '');
  vi.stubEnv('AWS_PROFILE', '');
  vi.stubEnv('AWS_CONFIG_FILE', devNull);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', devNull);
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
  asked.length = 0;
  sockets.length = 0;
});

/** A profile whose credentials come from a command that ends when `give` is called, and not before. */
async function hangingProfile() {
  const pipe = join(folder, 'pipe');
  const config = join(folder, 'config');
  execFileSync('mkfifo', [pipe]);
  writeFileSync(config, `[profile hanging]\ncredential_process = cat ${pipe}\n`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
  vi.stubEnv('AWS_PROFILE', 'hanging');
  vi.stubEnv('AWS_CONFIG_FILE', config);
  return {
    /** Opening the pipe for writing waits for its reader: the command runs. */
    async reached() {
      const writer = await open(pipe, 'w');
      return {
        async give() {
          await writer.write(JSON.stringify({ Version: 1, AccessKeyId: 'LATE', SecretAccessKey: 's' }));
          await writer.close();
        },
      };
    },
  };
}

test('a role is assumed with the credentials at hand, once, and the call is counted', async () => {
  const outside = rdsInstance.open(scope, access);
  const { signal } = new AbortController();
  await Promise.all([outside.prove(signal), outside.prove(signal)]);
  outside.close();
  const calls = asked.map(({ form, key }) => [form.get('Action'), key]);
  expect(calls).toEqual([
    ['AssumeRole', 'BASE'],
    ['GetCallerIdentity', 'ASSUMED'],
    ['GetCallerIdentity', 'ASSUMED'],
  ]);
  expect(Object.fromEntries(asked[0]?.form ?? [])).toMatchObject({
    RoleArn: access.roleArn,
    RoleSessionName: 'skymirror',
    ExternalId: access.externalId,
  });
  expect(outside.calls()).toBe(3);
});

test('a role without an external id is assumed without one', async () => {
  const outside = rdsInstance.open(scope, { roleArn: access.roleArn });
  await outside.prove(new AbortController().signal);
  outside.close();
  expect(asked[0]?.form.has('ExternalId')).toBe(false);
});

test.each(['', '<Credentials/>', '<Credentials><AccessKeyId>A</AccessKeyId></Credentials>'])(
  'a role that is assumed with the answer "%s" is unseen',
  async (credentials) => {
    answer = assumed(credentials);
    const outside = rdsInstance.open(scope, access);
    const error = await outside.prove(new AbortController().signal).catch((thrown: unknown) => thrown);
    outside.close();
    expect(rdsInstance.explain(error)).toMatchObject({
      reason: 'BadAnswer',
      message: `AssumeRole of ${access.roleArn} answered without credentials`,
    });
  },
);

test('an answer that names no account proves no place', async () => {
  caller = '';
  const outside = rdsInstance.open(scope, {});
  const error = await outside.prove(new AbortController().signal).catch((thrown: unknown) => thrown);
  outside.close();
  expect(rdsInstance.explain(error)).toMatchObject({
    reason: 'BadAnswer',
    message: expect.stringContaining('names no account'),
  });
});

test.each([
  ['AccessDenied', 'let the role trust this identity, and give the external id'],
  ['ValidationError', 'correct role and externalId in the configuration'],
])('a role that is refused with %s says what it lacks, whatever the words of AWS', async (code, mend) => {
  status = 403;
  answer = `<ErrorResponse ${sts}><Error><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`;
  const outside = rdsInstance.open(scope, access);
  const error = await outside.prove(new AbortController().signal).catch((thrown: unknown) => thrown);
  outside.close();
  const { reason, message } = rdsInstance.explain(error);
  expect({ reason, message }).toEqual({
    reason: 'AccessDenied',
    message: expect.stringContaining(`To mend it: ${mend}`),
  });
  expect(error).toMatchObject({ cause: { name: code } });
  // Asked once: what is refused is refused again.
  expect(asked).toHaveLength(1);
});

test('a role that could not be assumed is assumed once somebody asks again', async () => {
  const session = aws.connect(scope, access);
  const { credentials } = session.settings;
  answer = assumed('');
  const refused = await Promise.allSettled([credentials(), credentials(), credentials()]);
  expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  answer = assumed(whole);
  expect(await credentials()).toMatchObject({ accessKeyId: 'ASSUMED' });
  aws.close(session);
});

test('a role whose credentials have no token and no end is assumed once', async () => {
  answer = assumed(whole.replace(/<SessionToken>.*<.Expiration>/, ''));
  const session = aws.connect(scope, access);
  const [first, second] = [await session.settings.credentials(), await session.settings.credentials()];
  aws.close(session);
  expect(first).toEqual({ accessKeyId: 'ASSUMED', secretAccessKey: 's' });
  expect(second).toBe(first);
  expect(asked).toHaveLength(1);
});

test('a closed session leaves no connection, also not that of the role', async () => {
  const outside = rdsInstance.open(scope, access);
  await outside.prove(new AbortController().signal);
  expect(sockets).toHaveLength(2);
  // That of the role has served its turn, and may be closed already.
  const ends = sockets.filter((socket) => !socket.closed).map((socket) => once(socket, 'close'));
  expect(ends).not.toEqual([]);
  outside.close();
  await Promise.all(ends);
});

test('a pass ends with its signal while a credential process hangs', async () => {
  const profile = await hangingProfile();
  const outside = rdsInstance.open(scope, {});
  const stop = new AbortController();
  const proof = outside.prove(stop.signal);
  const { give } = await profile.reached();
  const reason = new Error('out of time');
  stop.abort(reason);
  await expect(proof).rejects.toBe(reason);
  outside.close();
  await give();
});

test('a role is not assumed any more once the session is closed', async () => {
  const profile = await hangingProfile();
  const session = aws.connect(scope, access);
  const credentials = session.settings.credentials();
  const { give } = await profile.reached();
  aws.close(session);
  const refused = expect(credentials).rejects.toThrow(/abort/i);
  await give();
  await refused;
  expect(asked).toEqual([]);
});
