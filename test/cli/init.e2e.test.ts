import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type Aws, startAws } from '../../dev/aws.ts';
import { fail } from '../../dev/proxy-faults.ts';
import { parseConfiguration } from '../../lib/configuration.ts';
import { sources } from '../../lib/sources.ts';
import { configFolder, runCli } from './cli.ts';

let aws: Aws;
let place: Awaited<ReturnType<typeof configFolder>>;
beforeAll(async () => {
  aws = await startAws({ seed: false });
});
afterAll(() => aws?.stop());
beforeEach(async () => {
  place = await configFolder({});
  const contexts = ['production', 'staging'].map((name) => ({ name, context: { cluster: name, user: name } }));
  const kubeconfig = { apiVersion: 'v1', kind: 'Config', contexts, 'current-context': 'production' };
  await writeFile(join(place.folder, 'kubeconfig'), stringify(kubeconfig));
  return async () => {
    aws.faults.clear();
    await place.remove();
  };
});

const environment = () => ({ ...aws.environment(), KUBECONFIG: join(place.folder, 'kubeconfig') });
const init = (args: readonly string[], env: Readonly<Record<string, string>> = environment()) =>
  runCli(['init', ...args], { env, cwd: place.folder });

function configurationOf(text: string) {
  const parsed = parseConfiguration(text, { sources, environment: {} });
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.configuration;
}

test('writes a configuration for the credentials, the region and the context at hand, and says what is next', async () => {
  const { code, stdout, stderr } = await init(['--yes', '--output', 'new.yaml']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^new.yaml is written.\n\nNext:\n {2}skymirror crds --config new.yaml --install /);
  const text = await readFile(join(place.folder, 'new.yaml'), 'utf8');
  expect(configurationOf(text)).toMatchObject({
    clusters: { production: { context: 'production' } },
    accounts: { main: { id: aws.home } },
    mirrors: [
      { name: 'main', regions: ['us-east-1'], namespace: 'external', sources: sources.map(({ kind }) => kind) },
    ],
  });
  for (const secret of [aws.baseKeys.accessKeyId, aws.baseKeys.secretAccessKey]) expect(text).not.toContain(secret);
});

test('prints it for --output -, with everything else on stderr', async () => {
  const role = aws.roleArn('444455556666');
  const options = ['--role', role, '--region', 'eu-west-1,us-east-1', '--source', 'sqsq', '--context', 'staging'];
  const { code, stdout, stderr } = await init(['--yes', '--output', '-', ...options, '--external-id', 'abc']);
  expect(code).toBe(0);
  expect(configurationOf(stdout)).toMatchObject({
    clusters: { staging: { context: 'staging' } },
    accounts: { main: { id: '444455556666', role, externalId: 'abc' } },
    mirrors: [{ regions: ['eu-west-1', 'us-east-1'], sources: ['SQSQueue'] }],
  });
  expect(stderr).toMatch(/^Next:/);
});

test('never writes over a file unless it is told to', async () => {
  const { code, stderr } = await init(['--yes']);
  expect(code).toBe(1);
  expect(stderr).toBe(
    'skymirror: skymirror.yaml is there already: --force writes over it, --output names another file\n',
  );
  expect(await readFile(place.file, 'utf8')).toBe('{}\n');
  expect((await init(['--yes', '--force'])).code).toBe(0);
  expect(configurationOf(await readFile(place.file, 'utf8')).mirrors).toHaveLength(1);
});

test('without credentials fails and says how to give them, but goes on where the account is named', async () => {
  aws.faults.add({ when: { action: 'GetCallerIdentity' }, do: fail('ExpiredToken', 'it is over\ntoken: abc', 403) });
  const failed = await init(['--yes', '--output', 'new.yaml']);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(
    /^skymirror: the AWS account is not known.*renew the credentials \(aws sso login\), or name .* --account\n$/,
  );
  expect(existsSync(join(place.folder, 'new.yaml'))).toBe(false);
  const named = await init(['--yes', '--output', 'new.yaml', '--account', '999900001111']);
  expect(named.code).toBe(0);
  expect(named.stderr).toMatch(/^Note, before the mirror runs: .*renew the credentials \(aws sso login\)\.\n$/);
  expect(named.stderr).not.toContain('token: abc');
});

