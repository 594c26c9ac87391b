import { type DBCluster, DescribeDBClustersCommand } from '@aws-sdk/client-rds';
import * as z from 'zod';
import { defineSource } from '../../define-source.ts';
import { apiCalls, clusterArns, configItems, resourcesNamed, serviceEvents } from './events.ts';
import { flag, record, sorted, text, texts, time, whole, wide } from './fields.ts';
import { aws } from './provider.ts';
import { type Description, getRows, listRows } from './rds.ts';
import { arnIdentity, changed, changesOf, identifyArn, otherService, shared, sharedFields } from './rds-fields.ts';
import { clusterHealth } from './rds-health.ts';

const observed = z.object({
  engine: z
    .string()
    .describe('Database engine, for example aurora-postgresql.')
    .meta({ column: 'Engine', selectable: true }),
  engineVersion: text('Version of the engine.').meta({ column: 'Version', selectable: true }),
  engineMode: text('provisioned, or serverless for Aurora Serverless v1.'),
  scalability: text('standard, or limitless for Aurora Limitless Database.'),
  class: text('Instance class of all instances of a Multi-AZ DB cluster.').meta(wide('Class')),
  state: z.string().describe('DB cluster status as AWS gives it.').meta({ column: 'State', selectable: true }),
  resourceId: text('DbClusterResourceId: unlike the ARN it is never used again.'),
  writer: text('DB instance that takes writes; absent in a secondary cluster of a global database.').meta({
    column: 'Writer',
  }),
  members: z
    .array(
      z.object({
        identifier: text('DB instance identifier.'),
        writer: flag('It takes writes.'),
        parameterGroupStatus: text('Whether the cluster parameter group is in effect.'),
        promotionTier: whole('Order in which Aurora replicas are promoted.'),
      }),
    )
    .optional()
    .describe('DB instances of the cluster; they are of kind RDSInstance.'),
  endpoint: z
    .object({
      address: text('DNS name of the writer.').meta({ column: 'Endpoint' }),
      port: whole('Port to connect to.').meta(wide('Port')),
      hostedZoneId: text('Route 53 hosted zone of the name.'),
    })
    .optional()
    .describe('Where clients connect to write.'),
  readerEndpoint: text('DNS name that spreads connections over the readers.').meta(wide('Reader')),
  customEndpoints: texts('DNS names of custom endpoints.'),
  databaseName: text('Database created with the cluster.'),
  masterUsername: text('Name of the master user.'),
  masterUserSecret: shared.masterUserSecret,
  createdAt: time('When the cluster was created.'),
  restartsAt: time('When AWS starts the stopped cluster again.'),
  lifecycleSupport: text('Whether RDS Extended Support is on.'),
  multiAz: flag('Its instances are in more than one availability zone.').meta(wide('Multi-AZ')),
  availabilityZones: texts('Availability zones in which instances can be created.'),
  storage: z
    .object({
      type: text('Storage type, for example aurora-iopt1.'),
      allocatedGiB: whole(
        'Allocated storage in GiB of a Multi-AZ DB cluster; that of Aurora grows and shrinks by itself.',
      ),
      iops: whole('Provisioned I/O operations per second of a Multi-AZ DB cluster.'),
      throughputMiBps: whole('Throughput in MiB/s of a Multi-AZ DB cluster.'),
      ioOptimizedAllowedAt: time('From when on Aurora may be changed to I/O-Optimized again.'),
    })
    .optional()
    .describe('Storage.'),
  encryption: z
    .object({
      encrypted: flag('Storage is encrypted, other than with a key that AWS owns (sse-rds).'),
      type: text('none, sse-rds or sse-kms.'),
      kmsKeyId: text('KMS key of the storage.'),
    })
    .optional()
    .describe('Encryption at rest.'),
  network: z
    .object({
      public: flag('The endpoint of a Multi-AZ DB cluster resolves to a public address.'),
      type: text('IPV4 or DUAL.'),
      subnetGroup: text('DB subnet group.'),
      securityGroups: texts('VPC security groups.'),
      vpc: flag('The cluster is in a VPC; those of the express configuration need not be.'),
      internetAccessGateway: flag('Reached from the internet by an access gateway.'),
    })
    .optional()
    .describe('Network.'),
  authentication: z
    .object({
      iam: flag('IAM database authentication is on.'),
      httpEndpoint: flag('SQL can be run over the RDS Data API.'),
      domains: texts('Active Directory domains joined.'),
    })
    .optional()
    .describe('How clients may authenticate.'),
  certificate: shared.certificate,
  backup: z
    .object({
      retentionDays: whole('Days for which automated backups are kept.'),
      window: text('Daily window, UTC.'),
      copyTags: flag('Snapshots get the tags of the cluster.'),
      backtrackSeconds: whole('Seconds by which Aurora MySQL can be turned back; 0: it cannot.'),
    })
    .optional()
    .describe('Automated backups.'),
  maintenance: shared.maintenance,
  pending: shared.pending,
  parameterGroup: text('DB cluster parameter group.'),
  optionGroups: z.record(z.string(), z.string()).optional().describe('Option groups and their state.'),
  monitoring: shared.monitoring,
  serverless: z
    .object({
      minCapacity: z.number().optional().describe('Least capacity in Aurora capacity units.'),
      maxCapacity: z.number().optional().describe('Most capacity in Aurora capacity units.'),
      secondsUntilAutoPause: whole('Idle seconds after which it pauses.'),
      platformVersion: text('Version of the Aurora Serverless v2 platform.'),
    })
    .optional()
    .describe('Limits of Aurora Serverless; the capacity of the moment is not mirrored.'),
  limitless: z
    .object({
      state: text('Its status.'),
      minCapacity: z.number().optional().describe('Least capacity that it needs.'),
    })
    .optional()
    .describe('Aurora Limitless Database.'),
  globalCluster: text('Global database that the cluster is a part of.').meta({ selectable: true, ...wide('Global') }),
  writeForwarding: z
    .object({
      global: text('State of write forwarding from a secondary cluster of a global database.'),
      local: text('State of write forwarding from the readers of the cluster.'),
    })
    .optional()
    .describe('Whether readers take writes and pass them on.'),
  replication: z
    .object({
      source: text('DB cluster or DB instance that this one replicates.'),
      replicas: texts('DB clusters that replicate this one.'),
    })
    .optional()
    .describe('Read replicas, seen from either side.'),
  clone: z
    .object({
      group: text('Clusters with the same group share storage.'),
      crossAccount: flag('It is a clone of a cluster of another account.'),
    })
    .optional()
    .describe('Clones.'),
  roles: texts('IAM roles associated with the cluster.'),
  deletionProtection: flag('AWS refuses to delete it.'),
  tags: shared.tags,
});

