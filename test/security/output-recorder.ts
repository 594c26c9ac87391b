import { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/**
 * Vitest's setup of each worker: keeps what processes write that tests start, whoever starts them, and their command
 * lines, which everybody on the machine can read. What `spawnSync` starts is not seen; no test starts skymirror so.
 */
subscribe('child_process', (message) => {
  const folder = process.env.SKYMIRROR_KEEP_LOGS;
  const child = message !== null && typeof message === 'object' && 'process' in message ? message.process : undefined;
  if (folder === undefined || !(child instanceof ChildProcess)) return;
  const file = join(folder, `process-${randomUUID()}`);
  // Its streams are made after it is told of.
  process.nextTick(() => {
    appendFileSync(file, `${child.spawnargs.join(' ')}\n`);
    for (const stream of [child.stdout, child.stderr]) if (stream !== null) record(stream, file);
  });
});

/** Not by a listener, which would set a stream flowing that nobody reads yet. */
function record(stream: Readable, file: string): void {
  const push = stream.push;
  stream.push = (chunk, encoding) => {
    if (chunk !== null) appendFileSync(file, chunk);
    return push.call(stream, chunk, encoding);
  };
}
