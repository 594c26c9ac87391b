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
process.exitCode = await run(process.argv.slice(2));