const clusters: Description<DBCluster> = {
  action: 'DescribeDBClusters',
  filter: 'db-cluster-id',
  async page(client, { arn, ...question }, signal) {
    const command = new DescribeDBClustersCommand({ ...question, DBClusterIdentifier: arn });
    const { DBClusters: rows, Marker: marker } = await client.send(command, { abortSignal: signal });
    return { rows, marker };
  },
  arnOf: (row) => row.DBClusterArn,
};

/** As of RDSInstance. Calls that make or delete a member name its cluster, in the request or in the response. */
const calls = `
  AddRoleToDBCluster AddTagsToResource ApplyPendingMaintenanceAction CreateDBCluster CreateDBClusterEndpoint
  CreateDBInstance DeleteDBCluster DeleteDBClusterEndpoint DeleteDBInstance DisableHttpEndpoint EnableHttpEndpoint
  FailoverDBCluster ModifyActivityStream ModifyCurrentDBClusterCapacity ModifyDBCluster ModifyDBInstance
  PromoteReadReplicaDBCluster RebootDBCluster RemoveFromGlobalCluster RemoveRoleFromDBCluster
  RemoveTagsFromResource RestoreDBClusterFromS3 RestoreDBClusterFromSnapshot RestoreDBClusterToPointInTime
  StartActivityStream StartDBCluster StopActivityStream StopDBCluster`;
const parameters = `
  dBClusterIdentifier dbClusterIdentifier newDBClusterIdentifier replicationSourceIdentifier resourceName
  resourceIdentifier resourceArn`;

/** Amazon Aurora DB clusters and Multi-AZ DB clusters of Amazon RDS. */
export const rdsCluster = defineSource({
  kind: 'RDSCluster',
  plural: 'rdsclusters',
  shortNames: ['rdsc'],
  categories: ['external', 'databases'],
  description:
    'An Amazon Aurora or Multi-AZ DB cluster as it exists in AWS. Written by skymirror; changes made here change nothing outside.',
  revision: 1,
  provider: aws,
  identity: arnIdentity('DB cluster'),
  observed,
  permissions: ['rds:DescribeDBClusters'],
  list: (session, signal) => listRows(session, clusters, signal),
  get: (session, ids, signal) => getRows(session, clusters, ids, signal),
  identify: (id) => identifyArn('cluster', id),
  idOf: ({ arn }) => arn,
  readable: ({ identifier }) => identifier,
  observe(row) {
    const id = row.DBClusterArn;
    const excluded = otherService(row);
    return excluded === undefined ? { id, fields: fieldsOf(row) } : { id, excluded };
  },
  health: (fields) => clusterHealth(fields.state, hasInstances(fields)),
  changes: (before, after) => changesOf(before, after, changed('Failover', before.writer, after.writer)),
  events: [
    serviceEvents(clusterArns, 'RDS DB Cluster Event'),
    apiCalls(clusterArns, calls, resourcesNamed(clusterArns, parameters)),
    ...configItems(clusterArns, 'AWS::RDS::DBCluster'),
  ],
});

