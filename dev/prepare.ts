import { provideMoto } from './aws.ts';
import { provideKubernetes } from './binaries.ts';
import { provideCfnLint } from './cfn-lint.ts';
import { provideHadolint } from './hadolint.ts';

/** Fetches or builds what the local stack needs, side by side; at once where the cache has it all. */
export async function prepare(progress: (line: string) => void): Promise<void> {
  await Promise.all([provideKubernetes(progress), provideMoto(progress)]);
}

if (import.meta.main) {
  try {
    // By itself it comes before the tests, which lint as well.
    await Promise.all([prepare(console.log), provideHadolint(console.log), provideCfnLint(console.log)]);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
