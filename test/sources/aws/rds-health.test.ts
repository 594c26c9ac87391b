import { describe, expect, test } from 'vitest';
import { instanceHealth, instanceStatuses } from '../../../lib/sources/aws/rds-health.ts';

// Amazon RDS User Guide, "Viewing DB instance status", in its order, and what Ready says.
const statuses = `
  available True | backing-up True | backtracking False | configuring-enhanced-monitoring True
  configuring-iam-database-auth True | configuring-log-exports True | converting-to-vpc False | creating False
  delete-precheck True | deleting False | failed False | inaccessible-encryption-credentials False
  inaccessible-encryption-credentials-recoverable False | incompatible-create False | incompatible-network False
  incompatible-option-group Unknown | incompatible-parameters False | incompatible-restore False
  insufficient-capacity False | maintenance Unknown | modifying True | moving-to-vpc False | rebooting False
  resetting-master-credentials True | renaming False | restore-error False | starting False | stopped False
  stopping False | storage-config-upgrade True | storage-full False | storage-initialization True
  storage-optimization True | upgrading False`
  .split(/[|\n]/)
  .map((line) => line.trim().split(' '))
  .filter(([state]) => state !== '');

describe('Ready of a DB instance', () => {
  test.each(statuses)('that is %s is %s', (state, status) => {
    expect(instanceHealth(state ?? '').status).toBe(status);
  });

  test('is declared for these states and no other', () => {
    expect(Object.keys(instanceStatuses)).toEqual(statuses.map(([state]) => state));
  });

  test.each(['', 'brand-new', 'constructor', 'toString', 'Available'])(
    'is unknown for %j, which AWS may add',
    (state) => {
      expect(instanceHealth(state)).toEqual({
        status: 'Unknown',
        reason: 'UnknownState',
        message: `This release does not know the status ${state}.`,
      });
    },
  );

  test('has the state as its reason, in CamelCase as the API wants it, and as a sentence', () => {
    expect(instanceHealth('storage-full')).toEqual({
      status: 'False',
      reason: 'StorageFull',
      message: 'The database cannot be used; its status is storage-full.',
    });
    expect(instanceHealth('available').message).toBe('The database can be used; its status is available.');
    expect(instanceHealth('maintenance').message).toBe(
      'Whether the database can be used does not follow from its status, maintenance.',
    );
    for (const [state = ''] of statuses) expect(instanceHealth(state).reason).toMatch(/^[A-Z][A-Za-z]+$/);
  });
});
