import { partition, sub, type Value } from './deploy-stack.ts';
import type { Source } from './source.ts';

/** One statement of a policy. `Sid` says what it is for. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Principal?: Readonly<Record<string, unknown>>;
  readonly Action: string | readonly string[];
  readonly Resource?: Value | readonly Value[];
  readonly Condition?: Readonly<Record<string, unknown>>;
}

/** A policy of these statements. */
export function policyOf<Statements extends readonly object[]>(statements: Statements) {
  return { Version: '2012-10-17', Statement: statements };
}

/** The policy of a role that reads these sources: metadata reads only, each source's own actions and no wildcard. */
export function readerPolicy(sources: readonly Source[]) {
  return policyOf([
    {
      Sid: 'SkymirrorReads',
      Effect: 'Allow' as const,
      Action: [...new Set(sources.flatMap(({ permissions }) => permissions))].toSorted(),
      Resource: '*',
    },
  ]);
}

/** Who may assume a role: a service of AWS. For whom, the condition says; without one, whoever may pass the role to it. */
export function trustOfService(service: string, condition?: Readonly<Record<string, unknown>>) {
  const trust = { Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' };
  return { Version: '2012-10-17', Statement: [condition === undefined ? trust : { ...trust, Condition: condition }] };
}

/**
 * Who may assume a role: these roles of an account, by name. As principals they would have to exist already, and a role
 * that is made anew would no longer be the one that is trusted (IAM User Guide, "AWS JSON policy elements: Principal").
 */
export function trustOfRoles(
  account: string,
  names: readonly string[],
  conditions: Readonly<Record<string, unknown>> = {},
) {
  const arns = names.map((name) => sub(`arn:${partition}:iam::${account}:role/${name}`));
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: sub(`arn:${partition}:iam::${account}:root`) },
        Action: 'sts:AssumeRole',
        Condition: { ArnEquals: { 'aws:PrincipalArn': arns }, ...conditions },
      },
    ],
  };
}
