import { createHash } from 'node:crypto';
import { type AwsError, accessDenied, type Rule, rewrite } from './proxy-faults.ts';
import { allows, permissionOf, type RoleDocuments, resourceOf, roleOfSession, trusts } from './proxy-iam.ts';
import { type AwsRequest, element } from './proxy-request.ts';
import { clusterRows, editRows } from './proxy-rows.ts';

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
 * What AWS refuses to sessions of roles, and to those who want to become one, where moto knows only the resource `*`
 * and no conditions: `documents` holds the roles of a deployed stack by ARN. Undefined also where it knows nothing of
 * the roles; `isTrusted` says that the trust policy was asked.
 */
export function roleRefusal(
  call: AwsRequest,
  documents: ReadonlyMap<string, RoleDocuments>,
): { readonly refused?: AwsError; readonly isTrusted?: boolean } {
  const caller = roleOfSession(call.caller);
  const known = caller === undefined ? undefined : documents.get(caller);
  const resource = resourceOf(call);
  // AWS grants it to everybody (API reference of STS, GetCallerIdentity).
  const isFree = call.action === 'GetCallerIdentity';
  if (known !== undefined && !isFree && !allows(known.statements, permissionOf(call), resource))
    return { refused: accessDenied(call, resource) };
  const wanted = call.action === 'AssumeRole' ? documents.get(resource) : undefined;
  if (wanted === undefined || caller === undefined) return {};
  return trusts(wanted.trust, { role: caller, externalId: call.parameters.ExternalId })
    ? { isTrusted: true }
    : { refused: accessDenied(call, resource, false) };
}

/**
 * moto gives every instance the DbiResourceId `db-M5ENSHXFPU6XHZ4G4ZEI5QIO2U`. AWS gives each its own, which stays
 * when an instance is renamed and is a new one when it is deleted and made again; of these, this has only the last.
 */
const uniqueResourceIds: Rule = {
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
const secondaryZones: Rule = {
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

/**
 * What moto says of an Aurora cluster and AWS does not (RDS API reference): storage of type gp2 (CreateDBCluster: "aurora
 * | aurora-iopt1", and "the storage type isn't returned when you set it to aurora"), a key that is none (DBCluster: "the
 * key ARN, key ID, alias ARN, or alias name"), the limits of Serverless v1 on a provisioned cluster.
 */
export const auroraClusters: Rule = {
  when: { service: 'rds' },
  do: rewrite((xml, { region, account }) => {
    const key = `arn:aws:kms:${region}:${account}:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0`;
    const mend = (row: string) => {
      if (!element(row, 'Engine')?.startsWith('aurora')) return row;
      const keyElement = element(row, 'StorageEncrypted') === 'true' ? `<KmsKeyId>${key}</KmsKeyId>` : '';
      return row
        .replace('<StorageType>gp2</StorageType>', '')
        .replace('<KmsKeyId>default_kms_key_id</KmsKeyId>', keyElement)
        .replace('<ScalingConfigurationInfo/>', '');
    };
    return editRows(xml, mend, clusterRows);
  }),
};

/** RDS answers MaxRecords clusters at a time, 100 by default (RDS API reference, DescribeDBClusters); moto all at once. */
export const clusterPages: Rule = {
  when: { service: 'rds', action: 'DescribeDBClusters' },
  do: rewrite((xml, { parameters: { Marker = '0', MaxRecords = '100' } }) => {
    const start = Number(Marker);
    const end = start + Number(MaxRecords);
    let count = 0;
    const page = editRows(
      xml,
      (row) => {
        count += 1;
        return count > start && count <= end ? row : '';
      },
      clusterRows,
    );
    if (count <= end) return page;
    return page.replace('<DescribeDBClustersResult>', (tag) => `${tag}<Marker>${end}</Marker>`);
  }),
};

/**
 * For this one call moto wants cfn-lint, which would triple the time of its installation, and fails without it. The
 * template is checked by a test of its own.
 */
const validTemplate: Rule = {
  when: { service: 'cloudformation', action: 'ValidateTemplate' },
  do: rewrite(() => ({
    status: 200,
    body: '<ValidateTemplateResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><ValidateTemplateResult/></ValidateTemplateResponse>',
  })),
};

/** All that the proxy mends in every answer. */
export const mends: readonly Rule[] = [uniqueResourceIds, secondaryZones, auroraClusters, clusterPages, validTemplate];