/** Aurora Serverless v1 and Limitless run on instances that AWS does not show as members. */
function hasInstances({ members, engineMode, scalability }: z.output<typeof observed>): boolean {
  return members !== undefined || engineMode === 'serverless' || scalability === 'limitless';
}

/**
 * Not read: what moves by itself (PercentProgress, EarliestRestorableTime, LatestRestorableTime, EarliestBacktrackTime,
 * BacktrackConsumedChangeRecords, Capacity), what AWS reserves, and details that no other field depends on. The test
 * names them all.
 */
function fieldsOf(row: DBCluster) {
  const serverless = row.ServerlessV2ScalingConfiguration ?? row.ScalingConfigurationInfo;
  return {
    ...sharedFields(row),
    engineMode: row.EngineMode,
    scalability: row.ClusterScalabilityType,
    class: row.DBClusterInstanceClass,
    state: row.Status,
    resourceId: row.DbClusterResourceId,
    writer: row.DBClusterMembers?.find((member) => member.IsClusterWriter)?.DBInstanceIdentifier,
    members: membersOf(row),
    endpoint: { address: row.Endpoint, port: row.Port, hostedZoneId: row.HostedZoneId },
    readerEndpoint: row.ReaderEndpoint,
    customEndpoints: sorted(row.CustomEndpoints),
    databaseName: row.DatabaseName,
    createdAt: row.ClusterCreateTime,
    restartsAt: row.AutomaticRestartTime,
    availabilityZones: sorted(row.AvailabilityZones),
    storage: {
      type: row.StorageType,
      // "For Aurora, AllocatedStorage can vary because Aurora DB cluster storage size adjusts as needed" (API reference).
      allocatedGiB: row.Engine?.startsWith('aurora') ? undefined : row.AllocatedStorage,
      iops: row.Iops,
      throughputMiBps: row.StorageThroughput,
      ioOptimizedAllowedAt: row.IOOptimizedNextAllowedModificationTime,
    },
    encryption: { encrypted: row.StorageEncrypted, type: row.StorageEncryptionType, kmsKeyId: row.KmsKeyId },
    network: {
      public: row.PubliclyAccessible,
      type: row.NetworkType,
      subnetGroup: row.DBSubnetGroup,
      securityGroups: sorted(row.VpcSecurityGroups?.map((group) => group.VpcSecurityGroupId)),
      vpc: row.VPCNetworkingEnabled,
      internetAccessGateway: row.InternetAccessGatewayEnabled,
    },
    authentication: {
      iam: row.IAMDatabaseAuthenticationEnabled,
      httpEndpoint: row.HttpEndpointEnabled,
      domains: sorted(row.DomainMemberships?.map((domain) => domain.FQDN ?? domain.Domain)),
    },
    certificate: { authority: row.CertificateDetails?.CAIdentifier, expiresAt: row.CertificateDetails?.ValidTill },
    backup: {
      retentionDays: row.BackupRetentionPeriod,
      window: row.PreferredBackupWindow,
      copyTags: row.CopyTagsToSnapshot,
      backtrackSeconds: row.BacktrackWindow,
    },
    parameterGroup: row.DBClusterParameterGroup,
    optionGroups: record(row.DBClusterOptionGroupMemberships, (group) => [
      group.DBClusterOptionGroupName,
      group.Status,
    ]),
    serverless: {
      minCapacity: serverless?.MinCapacity,
      maxCapacity: serverless?.MaxCapacity,
      secondsUntilAutoPause: serverless?.SecondsUntilAutoPause,
      platformVersion: row.ServerlessV2PlatformVersion,
    },
    limitless: { state: row.LimitlessDatabase?.Status, minCapacity: row.LimitlessDatabase?.MinRequiredACU },
    globalCluster: row.GlobalClusterIdentifier,
    writeForwarding: { global: row.GlobalWriteForwardingStatus, local: row.LocalWriteForwardingStatus },
    replication: { source: row.ReplicationSourceIdentifier, replicas: sorted(row.ReadReplicaIdentifiers) },
    clone: { group: row.CloneGroupId, crossAccount: row.CrossAccountClone },
  };
}

/** In the order of their names: AWS gives none, and a failover must not look like a change of all. */
function membersOf({ DBClusterMembers: members = [] }: DBCluster) {
  return members
    .map((member) => ({
      identifier: member.DBInstanceIdentifier,
      writer: member.IsClusterWriter,
      parameterGroupStatus: member.DBClusterParameterGroupStatus,
      promotionTier: member.PromotionTier,
    }))
    .toSorted((one, other) => (String(one.identifier) < String(other.identifier) ? -1 : 1));
}
