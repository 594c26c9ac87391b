/** What an element holds: its text, its elements by name, or a list of elements of the same name. */
export type Xml = string | number | boolean | Xml[] | { readonly [name: string]: Xml };

/** The elements of one row. */
export type Row = { readonly [name: string]: Xml };

/** A `<DBInstance>` with every element of the SDK's DBInstance type, as XML. */
export function fullRow(identifier: string, account: string, region: string): string {
  return writeRow({ DBInstance: fullInstance(identifier, account, region) });
}

/** Elements as XML. */
export function writeRow(xml: Row): string {
  return write(xml);
}

/**
 * A DB instance with every element of the SDK's DBInstance type, which no instance on AWS has all at once. Lists of
 * structures name their entries as RDS does (`DBSecurityGroup`), plain lists `member`.
 */
export function fullInstance(identifier: string, account: string, region: string): Row {
  const arn = (service: string, rest: string) => `arn:aws:${service}:${region}:${account}:${rest}`;
  const key = arn('kms', 'key/5c0b7e0a-6f0e-4b0e-9f0c-1d2e3f405162');
  const role = (name: string) => `arn:aws:iam::${account}:role/${name}`;
  const volume = {
    VolumeName: 'rdsdbdata2',
    AllocatedStorage: 500,
    IOPS: 6000,
    MaxAllocatedStorage: 1000,
    StorageThroughput: 250,
    StorageType: 'gp3',
  };
  const endpoint = {
    Address: `${identifier}.c9akciq32rgk.${region}.rds.amazonaws.com`,
    HostedZoneId: 'Z2R2ITUGPM61AM',
  };
  return {
    DBInstanceIdentifier: identifier,
    DBInstanceClass: 'db.r6i.2xlarge',
    Engine: 'oracle-ee',
    DBInstanceStatus: 'available',
    MasterUsername: 'administrator',
    DBName: 'ORCL',
    Endpoint: { ...endpoint, Port: 1521 },
    AllocatedStorage: 400,
    InstanceCreateTime: '2024-05-17T08:15:30.123Z',
    PreferredBackupWindow: '03:00-03:30',
    BackupRetentionPeriod: 14,
    DBSecurityGroups: { DBSecurityGroup: { DBSecurityGroupName: 'default', Status: 'active' } },
    VpcSecurityGroups: {
      VpcSecurityGroupMembership: [
        { VpcSecurityGroupId: 'sg-0a1b2c3d4e5f60718', Status: 'active' },
        { VpcSecurityGroupId: 'sg-0f9e8d7c6b5a40312', Status: 'adding' },
      ],
    },
    DBParameterGroups: {
      DBParameterGroup: { DBParameterGroupName: 'default.oracle-ee-19', ParameterApplyStatus: 'pending-reboot' },
    },
    AvailabilityZone: `${region}a`,
    DBSubnetGroup: {
      DBSubnetGroupName: 'databases',
      DBSubnetGroupDescription: 'private subnets of the databases',
      VpcId: 'vpc-0123456789abcdef0',
      SubnetGroupStatus: 'Complete',
      Subnets: {
        Subnet: ['a', 'b'].map((zone) => ({
          SubnetIdentifier: `subnet-0123456789abcde${zone}0`,
          SubnetAvailabilityZone: { Name: `${region}${zone}` },
          SubnetOutpost: { Arn: arn('outposts', 'outpost/op-0123456789abcdef0') },
          SubnetStatus: 'Active',
        })),
      },
      DBSubnetGroupArn: arn('rds', 'subgrp:databases'),
      SupportedNetworkTypes: { member: ['IPV4', 'DUAL'] },
    },
    PreferredMaintenanceWindow: 'sun:04:00-sun:04:30',
    UpgradeRolloutOrder: 'second',
    PendingModifiedValues: {
      DBInstanceClass: 'db.r6i.4xlarge',
      AllocatedStorage: 600,
      MasterUserPassword: '****',
      Port: 1522,
      BackupRetentionPeriod: 21,
      MultiAZ: true,
      EngineVersion: '19.0.0.0.ru-2026-07.rur-2026-07.r1',
      LicenseModel: 'bring-your-own-license',
      Iops: 16000,
      StorageThroughput: 600,
      DBInstanceIdentifier: `${identifier}-renamed`,
      StorageType: 'io2',
      CACertificateIdentifier: 'rds-ca-rsa4096-g1',
      DBSubnetGroupName: 'databases-new',
      PendingCloudwatchLogsExports: { LogTypesToEnable: { member: 'trace' }, LogTypesToDisable: { member: 'audit' } },
      ProcessorFeatures: { ProcessorFeature: { Name: 'coreCount', Value: '8' } },
      AutomationMode: 'all-paused',
      ResumeFullAutomationModeTime: '2026-12-01T12:00:00Z',
      MultiTenant: true,
      IAMDatabaseAuthenticationEnabled: true,
      DedicatedLogVolume: true,
      Engine: 'oracle-ee-cdb',
      AdditionalStorageVolumes: { member: volume },
      DBCapacityReservationIdentifier: 'reservation-2',
    },
    LatestRestorableTime: '2026-11-22T11:55:00Z',
    MultiAZ: true,
    EngineVersion: '19.0.0.0.ru-2026-04.rur-2026-04.r1',
    AutoMinorVersionUpgrade: true,
    ReadReplicaSourceDBInstanceIdentifier: `${identifier}-source`,
    ReadReplicaDBInstanceIdentifiers: {
      ReadReplicaDBInstanceIdentifier: [`${identifier}-replica-1`, `${identifier}-replica-2`],
    },
    ReadReplicaDBClusterIdentifiers: { ReadReplicaDBClusterIdentifier: `${identifier}-cluster` },
    ReplicaMode: 'mounted',
    LicenseModel: 'bring-your-own-license',
    Iops: 12000,
    StorageThroughput: 500,
    OptionGroupMemberships: { OptionGroupMembership: { OptionGroupName: 'default:oracle-ee-19', Status: 'in-sync' } },
    CharacterSetName: 'AL32UTF8',
    NcharCharacterSetName: 'AL16UTF16',
    SecondaryAvailabilityZone: `${region}b`,
    PubliclyAccessible: false,
    StatusInfos: {
      DBInstanceStatusInfo: { StatusType: 'read replication', Normal: false, Status: 'error', Message: 'Replica lag' },
    },
    StorageType: 'gp3',
    StorageEncryptionType: 'sse-kms',
    TdeCredentialArn: arn('cloudhsm', 'hsm-0123456789abcdef0'),
    DbInstancePort: 1521,
    DBClusterIdentifier: `${identifier}-cluster`,
    StorageEncrypted: true,
    KmsKeyId: key,
    DbiResourceId: 'db-FULLROWQ3ZK7N5H2M4T6W8Y0A1',
    CACertificateIdentifier: 'rds-ca-rsa2048-g1',
    DomainMemberships: {
      DomainMembership: {
        Domain: 'd-9067012345',
        Status: 'joined',
        FQDN: 'corp.example.com',
        IAMRoleName: 'rds-directory-service',
        OU: 'OU=databases,DC=corp,DC=example,DC=com',
        AuthSecretArn: arn('secretsmanager', 'secret:directory-a1b2c3'),
        DnsIps: { member: ['10.0.0.2', '10.0.1.2'] },
      },
    },
    CopyTagsToSnapshot: true,
    MonitoringInterval: 60,
    EnhancedMonitoringResourceArn: arn('logs', 'log-group:RDSOSMetrics:log-stream:db-FULLROWQ3ZK7N5H2M4T6W8Y0A1'),
    MonitoringRoleArn: role('rds-monitoring-role'),
    PromotionTier: 1,
    DBInstanceArn: arn('rds', `db:${identifier}`),
    Timezone: 'Europe/Berlin',
    IAMDatabaseAuthenticationEnabled: true,
    DatabaseInsightsMode: 'advanced',
    PerformanceInsightsEnabled: true,
    PerformanceInsightsKMSKeyId: key,
    PerformanceInsightsRetentionPeriod: 465,
    EnabledCloudwatchLogsExports: { member: ['alert', 'listener'] },
    ProcessorFeatures: {
      ProcessorFeature: [
        { Name: 'coreCount', Value: '4' },
        { Name: 'threadsPerCore', Value: '1' },
      ],
    },
    DeletionProtection: true,
    AssociatedRoles: {
      DBInstanceRole: { RoleArn: role('rds-s3-import'), FeatureName: 'S3_INTEGRATION', Status: 'ACTIVE' },
    },
    ListenerEndpoint: { ...endpoint, Port: 1433 },
    MaxAllocatedStorage: 1000,
    TagList: {
      Tag: [
        { Key: 'team', Value: 'finance' },
        { Key: 'owner email', Value: 'a b@example.com' },
      ],
    },
    AutomationMode: 'full',
    ResumeFullAutomationModeTime: '2026-12-01T12:00:00Z',
    CustomerOwnedIpEnabled: false,
    NetworkType: 'DUAL',
    ActivityStreamStatus: 'started',
    ActivityStreamKmsKeyId: key,
    ActivityStreamKinesisStreamName: 'aws-rds-das-db-FULLROWQ3ZK7N5H2M4T6W8Y0A1',
    ActivityStreamMode: 'async',
    ActivityStreamEngineNativeAuditFieldsIncluded: true,
    AwsBackupRecoveryPointArn: arn('backup', 'recovery-point:1eb3b5e7-9eb0-435a-a80b-108b488b0d45'),
    DBInstanceAutomatedBackupsReplications: {
      DBInstanceAutomatedBackupsReplication: {
        DBInstanceAutomatedBackupsArn: arn('rds', 'auto-backup:ab-4xk3q7n5h2m4'),
      },
    },
    BackupTarget: 'region',
    AutomaticRestartTime: '2026-11-29T12:00:00Z',
    CustomIamInstanceProfile: 'AWSRDSCustomInstanceProfile',
    ActivityStreamPolicyStatus: 'locked',
    CertificateDetails: { CAIdentifier: 'rds-ca-rsa2048-g1', ValidTill: '2061-05-18T00:00:00Z' },
    DBSystemId: 'RDSCDB',
    MasterUserSecret: {
      SecretArn: arn('secretsmanager', 'secret:rds!db-1a2b3c4d-a1b2c3'),
      SecretStatus: 'active',
      KmsKeyId: key,
    },
    ReadReplicaSourceDBClusterIdentifier: `${identifier}-source-cluster`,
    PercentProgress: '42',
    MultiTenant: true,
    DedicatedLogVolume: true,
    IsStorageConfigUpgradeAvailable: true,
    EngineLifecycleSupport: 'open-source-rds-extended-support',
    AdditionalStorageVolumes: {
      member: {
        ...volume,
        StorageVolumeStatus: 'optimizing',
        StorageOperationStatus: 'in-progress',
        StorageOperationPercentProgress: 37,
      },
    },
    StorageVolumeStatus: 'optimizing',
    StorageOperationStatus: 'in-progress',
    StorageOperationPercentProgress: 37,
    DBCapacityReservationIdentifier: 'reservation-1',
  };
}

function write(xml: Xml): string {
  if (typeof xml !== 'object') return String(xml).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  if (Array.isArray(xml)) throw new Error('fullRow: a list needs the name of its entries; wrap it in { Name: [...] }');
  return Object.entries(xml)
    .flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one) => `<${name}>${write(one)}</${name}>`),
    )
    .join('');
}
