import { readFileSync } from 'node:fs';
import * as z from 'zod';

const manifest = z.object({ name: z.string(), version: z.string() });

/** The version of the package that this file lies in, be it as source or as built. */
export function version(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const found = manifest.parse(JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')));
      if (found.name === 'skymirror') return found.version;
    } catch {
      // Built files lie one folder deeper.
    }
  }
  return 'unknown';
}
