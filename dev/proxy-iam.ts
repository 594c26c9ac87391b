import { z } from 'zod';
import type { AwsRequest } from './proxy-request.ts';

const texts = z.union([z.string().transform((text) => [text]), z.array(z.string())]);

const statement = z.object({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Principal: z.union([z.string(), z.record(z.string(), texts)]).optional(),
  Action: texts,
  Resource: texts.optional(),
  Condition: z.record(z.string(), z.record(z.string(), texts)).optional(),
});

/** A policy document of a role, its trust or what it allows. */
export const policyDocument = z.object({
  Statement: z.union([statement.transform((one) => [one]), z.array(statement)]),
});

/** One statement of a policy, its lists always lists. */
export type PolicyStatement = z.output<typeof statement>;

/** What is known of a role. */
export interface RoleDocuments {
  readonly trust: readonly PolicyStatement[];
  readonly statements: readonly PolicyStatement[];
}

/**
 * Whether statements allow an action on a resource (IAM User Guide, "Policy evaluation logic"): one allows it and none
 * denies it. Conditions count as met.
 */
export function allows(statements: readonly PolicyStatement[], action: string, resource: string): boolean {
  const fitting = statements.filter(
    ({ Action, Resource = [] }) => fitsOne(Action, action, 'i') && fitsOne(Resource, resource),
  );
  return fitting.some(({ Effect }) => Effect === 'Allow') && fitting.every(({ Effect }) => Effect === 'Allow');
}

/** Whether a trust policy lets a role in, by its ARN and the external id that it names. */
export function trusts(
  trust: readonly PolicyStatement[],
  { role, externalId }: { readonly role: string; readonly externalId: string | undefined },
): boolean {
  const root = `arn:aws:iam::${role.split(':')[4]}:root`;
  const values: Readonly<Record<string, string | undefined>> = {
    'aws:PrincipalArn': role,
    'aws:PrincipalAccount': role.split(':')[4],
    'sts:ExternalId': externalId,
  };
  return trust.some(({ Effect, Principal, Action, Condition = {} }) => {
    const named = typeof Principal === 'object' ? (Principal.AWS ?? []) : [Principal];
    const isNamed = ['*', role, root].some((one) => named.includes(one));
    const isMet = Object.values(Condition).every((keys) =>
      Object.entries(keys).every(([key, wanted]) => {
        const value = values[key];
        return value !== undefined && fitsOne(wanted, value);
      }),
    );
    return Effect === 'Allow' && fitsOne(Action, 'sts:AssumeRole', 'i') && isNamed && isMet;
  });
}

/** `role` where the caller is a session of it. */
export function roleOfSession(caller: string): string | undefined {
  const [, account, name] = /^arn:aws:sts::(\d+):assumed-role\/([^/]+)\//.exec(caller) ?? [];
  return account === undefined ? undefined : `arn:aws:iam::${account}:role/${name}`;
}

/** The permission that AWS asks for: a batch of SQS needs that of its single call (SQS Developer Guide, "Amazon SQS API permissions"). */
export function permissionOf({ service, action }: Pick<AwsRequest, 'service' | 'action'>): string {
  return `${service}:${service === 'sqs' ? action.replace(/Batch$/, '') : action}`;
}

/** The resource that a call is about, as a policy has to name it; `*` for what AWS knows no resource for. */
export function resourceOf({ service, region, account, parameters }: AwsRequest): string {
  const { QueueUrl, RoleArn, SecretId, Name } = parameters;
  if (service === 'sqs' && QueueUrl !== undefined) {
    const [owner, name] = QueueUrl.split('/').slice(-2);
    return `arn:aws:sqs:${region}:${owner}:${name}`;
  }
  if (service === 'sts' && RoleArn !== undefined) return RoleArn;
  if (service === 'secretsmanager' && SecretId !== undefined) return SecretId;
  if (service === 'eks' && Name !== undefined) return `arn:aws:eks:${region}:${account}:cluster/${Name}`;
  if (service !== 'ssm' || Name === undefined) return '*';
  return Name.startsWith('arn:') ? Name : `arn:aws:ssm:${region}:${account}:parameter${Name}`;
}

function fitsOne(patterns: readonly string[], value: string, flags = ''): boolean {
  return patterns.some((pattern) => {
    const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
    return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, flags).test(value);
  });
}
