import { parseConfiguration } from '../lib/configuration.ts';
import type { Configuration } from '../lib/configuration-schema.ts';
import { functionsTemplate } from '../lib/deploy-functions.ts';
import type { Resource } from '../lib/deploy-stack.ts';
import { sources } from '../lib/sources.ts';

const eks = 'main: { eks: { name: main, region: us-east-1 } }';
const mirror = (rest: string) => `  - { name: production, namespace: external, ${rest} }`;

/** Configurations that use as little as possible, and as much as possible. */
export const samples = {
  'one source of one account': `
clusters: { ${eks} }
accounts: { shop: { id: "111122223333" } }
mirrors:
${mirror('sources: [RDSInstance], accounts: [shop], regions: [us-east-1]')}
`,
  'a cluster by a secret, and an account with a role of its own': `
clusters: { main: { secret: "arn:aws:secretsmanager:us-east-1:123456789012:secret:kube-AbCdEf" } }
accounts: { shop: { id: "111122223333", role: "arn:aws:iam::111122223333:role/auditor" } }
mirrors:
${mirror('sources: [SQSQueue], accounts: [shop], regions: [us-east-1]')}
`,
  'nothing that is not paused': `
clusters: { ${eks} }
accounts: { shop: { id: "111122223333" } }
mirrors:
${mirror('paused: true, sources: [RDSInstance], accounts: [shop], regions: [us-east-1]')}
`,
  everything: `
clusters:
  ${eks}
  far: { eks: { name: far, region: eu-west-1, role: "arn:aws:iam::444455556666:role/enter" } }
  kept: { secret: "arn:aws:secretsmanager:us-east-1:123456789012:secret:kube-AbCdEf" }
  stored: { parameter: "arn:aws:ssm:us-east-1:123456789012:parameter/kube/stored" }
accounts:
  shop: { id: "111122223333" }
  staging: { id: "444455556666", role: "arn:aws:iam::444455556666:role/auditor" }
events: { topics: ["arn:aws:sns:eu-west-1:111122223333:rds-events"] }
mirrors:
${mirror('sources: [RDSInstance, RDSCluster, SQSQueue], accounts: [shop, staging], regions: [us-east-1, eu-west-1]')}
  - { name: slow, namespace: slow, every: 1h, staleAfter: 3h, sources: [SQSQueue], accounts: [shop], regions: [us-east-1] }
  - { name: off, namespace: off, every: 7m, paused: true, sources: [SQSQueue], accounts: [shop], regions: [us-west-2] }
`,
};

/** A configuration that reads so many accounts. */
export function withAccounts(count: number): string {
  const accounts = Array.from({ length: count }, (_, index) => `a${index}`);
  return `
clusters: { ${eks} }
accounts: { ${accounts.map((name, index) => `${name}: { id: "${100_000_000_000 + index}" }`).join(', ')} }
mirrors:
${mirror(`sources: [RDSInstance, RDSCluster, SQSQueue], accounts: [${accounts.join()}], regions: [us-east-1]`)}
`;
}

/** A text of `samples`, or another, as a configuration. */
export function configurationOf(text: string): Configuration {
  const parsed = parseConfiguration(text, { sources });
  if ('configuration' in parsed) return parsed.configuration;
  throw new Error(JSON.stringify(parsed.problems));
}

/** The resources that follow from it, in which a test may look for what need not be there. */
export function resourcesOf(text: string): Readonly<Record<string, Resource | undefined>> {
  return functionsTemplate(configurationOf(text), sources).Resources;
}

/** One statement of a policy, as templates hold it. */
export interface FoundStatement {
  readonly Sid?: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** The statements that a role has inline. */
export function statementsOf(role: Resource | undefined): FoundStatement[] {
  // biome-ignore lint/suspicious/noExplicitAny: a template is as deep as AWS likes it.
  const policies: any = role?.Properties.Policies;
  return policies.flatMap(
    (policy: { PolicyDocument: { Statement: FoundStatement[] } }) => policy.PolicyDocument.Statement,
  );
}
