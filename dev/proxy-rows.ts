import { type Rewrite, type Rule, rewrite, type When } from './proxy-faults.ts';
import { type AwsRequest, element, filtersOf } from './proxy-request.ts';

/** Where a changed row is seen; everywhere when left out. */
export type Where = Pick<When, 'account' | 'region'>;

/** Passes every `<DBInstance>` of an answer through a function; `''` takes the row out. */
export function editRows(xml: string, edit: (row: string) => string): string {
  return xml.replace(/<DBInstance>.*?<\/DBInstance>/gs, (row) => edit(row));
}

/** Changes one instance's row in all answers that hold it. */
export function editRow(identifier: string, edit: (row: string) => string, where: Where = {}): Rule {
  const change: Rewrite = (xml) => editRows(xml, (row) => (isRow(row, identifier) ? edit(row) : row));
  return { when: { ...where, service: 'rds' }, do: rewrite(change) };
}

/** Sets the text of one element of a row; adds the element when the row lacks it. */
export function setElement(identifier: string, name: string, text: string, where: Where = {}): Rule {
  const set = (row: string) =>
    element(row, name) === undefined
      ? row.replace(/<\/DBInstance>$/, `<${name}>${text}</${name}></DBInstance>`)
      : row.replace(new RegExp(`<${name}>[^<]*</${name}>`), `<${name}>${text}</${name}>`);
  return editRow(identifier, set, where);
}

/** The state that an instance is in; moto only knows `available`. */
export function setStatus(identifier: string, status: string, where: Where = {}): Rule {
  return setElement(identifier, 'DBInstanceStatus', status, where);
}

/**
 * The row is left out of lists. Calls for this one instance still answer it, unless `gets` is true: then the name is
 * DBInstanceNotFound and a filter by the name finds nothing.
 */
export function dropRow(identifier: string, { gets = false, ...where }: Where & { gets?: boolean } = {}): Rule {
  const change: Rewrite = (xml, request, status) => {
    const isGet = namesInstance(request, identifier);
    if (isGet && !gets) return { status, body: xml };
    if (isGet && request.parameters.DBInstanceIdentifier !== undefined)
      return { status: 404, body: notFound(identifier) };
    return editRows(xml, (row) => (isRow(row, identifier) ? '' : row));
  };
  return { when: { ...where, service: 'rds', action: 'DescribeDBInstances' }, do: rewrite(change) };
}

/** The page says nothing of the pages behind it: its Marker is lost. */
export function truncatePage(where: Where = {}): Rule {
  const change: Rewrite = (xml) => xml.replace(/<Marker>[^<]*<\/Marker>/, '');
  return { when: { ...where, service: 'rds' }, do: rewrite(change) };
}

/**
 * A row that moto does not have: on the last page of lists whose filters it passes (on a page of its own behind a full
 * one), and when asked for by name.
 */
export function addRow(row: string, where: Where = {}): Rule {
  const identifier = element(row, 'DBInstanceIdentifier') ?? '';
  const ownPage = `page-of-${identifier}`;
  const change: Rewrite = (xml, request, status) => {
    const { DBInstanceIdentifier: asked, Marker, MaxRecords = '100' } = request.parameters;
    if (Marker === ownPage || (asked !== undefined && isIdentifier(asked, identifier)))
      return { status: 200, body: describeAnswer(row) };
    const isLast = asked === undefined && status === 200 && element(xml, 'Marker') === undefined;
    if (!isLast || !passes(row, request)) return { status, body: xml };
    if (xml.split('<DBInstance>').length > Number(MaxRecords))
      return xml.replace('<DescribeDBInstancesResult>', (start) => `${start}<Marker>${ownPage}</Marker>`);
    return xml.replace('<DBInstances/>', '<DBInstances></DBInstances>').replace('</DBInstances>', (end) => row + end);
  };
  return { when: { ...where, service: 'rds', action: 'DescribeDBInstances' }, do: rewrite(change) };
}

