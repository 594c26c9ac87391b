#!/usr/bin/env node
import { run } from './run.ts';

const code = await run(process.argv.slice(2));
for (const stream of [process.stdout, process.stderr]) {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.write('', () => resolve());
  await promise;
}
// Not left to Node: a credential plugin that does not answer would keep the process for as long as it lives.
process.exit(code);
