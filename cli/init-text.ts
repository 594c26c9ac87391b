import { stringify, type ToStringOptions } from 'yaml';
import { type Problem, parseConfiguration } from '../lib/configuration.ts';
import { sources } from '../lib/sources.ts';

/** What a new configuration says; all else is left to its defaults. */
export interface Answers {
  readonly mirror: string;
  readonly account: string;
  readonly role?: string | undefined;
  /** As it is, or `${SKYMIRROR_...}` for a variable of the environment. */
  readonly externalId?: string | undefined;
  readonly regions: readonly string[];
  readonly sources: readonly string[];
  readonly namespace: string;
  readonly cluster: ClusterAnswers;
}

/** How the one cluster is found; nothing: as kubectl finds it. */
export interface ClusterAnswers {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly inCluster?: true | undefined;
}

/** Why a configuration of these answers would not be right; `undefined` where it would. */
export function problemWith(answers: Answers): Problem | undefined {
  const variable = variableOf(answers.externalId);
  // The variable need not be set yet: it is asked for when the configuration is used.
  const environment = variable === undefined ? {} : { [variable]: 'set-later' };
  const parsed = parseConfiguration(configurationText(answers), { sources, environment });
  return 'problems' in parsed ? parsed.problems[0] : undefined;
}

/** The variable that stands for the external id, if one does. */
export function variableOf(externalId: string | undefined): string | undefined {
  return /^\$\{(SKYMIRROR_\w+)\}$/.exec(externalId ?? '')?.[1];
}

/** A name that the configuration takes: of `arn:aws:eks:us-east-1:111122223333:cluster/prod` the last part. */
export function clusterName({ context = '', inCluster }: ClusterAnswers): string {
  const last = context.split(/[/:@]/).findLast((part) => part !== '') ?? '';
  const name = last.replace(/[^A-Za-z0-9_.-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return name === '' ? (inCluster === true ? 'here' : 'default') : name.slice(0, 63);
}

/** The text of a configuration: the answers, and every other option with its default or an example, commented out. */
export function configurationText({ account, role, externalId, ...answers }: Answers): string {
  const namespace = yaml(answers.namespace);
  const reader = `arn:aws:iam::${account}:role/skymirror-reader`;
  const external = externalId === undefined || variableOf(externalId) !== undefined ? externalId : literal(externalId);
  return `# yaml-language-server: $schema=./node_modules/skymirror/schema/skymirror.schema.json
# The line above lets editors check this file where the npm package skymirror is installed beside it.
#
# What is mirrored where. "#key: value" is another option with its default or an example: take the # away to use it.
# No secret belongs in here: credentials are found as the AWS SDK and kubectl find them. In values \${SKYMIRROR_NAME}
# stands for that variable of the environment.

# Kubernetes clusters to write into, by a name of your choice.
${clusters(answers.cluster)}

# AWS accounts to read, by a name of your choice.
accounts:
  main:
    id: ${written(literal(account), { defaultStringType: 'QUOTE_DOUBLE' })} # in quotes: a number would lose leading zeros
    ${role === undefined ? `#role: ${reader} # left out: the credentials are of the account itself` : `role: ${yaml(role)}`}
    ${external === undefined ? `#externalId: "\${SKYMIRROR_EXTERNAL_ID}" # what the role asks for` : `externalId: ${written(external)}`}

# Regions that AWS has added since this release, so that mirrors may name them.
#moreRegions: [xx-new-1]

# Events that the functions listen to, beside those of EventBridge.
#events: { topics: ["arn:aws:sns:us-east-1:111122223333:rds-events"] } # of RDS event subscriptions

# What is mirrored where.
mirrors:
  - name: ${yaml(answers.mirror)} # the label skymirror.dev/mirror of its objects
    sources: ${list(answers.sources)} # "skymirror sources" lists all
    accounts: [main]
    regions: ${list(answers.regions)}
    namespace: ${namespace} # has to exist
    #namespace: # instead of one for all: by tag, or byAccount: { main: ${namespace} }
    #  byTag: { key: team, values: { payments: team-payments } }
    #  fallback: ${namespace}
    #clusters: [${yaml(clusterName(answers.cluster))}] # left out: all of the above
    #labels: [team, env] # tags to show as labels, below tags.skymirror.dev/
    #select: # what of it is mirrored; left out: all
    #  names: { include: ["*"], exclude: ["*-tmp"] }
    #  tags: { include: { env: [production, staging] }, exclude: { mirror: "no" } }
    #removal: # of objects whose resource is gone
    #  policy: Delete # or Retain: mark them, and never delete
    #  grace: 10m # from the mark to the delete
    #  maxPercent: 30 # how much may go within 24 hours before a person is asked; five always may
    #staleAfter: 15m # without a sight for so long, an object no longer counts as current
    #every: 1m # how often the functions look (docs/deploy.md); --every is the command line's
    #paused: false # true: nothing of this mirror is read or written
`;
}

/** Commented out as a whole where nothing is known of the cluster: a name alone would be no entry. */
function clusters(cluster: ClusterAnswers): string {
  const { kubeconfig, context, inCluster } = cluster;
  const isKnown = (kubeconfig ?? context ?? inCluster) !== undefined;
  const entry = (key: string, value: string | undefined, example: string) =>
    value === undefined ? `${isKnown ? '#' : ''}${key}: ${example}` : `${key}: ${value}`;
  const lines = [
    'clusters:',
    `  ${yaml(clusterName(cluster))}:`,
    `    ${entry('kubeconfig', optional(kubeconfig), '~/.kube/config')} # left out: found as kubectl finds it`,
    `    ${entry('context', optional(context), 'production')} # left out: the current one`,
    inCluster === true
      ? '    inCluster: true # instead of these: the cluster that skymirror runs in'
      : '    #inCluster: true # instead of these, where skymirror runs in the cluster itself',
    '    # Functions take one of the next three (docs/clusters.md); eks also has role:, endpoint: and certificateAuthority:',
    '    #eks: { name: production, region: us-east-1 } # instead of these: no kubeconfig, no plugin',
    '    #secret: arn:aws:secretsmanager:us-east-1:111122223333:secret:kubeconfig-AbCdEf # one that holds a kubeconfig',
    '    #parameter: arn:aws:ssm:us-east-1:111122223333:parameter/kubeconfig # the same in SSM',
  ];
  return lines.map((line) => (isKnown ? line : `#${line}`)).join('\n');
}

/** Double quotes alone can hold a line break without one. */
const oneLine = {
  lineWidth: 0,
  blockQuote: false,
  singleQuote: false,
  doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
} as const;

/** `${` would begin the name of a variable. A function, because in a replacement text `$$` stands for `$`. */
const literal = (text: string) => text.replaceAll('${', () => '$${');

/** YAML on one line, whatever is in the text. Not `trimEnd`, which would also take spaces that belong to the text. */
const written = (value: string | readonly string[], options: ToStringOptions = {}) =>
  stringify(value, { ...oneLine, ...options }).replace(/\n$/, '');
const yaml = (text: string) => written(literal(text));
const optional = (text: string | undefined) => (text === undefined ? undefined : yaml(text));
const list = (texts: readonly string[]) =>
  written(texts.map(literal), { collectionStyle: 'flow', flowCollectionPadding: false });
