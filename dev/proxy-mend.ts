import { createHash } from 'node:crypto';
import { type AwsError, accessDenied, type Rule, rewrite } from './proxy-faults.ts';
import { type AwsRequest, element } from './proxy-request.ts';
import { editRows } from './proxy-rows.ts';

/**
 * The error that AWS answers to a call which moto 5.2.1 would carry out. moto returns any number of rows, RDS says
 * "Invalid value 3 for MaxRecords. Must be between 20 and 100"; and moto lets everybody assume every role, also one
 * that does not exist, with any external id (`roles`: the external id by role ARN).
 */
export function refusal(call: AwsRequest, roles: ReadonlyMap<string, string> | undefined): AwsError | undefined {
  const { service, action, parameters } = call;
  const records = service === 'rds' ? parameters.MaxRecords : undefined;
  if (records !== undefined && !(Number(records) >= 20 && Number(records) <= 100)) {
    const message = `Invalid value ${records} for MaxRecords. Must be between 20 and 100`;
    return { status: 400, code: 'InvalidParameterValue', message };
  }
  const role = service === 'sts' && action === 'AssumeRole' ? parameters.RoleArn : undefined;
  if (role === undefined || roles === undefined || roles.get(role) === (parameters.ExternalId ?? '')) return undefined;
  return accessDenied(call, role, false);
}

/**
 * moto gives every instance the DbiResourceId `db-M5ENSHXFPU6XHZ4G4ZEI5QIO2U`. AWS gives each its own, which stays
 * when an instance is renamed and is a new one when it is deleted and made again; of these, this has only the last.
 */
export const uniqueResourceIds: Rule = {
  when: { service: 'rds' },
  do: rewrite((xml) =>
    editRows(xml, (row) => {
      const seed = `${element(row, 'DBInstanceArn')} ${element(row, 'InstanceCreateTime')}`;
      const id = createHash('sha256').update(seed).digest('hex').slice(0, 26).toUpperCase();
      return row.replace('db-M5ENSHXFPU6XHZ4G4ZEI5QIO2U', `db-${id}`);
    }),
  ),
};

/** AWS tells the zone of the standby of a multi-AZ instance; moto does not. */
export const secondaryZones: Rule = {
  when: { service: 'rds' },
  do: rewrite((xml) =>
    editRows(xml, (row) => {
      if (element(row, 'MultiAZ') !== 'true' || element(row, 'SecondaryAvailabilityZone') !== undefined) return row;
      const zone = element(row, 'AvailabilityZone') ?? '';
      const standby = zone.replace(/[a-z]$/, (letter) => (letter === 'a' ? 'b' : 'a'));
      const added = `<SecondaryAvailabilityZone>${standby}</SecondaryAvailabilityZone></DBInstance>`;
      return row.replace(/<\/DBInstance>$/, added);
    }),
  ),
};
