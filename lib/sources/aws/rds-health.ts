import { type Judgement, judgement } from '../../conditions.ts';

/** What a status says about whether an application can use the database. */
type Usable = 'yes' | 'no' | 'unknown';

/**
 * Every status of AWS's page "DB instance status" (Amazon RDS User Guide, "Viewing DB instance status"), in its order,
 * and whether an application can use the database meanwhile. `unknown`: the page does not say, or it depends.
 */
export const instanceStatuses: Readonly<Record<string, Usable>> = {
  available: 'yes',
  'backing-up': 'yes',
  backtracking: 'no',
  'configuring-enhanced-monitoring': 'yes',
  'configuring-iam-database-auth': 'yes',
  'configuring-log-exports': 'yes',
  'converting-to-vpc': 'no',
  creating: 'no',
  'delete-precheck': 'yes',
  deleting: 'no',
  failed: 'no',
  'inaccessible-encryption-credentials': 'no',
  'inaccessible-encryption-credentials-recoverable': 'no',
  'incompatible-create': 'no',
  'incompatible-network': 'no',
  'incompatible-option-group': 'unknown',
  'incompatible-parameters': 'no',
  'incompatible-restore': 'no',
  'insufficient-capacity': 'no',
  maintenance: 'unknown',
  modifying: 'yes',
  'moving-to-vpc': 'no',
  rebooting: 'no',
  'resetting-master-credentials': 'yes',
  renaming: 'no',
  'restore-error': 'no',
  starting: 'no',
  stopped: 'no',
  stopping: 'no',
  'storage-config-upgrade': 'yes',
  'storage-full': 'no',
  'storage-initialization': 'yes',
  'storage-optimization': 'yes',
  upgrading: 'no',
  // Only in the Aurora User Guide, "Viewing DB instance status in an Aurora cluster".
  upgrade_failed: 'no',
};

/**
 * As `instanceStatuses`, of the page "Viewing DB cluster status" (Amazon Aurora User Guide). That page says of
 * `available` only that the cluster can be modified; see `clusterHealth`.
 */
export const clusterStatuses: Readonly<Record<string, Usable>> = {
  available: 'yes',
  'backing-up': 'yes',
  backtracking: 'no',
  'cloning-failed': 'no',
  creating: 'no',
  deleting: 'no',
  'failing-over': 'no',
  'inaccessible-encryption-credentials': 'no',
  'inaccessible-encryption-credentials-recoverable': 'no',
  maintenance: 'unknown',
  migrating: 'no',
  'migration-failed': 'no',
  modifying: 'yes',
  promoting: 'unknown',
  'preparing-data-migration': 'unknown',
  renaming: 'no',
  'resetting-master-credentials': 'yes',
  starting: 'no',
  stopped: 'no',
  stopping: 'no',
  'storage-optimization': 'yes',
  'update-iam-db-auth': 'yes',
  upgrading: 'no',
  upgrade_failed: 'no',
  // Only of Multi-AZ DB clusters: RDS API reference, RebootDBCluster ("a momentary outage").
  rebooting: 'no',
};

/**
 * `Ready` of a DB cluster. A cluster whose status is good but that has no instance is only storage, with nothing to
 * connect to: what CreateDBCluster makes, or a "headless" secondary of a global database (Aurora User Guide). Without a
 * writer it can still be read, as every other secondary of a global database: there the status decides.
 */
export function clusterHealth(state: string, hasInstances: boolean): Judgement {
  const health = healthOf(clusterStatuses, state);
  if (hasInstances || health.status !== 'True') return health;
  return judgement('False', 'NoInstances', `The cluster has no DB instance to connect to; its status is ${state}.`);
}

/** `Ready` by a status; one that AWS added since is Unknown, not broken. */
export function healthOf(statuses: Readonly<Record<string, Usable>>, state: string): Judgement {
  const usable = Object.hasOwn(statuses, state) ? statuses[state] : undefined;
  const reason = pascalCase(state);
  switch (usable) {
    case 'yes':
      return judgement('True', reason, `The database can be used; its status is ${state}.`);
    case 'no':
      return judgement('False', reason, `The database cannot be used; its status is ${state}.`);
    case 'unknown':
      return judgement(
        'Unknown',
        reason,
        `Whether the database can be used does not follow from its status, ${state}.`,
      );
    default:
      return judgement('Unknown', 'UnknownState', `This release does not know the status ${state}.`);
  }
}

/** `storage-full` as the reason `StorageFull`: the API wants CamelCase. */
function pascalCase(state: string): string {
  return state.replace(/(^|[-_])([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
}
