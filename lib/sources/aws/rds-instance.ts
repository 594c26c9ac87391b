import {
  type DBInstance,
  DBInstanceNotFoundFault,
  DescribeDBInstancesCommand,
  type DescribeDBInstancesCommandInput,
  RDSClient,
} from '@aws-sdk/client-rds';
import * as z from 'zod';
import { mapConcurrent } from '../../concurrent.ts';
import { defineSource, UnseenError } from '../../source.ts';
import { flag, record, sorted, text, texts, time, whole, wide } from './fields.ts';
import { type AwsSession, aws, clientOf } from './provider.ts';
import { instanceHealth } from './rds-health.ts';

const identity = z.object({
  arn: z.string().describe('Amazon Resource Name: the identity of the DB instance.').meta({ selectable: true }),
  account: z
    .string()
    .describe('AWS account that holds it.')
    .meta({ selectable: true, ...wide('Account') }),
  region: z
    .string()
    .describe('AWS region that holds it.')
    .meta({ selectable: true, ...wide('Region') }),
  identifier: z.string().describe('DB instance identifier, unique in its account and region.'),
});

const observed = z.object({
  engine: z.string().describe('Database engine, for example postgres.').meta({ column: 'Engine', selectable: true }),
  engineVersion: text('Version of the engine.').meta({ column: 'Version', selectable: true }),
  class: text('Instance class, for example db.r6g.large.').meta({ column: 'Class', selectable: true }),
  state: z.string().describe('DB instance status as AWS gives it.').meta({ column: 'State', selectable: true }),
  resourceId: text('DbiResourceId: unlike the ARN it is never used again.'),
  endpoint: z
    .object({
      address: text('DNS name to connect to.').meta({ column: 'Endpoint' }),
      port: whole('Port to connect to.').meta(wide('Port')),
      hostedZoneId: text('Route 53 hosted zone of the name.'),
    })
    .optional()
    .describe('Where clients connect. Absent until AWS has assigned it.'),
  listenerEndpoint: z
    .object({ address: text('DNS name.'), port: whole('Port.') })
    .optional()
    .describe('Listener endpoint of a SQL Server Always On availability group.'),
  databaseName: text('Database created with the instance.'),
  masterUsername: text('Name of the master user.'),
  masterUserSecret: z
    .object({
      arn: text('ARN of the secret.'),
      state: text('State of the secret.'),
      kmsKeyId: text('Key of the secret.'),
    })
    .optional()
    .describe('Secrets Manager secret that holds the master password; never its value.'),
  createdAt: time('When the instance was created.'),
  licenseModel: text('Licence model.'),
  lifecycleSupport: text('Whether RDS Extended Support is on.'),
  multiAz: flag('A standby runs in another availability zone.').meta(wide('Multi-AZ')),
  availabilityZone: text('Availability zone of the primary.').meta(wide('Zone')),
  secondaryAvailabilityZone: text('Availability zone of the standby.'),
  storage: z
    .object({
      type: text('Storage type, for example gp3.'),
      allocatedGiB: whole('Allocated storage in GiB.').meta(wide('GiB')),
      maxAllocatedGiB: whole('Up to where storage grows by itself, in GiB.'),
      iops: whole('Provisioned I/O operations per second.'),
      throughputMiBps: whole('Provisioned throughput in MiB/s.'),
      dedicatedLogVolume: flag('Logs have a volume of their own.'),
      upgradeAvailable: flag('A newer storage configuration is offered.'),
    })
    .optional()
    .describe('Storage.'),
  encryption: z
    .object({ encrypted: flag('Storage is encrypted.'), kmsKeyId: text('KMS key of the storage.') })
    .optional()
    .describe('Encryption at rest.'),
  network: z
    .object({
      public: flag('The endpoint resolves to a public address.'),
      type: text('IPV4 or DUAL.'),
      vpcId: text('VPC.'),
      subnetGroup: text('DB subnet group.'),
      subnets: texts('Subnets of the group.'),
      securityGroups: texts('VPC security groups.'),
    })
    .optional()
    .describe('Network.'),
  authentication: z
    .object({ iam: flag('IAM database authentication is on.'), domains: texts('Active Directory domains joined.') })
    .optional()
    .describe('How clients may authenticate.'),
  certificate: z
    .object({ authority: text('Identifier of the CA.'), expiresAt: time('When the server certificate expires.') })
    .optional()
    .describe('TLS certificate of the server.'),
  backup: z
    .object({
      retentionDays: whole('Days for which automated backups are kept; 0: none are made.'),
      window: text('Daily window, UTC.'),
      target: text('Where backups are kept.'),
      copyTags: flag('Snapshots get the tags of the instance.'),
    })
    .optional()
    .describe('Automated backups.'),
  maintenance: z
    .object({ window: text('Weekly window, UTC.'), autoMinorUpgrade: flag('Minor versions are upgraded by AWS.') })
    .optional()
    .describe('Maintenance.'),
  pending: z
    .record(z.string(), z.string())
    .optional()
    .describe('Changes that wait for a window or a restart, by what they change.'),
  parameterGroups: z.record(z.string(), z.string()).optional().describe('DB parameter groups and their state.'),
  optionGroups: z.record(z.string(), z.string()).optional().describe('Option groups and their state.'),
  monitoring: z
    .object({
      intervalSeconds: whole('Seconds between Enhanced Monitoring samples; 0: off.'),
      performanceInsights: flag('Performance Insights is on.'),
      insightsMode: text('Database Insights mode.'),
      logExports: texts('Logs that are sent to CloudWatch.'),
      activityStream: text('State of the database activity stream.'),
    })
    .optional()
    .describe('Monitoring and logs.'),
  cluster: text('DB cluster that this instance is a member of.').meta({ selectable: true, ...wide('Cluster') }),
  promotionTier: whole('Order in which Aurora replicas are promoted.'),
  replication: z
    .object({
      source: text('DB instance that this one replicates.'),
      sourceCluster: text('DB cluster that this one replicates.'),
      replicas: texts('DB instances that replicate this one.'),
      replicaClusters: texts('DB clusters that replicate this one.'),
      mode: text('Mode of an Oracle or Db2 replica.'),
    })
    .optional()
    .describe('Read replicas, seen from either side.'),
  roles: texts('IAM roles associated with the instance.'),
  deletionProtection: flag('AWS refuses to delete it.'),
  tags: z.record(z.string(), z.string()).optional().describe('Tags in AWS.'),
});

