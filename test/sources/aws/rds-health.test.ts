import { describe, expect, test } from 'vitest';
import { clusterHealth, clusterStatuses, healthOf, instanceStatuses } from '../../../lib/sources/aws/rds-health.ts';

// Amazon RDS User Guide, "Viewing DB instance status", in its order, then what only the Aurora User Guide has, and what
// Ready says.
const ofInstances = rows(`
  available True | backing-up True | backtracking False | configuring-enhanced-monitoring True
  configuring-iam-database-auth True | configuring-log-exports True | converting-to-vpc False | creating False
  delete-precheck True | deleting False | failed False | inaccessible-encryption-credentials False
  inaccessible-encryption-credentials-recoverable False | incompatible-create False | incompatible-network False
  incompatible-option-group Unknown | incompatible-parameters False | incompatible-restore False
  insufficient-capacity False | maintenance Unknown | modifying True | moving-to-vpc False | rebooting False
  resetting-master-credentials True | renaming False | restore-error False | starting False | stopped False
  stopping False | storage-config-upgrade True | storage-full False | storage-initialization True
  storage-optimization True | upgrading False | upgrade_failed False`);

// Amazon Aurora User Guide, "Viewing DB cluster status", in its order, then the one of RebootDBCluster.
const ofClusters = rows(`
  available True | backing-up True | backtracking False | cloning-failed False | creating False | deleting False
  failing-over False | inaccessible-encryption-credentials False
  inaccessible-encryption-credentials-recoverable False | maintenance Unknown | migrating False
  migration-failed False | modifying True | promoting Unknown | preparing-data-migration Unknown | renaming False
  resetting-master-credentials True | starting False | stopped False | stopping False | storage-optimization True
  update-iam-db-auth True | upgrading False | upgrade_failed False | rebooting False`);

function rows(table: string): [state: string, status: string][] {
  return table
    .trim()
    .split(/[|\n]/)
    .map((entry) => entry.trim().split(' '))
    .map(([state = '', status = '']) => [state, status]);
}

describe.each([
  ['instance', ofInstances, instanceStatuses],
  ['cluster', ofClusters, clusterStatuses],
])('Ready of a DB %s', (_, documented, statuses) => {
  test.each(documented)('that is %s is %s', (state, status) => {
    expect(healthOf(statuses, state).status).toBe(status);
  });

  test('is declared for these states and no other', () => {
    expect(Object.keys(statuses)).toEqual(documented.map(([state]) => state));
  });

  test.each(['', 'brand-new', 'constructor', 'toString', 'Available'])(
    'is unknown for %j, which AWS may add',
    (state) => {
      expect(healthOf(statuses, state)).toEqual({
        status: 'Unknown',
        reason: 'UnknownState',
        message: `This release does not know the status ${state}.`,
      });
    },
  );

  test('has a reason in CamelCase, as the API wants it', () => {
    for (const [state] of documented) expect(healthOf(statuses, state).reason).toMatch(/^[A-Z][A-Za-z]+$/);
  });
});

test('Ready has the state as its reason, and as a sentence', () => {
  expect(healthOf(instanceStatuses, 'storage-full')).toEqual({
    status: 'False',
    reason: 'StorageFull',
    message: 'The database cannot be used; its status is storage-full.',
  });
  expect(healthOf(clusterStatuses, 'upgrade_failed').reason).toBe('UpgradeFailed');
  expect(healthOf(clusterStatuses, 'available').message).toBe('The database can be used; its status is available.');
  expect(healthOf(instanceStatuses, 'maintenance').message).toBe(
    'Whether the database can be used does not follow from its status, maintenance.',
  );
});

describe('Ready of a cluster without instances', () => {
  test('is False in a state that is good else', () => {
    expect(clusterHealth('available', false)).toEqual({
      status: 'False',
      reason: 'NoInstances',
      message: 'The cluster has no DB instance to connect to; its status is available.',
    });
    expect(clusterHealth('available', true).status).toBe('True');
  });

  test.each(['creating', 'stopped', 'maintenance', 'brand-new'])('is what the state says where that is %s', (state) => {
    expect(clusterHealth(state, false)).toEqual(clusterHealth(state, true));
  });
});
