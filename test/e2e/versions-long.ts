import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { glob } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { provideKubernetes } from '../../dev/binaries.ts';
import type { LongOutcome } from '../long/outcome.ts';
import { runTests } from './vitest-run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The oldest and the newest; `npm test` has the one between them. */
const versions = ['1.33', '1.37'];
/** The API server in memory is one of the version between. */
const exclude = ['test/memory/*'];
/** The tests of real processes and real servers, and what every source promises. Scale takes the first of them. */
const files = [
  ...(await Array.fromAsync(glob('test/**/*.e2e.test.ts', { cwd: root, exclude }))).toSorted(),
  'test/sources/aws/conformance.test.ts',
];

const { values } = parseArgs({ options: { seed: { type: 'string' }, scale: { type: 'string', default: '1' } } });
/** Of the order of the files. */
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const chosen = files.slice(0, Math.max(1, Math.ceil(files.length * Math.min(1, Number(values.scale)))));
const tried: Record<string, number> = {};
const broken = { failed: 0, skipped: 0 };
console.error(`versions: seed ${seed}, ${chosen.length} files on each of ${versions.join(', ')}`);

// They name programs of any version.
for (const variable of ['KUBEBUILDER_ASSETS', 'TEST_ASSET_KUBE_APISERVER', 'TEST_ASSET_ETCD'])
  delete process.env[variable];
for (const version of versions) {
  process.env.SKYMIRROR_KUBERNETES = version;
  const { kubeApiserver } = await provideKubernetes((line) => console.error(line));
  const { stdout } = await promisify(execFile)(kubeApiserver, ['--version']);
  const name = stdout.trim();
  // How fast they are is tried by `npm test`.
  const args = ['--sequence.shuffle.files', `--sequence.seed=${seed}`, '--testTimeout=300000'];
  const { tests, failed, skipped } = await runTests(chosen, { name: `versions: ${name}`, args });
  tried[`tests on ${name}`] = tests;
  broken.failed += failed;
  broken.skipped += skipped;
  if (failed > 0) console.error(`replay: SKYMIRROR_KUBERNETES=${version} npx vitest run --coverage.enabled=false FILE`);
}
const outcome: LongOutcome = { part: 'Kubernetes versions', seed, tried, broken };
console.log(JSON.stringify(outcome));
process.exitCode = broken.failed + broken.skipped === 0 ? 0 : 1;
