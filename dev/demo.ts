import { parseArgs, styleText } from 'node:util';
import { reportLine } from '../lib/report.ts';
import { sync } from '../lib/sync.ts';
import { scenes } from './demo-scenes.ts';
import { isQuiet, mirrorForDemo } from './demo-stage.ts';
import { prepare } from './prepare.ts';
import { type Stack, startStack } from './stack.ts';

const help = `skymirror demo: databases that live outside appear, change and disappear as objects in a real Kubernetes API server

Usage:
  npm run demo                 plays the scenes, then keeps mirroring until Ctrl-C
  npm run demo -- --once       plays the scenes and ends; exit code 0 only if everything promised was seen
  npm run demo -- --help

The first run fetches or builds kube-apiserver, etcd and an AWS emulator into a cache that later runs share.
Nothing outside this machine is read or written.
`;

/** Seconds between two looks while the demo stays up. */
const every = 5;

async function main(): Promise<number> {
  const values = options();
  if (values === undefined) return 2;
  if (values.help === true) {
    process.stdout.write(help);
    return 0;
  }
  const began = performance.now();
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`.padStart(8);
  const progress = (line: string) => console.log(dim(`${seconds()}  ${line}`));
  console.log(bold('skymirror: what lives outside, as objects inside\n'));
  await prepare(progress);
  const stack = await startStack(progress);
  const stop = new AbortController();
  // The first Ctrl-C ends the play, the second one the process; what is left then, the guardian removes.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  try {
    const failed = await play(stack, stop.signal).catch((error: unknown) => {
      // What a scene misses after Ctrl-C is no broken promise.
      if (stop.signal.aborted) return 0;
      throw error;
    });
    if (stop.signal.aborted) {
      console.log('\nending');
      return 130;
    }
    if (values.once === true) return failed === 0 ? 0 : 1;
    await stayUp(stack, stop.signal);
    return failed === 0 ? 0 : 1;
  } finally {
    await stack.stop();
  }
}

/** What was asked for; `undefined`, with the usage on the screen, where it is not understood. */
function options() {
  try {
    return parseArgs({ options: { once: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    console.error(`demo: ${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return undefined;
  }
}

/** Plays the scenes; gives how many promises were broken. */
async function play(stack: Stack, signal: AbortSignal): Promise<number> {
  let failed = 0;
  let kept = 0;
  for (const [index, scene] of scenes.entries()) {
    if (signal.aborted) return failed;
    console.log(`\n${bold(`${index + 1}  ${scene.title}`)}`);
    const stage = {
      stack,
      signal,
      width: process.stdout.columns ?? 200,
      say: (line: string) => console.log(`   ${line}`),
      show: (command: string, lines: readonly string[]) => {
        console.log(`   ${cyan(`$ ${command}`)}`);
        for (const line of lines) console.log(`   ${line}`);
      },
      promise: (what: string, seen: boolean) => {
        if (seen) kept += 1;
        else failed += 1;
        console.log(`   ${seen ? green('✔') : red('✘')} ${what}`);
      },
    };
    await scene.play(stage);
  }
  const verdict = `${kept} of ${kept + failed} promises seen in the API server`;
  console.log(`\n${failed === 0 ? green(bold(verdict)) : red(bold(verdict))}`);
  return failed;
}

async function stayUp(stack: Stack, signal: AbortSignal): Promise<void> {
  const kubeconfig = stack.kubernetes.kubeconfig('admin');
  const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION } = stack.aws.environment();
  console.log(`
Go on by hand, in another terminal. The mirror looks again every ${every} seconds.

  export KUBECONFIG=${kubeconfig}
  kubectl get rdsinstances -n external -w
  kubectl get rdsi -n external --field-selector status.observed.engine=postgres
  kubectl describe mirrorscans -n external

And change something outside:

  export AWS_ENDPOINT_URL=${AWS_ENDPOINT_URL} AWS_REGION=${AWS_REGION}
  export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID} AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY}
  export EXTERNAL_ID=${stack.aws.externalId}
  npm run outside -- create shop
  npm run outside -- resize shop db.r6g.xlarge
  npm run outside -- delete shop             # marked at the next look, deleted at the one after;
                                             # of too many at once a person is asked: see the MirrorScan

Ctrl-C ends everything without a trace.
`);
  const told = new Map<string, string>();
  while (!signal.aborted) {
    for (const task of stack.tasks(mirrorForDemo)) {
      const report = await sync(task, [stack.cluster], { signal });
      const news = JSON.stringify([report.scope, report.incomplete, report.clusters]);
      const place = JSON.stringify(report.scope);
      if (!isQuiet(report) && told.get(place) !== news && !signal.aborted) console.log(reportLine(report));
      told.set(place, news);
    }
    await pause(every * 1000, signal);
  }
  console.log('\nending');
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener(
    'abort',
    () => {
      clearTimeout(timer);
      resolve();
    },
    { once: true },
  );
  return promise;
}

const styled = (style: Parameters<typeof styleText>[0]) => (text: string) =>
  styleText(style, text, { stream: process.stdout });
const [bold, dim, green, red, cyan] = [styled('bold'), styled('dim'), styled('green'), styled('red'), styled('cyan')];

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