/**
 * Engines whose instances DescribeDBInstances also returns although they are other services (RDS API reference,
 * DescribeDBInstances: "This operation can also return information for Amazon Neptune DB instances and Amazon
 * DocumentDB instances").
 */
const otherServices = ['neptune', 'docdb'];
const pageSize = 100;
const idsPerFilter = 100;
const inFlight = 4;

/** Amazon RDS DB instances, Aurora's members among them. */
export const rdsInstance = defineSource({
  kind: 'RDSInstance',
  plural: 'rdsinstances',
  shortNames: ['rdsi'],
  categories: ['external', 'databases'],
  description:
    'An Amazon RDS DB instance as it exists in AWS. Written by skymirror; changes made here change nothing outside.',
  revision: 1,
  provider: aws,
  identity,
  observed,
  permissions: ['rds:DescribeDBInstances'],
  list: listInstances,
  get: getInstances,
  identify(id) {
    const [, region, account, identifier] = /^arn:aws[a-z-]*:rds:([a-z0-9-]+):(\d{12}):db:(.+)$/.exec(id) ?? [];
    if (region === undefined || account === undefined || identifier === undefined) return undefined;
    return { arn: id, account, region, identifier };
  },
  idOf: ({ arn }) => arn,
  readable: ({ identifier }) => identifier,
  observe(row) {
    const id = row.DBInstanceArn;
    if (otherServices.includes(row.Engine ?? '')) return { id, excluded: `engine ${row.Engine}` };
    return { id, fields: fieldsOf(row) };
  },
  health: ({ state }) => instanceHealth(state),
});