test.each([
  [['--region', 'eu-wst-1'], /mirrors\[0\]\.regions\[0\]: "eu-wst-1" .*did you mean "eu-west-1"/],
  [['--source', 'RDSInstanc'], /"RDSInstanc" is not known: did you mean "RDSInstance"/],
  [['--context', 'produktion'], /--context produktion: .*did you mean "production"/],
  [['--kubeconfig', 'nowhere'], /nowhere cannot be read as a kubeconfig/],
  [['--output', 'no/folder.yaml'], /no\/folder.yaml cannot be written: ENOENT/],
])('refuses %j with a reason, and writes nothing', async (options, said) => {
  const output = options.includes('--output') ? [] : ['--output', 'new.yaml'];
  const { code, stderr } = await init(['--yes', ...output, ...options]);
  expect(code).toBe(1);
  expect(stderr).toMatch(said);
  expect(existsSync(join(place.folder, 'new.yaml'))).toBe(false);
});

test('warns that another account needs a role', async () => {
  const { code, stderr } = await init(['--yes', '--output', 'new.yaml', '--account', '444455556666']);
  expect(code).toBe(0);
  expect(stderr).toMatch(/credentials are of account 111122223333; to read 444455556666 give a --role/);
});

test('asks nobody where nobody is, and names the flag', async () => {
  const { code, stderr } = await init(['--output', 'new.yaml']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/nobody is at a terminal: --yes takes what it finds/);
});

test('at a terminal asks, again where an answer cannot be, and writes what was answered', async () => {
  const answers = ['Pro duction', 'production', '', '', 'eu-west-1 us-east-1', 'RDSInstance', 'databases', 'staging'];
  const { code, output } = await atTerminal(['init', '--output', 'new.yaml'], answers);
  expect(output).toContain('Name of the mirror [main]: ');
  expect(output).toContain('That cannot be: "Pro duction" is not a DNS label');
  expect(output).toContain('AWS account, its 12 digits [111122223333]: ');
  expect(code).toBe(0);
  expect(configurationOf(await readFile(join(place.folder, 'new.yaml'), 'utf8'))).toMatchObject({
    clusters: { staging: { context: 'staging' } },
    mirrors: [
      { name: 'production', regions: ['eu-west-1', 'us-east-1'], sources: ['RDSInstance'], namespace: 'databases' },
    ],
  });
});

test.each([
  ['Ctrl-C', '\u0003', 130, /ending what is under way/],
  ['Ctrl-D', '\u0004', 1, /\nskymirror: nothing was written: the answers ended before the questions did\r\n$/],
])('ends at %s without a file', async (_, key, expected, said) => {
  const { code, output } = await atTerminal(['init', '--output', 'new.yaml'], ['production'], key);
  expect(code).toBe(expected);
  expect(output).toMatch(said);
  expect(existsSync(join(place.folder, 'new.yaml'))).toBe(false);
});

/** Runs the command line on a terminal of its own: answers one question after the other, and then with that key. */
function atTerminal(args: readonly string[], answers: readonly string[], key = '') {
  const python = `
import json, os, pty, sys
answers, key, command = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
text, asked = b'', 0
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        piece = b''
    if not piece:
        break
    text += piece
    # Each question is the end of what was written so far.
    while text.rstrip(b' ').endswith(b']:') and text.count(b']: ') > asked:
        asked += 1
        os.write(terminal, (answers.pop(0) + '\\n' if answers else key).encode())
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({'code': code, 'output': text.decode()}))
`;
  const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
  const command = ['-c', python, JSON.stringify(answers), key, process.execPath, main, ...args];
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; output: string }>();
  const options = { env: { ...process.env, ...environment(), NO_COLOR: '1' }, cwd: place.folder };
  execFile('python3', command, options, (error, stdout) => (error ? reject(error) : resolve(JSON.parse(stdout))));
  return promise;
}
