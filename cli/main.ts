#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// A third of the time of a short command is compiling the SDKs; where no cache can be written, this does nothing.
enableCompileCache();
const { run } = await import('./run.ts');
process.exitCode = await run(process.argv.slice(2));
