#!/usr/bin/env node
import module from 'node:module';

// Before anything is loaded that an older Node would trip over.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(`skymirror: this is Node ${process.versions.node}, and 22.19 or newer is needed`);
  process.exit(1);
}
// A third of the time of a short command is compiling the SDKs; where no cache can be written, this does nothing.
module.enableCompileCache();
const { run } = await import('./run.ts');
const code = await run(process.argv.slice(2));
for (const stream of [process.stdout, process.stderr]) {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.write('', () => resolve());
  await promise;
}
// Not left to Node: a credential plugin that does not answer would keep the process for as long as it lives.
process.exit(code);
