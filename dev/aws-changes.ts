import {
  CreateDBClusterCommand,
  CreateDBInstanceCommand,
  DeleteDBClusterCommand,
  DeleteDBInstanceCommand,
  FailoverDBClusterCommand,
  ModifyDBInstanceCommand,
} from '@aws-sdk/client-rds';
import type { Aws } from './aws.ts';
import type { EstateCluster, EstateInstance, Place } from './estate.ts';
import type { Fault } from './proxy-faults.ts';
import { element } from './proxy-request.ts';
import { editRow } from './proxy-rows.ts';

const licenses: Readonly<Record<string, string>> = {
  postgres: 'postgresql-license',
  'sqlserver-se': 'license-included',
  'oracle-ee': 'bring-your-own-license',
};

/** The database user of everything in the estate. */
const master = { MasterUsername: 'administrator', MasterUserPassword: 'not-a-secret-in-moto' };

/** Makes an instance, without a word to skymirror. */
export async function createInstance(aws: Pick<Aws, 'rds'>, instance: Omit<EstateInstance, 'mirrored'>): Promise<void> {
  const { account, region, cluster, tags, multiAz, storage, encrypted } = instance;
  const own = {
    ...master,
    AllocatedStorage: storage,
    StorageEncrypted: encrypted,
    StorageType: 'gp3',
    MultiAZ: multiAz,
  };
  await aws.rds(account, region).send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier: instance.identifier,
      DBInstanceClass: instance.instanceClass,
      Engine: instance.engine,
      EngineVersion: instance.engineVersion,
      LicenseModel: licenses[instance.engine] ?? 'general-public-license',
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      ...(cluster === undefined ? own : { DBClusterIdentifier: cluster }),
    }),
  );
}

/** Makes a cluster without instances; `createInstance` adds them. */
export async function createCluster(
  aws: Pick<Aws, 'rds'>,
  { account, region, identifier, engine, engineVersion, tags }: Omit<EstateCluster, 'members' | 'mirrored'>,
): Promise<void> {
  await aws.rds(account, region).send(
    new CreateDBClusterCommand({
      ...master,
      DBClusterIdentifier: identifier,
      Engine: engine,
      EngineVersion: engineVersion,
      StorageEncrypted: true,
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
}

/** An instance or a cluster by its name and place. */
export type Named = Place & { readonly identifier: string };

/** Gives an instance another class, at once. */
export async function resize(aws: Pick<Aws, 'rds'>, { account, region, identifier }: Named, to: string): Promise<void> {
  await aws
    .rds(account, region)
    .send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier: identifier, DBInstanceClass: to, ApplyImmediately: true }),
    );
}

/** Makes another member of an Aurora cluster its writer. Only `rds:DescribeDBClusters` tells who that is. */
export async function failOver(aws: Pick<Aws, 'rds'>, { account, region, identifier }: Named): Promise<void> {
  await aws.rds(account, region).send(new FailoverDBClusterCommand({ DBClusterIdentifier: identifier }));
}

/** A multi-AZ instance changes places with its standby, until the fault is removed. moto cannot, so the proxy does. */
export function failOverInstance({ faults }: Pick<Aws, 'faults'>, { identifier, ...place }: Named): Fault {
  return faults.add(editRow(identifier, swapZones, place));
}

function swapZones(row: string): string {
  const zones = { own: element(row, 'AvailabilityZone'), standby: element(row, 'SecondaryAvailabilityZone') };
  if (zones.own === undefined || zones.standby === undefined) return row;
  return row
    .replace(/<AvailabilityZone>[^<]*/, `<AvailabilityZone>${zones.standby}`)
    .replace(/<SecondaryAvailabilityZone>[^<]*/, `<SecondaryAvailabilityZone>${zones.own}`);
}

/** Deletes an instance; in moto it is gone at once. */
export async function deleteInstance(aws: Pick<Aws, 'rds'>, { account, region, identifier }: Named): Promise<void> {
  await aws
    .rds(account, region)
    .send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: identifier, SkipFinalSnapshot: true }));
}

/** Deletes a cluster that has no instances any more. */
export async function deleteCluster(aws: Pick<Aws, 'rds'>, { account, region, identifier }: Named): Promise<void> {
  await aws
    .rds(account, region)
    .send(new DeleteDBClusterCommand({ DBClusterIdentifier: identifier, SkipFinalSnapshot: true }));
}
