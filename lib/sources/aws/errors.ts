import type { Unseen } from '../../conditions.ts';
import type { ErrorRow, ErrorSource, Meaning } from '../../error-table.ts';
import { pages } from './error-pages.ts';

/** The remedy of a missing right. */
export const grant = 'grant the missing action to the role that reads';
const renew = 'renew the credentials (aws sso login)';
const unknownKey = 'the access key does not exist, or the region is not enabled for this account';
const wrongName =
  'check that the region is right and enabled for this account, and that there is a network and a DNS server';
const trust = 'let the role trust this identity, and give the external id that the role asks for';
const decrypt = 'grant kms:Decrypt for the key that encrypts it, and see that the key is enabled';
const correctSecret = 'correct its ARN in the configuration, or make it';

/** The error codes of AWS, of its SDK and of Node, by what they mean for a mirror: docs/errors.md is this table. */
export const errorTable: readonly ErrorRow[] = [
  {
    codes: ['DBInstanceNotFound', 'DBInstanceNotFoundFault'],
    meaning: 'gone',
    actions: ['rds:DescribeDBInstances'],
    source: pages.describeInstances,
  },
  {
    codes: ['DBClusterNotFoundFault'],
    meaning: 'gone',
    actions: ['rds:DescribeDBClusters'],
    source: pages.describeClusters,
  },
  {
    codes: ['QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'],
    meaning: 'gone',
    actions: ['sqs:GetQueueAttributes', 'sqs:ListQueueTags', 'sqs:ListDeadLetterSourceQueues'],
    unless: 'ListQueues still holds it: SQS says the same to those who may not look',
    source: pages.queueErrors,
  },
  {
    codes: ['ResourceNotFoundException'],
    meaning: 'gone',
    actions: ['eks:DescribeCluster'],
    remedy: 'correct name and region in the configuration, or the role, whose account is where it is looked for',
    source: pages.describeCluster,
  },
  {
    codes: ['ResourceNotFoundException'],
    meaning: 'gone',
    actions: ['secretsmanager:GetSecretValue'],
    remedy: correctSecret,
    source: pages.secretValue,
  },
  {
    codes: ['ParameterNotFound', 'ParameterVersionNotFound'],
    meaning: 'gone',
    actions: ['ssm:GetParameter'],
    remedy: correctSecret,
    source: pages.parameter,
  },
  ...rows('cannot see', 'AccessDenied', [
    [['AccessDenied'], pages.refusals, grant],
    [['AccessDeniedException', 'NotAuthorized'], pages.common, grant],
    [['UnauthorizedOperation'], pages.ec2, grant],
    [['AccessDenied', 'AccessDeniedException'], pages.refusals, trust, 'sts:AssumeRole'],
    [['ValidationError'], pages.common, 'correct role and externalId in the configuration', 'sts:AssumeRole'],
    [
      ['ClientException'],
      pages.describeCluster,
      'check the credentials, and grant eks:DescribeCluster',
      'eks:DescribeCluster',
    ],
    [['DecryptionFailure'], pages.secretValue, decrypt, 'secretsmanager:GetSecretValue'],
    [
      ['InvalidRequestException'],
      pages.secretValue,
      'restore the secret if it is being deleted',
      'secretsmanager:GetSecretValue',
    ],
    [['InvalidKeyId'], pages.parameter, decrypt, 'ssm:GetParameter'],
    [['OptInRequired'], pages.common, 'enable the service or region for this account'],
    [['RegionDisabledException'], pages.assumeRole, 'enable the region for this account'],
    [['ExpiredToken'], pages.s3, renew],
    [['ExpiredTokenException'], pages.common, renew],
    [['InvalidClientTokenId'], pages.query, unknownKey],
    [['UnrecognizedClientException'], pages.common, unknownKey],
    [['SignatureDoesNotMatch'], pages.signing, 'the secret key does not fit the access key, or the clock is off'],
    [['RequestExpired'], pages.common, 'set the clock of this machine right'],
    [
      ['InvalidSignatureException', 'RequestInTheFuture', 'RequestTimeTooSkewed'],
      pages.sdkRetries,
      'the secret key does not fit the access key, or the clock is off',
    ],
    [['AuthFailure'], pages.ec2, 'check the credentials'],
    [['IncompleteSignature'], pages.common, 'check the credentials'],
    [['MissingAuthenticationToken'], pages.query, 'check the credentials'],
    [['Blocked', 'PendingVerification'], pages.ec2, 'ask AWS Support about this account'],
    [
      ['CredentialsProviderError'],
      pages.sdkCredentials,
      'set AWS_PROFILE to a profile that exists, or AWS_ACCESS_KEY_ID, or run under a role',
    ],
    [['TokenProviderError'], pages.sdkCredentials, renew],
    [['InvalidSecurity'], pages.queueAttributes, 'let AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_SQS begin with https'],
  ]),
  ...rows('cannot see', 'Unreachable', [
    [['ENOTFOUND'], pages.systemErrors, wrongName],
    [
      ['InvalidAddress'],
      pages.queueAttributes,
      'check that AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_SQS are of this region',
    ],
    [
      [
        'CERT_HAS_EXPIRED',
        'CERT_NOT_YET_VALID',
        'DEPTH_ZERO_SELF_SIGNED_CERT',
        'SELF_SIGNED_CERT_IN_CHAIN',
        'UNABLE_TO_GET_ISSUER_CERT',
        'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'CERT_SIGNATURE_FAILURE',
        'ERR_TLS_CERT_ALTNAME_INVALID',
      ],
      pages.certificates,
      'something between here and AWS answers with a certificate of its own: set NODE_EXTRA_CA_CERTS to its authority, and check the clock and AWS_ENDPOINT_URL',
    ],
  ]),
  ...rows('try again', 'Throttled', [
    [['ThrottlingException'], pages.common],
    [['RequestLimitExceeded'], pages.ec2],
    [
      [
        'Throttling',
        'ThrottledException',
        'RequestThrottled',
        'RequestThrottledException',
        'TooManyRequestsException',
        'SlowDown',
        'BandwidthLimitExceeded',
        'EC2ThrottledException',
        'LimitExceededException',
        'PriorRequestNotComplete',
        'ProvisionedThroughputExceededException',
        'TransactionInProgressException',
      ],
      pages.sdkRetries,
    ],
  ]),
  ...rows('try again', 'Unreachable', [
    [['InternalFailure', 'ServiceUnavailable', 'RequestAbortedException', 'RequestTimeoutException'], pages.common],
    [['InternalError', 'Unavailable'], pages.ec2],
    [['RequestTimeout', 'TimeoutError'], pages.sdkRetries],
    [['ServerException', 'ServiceUnavailableException'], pages.describeCluster],
    [['InternalServiceError'], pages.secretValue],
    [['InternalServerError'], pages.parameter],
    [['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT'], pages.systemErrors],
    [['EHOSTUNREACH', 'ENETUNREACH'], pages.sdkRetries],
    [['EAI_AGAIN'], pages.sdkRetries, wrongName],
  ]),
  ...rows('our fault', 'InternalError', [
    [
      [
        'MalformedHttpRequestException',
        'RequestEntityTooLargeException',
        'UnknownOperationException',
        'ValidationError',
      ],
      pages.common,
    ],
    [
      [
        'InvalidParameterCombination',
        'InvalidParameterValue',
        'InvalidQueryParameter',
        'MalformedQueryString',
        'MissingAction',
      ],
      pages.query,
    ],
    [
      ['InvalidAction', 'InvalidCharacter', 'InvalidPaginationToken', 'InvalidParameter', 'MissingParameter'],
      pages.ec2,
    ],
    [
      ['InvalidAttributeName', 'UnsupportedOperation', 'AWS.SimpleQueueService.UnsupportedOperation'],
      pages.queueAttributes,
    ],
    [
      [
        'MalformedPolicyDocument',
        'MalformedPolicyDocumentException',
        'PackedPolicyTooLarge',
        'PackedPolicyTooLargeException',
      ],
      pages.assumeRole,
    ],
    [['InvalidParameterException'], pages.secretValue],
  ]),
];

type Short = readonly [codes: readonly string[], source: ErrorSource, remedy?: string, action?: string];

function rows(meaning: Exclude<Meaning, 'gone'>, reason: Unseen, shorts: readonly Short[]): ErrorRow[] {
  return shorts.map(([codes, source, remedy, action]) => ({
    codes,
    meaning,
    reason,
    source,
    ...(remedy === undefined ? {} : { remedy }),
    ...(action === undefined ? {} : { actions: [action] }),
  }));
}
