import { parseArgs } from 'node:util';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { type Aws, startAws } from './aws.ts';
import { readableLines } from './dev-log.ts';
import { type Functions, startFunctions } from './functions.ts';
import { type Kubernetes, startKubernetes } from './kubernetes.ts';
import { prepare } from './prepare.ts';
import { announceChanges } from './rds-events.ts';
import { install, namespace } from './stack.ts';
import { until } from './until.ts';

const help = `skymirror dev: what serverless.yml deploys, running on this machine against an emulated AWS and a real API server

Usage:
  npm run dev                  until Ctrl-C
  npm run dev -- --for 90      for so many seconds
  npm run dev -- --once        fires each schedule once, waits until the queues are empty, and ends
  npm run dev -- --help
`;

const region = 'us-east-1';

async function main(): Promise<number> {
  const values = options();
  if (values === undefined) return 2;
  if (values.help === true) {
    process.stdout.write(help);
    return 0;
  }
  const began = performance.now();
  const progress = (line: string) =>
    console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  const stop = new AbortController();
  // The first Ctrl-C ends the stay, the second one the process; what is left then, the guardian removes.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  await prepare(progress);
  const [kubernetes, aws] = await bothOf(startKubernetes({ progress }), startAws({ progress }));
  const problems: string[] = [];
  const announcer = announceChanges(aws, (problem) => problems.push(problem));
  let functions: Functions | undefined;
  try {
    await install(kubernetes, namespace);
    const colour = process.stdout.isTTY;
    functions = await startFunctions({
      aws,
      kubernetes,
      progress,
      automatic: values.once !== true,
      onInvoked: (name, invoked) => console.log(readableLines(name, invoked, colour).join('\n')),
    });
    if (values.once === true) {
      await functions.fire();
      await until(() => isEmpty(aws), { what: 'the end of the messages', timeout: 120_000 });
    } else {
      console.log(directions(aws, kubernetes));
      await stay(values.for, stop.signal);
    }
    const all = [...problems, ...functions.problems];
    for (const problem of all) console.error(problem);
    return all.length === 0 ? 0 : 1;
  } finally {
    console.log('ending');
    announcer.stop();
    await functions?.stop();
    await Promise.all([aws.stop(), kubernetes.stop()]);
  }
}

/** What was asked for; `undefined`, with the usage on the screen, where it is not understood. */
function options() {
  try {
    const { values } = parseArgs({
      options: { once: { type: 'boolean' }, for: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.for !== undefined && !(Number(values.for) > 0)) throw new Error('--for needs a number of seconds');
    return values;
  } catch (error) {
    console.error(`dev: ${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return undefined;
  }
}

async function bothOf(first: Promise<Kubernetes>, second: Promise<Aws>): Promise<[Kubernetes, Aws]> {
  const settled = await Promise.allSettled([first, second]);
  const [kubernetes, aws] = settled;
  if (kubernetes.status === 'fulfilled' && aws.status === 'fulfilled') return [kubernetes.value, aws.value];
  for (const one of settled) if (one.status === 'fulfilled') await one.value.stop();
  return Promise.all([first, second]);
}

async function isEmpty(aws: Aws): Promise<boolean> {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
  const QueueUrl = `${aws.motoEndpoint}/${aws.home}/skymirror-test-schedule.fifo`;
  const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] });
  const { Attributes = {} } = await aws.sqs(aws.home, region).send(asked);
  return names.every((name) => Attributes[name] === '0');
}

function directions(aws: Aws, kubernetes: Kubernetes): string {
  const { accessKeyId, secretAccessKey, sessionToken = '' } = aws.administrator(aws.home);
  return `
All functions run. In another terminal:

  export KUBECONFIG=${kubernetes.kubeconfig('admin')}
  kubectl get rdsinstances -n ${namespace} -w

And in a third one change something outside; its event shows it within seconds, the schedule within a minute:

  export AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}
  export AWS_SESSION_TOKEN=${sessionToken}
  aws --endpoint-url ${aws.endpoint} --region ${region} rds modify-db-instance --db-instance-identifier orders --db-instance-class db.r7g.large --apply-immediately

Ctrl-C ends everything without a trace.
`;
}

function stay(seconds: string | undefined, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = seconds === undefined ? undefined : setTimeout(resolve, Number(seconds) * 1000);
  signal.addEventListener('abort', () => {
    clearTimeout(timer);
    resolve();
  });
  return promise;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
