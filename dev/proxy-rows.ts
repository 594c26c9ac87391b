import { type Rewrite, type Rule, rewrite, type When } from './proxy-faults.ts';
import { type AwsRequest, element, filtersOf } from './proxy-request.ts';

/** The names that the API gives to the rows of one kind. */
export type Rows = {
  readonly row: 'DBInstance' | 'DBCluster';
  readonly status: string;
  /** The filter by name or ARN. */
  readonly filter: string;
  readonly notFound: string;
};

/** DB instances. */
export const instanceRows: Rows = {
  row: 'DBInstance',
  status: 'DBInstanceStatus',
  filter: 'db-instance-id',
  notFound: 'DBInstanceNotFound',
};

/** DB clusters. */
export const clusterRows: Rows = {
  row: 'DBCluster',
  status: 'Status',
  filter: 'db-cluster-id',
  notFound: 'DBClusterNotFoundFault',
};

/** Where a changed row is seen, everywhere when left out, and of what kind it is: an instance when left out. */
export type Where = Pick<When, 'account' | 'region'> & { readonly rows?: Rows };

/** Passes every row of that kind in an answer through a function; `''` takes the row out. */
export function editRows(xml: string, edit: (row: string) => string, { row }: Rows = instanceRows): string {
  return xml.replace(new RegExp(`<${row}>.*?</${row}>`, 'gs'), (one) => edit(one));
}

/** Changes one row in all answers that hold it. */
export function editRow(
  identifier: string,
  edit: (row: string) => string,
  { rows = instanceRows, ...where }: Where = {},
): Rule {
  const change: Rewrite = (xml) =>
    editRows(xml, (row) => (identifierOf(row, rows) === identifier ? edit(row) : row), rows);
  return { when: { ...where, service: 'rds' }, do: rewrite(change) };
}

/** Sets the text of the first element of that name in a row; adds the element when the row lacks it. */
export function setElement(identifier: string, name: string, text: string, where: Where = {}): Rule {
  const end = `</${(where.rows ?? instanceRows).row}>`;
  const set = (row: string) =>
    element(row, name) === undefined
      ? `${row.slice(0, -end.length)}<${name}>${text}</${name}>${end}`
      : row.replace(new RegExp(`<${name}>[^<]*</${name}>`), `<${name}>${text}</${name}>`);
  return editRow(identifier, set, where);
}

/** The state that a row is in; moto only knows `available`. */
export function setStatus(identifier: string, status: string, where: Where = {}): Rule {
  return setElement(identifier, (where.rows ?? instanceRows).status, status, where);
}

/**
 * The row is left out of lists. Calls for this one row still answer it, unless `gets` is true: then the name is not
 * found and a filter by the name finds nothing.
 */
export function dropRow(
  identifier: string,
  { gets = false, rows = instanceRows, ...where }: Where & { gets?: boolean } = {},
): Rule {
  const change: Rewrite = (xml, request, status) => {
    const isGet = names(request, identifier, rows);
    if (isGet && !gets) return { status, body: xml };
    if (isGet && asked(request, rows) !== undefined) return { status: 404, body: notFound(identifier, rows) };
    return editRows(xml, (row) => (identifierOf(row, rows) === identifier ? '' : row), rows);
  };
  return { when: { ...where, service: 'rds', action: actionOf(rows) }, do: rewrite(change) };
}

/** The page says nothing of the pages behind it: its Marker is lost. */
export function truncatePage(where: Pick<Where, 'account' | 'region'> = {}): Rule {
  const change: Rewrite = (xml) => xml.replace(/<Marker>[^<]*<\/Marker>/, '');
  return { when: { ...where, service: 'rds' }, do: rewrite(change) };
}

/**
 * A row that moto does not have: on the last page of lists whose filters it passes (on a page of its own behind a full
 * one), and when asked for by name.
 */
export function addRow(row: string, where: Pick<Where, 'account' | 'region'> = {}): Rule {
  const rows = row.startsWith('<DBCluster>') ? clusterRows : instanceRows;
  const identifier = identifierOf(row, rows) ?? '';
  const ownPage = `page-of-${identifier}`;
  const list = `${rows.row}s`;
  const change: Rewrite = (xml, request, status) => {
    const only = asked(request, rows);
    const { Marker, MaxRecords = '100' } = request.parameters;
    if (Marker === ownPage || (only !== undefined && isIdentifier(only, identifier)))
      return { status: 200, body: describeAnswer(row, rows) };
    const isLast = only === undefined && status === 200 && element(xml, 'Marker') === undefined;
    if (!isLast || !passes(row, request, rows)) return { status, body: xml };
    if (xml.split(`<${rows.row}>`).length > Number(MaxRecords))
      return xml.replace(`<${actionOf(rows)}Result>`, (start) => `${start}<Marker>${ownPage}</Marker>`);
    return xml.replace(`<${list}/>`, `<${list}></${list}>`).replace(`</${list}>`, (end) => row + end);
  };
  return { when: { ...where, service: 'rds', action: actionOf(rows) }, do: rewrite(change) };
}

