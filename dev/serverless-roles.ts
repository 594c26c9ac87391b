import {
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { Aws, Keys } from './aws.ts';
import { trustOfEverybody } from './aws-identities.ts';
import { allows, type PolicyStatement, policyDocument } from './proxy-iam.ts';

/** The roles of a deployed stack, held to their policies. */
export interface StackRoles {
  /** Keys of a new session. */
  session(role: string): Promise<Keys>;
  allows(role: string, action: string, resource: string): boolean;
  /** The statements of a role as they are now. */
  statements(role: string): readonly PolicyStatement[];
  /** Leaves out the statements for which `drop` is true, until the function that this gives is called. */
  without(role: string, drop: (statement: PolicyStatement) => boolean): Promise<() => Promise<void>>;
  stop(): void;
}

/**
 * Takes the roles over from moto. moto can hold calls to actions only: it knows one resource for them all, and no
 * conditions. So there each role keeps its actions, on every resource, and the proxy holds it to the documents as they
 * were deployed. Trust likewise.
 */
export async function holdRoles(aws: Aws, names: readonly string[]): Promise<StackRoles> {
  const settings = { endpoint: aws.motoEndpoint, region: 'us-east-1', credentials: aws.administrator(aws.home) };
  const iam = new IAMClient(settings);
  const sts = new STSClient(settings);
  const arnOf = (name: string) => `arn:aws:iam::${aws.home}:role/${name}`;
  const { documents } = aws.proxy;

  function statements(name: string): readonly PolicyStatement[] {
    const known = documents.get(arnOf(name));
    if (known === undefined) throw new Error(`the stack has no role ${name}; there are ${names.join(', ')}`);
    return known.statements;
  }

  async function put(RoleName: string, own: readonly PolicyStatement[]): Promise<void> {
    const trust = documents.get(arnOf(RoleName))?.trust ?? [];
    documents.set(arnOf(RoleName), { trust, statements: own });
    const everywhere = own.map(({ Effect, Action }) => ({ Effect, Action: Action.flatMap(withBatch), Resource: '*' }));
    const none = { Effect: 'Deny', Action: 'none:None', Resource: '*' };
    const document = { Version: '2012-10-17', Statement: everywhere.length === 0 ? [none] : everywhere };
    const PolicyDocument = JSON.stringify(document);
    await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'everywhere', PolicyDocument }));
  }

  for (const name of names) {
    const { trust, own } = await takeOver(iam, name);
    documents.set(arnOf(name), { trust, statements: own });
    await put(name, own);
  }

  return {
    async session(name) {
      const asked = { RoleArn: arnOf(name), RoleSessionName: 'function' };
      const { Credentials, AssumedRoleUser } = await sts.send(new AssumeRoleCommand(asked));
      const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = Credentials ?? {};
      aws.proxy.learn(AccessKeyId, { account: aws.home, arn: AssumedRoleUser?.Arn ?? '' });
      return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
    },
    allows: (name, action, resource) => allows(statements(name), action, resource),
    statements,
    async without(name, drop) {
      const before = statements(name);
      const kept = before.filter((statement) => !drop(statement));
      if (kept.length === before.length) throw new Error(`the role ${name} has no such statement to leave out`);
      await put(name, kept);
      return () => put(name, before);
    },
    stop() {
      for (const name of names) documents.delete(arnOf(name));
      iam.destroy();
      sts.destroy();
    },
  };
}

/** All that the role may, inline and attached; moto is left with a role that everybody may become. */
async function takeOver(iam: IAMClient, RoleName: string) {
  const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
  const trust = parse(Role?.AssumeRolePolicyDocument);
  await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: JSON.stringify(trustOfEverybody) }));
  const own: PolicyStatement[] = [];
  const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
  for (const PolicyName of PolicyNames) {
    const { PolicyDocument } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
    own.push(...parse(PolicyDocument));
    await iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
  }
  const { AttachedPolicies = [] } = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName }));
  for (const { PolicyArn } of AttachedPolicies) {
    const { Policy } = await iam.send(new GetPolicyCommand({ PolicyArn }));
    const version = { PolicyArn, VersionId: Policy?.DefaultVersionId };
    const { PolicyVersion } = await iam.send(new GetPolicyVersionCommand(version));
    own.push(...parse(PolicyVersion?.Document));
    await iam.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }));
  }
  return { trust, own };
}

/** IAM gives documents URL-encoded, and moto the trust of CloudFormation's roles as Python writes it. */
function parse(document = ''): PolicyStatement[] {
  const text = decodeURIComponent(document);
  return policyDocument.parse(JSON.parse(text.startsWith("{'") ? text.replaceAll("'", '"') : text)).Statement;
}

/** moto asks for sqs:SendMessageBatch, AWS for sqs:SendMessage (SQS Developer Guide, "Amazon SQS API permissions"). */
function withBatch(action: string): string[] {
  return action.startsWith('sqs:') ? [action, `${action}Batch`] : [action];
}
