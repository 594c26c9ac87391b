import { type DBInstance, DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import * as z from 'zod';
import { defineSource } from '../../define-source.ts';
import type { Change } from '../../source.ts';
import { apiCalls, configItems, instanceArns, resourcesNamed, serviceEvents } from './events.ts';
import { flag, record, sorted, text, texts, time, whole, wide } from './fields.ts';
import { aws } from './provider.ts';
import { type Description, getRows, listRows } from './rds.ts';
import { arnIdentity, changed, changesOf, identifyArn, otherService, shared, sharedFields } from './rds-fields.ts';
import { healthOf, instanceStatuses } from './rds-health.ts';

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
  masterUserSecret: shared.masterUserSecret,
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
  certificate: shared.certificate,
  backup: z
    .object({
      retentionDays: whole('Days for which automated backups are kept; 0: none are made.'),
      window: text('Daily window, UTC.'),
      target: text('Where backups are kept.'),
      copyTags: flag('Snapshots get the tags of the instance.'),
    })
    .optional()
    .describe('Automated backups.'),
  maintenance: shared.maintenance,
  pending: shared.pending,
  parameterGroups: z.record(z.string(), z.string()).optional().describe('DB parameter groups and their state.'),
  optionGroups: z.record(z.string(), z.string()).optional().describe('Option groups and their state.'),
  monitoring: shared.monitoring,
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
  tags: shared.tags,
});

const instances: Description<DBInstance> = {
  action: 'DescribeDBInstances',
  filter: 'db-instance-id',
  async page(client, { arn, ...question }, signal) {
    const command = new DescribeDBInstancesCommand({ ...question, DBInstanceIdentifier: arn });
    const { DBInstances: rows, Marker: marker } = await client.send(command, { abortSignal: signal });
    return { rows, marker };
  },
  arnOf: (row) => row.DBInstanceArn,
};

/** The calls that change what is shown, and how they name instances (RDS API reference). A rename names two. */
const calls = `
  AddRoleToDBInstance AddTagsToResource ApplyPendingMaintenanceAction CreateDBInstance CreateDBInstanceReadReplica
  DeleteDBInstance ModifyActivityStream ModifyDBInstance PromoteReadReplica RebootDBInstance
  RemoveRoleFromDBInstance RemoveTagsFromResource RestoreDBInstanceFromDBSnapshot RestoreDBInstanceFromS3
  RestoreDBInstanceToPointInTime StartActivityStream StartDBInstance StopActivityStream StopDBInstance SwitchoverReadReplica`;
const parameters = `
  dBInstanceIdentifier newDBInstanceIdentifier sourceDBInstanceIdentifier targetDBInstanceIdentifier resourceName
  resourceIdentifier resourceArn`;

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
  identity: arnIdentity('DB instance'),
  observed,
  permissions: ['rds:DescribeDBInstances'],
  list: (session, signal) => listRows(session, instances, signal),
  get: (session, ids, signal) => getRows(session, instances, ids, signal),
  identify: (id) => identifyArn('db', id),
  idOf: ({ arn }) => arn,
  readable: ({ identifier }) => identifier,
  observe(row) {
    const id = row.DBInstanceArn;
    const excluded = otherService(row);
    return excluded === undefined ? { id, fields: fieldsOf(row) } : { id, excluded };
  },
  health: ({ state }) => healthOf(instanceStatuses, state),
  changes: (before, after) => changesOf(before, after, failoverOf(before, after)),
  events: [
    serviceEvents(instanceArns, 'RDS DB Instance Event'),
    apiCalls(instanceArns, calls, resourcesNamed(instanceArns, parameters)),
    ...configItems(instanceArns, 'AWS::RDS::DBInstance'),
  ],
});

function fieldsOf(row: DBInstance) {
  return {
    ...sharedFields(row),
    class: row.DBInstanceClass,
    state: row.DBInstanceStatus,
    resourceId: row.DbiResourceId,
    endpoint: { address: row.Endpoint?.Address, port: row.Endpoint?.Port, hostedZoneId: row.Endpoint?.HostedZoneId },
    listenerEndpoint: { address: row.ListenerEndpoint?.Address, port: row.ListenerEndpoint?.Port },
    databaseName: row.DBName,
    createdAt: row.InstanceCreateTime,
    licenseModel: row.LicenseModel,
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
    parameterGroups: record(row.DBParameterGroups, (group) => [group.DBParameterGroupName, group.ParameterApplyStatus]),
    optionGroups: record(row.OptionGroupMemberships, (group) => [group.OptionGroupName, group.Status]),
    cluster: row.DBClusterIdentifier,
    promotionTier: row.PromotionTier,
    replication: {
      source: row.ReadReplicaSourceDBInstanceIdentifier,
      sourceCluster: row.ReadReplicaSourceDBClusterIdentifier,
      replicas: sorted(row.ReadReplicaDBInstanceIdentifiers),
      replicaClusters: sorted(row.ReadReplicaDBClusterIdentifiers),
      mode: row.ReplicaMode,
    },
  };
}

/** Only the zone of the standby takes over; any other new zone has another cause. */
function failoverOf(before: Fields, after: Fields): Change | undefined {
  if (after.availabilityZone !== before.secondaryAvailabilityZone) return undefined;
  return changed('Failover', before.availabilityZone, after.availabilityZone);
}

type Fields = z.output<typeof observed>;