/** A DocumentDB instance as `rds:DescribeDBInstances` answers it; moto does not take the engine. */
export function documentDbRow(identifier: string, account: string, region: string): string {
  return `<DBInstance><DBInstanceIdentifier>${identifier}</DBInstanceIdentifier><DBInstanceClass>db.r6g.large</DBInstanceClass><Engine>docdb</Engine><DBInstanceStatus>available</DBInstanceStatus><Endpoint><Address>${identifier}.c9akciq32rgk.${region}.docdb.amazonaws.com</Address><Port>27017</Port><HostedZoneId>ZNKXH85TT8WVW</HostedZoneId></Endpoint><AllocatedStorage>1</AllocatedStorage><InstanceCreateTime>2025-03-14T09:26:53.589Z</InstanceCreateTime><PreferredBackupWindow>00:00-00:30</PreferredBackupWindow><BackupRetentionPeriod>7</BackupRetentionPeriod><VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-0a1b2c3d4e5f60718</VpcSecurityGroupId><Status>active</Status></VpcSecurityGroupMembership></VpcSecurityGroups><AvailabilityZone>${region}b</AvailabilityZone><PreferredMaintenanceWindow>sun:03:10-sun:03:40</PreferredMaintenanceWindow><PendingModifiedValues/><MultiAZ>false</MultiAZ><EngineVersion>5.0.0</EngineVersion><AutoMinorVersionUpgrade>true</AutoMinorVersionUpgrade><LicenseModel>na</LicenseModel><PubliclyAccessible>false</PubliclyAccessible><StorageType>aurora</StorageType><DbInstancePort>0</DbInstancePort><DBClusterIdentifier>${identifier}-cluster</DBClusterIdentifier><StorageEncrypted>true</StorageEncrypted><KmsKeyId>arn:aws:kms:${region}:${account}:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0</KmsKeyId><DbiResourceId>db-DOCDBQ3ZK7N5H2M4T6W8Y0A1C3</DbiResourceId><CACertificateIdentifier>rds-ca-rsa2048-g1</CACertificateIdentifier><CopyTagsToSnapshot>false</CopyTagsToSnapshot><PromotionTier>1</PromotionTier><DBInstanceArn>arn:aws:rds:${region}:${account}:db:${identifier}</DBInstanceArn><IAMDatabaseAuthenticationEnabled>false</IAMDatabaseAuthenticationEnabled><PerformanceInsightsEnabled>false</PerformanceInsightsEnabled><DeletionProtection>false</DeletionProtection><TagList><Tag><Key>team</Key><Value>catalog</Value></Tag></TagList></DBInstance>`;
}

function actionOf({ row }: Rows): string {
  return `Describe${row}s`;
}

function identifierOf(row: string, rows: Rows): string | undefined {
  return element(row, `${rows.row}Identifier`);
}

/** The one row that a call asks for. */
function asked({ parameters }: AwsRequest, rows: Rows): string | undefined {
  return parameters[`${rows.row}Identifier`];
}

/** AWS takes the identifier in any case, and the ARN, as the parameter or as a filter. */
function names(request: AwsRequest, identifier: string, rows: Rows): boolean {
  const only = asked(request, rows);
  const named = only === undefined ? (filtersOf(request).get(rows.filter) ?? []) : [only];
  return named.some((name) => isIdentifier(name, identifier));
}

function isIdentifier(name: string, identifier: string): boolean {
  return name.toLowerCase().split(':').at(-1) === identifier;
}

const filterElements: Record<string, string> = {
  engine: 'Engine',
  'db-cluster-id': 'DBClusterIdentifier',
  'dbi-resource-id': 'DbiResourceId',
};

function passes(row: string, request: AwsRequest, rows: Rows): boolean {
  return [...filtersOf(request)].every(([name, values]) => {
    if (name !== rows.filter) return values.includes(element(row, filterElements[name] ?? name) ?? '');
    const identifier = identifierOf(row, rows) ?? '';
    return values.some((value) => isIdentifier(value, identifier));
  });
}

function describeAnswer(row: string, rows: Rows): string {
  const list = `<${rows.row}s>${row}</${rows.row}s>`;
  const action = actionOf(rows);
  return `<${action}Response xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><${action}Result>${list}</${action}Result><ResponseMetadata><RequestId>added-row</RequestId></ResponseMetadata></${action}Response>`;
}

function notFound(identifier: string, rows: Rows): string {
  return `<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Type>Sender</Type><Code>${rows.notFound}</Code><Message>${rows.row} ${identifier} not found.</Message></Error><RequestId>dropped-row</RequestId></ErrorResponse>`;
}