/** A DocumentDB instance as `rds:DescribeDBInstances` answers it; moto does not take the engine. */
export function documentDbRow(identifier: string, account: string, region: string): string {
  return `<DBInstance><DBInstanceIdentifier>${identifier}</DBInstanceIdentifier><DBInstanceClass>db.r6g.large</DBInstanceClass><Engine>docdb</Engine><DBInstanceStatus>available</DBInstanceStatus><Endpoint><Address>${identifier}.c9akciq32rgk.${region}.docdb.amazonaws.com</Address><Port>27017</Port><HostedZoneId>ZNKXH85TT8WVW</HostedZoneId></Endpoint><AllocatedStorage>1</AllocatedStorage><InstanceCreateTime>2025-03-14T09:26:53.589Z</InstanceCreateTime><PreferredBackupWindow>00:00-00:30</PreferredBackupWindow><BackupRetentionPeriod>7</BackupRetentionPeriod><VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-0a1b2c3d4e5f60718</VpcSecurityGroupId><Status>active</Status></VpcSecurityGroupMembership></VpcSecurityGroups><AvailabilityZone>${region}b</AvailabilityZone><PreferredMaintenanceWindow>sun:03:10-sun:03:40</PreferredMaintenanceWindow><PendingModifiedValues/><MultiAZ>false</MultiAZ><EngineVersion>5.0.0</EngineVersion><AutoMinorVersionUpgrade>true</AutoMinorVersionUpgrade><LicenseModel>na</LicenseModel><PubliclyAccessible>false</PubliclyAccessible><StorageType>aurora</StorageType><DbInstancePort>0</DbInstancePort><DBClusterIdentifier>${identifier}-cluster</DBClusterIdentifier><StorageEncrypted>true</StorageEncrypted><KmsKeyId>arn:aws:kms:${region}:${account}:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0</KmsKeyId><DbiResourceId>db-DOCDBQ3ZK7N5H2M4T6W8Y0A1C3</DbiResourceId><CACertificateIdentifier>rds-ca-rsa2048-g1</CACertificateIdentifier><CopyTagsToSnapshot>false</CopyTagsToSnapshot><PromotionTier>1</PromotionTier><DBInstanceArn>arn:aws:rds:${region}:${account}:db:${identifier}</DBInstanceArn><IAMDatabaseAuthenticationEnabled>false</IAMDatabaseAuthenticationEnabled><PerformanceInsightsEnabled>false</PerformanceInsightsEnabled><DeletionProtection>false</DeletionProtection><TagList><Tag><Key>team</Key><Value>catalog</Value></Tag></TagList></DBInstance>`;
}

function isRow(row: string, identifier: string): boolean {
  return element(row, 'DBInstanceIdentifier') === identifier;
}

/** AWS takes the identifier in any case, and the ARN, as the parameter or as a filter. */
function namesInstance(request: AwsRequest, identifier: string): boolean {
  const { DBInstanceIdentifier: asked } = request.parameters;
  const names = asked === undefined ? (filtersOf(request).get('db-instance-id') ?? []) : [asked];
  return names.some((name) => isIdentifier(name, identifier));
}

function isIdentifier(name: string, identifier: string): boolean {
  return name.toLowerCase().split(':').at(-1) === identifier;
}

const filterElements: Record<string, string> = {
  engine: 'Engine',
  'db-cluster-id': 'DBClusterIdentifier',
  'dbi-resource-id': 'DbiResourceId',
};

function passes(row: string, request: AwsRequest): boolean {
  return [...filtersOf(request)].every(([name, values]) => {
    if (name !== 'db-instance-id') return values.includes(element(row, filterElements[name] ?? name) ?? '');
    const identifier = element(row, 'DBInstanceIdentifier') ?? '';
    return values.some((value) => isIdentifier(value, identifier));
  });
}

function describeAnswer(row: string): string {
  return `<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBInstancesResult><DBInstances>${row}</DBInstances></DescribeDBInstancesResult><ResponseMetadata><RequestId>added-row</RequestId></ResponseMetadata></DescribeDBInstancesResponse>`;
}

function notFound(identifier: string): string {
  return `<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Type>Sender</Type><Code>DBInstanceNotFound</Code><Message>DBInstance ${identifier} not found.</Message></Error><RequestId>dropped-row</RequestId></ErrorResponse>`;
}
