import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Guard, guard, isAlive, startTime } from './guardian.ts';
import { until } from './until.ts';

/** Where things live that are made once for each machine and user. Nothing is created. */
export function cacheFolder(name: string): string {
  const { SKYMIRROR_CACHE, XDG_CACHE_HOME } = process.env;
  return join(SKYMIRROR_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'skymirror'), name);
}

/**
 * Runs the work while no other process of this user runs work under that name. The lock of a dead process does not
 * count. Two processes that find a dead one's lock in the same instant may both run: work must bear that, as `install`
 * does.
 */
export async function withLock<Result>(
  name: string,
  work: () => Promise<Result>,
  progress: (line: string) => void = () => {},
): Promise<Result> {
  const path = `${cacheFolder(name)}.lock`;
  await mkdir(dirname(path), { recursive: true });
  const own = `${process.pid} ${startTime(process.pid) ?? ''} ${randomBytes(8).toString('hex')}`;
  let told = false;
  const acquired = async () => {
    if (await create(path, own)) return true;
    const holder = await readFile(path, 'utf8').catch(() => '');
    if (await isStale(path, holder)) await rm(path, { force: true });
    else if (!told) {
      progress(`${name}: waiting for process ${holder.split(' ')[0] || '(unknown)'}, which is at it`);
      told = true;
    }
    return false;
  };
  await until(acquired, { what: `the release of ${path}`, timeout: 30 * 60_000, interval: 100 });
  try {
    return await work();
  } finally {
    if ((await readFile(path, 'utf8').catch(() => '')) === own) await rm(path, { force: true });
  }
}

/**
 * Makes a folder that is seen either whole or not at all: `make` fills a sibling that is then renamed, and that goes
 * away when `make` fails or this process dies. The guard is for the programs that `make` starts. Where somebody else
 * was faster, theirs stays.
 */
export async function install(folder: string, make: (partial: string, owner: Guard) => Promise<void>): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const owner = guard();
  const partial = mkdtempSync(`${folder}.partial-`);
  owner.folder(partial);
  try {
    await make(partial, owner);
    await rename(partial, folder).catch((cause) => {
      if (!existsSync(folder)) throw new Error(`install: ${partial} cannot be renamed to ${folder}`, { cause });
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
    owner.release();
  }
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw new Error(`withLock: ${path} cannot be written; set SKYMIRROR_CACHE to a folder of yours`, { cause: error });
  }
}

/** A lock without text is one whose owner was killed between creating and writing, or is about to write. */
async function isStale(path: string, holder: string): Promise<boolean> {
  const [pid, started] = holder.split(' ');
  if (pid) return !isAlive(Number(pid), started || undefined);
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
  return Date.now() - mtimeMs > 10_000;
}
