import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder, install, withLock } from './cache.ts';
import { guard, launch } from './guardian.ts';
import { secretMark } from './secret-mark.ts';
import { until } from './until.ts';

/** A moto server of its own process. */
export type Moto = {
  readonly endpoint: string;
  readonly pid: number;
  /** Forgets all resources, users and sessions. */
  reset(): Promise<void>;
  /** Whether signatures and policies count from the next call on. */
  enforceIam(on: boolean): Promise<void>;
  stop(): Promise<void>;
};

/** What starting and installing say about their progress. */
export type ProgressOptions = { readonly progress?: (line: string) => void };

const run = promisify(execFile);
const requirements = fileURLToPath(new URL('moto/requirements.txt', import.meta.url));

/** The Python that has moto, made once for each machine and user (10 to 60 s) in the shared cache. */
export async function provideMoto(progress: (line: string) => void = () => {}): Promise<string> {
  const version = await pythonVersion();
  const text = await readFile(requirements);
  const name = `moto-${createHash('sha256').update(text).update(version).digest('hex').slice(0, 16)}`;
  const folder = cacheFolder(name);
  const make = async (partial: string) => {
    progress(`moto: making a Python ${version} environment in ${folder} (once)`);
    await python('python3', ['-m', 'venv', partial]);
    progress('moto: installing from dev/moto/requirements.txt');
    const quiet = ['--quiet', '--no-input', '--disable-pip-version-check', '--no-warn-script-location'];
    const exact = ['--require-hashes', '--no-deps', '--requirement', requirements];
    await python(join(partial, 'bin', 'python'), ['-m', 'pip', 'install', ...quiet, ...exact]);
    progress('moto: installed');
  };
  const provide = async () => {
    if (!existsSync(folder)) await install(folder, make);
  };
  if (!existsSync(folder)) await withLock(name, provide, progress);
  return join(folder, 'bin', 'python');
}

/** moto's server as a program, with marked secret keys: the module makes nothing else of `random_alphanumeric`. */
const marked = `
import os
import moto.iam.models as models
from moto.server import main
mark = os.environ['SECRET_MARK']
random = models.random_alphanumeric
models.random_alphanumeric = lambda length: mark + random(length - len(mark))
main()
`;

/** Starts moto on a free port of this machine; it ends with this process, whatever that dies of. */
export async function startMoto({ progress }: ProgressOptions = {}): Promise<Moto> {
  const python = await provideMoto(progress);
  const owner = guard();
  const folder = mkdtempSync(join(tmpdir(), 'skymirror-moto-'));
  owner.folder(folder);
  const log = join(folder, 'moto.log');
  const settings = { MOTO_RDS_SNAPSHOT_LIMIT: '100000', PYTHONUNBUFFERED: '1', SECRET_MARK: secretMark };
  const env = { ...settings, TMPDIR: folder, HOME: folder };
  const server = await launch(owner, python, ['-c', marked, '--port', '0'], { log, env });
  const stop = async () => {
    await server.kill();
    await rm(folder, { recursive: true, force: true });
    owner.release();
  };
  try {
    const listening = async () => {
      if (!server.running()) throw new Error(`startMoto: moto ended at once and left this log:\n${server.logTail()}`);
      return /Running on (http:\S+)/.exec(await readFile(log, 'utf8'))?.[1];
    };
    const endpoint = await until(listening, { what: 'the start of moto' });
    await post(endpoint, 'reset');
    return {
      endpoint,
      pid: server.pid,
      reset: () => post(endpoint, 'reset'),
      // The body is the number of calls that still go unchecked.
      enforceIam: (on) => post(endpoint, 'reset-auth', on ? '0' : 'inf'),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function post(endpoint: string, action: string, body = ''): Promise<void> {
  const url = `${endpoint}/moto-api/${action}`;
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'text/plain' }, body });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`moto answers ${answer.status} to ${url}; its log is in its temporary folder`);
}

async function pythonVersion(): Promise<string> {
  const { stdout } = await python('python3', [
    '-c',
    'import sys, venv, ensurepip; print(*sys.version_info[:3], sep=".")',
  ]);
  const version = stdout.trim();
  const [major, minor] = version.split('.').map(Number);
  if (major !== 3 || minor === undefined || minor < 10)
    throw new Error(
      `provideMoto: moto needs Python 3.10 or newer, and python3 is ${version}; put a newer one on the PATH`,
    );
  return version;
}

async function python(file: string, parameters: string[]): Promise<{ stdout: string }> {
  try {
    return await run(file, parameters, { maxBuffer: 64 * 1024 * 1024 });
  } catch (cause) {
    const text = String(cause);
    const mend = text.includes('ENOENT')
      ? 'install Python 3.10 or newer'
      : /ensurepip|No module named '?venv/.test(text)
        ? 'install its venv module (on Debian: apt-get install python3-venv)'
        : 'see the cause; a download that failed can be tried again';
    throw new Error(`provideMoto: "${file} ${parameters.slice(0, 2).join(' ')}" failed: ${mend}`, { cause });
  }
}
