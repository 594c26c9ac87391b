import type { Row } from './proxy-full-row.ts';

/**
 * As `fullInstance`, of the SDK's DBCluster type: an Aurora cluster, a Multi-AZ DB cluster and a Serverless v1 cluster
 * all at once. `<Status>` comes before those of its lists, so that `setStatus` finds it.
 */
export function fullCluster(identifier: string, account: string, region: string): Row {
  const arn = (service: string, rest: string) => `arn:aws:${service}:${region}:${account}:${rest}`;
  const key = arn('kms', 'key/5c0b7e0a-6f0e-4b0e-9f0c-1d2e3f405162');
  const role = (name: string) => `arn:aws:iam::${account}:role/${name}`;
  const host = (part: string) => `full.${part}-c9akciq32rgk.${region}.rds.amazonaws.com`;
  return {
    DBClusterIdentifier: identifier,
    DBClusterArn: arn('rds', `cluster:${identifier}`),
    Engine: 'mysql',
    EngineVersion: '8.0.40',
    EngineMode: 'provisioned',
    Status: 'available',
    PercentProgress: '42',
    AllocatedStorage: 400,
    AvailabilityZones: { AvailabilityZone: [`${region}a`, `${region}b`, `${region}c`] },
    BackupRetentionPeriod: 14,
    CharacterSetName: 'utf8mb4',
    DatabaseName: 'orders',
    DBClusterParameterGroup: 'default.mysql8.0',
    DBSubnetGroup: 'databases',
    EarliestRestorableTime: '2026-11-08T11:55:00Z',
    LatestRestorableTime: '2026-11-22T11:55:00Z',
    Endpoint: host('cluster'),
    ReaderEndpoint: host('cluster-ro'),
    CustomEndpoints: { member: [host('cluster-custom-analytics'), host('cluster-custom-reports')] },
    MultiAZ: true,
    Port: 3306,
    MasterUsername: 'administrator',
    DBClusterOptionGroupMemberships: {
      DBClusterOptionGroup: [
        { DBClusterOptionGroupName: 'default:mysql-8-0', Status: 'in-sync' },
        { DBClusterOptionGroupName: 'audit', Status: 'pending-apply' },
      ],
    },
    PreferredBackupWindow: '03:00-03:30',
    PreferredMaintenanceWindow: 'sun:04:00-sun:04:30',
    UpgradeRolloutOrder: 'second',
    ReplicationSourceIdentifier: arn('rds', 'cluster:full-source'),
    ReadReplicaIdentifiers: {
      ReadReplicaIdentifier: [arn('rds', 'cluster:full-replica-1'), arn('rds', 'cluster:full-replica-2')],
    },
    StatusInfos: {
      DBClusterStatusInfo: { StatusType: 'reserved', Normal: true, Status: 'reserved', Message: 'reserved' },
    },
    DBClusterMembers: {
      DBClusterMember: [
        member('full-2', { writer: true, tier: 1 }),
        member('full-1', { writer: false, tier: 0 }),
        member('full-3', { writer: false, tier: 2 }),
      ],
    },
    VpcSecurityGroups: {
      VpcSecurityGroupMembership: [
        { VpcSecurityGroupId: 'sg-0f9e8d7c6b5a40312', Status: 'adding' },
        { VpcSecurityGroupId: 'sg-0a1b2c3d4e5f60718', Status: 'active' },
      ],
    },
    HostedZoneId: 'Z2R2ITUGPM61AM',
    StorageEncrypted: true,
    StorageEncryptionType: 'sse-kms',
    KmsKeyId: key,
    DbClusterResourceId: 'cluster-FULLROWQ3ZK7N5H2M4T6W8Y0A1',
    AssociatedRoles: {
      DBClusterRole: [
        { RoleArn: role('rds-s3-import'), FeatureName: 's3Import', Status: 'ACTIVE' },
        { RoleArn: role('rds-lambda'), FeatureName: 'Lambda', Status: 'PENDING' },
      ],
    },
    IAMDatabaseAuthenticationEnabled: true,
    CloneGroupId: '1eb3b5e7-9eb0-435a-a80b-108b488b0d45',
    ClusterCreateTime: '2024-05-17T08:15:30.123Z',
    EarliestBacktrackTime: '2026-11-21T12:00:00Z',
    BacktrackWindow: 86400,
    BacktrackConsumedChangeRecords: 123456,
    EnabledCloudwatchLogsExports: { member: ['slowquery', 'audit'] },
    Capacity: 4,
    PendingModifiedValues: {
      PendingCloudwatchLogsExports: { LogTypesToEnable: { member: 'error' }, LogTypesToDisable: { member: 'audit' } },
      DBClusterIdentifier: 'full-renamed',
      MasterUserPassword: '****',
      IAMDatabaseAuthenticationEnabled: false,
      EngineVersion: '8.0.41',
      BackupRetentionPeriod: 21,
      StorageType: 'io2',
      AllocatedStorage: 600,
      RdsCustomClusterConfiguration: customConfiguration,
      Iops: 16000,
      CertificateDetails: { CAIdentifier: 'rds-ca-rsa4096-g1', ValidTill: '2121-05-18T00:00:00Z' },
    },
    ScalingConfigurationInfo: {
      MinCapacity: 2,
      MaxCapacity: 16,
      AutoPause: true,
      SecondsUntilAutoPause: 600,
      TimeoutAction: 'RollbackCapacityChange',
      SecondsBeforeTimeout: 300,
    },
    RdsCustomClusterConfiguration: customConfiguration,
    DBClusterInstanceClass: 'db.r6gd.large',
    StorageType: 'io1',
    Iops: 12000,
    StorageThroughput: 500,
    IOOptimizedNextAllowedModificationTime: '2026-12-01T12:00:00Z',
    PubliclyAccessible: false,
    AutoMinorVersionUpgrade: true,
    DeletionProtection: true,
    HttpEndpointEnabled: true,
    ActivityStreamMode: 'async',
    ActivityStreamStatus: 'started',
    ActivityStreamKmsKeyId: key,
    ActivityStreamKinesisStreamName: 'aws-rds-das-cluster-FULLROWQ3ZK7N5H2M4T6W8Y0A1',
    CopyTagsToSnapshot: true,
    CrossAccountClone: true,
    DomainMemberships: {
      DomainMembership: [
        { Domain: 'd-9067012345', Status: 'joined', FQDN: 'corp.example.com', IAMRoleName: 'rds-directory-service' },
        { Domain: 'd-9067054321', Status: 'joining', FQDN: 'branch.example.com', IAMRoleName: 'rds-directory-service' },
      ],
    },
    TagList: {
      Tag: [
        { Key: 'team', Value: 'finance' },
        { Key: 'owner email', Value: 'a b@example.com' },
      ],
    },
    GlobalClusterIdentifier: 'orders-global',
    GlobalWriteForwardingStatus: 'enabled',
    GlobalWriteForwardingRequested: true,
    NetworkType: 'DUAL',
    AutomaticRestartTime: '2026-11-29T12:00:00Z',
    ServerlessV2ScalingConfiguration: { MinCapacity: 0.5, MaxCapacity: 64, SecondsUntilAutoPause: 300 },
    ServerlessV2PlatformVersion: '3',
    MonitoringInterval: 60,
    MonitoringRoleArn: role('rds-monitoring-role'),
    DatabaseInsightsMode: 'advanced',
    PerformanceInsightsEnabled: true,
    PerformanceInsightsKMSKeyId: key,
    PerformanceInsightsRetentionPeriod: 465,
    DBSystemId: 'reserved',
    MasterUserSecret: {
      SecretArn: arn('secretsmanager', 'secret:rds!cluster-1a2b3c4d-a1b2c3'),
      SecretStatus: 'active',
      KmsKeyId: key,
    },
    LocalWriteForwardingStatus: 'enabled',
    AwsBackupRecoveryPointArn: arn('backup', 'recovery-point:1eb3b5e7-9eb0-435a-a80b-108b488b0d45'),
    LimitlessDatabase: { Status: 'enabled', MinRequiredACU: 96 },
    ClusterScalabilityType: 'standard',
    CertificateDetails: { CAIdentifier: 'rds-ca-rsa2048-g1', ValidTill: '2061-05-18T00:00:00Z' },
    EngineLifecycleSupport: 'open-source-rds-extended-support',
    VPCNetworkingEnabled: true,
    InternetAccessGatewayEnabled: false,
  };
}

const customConfiguration = {
  InterconnectSubnetId: 'subnet-0123456789abcdef0',
  TransitGatewayMulticastDomainId: 'tgw-mcast-domain-0123456789abcdef0',
  ReplicaMode: 'open-read-only',
};

function member(identifier: string, { writer, tier }: { writer: boolean; tier: number }): Row {
  return {
    DBInstanceIdentifier: identifier,
    IsClusterWriter: writer,
    DBClusterParameterGroupStatus: 'in-sync',
    PromotionTier: tier,
  };
}
