import type { DBCluster, DBInstance } from '@aws-sdk/client-rds';
import * as z from 'zod';
import type { Change } from '../../source.ts';
import { flag, place, record, sorted, text, texts, time, whole } from './fields.ts';

/** The `spec` of a kind whose ARN holds its name. */
export function arnIdentity(what: string) {
  return z.object({
    arn: z.string().describe(`Amazon Resource Name: the identity of the ${what}.`).meta({ selectable: true }),
    ...place,
    identifier: z.string().describe(`${what} identifier, unique in its account and region.`),
  });
}

/** What an ARN of RDS says of a resource of that type (`db`, `cluster`); `undefined` for any other text. */
export function identifyArn(type: string, arn: string) {
  const [, region, account, found, identifier] =
    /^arn:aws[a-z-]*:rds:([a-z0-9-]+):(\d{12}):([a-z-]+):([^\s\p{Cc}]+)$/u.exec(arn) ?? [];
  if (region === undefined || account === undefined || identifier === undefined || found !== type) return undefined;
  return { arn, account, region, identifier };
}

/**
 * Why a row is not of RDS, if it is not: "This operation can also return information for Amazon Neptune DB instances
 * and Amazon DocumentDB instances" (RDS API reference, DescribeDBInstances and, word for word, DescribeDBClusters).
 */
export function otherService({ Engine: engine }: Pick<DBInstance, 'Engine'>): string | undefined {
  return engine === 'neptune' || engine === 'docdb' ? `engine ${engine}` : undefined;
}

/** Fields that mean the same of an instance and of a cluster. */
export const shared = {
  masterUserSecret: z
    .object({
      arn: text('ARN of the secret.'),
      state: text('State of the secret.'),
      kmsKeyId: text('Key of the secret.'),
    })
    .optional()
    .describe('Secrets Manager secret that holds the master password; never its value.'),
  certificate: z
    .object({ authority: text('Identifier of the CA.'), expiresAt: time('When the server certificate expires.') })
    .optional()
    .describe('TLS certificate of the server.'),
  maintenance: z
    .object({ window: text('Weekly window, UTC.'), autoMinorUpgrade: flag('Minor versions are upgraded by AWS.') })
    .optional()
    .describe('Maintenance.'),
  pending: z
    .record(z.string(), z.string())
    .optional()
    .describe('Changes that wait for a window or a restart, by what they change.'),
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
  tags: z.record(z.string(), z.string()).optional().describe('Tags in AWS.'),
};

/** The fields that AWS calls the same in both rows. */
export function sharedFields(row: SharedRow) {
  return {
    engine: row.Engine,
    engineVersion: row.EngineVersion,
    masterUsername: row.MasterUsername,
    masterUserSecret: {
      arn: row.MasterUserSecret?.SecretArn,
      state: row.MasterUserSecret?.SecretStatus,
      kmsKeyId: row.MasterUserSecret?.KmsKeyId,
    },
    lifecycleSupport: row.EngineLifecycleSupport,
    multiAz: row.MultiAZ,
    maintenance: { window: row.PreferredMaintenanceWindow, autoMinorUpgrade: row.AutoMinorVersionUpgrade },
    pending: pendingOf(row.PendingModifiedValues),
    monitoring: {
      intervalSeconds: row.MonitoringInterval,
      performanceInsights: row.PerformanceInsightsEnabled,
      insightsMode: row.DatabaseInsightsMode,
      logExports: sorted(row.EnabledCloudwatchLogsExports),
      activityStream: row.ActivityStreamStatus,
    },
    roles: sorted(row.AssociatedRoles?.map((role) => role.RoleArn)),
    deletionProtection: row.DeletionProtection,
    tags: record(row.TagList, (tag) => [tag.Key, tag.Value]),
  };
}

type SharedRow = Pick<
  DBInstance | DBCluster,
  | 'Engine'
  | 'EngineVersion'
  | 'MasterUsername'
  | 'MasterUserSecret'
  | 'EngineLifecycleSupport'
  | 'MultiAZ'
  | 'PreferredMaintenanceWindow'
  | 'AutoMinorVersionUpgrade'
  | 'PendingModifiedValues'
  | 'MonitoringInterval'
  | 'PerformanceInsightsEnabled'
  | 'DatabaseInsightsMode'
  | 'EnabledCloudwatchLogsExports'
  | 'ActivityStreamStatus'
  | 'AssociatedRoles'
  | 'DeletionProtection'
  | 'TagList'
>;

/** What waits to be applied, as text; a pending password is named, its value never read. */
function pendingOf(pending: SharedRow['PendingModifiedValues'] = {}): Record<string, unknown> {
  const { MasterUserPassword: password, ...values } = pending;
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

/** What happened between two looks. A failover is of one resource: with another in its place there was none. */
export function changesOf(before: Looked, after: Looked, failover: Change | undefined): Change[] {
  const replaced = changed('Replaced', before.resourceId, after.resourceId);
  const changes = [replaced ?? failover, changed('StateChanged', before.state, after.state)];
  return changes.filter((change) => change !== undefined);
}

interface Looked {
  readonly state: string;
  readonly resourceId?: string | undefined;
}

/** That something has another value now, if it was known before and is known now. */
export function changed(
  reason: Change['reason'],
  before: string | undefined,
  after: string | undefined,
): Change | undefined {
  if (before === undefined || after === undefined || before === after) return undefined;
  return { reason, message: `${before} -> ${after}` };
}
