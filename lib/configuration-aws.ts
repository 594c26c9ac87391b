import * as z from 'zod';
import { regions } from './configuration-regions.ts';
import { suggestion } from './nearest.ts';

/** What the name of an AWS region looks like. */
export const regionPattern = /^[a-z]+(-[a-z]+)+-\d+$/;

/** Name of an AWS region. */
export const region = z.string().regex(regionPattern, 'is not the name of an AWS region (such as eu-west-1)');

/**
 * Why a region may not be named, with `more` known beside those of this release. It is an error, because a misspelt one never
 * answers; one that has not the form of a region is an error of its own.
 */
export function unknownRegion(name: string, more: readonly string[]): string | undefined {
  const known = [...regions, ...more];
  if (!regionPattern.test(name) || known.includes(name)) return undefined;
  const near = suggestion(name, known);
  const rule = `is not a region of AWS that this release knows${near === '' ? '.' : near}`;
  return `"${name}" ${rule} One that AWS has added since goes below "moreRegions" too`;
}

const roleArn = z
  .string()
  // API reference of STS, AssumeRole: RoleArn; of IAM, CreateRole: RoleName and Path.
  .regex(
    /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/,
    'is not the ARN of a role (arn:aws:iam::<id>:role/<name>)',
  );

const externalId = z
  .string()
  // API reference of STS, AssumeRole: ExternalId. It is no secret (IAM User Guide, "Access to AWS accounts owned by third parties").
  .regex(/^[\w+=,.@:/-]{2,1224}$/, 'is not an external id: letters, digits and _+=,.@:/- (2 to 1224)');

/** Name after the API reference of SNS, CreateTopic. RDS does not send to FIFO topics (RDS User Guide, "Working with Amazon RDS event notification"). */
export const topicArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$/, 'is not the ARN of an SNS topic');

/** An EKS cluster and how to get in. */
export const eks = z.strictObject({
  name: z
    .string()
    // API reference of EKS, CreateCluster: name.
    .regex(/^[0-9A-Za-z][\w-]{0,99}$/, 'is not the name of an EKS cluster')
    .describe('Name of the cluster.'),
  region: region.describe('AWS region of the cluster.'),
  endpoint: z
    .string()
    .regex(/^https:\/\/[^\s/]+\/?$/, 'is not the endpoint of a cluster (https://...)')
    .optional()
    .describe('Endpoint of the API server. Left out: asked of EKS (DescribeCluster).'),
  certificateAuthority: z
    .base64('is not the certificate authority of a cluster: base64, as EKS gives it')
    .min(1)
    .optional()
    .describe('Certificate authority, base64 as EKS gives it. Left out: asked of EKS.'),
  role: roleArn
    .optional()
    .describe('ARN of the role whose access entry lets skymirror in. Left out: the identity at hand.'),
  externalId: externalId.optional().describe('External id that the trust policy of that role asks for.'),
});

/** Name after the Secrets Manager User Guide, "What's in a Secrets Manager secret?". */
export const secretArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]{1,519}$/, 'is not the ARN of a secret');

/** Name after the Systems Manager User Guide, "Working with parameter names". */
export const parameterArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter\/[\w./-]{1,1011}$/, 'is not the ARN of a parameter');

/** An AWS account and how to get in. */
export const account = z
  .strictObject({
    id: z
      .string()
      .regex(/^\d{12}$/, 'is not an account id: 12 digits')
      .describe('The 12 digits, in quotes.'),
    role: roleArn
      .optional()
      .describe(
        'ARN of the role to assume, in the same account. Left out: the credentials at hand are of the account itself; functions assume the role that they are deployed with.',
      ),
    externalId: externalId.optional().describe('External id that the trust policy of the role asks for.'),
  })
  .describe('An AWS account to read.');
