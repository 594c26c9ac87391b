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
};

/** `Ready` of a DB instance; a status that AWS added since is Unknown, not broken. */
export function instanceHealth(state: string): Judgement {
  const usable = Object.hasOwn(instanceStatuses, state) ? instanceStatuses[state] : undefined;
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
  return state.replace(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
}