async function* listInstances(session: AwsSession, signal: AbortSignal): AsyncIterable<readonly DBInstance[]> {
  yield* pages(session, {}, signal);
}

/** Many ids at once by a filter; what that does not return is asked for alone: only that is a clear "not found". */
async function getInstances(session: AwsSession, ids: readonly string[], signal: AbortSignal) {
  const rows = new Map<string, DBInstance | Error | undefined>();
  for (let start = 0; start < ids.length && ids.length > 1; start += idsPerFilter) {
    const filter = { Name: 'db-instance-id', Values: ids.slice(start, start + idsPerFilter) };
    for (const row of await found(session, { Filters: [filter] }, signal).catch(noneFound)) {
      if (row.DBInstanceArn !== undefined && ids.includes(row.DBInstanceArn)) rows.set(row.DBInstanceArn, row);
    }
  }
  const missing = ids.filter((id) => !rows.has(id));
  await mapConcurrent(missing, inFlight, async (id) => {
    rows.set(id, await getInstance(session, id, signal));
  });
  return rows;
}

/** `undefined` only where AWS says `DBInstanceNotFound`: the answer of a service that could look. */
async function getInstance(session: AwsSession, id: string, signal: AbortSignal) {
  try {
    const [row] = await found(session, { DBInstanceIdentifier: id }, signal);
    if (row?.DBInstanceArn === id) return row;
    const answer = row === undefined ? 'an empty list' : (row.DBInstanceArn ?? 'a row without an ARN');
    return new UnseenError('BadAnswer', `asked for ${id}, AWS answered with ${answer}`);
  } catch (error) {
    if (error instanceof DBInstanceNotFoundFault) return undefined;
    if (signal.aborted || !(error instanceof Error)) throw error;
    return error;
  }
}

function noneFound(error: unknown): DBInstance[] {
  if (error instanceof DBInstanceNotFoundFault) return [];
  throw error;
}

async function found(session: AwsSession, question: DescribeDBInstancesCommandInput, signal: AbortSignal) {
  return (await Array.fromAsync(pages(session, question, signal))).flat();
}

async function* pages(session: AwsSession, question: DescribeDBInstancesCommandInput, signal: AbortSignal) {
  const client = clientOf(session, 'rds', () => new RDSClient(session.settings));
  const markers = new Set<string>();
  for (let marker = ''; ; ) {
    const input = { ...question, MaxRecords: pageSize, ...(marker === '' ? {} : { Marker: marker }) };
    session.calls += 1;
    const page = await client.send(new DescribeDBInstancesCommand(input), { abortSignal: signal });
    if (page.DBInstances === undefined)
      throw new UnseenError('BadAnswer', 'DescribeDBInstances answered without a list');
    yield page.DBInstances;
    marker = page.Marker ?? '';
    if (marker === '') return;
    if (markers.has(marker)) throw new UnseenError('BadAnswer', 'DescribeDBInstances gave the same Marker twice');
    markers.add(marker);
  }
}

