import type { ErrorSource } from '../../error-table.ts';

const docs = 'https://docs.aws.amazon.com';

/** The pages that say what the error codes mean. */
export const pages = {
  common: {
    title: 'AWS, "Common errors"',
    url: `${docs}/awsconsolehelpdocs/latest/gsg/common-errors.html`,
  },
  query: {
    title: 'IAM API Reference, "Common Error Types"',
    url: `${docs}/IAM/latest/APIReference/CommonErrors.html`,
  },
  ec2: {
    title: 'EC2 API Reference, "Error codes"',
    url: `${docs}/AWSEC2/latest/APIReference/errors-overview.html`,
  },
  s3: {
    title: 'S3 API Reference, "Error responses"',
    url: `${docs}/AmazonS3/latest/API/ErrorResponses.html`,
  },
  assumeRole: {
    title: 'STS API Reference, AssumeRole',
    url: `${docs}/STS/latest/APIReference/API_AssumeRole.html`,
  },
  signing: {
    title: 'IAM User Guide, "Troubleshoot Signature Version 4"',
    url: `${docs}/IAM/latest/UserGuide/reference_sigv-troubleshooting.html`,
  },
  refusals: {
    title: 'IAM User Guide, "Troubleshoot access denied error messages"',
    url: `${docs}/IAM/latest/UserGuide/troubleshoot_access-denied.html`,
  },
  queueAttributes: {
    title: 'SQS API Reference, GetQueueAttributes',
    url: `${docs}/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html`,
  },
  describeCluster: {
    title: 'EKS API Reference, DescribeCluster',
    url: `${docs}/eks/latest/APIReference/API_DescribeCluster.html`,
  },
  secretValue: {
    title: 'Secrets Manager API Reference, GetSecretValue',
    url: `${docs}/secretsmanager/latest/apireference/API_GetSecretValue.html`,
  },
  parameter: {
    title: 'Systems Manager API Reference, GetParameter',
    url: `${docs}/systems-manager/latest/APIReference/API_GetParameter.html`,
  },
  sdkCredentials: {
    title: 'AWS SDK for JavaScript, "Set credentials"',
    url: `${docs}/sdk-for-javascript/v3/developer-guide/setting-credentials-node.html`,
  },
  sdkRetries: {
    title: 'AWS SDK for JavaScript, service-error-classification',
    url: 'https://github.com/smithy-lang/smithy-typescript/blob/main/packages/service-error-classification/src/constants.ts',
  },
  systemErrors: {
    title: 'Node.js, "Common system errors"',
    url: 'https://nodejs.org/api/errors.html#common-system-errors',
  },
  certificates: {
    title: 'Node.js, "X509 certificate error codes"',
    url: 'https://nodejs.org/api/tls.html#x509-certificate-error-codes',
  },
  describeInstances: {
    title: 'RDS API Reference, DescribeDBInstances',
    url: `${docs}/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html`,
  },
  describeClusters: {
    title: 'RDS API Reference, DescribeDBClusters',
    url: `${docs}/AmazonRDS/latest/APIReference/API_DescribeDBClusters.html`,
  },
  queueErrors: {
    title: 'SQS Developer Guide, "Troubleshoot Amazon SQS API errors"',
    url: `${docs}/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-api-errors.html`,
  },
} satisfies Readonly<Record<string, ErrorSource>>;
