import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { provideMoto } from './aws-moto.ts';
import { cacheFolder, install, withLock } from './cache.ts';

const run = promisify(execFile);
const requirements = fileURLToPath(new URL('hadolint/requirements.txt', import.meta.url));

/** The linter of Dockerfiles, fetched once for each machine and user into the shared cache by the Python that moto has. */
export async function provideHadolint(progress: (line: string) => void = () => {}): Promise<string> {
  const python = await provideMoto(progress);
  const hash = createHash('sha256').update(await readFile(requirements));
  const name = `hadolint-${hash.digest('hex').slice(0, 16)}`;
  const folder = cacheFolder(name);
  const make = async (partial: string) => {
    progress('hadolint: installing from dev/hadolint/requirements.txt');
    const quiet = ['--quiet', '--no-input', '--disable-pip-version-check'];
    const exact = ['--require-hashes', '--no-deps', '--only-binary=:all:', '--requirement', requirements];
    await run(python, ['-m', 'pip', 'install', ...quiet, ...exact, '--target', partial]).catch((cause) => {
      const mend = 'see the cause; a download that failed can be tried again';
      throw new Error(`provideHadolint: pip failed: ${mend}`, { cause });
    });
  };
  const provide = async () => {
    if (!existsSync(folder)) await install(folder, make);
  };
  if (!existsSync(folder)) await withLock(name, provide, progress);
  return join(folder, 'bin', 'hadolint');
}