function fieldsOf(row: DBInstance) {
  return {
    engine: row.Engine,
    engineVersion: row.EngineVersion,
    class: row.DBInstanceClass,
    state: row.DBInstanceStatus,
    resourceId: row.DbiResourceId,
    endpoint: { address: row.Endpoint?.Address, port: row.Endpoint?.Port, hostedZoneId: row.Endpoint?.HostedZoneId },
    listenerEndpoint: { address: row.ListenerEndpoint?.Address, port: row.ListenerEndpoint?.Port },
    databaseName: row.DBName,
    masterUsername: row.MasterUsername,
    masterUserSecret: {
      arn: row.MasterUserSecret?.SecretArn,
      state: row.MasterUserSecret?.SecretStatus,
      kmsKeyId: row.MasterUserSecret?.KmsKeyId,
    },
    createdAt: row.InstanceCreateTime,
    licenseModel: row.LicenseModel,
    lifecycleSupport: row.EngineLifecycleSupport,
    multiAz: row.MultiAZ,
    availabilityZone: row.AvailabilityZone,
    secondaryAvailabilityZone: row.SecondaryAvailabilityZone,
    storage: {
      type: row.StorageType,
      allocatedGiB: row.AllocatedStorage,
      maxAllocatedGiB: row.MaxAllocatedStorage,
      iops: row.Iops,
      throughputMiBps: row.StorageThroughput,
      dedicatedLogVolume: row.DedicatedLogVolume,
      upgradeAvailable: row.IsStorageConfigUpgradeAvailable,
    },
    encryption: { encrypted: row.StorageEncrypted, kmsKeyId: row.KmsKeyId },
    network: {
      public: row.PubliclyAccessible,
      type: row.NetworkType,
      vpcId: row.DBSubnetGroup?.VpcId,
      subnetGroup: row.DBSubnetGroup?.DBSubnetGroupName,
      subnets: sorted(row.DBSubnetGroup?.Subnets?.map((subnet) => subnet.SubnetIdentifier)),
      securityGroups: sorted(row.VpcSecurityGroups?.map((group) => group.VpcSecurityGroupId)),
    },
    authentication: {
      iam: row.IAMDatabaseAuthenticationEnabled,
      domains: sorted(row.DomainMemberships?.map((domain) => domain.FQDN ?? domain.Domain)),
    },
    certificate: {
      authority: row.CertificateDetails?.CAIdentifier ?? row.CACertificateIdentifier,
      expiresAt: row.CertificateDetails?.ValidTill,
    },
    backup: {
      retentionDays: row.BackupRetentionPeriod,
      window: row.PreferredBackupWindow,
      target: row.BackupTarget,
      copyTags: row.CopyTagsToSnapshot,
    },
    maintenance: { window: row.PreferredMaintenanceWindow, autoMinorUpgrade: row.AutoMinorVersionUpgrade },
    pending: pendingOf(row),
    parameterGroups: record(row.DBParameterGroups, (group) => [group.DBParameterGroupName, group.ParameterApplyStatus]),
    optionGroups: record(row.OptionGroupMemberships, (group) => [group.OptionGroupName, group.Status]),
    monitoring: {
      intervalSeconds: row.MonitoringInterval,
      performanceInsights: row.PerformanceInsightsEnabled,
      insightsMode: row.DatabaseInsightsMode,
      logExports: sorted(row.EnabledCloudwatchLogsExports),
      activityStream: row.ActivityStreamStatus,
    },
    cluster: row.DBClusterIdentifier,
    promotionTier: row.PromotionTier,
    replication: {
      source: row.ReadReplicaSourceDBInstanceIdentifier,
      sourceCluster: row.ReadReplicaSourceDBClusterIdentifier,
      replicas: sorted(row.ReadReplicaDBInstanceIdentifiers),
      replicaClusters: sorted(row.ReadReplicaDBClusterIdentifiers),
      mode: row.ReplicaMode,
    },
    roles: sorted(row.AssociatedRoles?.map((role) => role.RoleArn)),
    deletionProtection: row.DeletionProtection,
    tags: record(row.TagList, (tag) => [tag.Key, tag.Value]),
  };
}

/** What waits to be applied, as text; a pending password is named, its value never read. */
function pendingOf(row: DBInstance): Record<string, unknown> {
  const { MasterUserPassword: password, ...values } = row.PendingModifiedValues ?? {};
  const entries = Object.entries(values).map(([key, value]) => [fieldName(key), pendingText(value)]);
  return { ...Object.fromEntries(entries), ...(password === undefined ? {} : { masterUserPassword: 'changes' }) };
}

/** Dates and what is absent are left to the check of the row. */
function pendingText(value: unknown): unknown {
  if (value === undefined || value instanceof Date) return value;
  return typeof value === 'object' ? JSON.stringify(value, ordered) : String(value);
}

/** For JSON.stringify: lists in a fixed order, whatever they hold. */
function ordered(_key: string, value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value
    .map((item) => [JSON.stringify(item, ordered), item] as const)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, item]) => item);
}

/** `DBInstanceClass` as `dbInstanceClass`, `Iops` as `iops`. */
function fieldName(name: string): string {
  return name.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]+/, (capitals) => capitals.toLowerCase());
}
