import { readerPolicy } from '../lib/iam.ts';
import type { Source } from '../lib/source.ts';
import { isRefusal } from '../lib/sources/aws/explain.ts';

/** The role of an account and what it asks for, as the configuration has them. */
export interface Entrance {
  readonly account: string;
  readonly roleArn?: string | undefined;
  readonly externalId?: string | undefined;
}

/**
 * What an error of AWS says is not allowed, in the writing of `permissions` where it is one of them: SQS says
 * `sqs:listqueues`. A refusal that names nothing may be for any of them. `undefined`: it is no refusal.
 */
export function refusedAction(error: unknown, permissions: readonly string[]): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const [, named] = /not authorized to perform:? ([a-z0-9-]+:\w+)/i.exec(error.message) ?? [];
  if (named !== undefined) return permissions.find((known) => known.toLowerCase() === named.toLowerCase()) ?? named;
  const mentioned = permissions.filter((known) => new RegExp(`\\b${known}\\b`, 'i').test(error.message));
  if (mentioned.length > 0) return mentioned.join(', ');
  return isRefusal(error) ? permissions.join(', ') : undefined;
}

/** The action of entering an account: refused, it is the role that has to be mended, and not its policy. */
export const assuming = 'sts:AssumeRole';

/** What to add to an account so that these sources can be read. `caller`: the ARN of the credentials at hand. */
export function policyRemedy({ account, roleArn }: Entrance, sources: readonly Source[], caller?: string): string {
  const reader = roleArn ?? caller;
  const whom = reader === undefined ? `whoever reads account ${account}` : holderOf(reader);
  return `Give ${whom} this policy, beside what is there:\n${json(readerPolicy(sources))}`;
}

/**
 * What lets the credentials at hand assume a role. AWS does not tell what is wrong: the trust, the external id, the
 * caller's own policy, or the role's name.
 */
export function trustRemedy({ account, roleArn = '', externalId }: Entrance, caller?: string): string {
  const condition = externalId === undefined ? {} : { Condition: { StringEquals: { 'sts:ExternalId': externalId } } };
  const principal = caller === undefined ? 'the ARN of the identity that runs skymirror' : holderOf(caller);
  const trust = { Effect: 'Allow', Principal: { AWS: principal }, Action: assuming, ...condition };
  const allow = { Effect: 'Allow', Action: assuming, Resource: roleArn };
  return [
    `Add this statement to the trust policy of ${roleArn}${caller?.includes(':assumed-role/') ? ' (the principal with its path, if it has one)' : ''}:`,
    json(trust),
    `and this one to a policy of ${principal}:`,
    json(allow),
    `or correct role and externalId of account ${account} in the configuration.`,
  ].join('\n');
}

/**
 * Who lasts behind a caller: of the session of a role, the role. STS leaves out the role's path (IAM User Guide, "IAM
 * identifiers": assumed-role ARNs hold the role's name alone).
 */
export function holderOf(arn: string): string {
  return arn.replace(/^(arn:[^:]*):sts::(\d+):assumed-role\/([^/]+)\/.*$/, '$1:iam::$2:role/$3');
}

const json = (value: object) => JSON.stringify(value, undefined, 2);
