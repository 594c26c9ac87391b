import { randomUUID } from 'node:crypto';
import { mkdtempSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guard } from '../../dev/guardian.ts';
import { needles } from './needles.ts';

/**
 * Vitest's global setup: keeps all output of the tests until this process ends, then fails the run where a secret is in
 * it. Kept are what vitest prints (here), what processes write that tests start (output-recorder.ts), and the logs of
 * what `launch` of dev/guardian.ts starts.
 */
export function setup(): void {
  const folder = mkdtempSync(join(tmpdir(), 'skymirror-output-'));
  guard().folder(folder);
  process.env.SKYMIRROR_KEEP_LOGS = folder;
  const own = openSync(join(folder, `vitest-${randomUUID()}`), 'a', 0o600);
  for (const stream of [process.stdout, process.stderr]) {
    stream.write = new Proxy(stream.write, {
      apply(write, self, args) {
        writeSync(own, args[0]);
        return Reflect.apply(write, self, args);
      },
    });
  }
  // Not in a teardown: the last workers have not ended then.
  process.once('exit', () => {
    const kept = readdirSync(folder).map((name) => search(name, readFileSync(join(folder, name))));
    const leaks = kept.flatMap((one) => one.leaks);
    const bytes = kept.reduce((sum, { length }) => sum + length, 0);
    const size = `${(bytes / 1e6).toFixed(1)} MB of output in ${kept.length} files`;
    if (leaks.length === 0) return void process.stdout.write(`No secret is in ${size}.\n`);
    process.exitCode = 1;
    process.stderr.write(`Secrets are in ${size} of the tests:\n${leaks.map((leak) => `  ${leak}\n`).join('')}`);
  });
}

/** A leak is told by its file, whose first line may be a command, and by the line before the secret. */
function search(name: string, content: Buffer) {
  const leaks = needles.flatMap(({ what, bytes }) => {
    const at = content.indexOf(bytes);
    if (at === -1) return [];
    const before = content.subarray(0, at).toString().split('\n');
    return [`${what} in ${name} (${before[0]?.slice(0, 200)}), behind: ${before.at(-1)?.slice(-200)}`];
  });
  return { leaks, length: content.length };
}
