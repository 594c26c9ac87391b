import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
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

/** Reads the arguments; throws a sentence where there is no stage that can be used. */
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
  if (typeof stage !== 'string' || !stagePattern.test(stage)) {
    throw new Error(
      '--stage <name> is missing, or is not letters, digits and dashes (at most 20): npm run deploy -- --stage prod',
    );
  }
  if (typeof config !== 'string') throw new Error('--config has no value: give the path of the configuration file');
  checkVpc(Array.isArray(param) ? param : []);
  const own = tokens.flatMap((token) =>
    token.kind === 'option' && ['stage', 'config'].includes(token.name)
      ? [token.index, ...(token.inlineValue === false ? [token.index + 1] : [])]
      : [],
  );
  return { stage, config, rest: args.filter((_, index) => !own.includes(index)) };
}

/** Lambda wants both or none of them, and would say so in the midst of a deployment. */
function checkVpc(params: readonly unknown[]): void {
  const missing = ['subnets', 'securityGroups'].filter(
    (name) =>
      !params.some(
        (param) => typeof param === 'string' && param.length > name.length + 1 && param.startsWith(`${name}=`),
      ),
  );
  if (missing.length !== 1) return;
  throw new Error(`--param "${missing[0]}=..." is missing: functions in a VPC have both subnets and securityGroups`);
}

/** Builds, packages and deploys; what serverless says is shown as it is. Gives its exit code. */
async function deploy({ stage, config, rest }: Deployment): Promise<number> {
  const root = fileURLToPath(new URL('../', import.meta.url));
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
    process.exitCode = await deploy(deploymentOf(process.argv.slice(2)));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
