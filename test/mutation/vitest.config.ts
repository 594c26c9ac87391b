import { defineConfig } from 'vitest/config';

/** The fast tests of what `stryker.config.json` mutates. None draws its cases at random: a mutant dies each time or never. */
const names = ['absences*', 'cloud-events', 'event-sync', 'names', 'plan*', 'removal*', 'route'];

// biome-ignore lint/style/noDefaultExport: vitest reads nothing else
export default defineConfig({
  test: {
    include: names.map((name) => `test/${name}.test.ts`),
    exclude: ['**/*.property.test.ts'],
    // One process for all files, started for every mutant.
    isolate: false,
  },
});
