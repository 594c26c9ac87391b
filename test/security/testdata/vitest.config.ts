import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Runs the leaks of this folder under the same search as all tests. */
export const leaking = defineConfig({
  test: {
    root: here('.'),
    include: ['*.leak.ts'],
    pool: 'forks',
    globalSetup: [here('../output.ts')],
    setupFiles: [here('../output-recorder.ts')],
  },
});

export default leaking;
