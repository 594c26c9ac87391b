import { fullCluster } from '../../dev/proxy-full-cluster.ts';
import { fullInstance, writeRow } from '../../dev/proxy-full-row.ts';
import { canary } from './canaries.ts';

/** The place that the answers are of. */
export const scope = { account: '111122223333', region: 'us-east-1' };

const { account, region } = scope;
const queueArn = `arn:aws:sqs:${region}:${account}:orders`;
const queueUrl = `https://sqs.${region}.amazonaws.com/${account}/orders`;

const xml = (action: string, result: string) =>
  `<${action}Response xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><${action}Result>${result}</${action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${action}Response>`;

/** A kubeconfig in a secret. */
const kubeconfig = JSON.stringify({
  'current-context': 'main',
  clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'u', user: { token: canary } }],
  contexts: [{ name: 'main', context: { cluster: 'c', user: 'u' } }],
});

/** A valid answer to each question that the sources and the ways into clusters ask. */
export const valid: Readonly<Record<string, string | object>> = {
  GetCallerIdentity: xml(
    'GetCallerIdentity',
    `<Arn>arn:aws:iam::${account}:user/u</Arn><UserId>U</UserId><Account>${account}</Account>`,
  ),
  AssumeRole: xml(
    'AssumeRole',
    `<Credentials><AccessKeyId>ASIAFUZZ</AccessKeyId><SecretAccessKey>${canary.replaceAll('"', '&quot;')}</SecretAccessKey><SessionToken>${canary}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>`,
  ),
  DescribeDBInstances: xml(
    'DescribeDBInstances',
    `<DBInstances>${writeRow({ DBInstance: fullInstance('orders', account, region) })}</DBInstances>`,
  ),
  DescribeDBClusters: xml(
    'DescribeDBClusters',
    `<DBClusters>${writeRow({ DBCluster: fullCluster('orders', account, region) })}</DBClusters>`,
  ),
  ListQueues: { QueueUrls: [queueUrl] },
  GetQueueAttributes: {
    Attributes: {
      QueueArn: queueArn,
      CreatedTimestamp: '1789000000',
      FifoQueue: 'false',
      DelaySeconds: '5',
      Policy:
        '{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Condition":{"ArnLike":{"aws:SourceArn":"a"}}}]}',
      RedrivePolicy: '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111122223333:dead","maxReceiveCount":5}',
    },
  },
  ListQueueTags: { Tags: { team: 'payments', __proto: 'x' } },
  ListDeadLetterSourceQueues: { queueUrls: [queueUrl] },
  SendMessageBatch: { Successful: [], Failed: [] },
  DeleteMessageBatch: { Successful: [], Failed: [] },
  GetSecretValue: {
    ARN: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:c',
    Name: 'c',
    SecretString: kubeconfig,
  },
  GetParameter: { Parameter: { Name: '/c', Type: 'SecureString', Value: kubeconfig } },
  DescribeCluster: {
    cluster: {
      name: 'shop',
      status: 'ACTIVE',
      endpoint: 'https://127.0.0.1:1',
      certificateAuthority: { data: 'QUJD' },
    },
  },
};
