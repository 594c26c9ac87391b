import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  LambdaClient,
  paginateListEventSourceMappings,
  paginateListFunctions,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { buildFunctions } from '../scripts/functions.ts';
import type { Aws } from './aws.ts';
import type { EventSourceMapping } from './event-source-mapping.ts';
import type { LambdaFunction } from './lambda-environment.ts';
import {
  type DeployedSchedule,
  packageFolder,
  readTemplate,
  schedulesOf,
  type Template,
  writeTemplate,
  zipsOf,
} from './serverless-template.ts';

/** What a deployment is made from, and where. */
export interface DeployOptions {
  /** Path of the configuration file. */
  readonly config: string;
  /** An empty folder, for the service and the unpacked zips. */
  readonly work: string;
  readonly stage?: string;
  readonly progress?: (line: string) => void;
}

/** What the emulated AWS says that it has after the deployment, and of what it skips what the template says. */
export interface Deployed {
  readonly template: Template;
  /** With the name of the role in which each works. */
  readonly functions: readonly (LambdaFunction & { readonly role: string })[];
  readonly mappings: readonly (EventSourceMapping & { readonly functionName: string })[];
  readonly schedules: readonly DeployedSchedule[];
}

const run = promisify(execFile);
const root = fileURLToPath(new URL('../', import.meta.url));
const region = 'us-east-1';

/**
 * Builds the functions, and deploys them as a person would: `serverless deploy`, in a copy of the service, with nothing
 * of this machine's but the emulator's address and keys. About 15 seconds.
 */
export async function deployInto(
  aws: Aws,
  { config, work, stage = 'test', progress = () => {} }: DeployOptions,
): Promise<Deployed> {
  const service = join(work, 'service');
  await mkdir(join(service, 'scripts'), { recursive: true });
  for (const file of ['serverless.yml', 'scripts/not-built.cjs', 'package.json'])
    await cp(join(root, file), join(service, file));
  await buildFunctions({ config, into: join(service, '.build'), progress });
  const env = { ...aws.environment(), ...environmentOf(aws), PATH: '/usr/bin:/bin', HOME: work };
  const where = ['--stage', stage, '--region', region, '--package', packageFolder];
  progress(`serverless package --stage ${stage}`);
  await serverless(['package', ...where], service, env);
  const template = await readTemplate(service);
  await writeTemplate(service, template);
  progress(`serverless deploy --stage ${stage}`);
  await serverless(['deploy', ...where], service, env);
  const lambda = new LambdaClient({ endpoint: aws.motoEndpoint, region, credentials: aws.administrator(aws.home) });
  try {
    const functions = await readFunctions(lambda, work, zipsOf(service, template));
    return { template, functions, mappings: await readMappings(lambda, aws), schedules: schedulesOf(template) };
  } finally {
    lambda.destroy();
  }
}

function environmentOf(aws: Aws): Record<string, string> {
  const { accessKeyId, secretAccessKey, sessionToken = '' } = aws.administrator(aws.home);
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  };
}

async function serverless(parameters: string[], cwd: string, env: Record<string, string>): Promise<void> {
  const program = join(root, 'node_modules', 'serverless', 'bin', 'serverless.js');
  await run(process.execPath, [program, ...parameters], { cwd, env, maxBuffer: 64 * 1024 * 1024 }).catch(
    (cause: { stdout?: string; stderr?: string }) => {
      throw new Error(`serverless ${parameters.join(' ')} failed:\n${cause.stdout ?? ''}${cause.stderr ?? ''}`, {
        cause,
      });
    },
  );
}

async function readFunctions(client: LambdaClient, work: string, zips: ReadonlyMap<string, string>) {
  const functions: Deployed['functions'][number][] = [];
  for await (const { Functions = [] } of paginateListFunctions({ client }, {})) {
    for (const { FunctionName: name = '', FunctionArn: arn = '', ...rest } of Functions) {
      const folder = join(work, 'functions', name);
      await mkdir(folder, { recursive: true });
      await run('python3', ['-m', 'zipfile', '-e', zips.get(name) ?? `the zip of ${name}`, folder]);
      const { Handler: handler = '', Timeout: timeout = 3, MemorySize: memory = 128, Role = '' } = rest;
      const environment = rest.Environment?.Variables ?? {};
      functions.push({
        name,
        arn,
        folder,
        handler,
        timeout,
        memory,
        environment,
        region,
        role: Role.split('/').at(-1) ?? '',
      });
    }
  }
  return functions;
}

/**
 * Each is switched off in moto, which would otherwise receive every message once more for its own, always failing
 * attempt to run the function.
 */
async function readMappings(client: LambdaClient, aws: Aws) {
  const mappings: Deployed['mappings'][number][] = [];
  for await (const page of paginateListEventSourceMappings({ client }, {})) {
    for (const mapping of page.EventSourceMappings ?? []) {
      const queueArn = mapping.EventSourceArn ?? '';
      mappings.push({
        functionName: mapping.FunctionArn?.split(':').at(-1) ?? '',
        queueArn,
        queueUrl: `${aws.endpoint}/${queueArn.split(':').slice(4).join('/')}`,
        batchSize: mapping.BatchSize ?? 10,
        batchingWindow: mapping.MaximumBatchingWindowInSeconds ?? 0,
        maximumConcurrency: mapping.ScalingConfig?.MaximumConcurrency ?? 10,
        reportsFailures: mapping.FunctionResponseTypes?.includes('ReportBatchItemFailures') === true,
      });
      await client.send(new UpdateEventSourceMappingCommand({ UUID: mapping.UUID, Enabled: false }));
    }
  }
  return mappings;
}
