import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as z from 'zod';
import { provideMoto } from './aws-moto.ts';
import { cacheFolder, install, withLock } from './cache.ts';

const run = promisify(execFile);
const requirements = fileURLToPath(new URL('cfn-lint/requirements.txt', import.meta.url));

const findings = z.array(
  z.object({
    Filename: z.string(),
    Rule: z.object({ Id: z.string() }),
    Message: z.string(),
    Location: z.object({ Path: z.array(z.union([z.string(), z.number()])).nullish() }),
  }),
);

/** The linter of CloudFormation templates, fetched once for each machine and user into the shared cache. */
export async function provideCfnLint(progress: (line: string) => void = () => {}): Promise<string> {
  const python = await provideMoto(progress);
  // Some of it is compiled, so that it is of one Python as moto is.
  const hash = createHash('sha256')
    .update(await readFile(requirements))
    .update(python);
  const name = `cfn-lint-${hash.digest('hex').slice(0, 16)}`;
  const folder = cacheFolder(name);
  const make = async (partial: string) => {
    progress('cfn-lint: installing from dev/cfn-lint/requirements.txt');
    const quiet = ['--quiet', '--no-input', '--disable-pip-version-check'];
    const exact = ['--require-hashes', '--no-deps', '--only-binary=:all:', '--requirement', requirements];
    await run(python, ['-m', 'pip', 'install', ...quiet, ...exact, '--target', partial]).catch((cause) => {
      const mend = 'see the cause; a download that failed can be tried again';
      throw new Error(`provideCfnLint: pip failed: ${mend}`, { cause });
    });
  };
  const provide = async () => {
    if (!existsSync(folder)) await install(folder, make);
  };
  if (!existsSync(folder)) await withLock(name, provide, progress);
  return folder;
}

/** What cfn-lint has to say about templates, warnings too: `stack.json: E3002 Resources/Queue: ...`. */
export async function lintTemplates(files: readonly string[]): Promise<string[]> {
  const [python, folder] = await Promise.all([provideMoto(), provideCfnLint()]);
  const parameters = [join(folder, 'bin', 'cfn-lint'), '--format', 'json', '--template', ...files];
  // Its exit code tells of findings, which are in the output as well.
  const env = { ...process.env, PYTHONPATH: folder };
  const { stdout } = await run(python, parameters, { env, maxBuffer: 64 * 1024 * 1024 }).catch((error: unknown) => {
    const answer = z.object({ stdout: z.string().startsWith('[') }).safeParse(error);
    if (answer.success) return answer.data;
    throw new Error(`lintTemplates: cfn-lint could not read ${files.join(', ')}: see the cause`, { cause: error });
  });
  return findings
    .parse(JSON.parse(stdout === '' ? '[]' : stdout))
    .map(({ Filename, Rule, Message, Location: { Path } }) => {
      return `${basename(Filename)}: ${Rule.Id} ${Path?.join('/') ?? ''}: ${Message}`;
    });
}
