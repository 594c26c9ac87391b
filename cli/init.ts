import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { suggestion } from '../lib/nearest.ts';
import { aws } from '../lib/sources/aws/provider.ts';
import { sources } from '../lib/sources.ts';
import { exitCodes } from './exit-codes.ts';
import { type Caller, type Contexts, callerIdentity, contextsAtHand, regionAtHand } from './init-finds.ts';
import { askAll, terminal } from './init-questions.ts';
import { type Answers, configurationText, problemWith, variableOf } from './init-text.ts';
import { kindNamed } from './kind-named.ts';
import type { Surroundings } from './surroundings.ts';

/** The options of `skymirror init`. */
export interface InitOptions {
  /** The file, or `-` for stdout. */
  readonly output: string;
  readonly mirror?: string;
  readonly namespace?: string;
  readonly account?: string;
  readonly role?: string;
  readonly externalId?: string;
  readonly region?: readonly string[];
  readonly source?: readonly string[];
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly yes?: boolean;
  readonly force?: boolean;
}

/** Writes a configuration for the credentials and the cluster at hand. */
export async function init(options: InitOptions, around: Surroundings): Promise<number> {
  const { output } = options;
  const asks = options.yes !== true;
  if (asks && !around.interactive) {
    throw new Error(
      'init asks questions, and nobody is at a terminal: --yes takes what it finds and what the options say',
    );
  }
  if (output !== '-' && options.force !== true && existsSync(output)) {
    throw new Error(`${output} is there already: --force writes over it, --output names another file`);
  }
  const found = await find(options, around);
  const proposed = proposedAnswers(options, found);
  const answers = asks ? await askAtTerminal(proposed, found.contexts.names, around) : checked(proposed);
  if (answers.role === undefined && found.caller !== undefined && found.caller.account !== answers.account) {
    around.error(
      `Note: the credentials are of account ${found.caller.account}; to read ${answers.account} give a --role.`,
    );
  }
  const text = configurationText(answers);
  if (output === '-') {
    around.print(text.trimEnd());
    around.error(nextSteps(answers, 'skymirror.yaml'));
    return exitCodes.done;
  }
  // "wx" as well as the look above: the answers took their time.
  await writeFile(output, text, { flag: options.force === true ? 'w' : 'wx' }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${output} cannot be written: ${reason}. --output names another file`, { cause: error });
  });
  around.print(`${output} is written.\n\n${nextSteps(answers, output)}`);
  return exitCodes.done;
}

/** What is at hand. `caller`: none without credentials. */
export interface Found {
  readonly caller: Caller | undefined;
  readonly region: string | undefined;
  readonly contexts: Contexts;
}

async function find(options: InitOptions, around: Surroundings): Promise<Found> {
  const contexts = contextsAtHand(options.kubeconfig);
  if (options.context !== undefined && !contexts.names.includes(options.context)) {
    const near = suggestion(options.context, contexts.names);
    const known = near === '' ? `. There are ${contexts.names.join(', ') || 'none'}` : near;
    throw new Error(`--context ${options.context}: the kubeconfig has no such context${known}`);
  }
  if (contexts.names.length === 0 && !contexts.inPod) {
    around.error('No kubeconfig was found: the cluster is looked for again when the configuration is used.');
  }
  const region = options.region?.[0] ?? (await regionAtHand());
  const caller = await callerIdentity(region, around.signal).catch((error: unknown) => {
    around.signal.throwIfAborted();
    // Not the error's own words, which may hold a token.
    const { message } = aws.explain(error);
    if (options.account === undefined && options.role === undefined) {
      throw new Error(`the AWS account is not known. ${message}, or name the account with --account`, { cause: error });
    }
    around.error(`Note, before the mirror runs: ${message}.`);
    return undefined;
  });
  return { caller, region, contexts };
}

/** What the flags say, then what was found; empty where neither tells. */
export function proposedAnswers(options: InitOptions, { caller, region, contexts }: Found): Answers {
  const accountOfRole = /^arn:[^:]*:iam::(\d{12}):/.exec(options.role ?? '')?.[1];
  const context = options.context ?? contexts.current ?? (contexts.names.length === 1 ? contexts.names[0] : undefined);
  return {
    mirror: options.mirror ?? 'main',
    account: options.account ?? accountOfRole ?? caller?.account ?? '',
    role: options.role,
    externalId: options.externalId,
    regions: options.region ?? (region === undefined ? [] : [region]),
    sources: options.source?.map(kindNamed) ?? sources.map(({ kind }) => kind),
    namespace: options.namespace ?? 'external',
    cluster: {
      kubeconfig: options.kubeconfig === undefined ? undefined : pathFrom(options.output, options.kubeconfig),
      context: contexts.inPod ? undefined : context,
      inCluster: contexts.inPod || undefined,
    },
  };
}

/** The configuration takes paths from its own folder on. What lies above it is named in full. */
function pathFrom(output: string, file: string): string {
  const folder = output === '-' ? process.cwd() : dirname(resolve(output));
  const path = relative(folder, resolve(file));
  return path.startsWith('..') || isAbsolute(path) ? resolve(file) : `./${path}`;
}

/** The answers, as they make a configuration. Throws where something is neither given nor found, or cannot be. */
function checked(answers: Answers): Answers {
  if (answers.regions.length === 0) throw new Error('no region is known: give --region, or set AWS_REGION');
  const problem = problemWith(answers);
  if (problem === undefined) return answers;
  throw new Error(`what the options say makes no configuration: ${problem.path}: ${problem.message}`);
}

/** Where nothing is found for them, questions that come later must not spoil the answers to earlier ones. */
const example = { account: '111122223333', region: 'us-east-1' };

async function askAtTerminal(proposed: Answers, contexts: readonly string[], around: Surroundings): Promise<Answers> {
  const { account, regions } = proposed;
  const whole = checked({
    ...proposed,
    account: account === '' ? example.account : account,
    regions: regions.length === 0 ? [example.region] : regions,
  });
  const { ask, close } = terminal(around);
  try {
    return await askAll(whole, contexts, ask, around.error);
  } finally {
    close();
  }
}

function nextSteps({ namespace, externalId }: Answers, file: string): string {
  const config = file === 'skymirror.yaml' ? '' : ` --config ${quotedForShell(file)}`;
  const variable = variableOf(externalId);
  const steps = [
    ...(variable === undefined ? [] : [[`export ${variable}=...`, 'the external id that the role asks for']]),
    [`skymirror crds${config} --install`, 'the custom resources'],
    [`kubectl create namespace ${namespace}`, 'where the objects go'],
    [
      `skymirror rbac${config} --user NAME | kubectl apply --server-side -f -`,
      'lets NAME write them; also --group, --service-account',
    ],
    [`skymirror doctor${config}`, 'is every right there?'],
    [`skymirror plan${config}`, 'what would be written?'],
    [`skymirror sync${config} --every 1m`, 'mirror'],
  ];
  const width = Math.max(...steps.map(([command = '']) => command.length));
  return ['Next:', ...steps.map(([command = '', note = '']) => `  ${command.padEnd(width)}   # ${note}`)].join('\n');
}

function quotedForShell(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
