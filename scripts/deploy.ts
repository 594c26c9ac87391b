import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import * as z from 'zod';
import { suggestion } from '../lib/nearest.ts';
import { buildFunctions } from './functions.ts';

/** What a deployment is asked for. */
export interface Deployment {
  readonly stage: string;
  readonly config: string;
  /** For serverless as they are, `--param` and `--region` among them. */
  readonly rest: readonly string[];
}

/**
 * Stages are parts of names, and EventBridge takes 64 characters for one of a rule: "skymirror", stage, kind and event.
 * IAM's are of the whole account, so that a second region needs another stage.
 */
const stagePattern = /^[A-Za-z0-9][A-Za-z0-9-]{0,19}$/;

const root = fileURLToPath(new URL('../', import.meta.url));

const help = `npm run deploy -- --stage NAME [--config FILE] [--param "NAME=VALUE"]... [options of serverless deploy]

Builds the functions as skymirror.yaml (or --config) says, packages them and deploys the stack of that stage.

  npm run deploy -- --stage prod
  npm run deploy -- --stage prod --region eu-west-1 --param "alarmTopic=arn:aws:sns:eu-west-1:111122223333:alarms"

Every param is explained in docs/deploy.md; what is left out is back at its default.`;

/** Reads the arguments; throws a sentence where serverless would refuse them late, or take them in silence. */
export function deploymentOf(args: readonly string[]): Deployment {
  const { values, tokens } = parseArgs({
    args: [...args],
    options: {
      stage: { type: 'string', short: 's' },
      config: { type: 'string' },
      param: { type: 'string', multiple: true },
    },
    strict: false,
    tokens: true,
  });
  const { stage, config = 'skymirror.yaml', param } = values;
  if (typeof stage !== 'string') throw new Error('--stage is missing: npm run deploy -- --stage prod');
  if (!stagePattern.test(stage)) {
    const rule = 'letters, digits and dashes, not with a dash in front, 20 at most';
    throw new Error(`--stage ${stage}: a stage has ${rule}: npm run deploy -- --stage prod`);
  }
  if (typeof config !== 'string') throw new Error('--config has no value: give the path of the configuration file');
  const params = Array.isArray(param) ? param.filter((one) => typeof one === 'string') : [];
  checkNames(params);
  checkVpc(params);
  const own = tokens.flatMap((token) =>
    token.kind === 'option' && ['stage', 'config'].includes(token.name)
      ? [token.index, ...(token.inlineValue === false ? [token.index + 1] : [])]
      : [],
  );
  return { stage, config, rest: args.filter((_, index) => !own.includes(index)) };
}

const template = z.object({ params: z.object({ default: z.record(z.string(), z.unknown()) }) });

/** serverless takes any name: a misspelt one would leave its param at the default. */
function checkNames(params: readonly string[]): void {
  const text = readFileSync(`${root}serverless.yml`, 'utf8');
  const known = Object.keys(template.parse(parse(text, { logLevel: 'error' })).params.default);
  for (const param of params) {
    const [name = ''] = param.split('=');
    if (known.includes(name)) continue;
    const near = suggestion(name, known);
    throw new Error(
      `--param ${param}: there is no such param${near === '' ? `; there are ${known.join(', ')}` : near}`,
    );
  }
}

/** Lambda wants both or none of them, and would say so in the midst of a deployment. */
function checkVpc(params: readonly string[]): void {
  const missing = ['subnets', 'securityGroups'].filter(
    (name) => !params.some((param) => param.length > name.length + 1 && param.startsWith(`${name}=`)),
  );
  if (missing.length !== 1) return;
  throw new Error(`--param "${missing[0]}=..." is missing: functions in a VPC have both subnets and securityGroups`);
}

/** Builds, packages and deploys; what serverless says is shown as it is. Gives its exit code. */
async function deploy({ stage, config, rest }: Deployment): Promise<number> {
  await buildFunctions({ config: resolve(config), into: join(root, '.build'), progress: console.log });
  const serverless = join(root, 'node_modules/serverless/bin/serverless.js');
  const child = spawn(process.execPath, [serverless, 'deploy', '--stage', stage, ...rest], {
    cwd: root,
    stdio: 'inherit',
  });
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}

if (import.meta.main) {
  try {
    const args = process.argv.slice(2);
    if (args.includes('--help') || args.includes('-h')) console.log(help);
    else process.exitCode = await deploy(deploymentOf(args));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
