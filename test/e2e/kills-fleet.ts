import type { Place } from '../../dev/estate.ts';
import { type Rule, rewrite } from '../../dev/proxy-faults.ts';
import { filtersOf } from '../../dev/proxy-request.ts';
import { type Chronicle, fieldsOfVersion } from './truth.ts';

/** The instances of a place, which tell their version by their fields. */
export interface Fleet extends Place {
  /** May be another one from one call to the next. */
  readonly chronicle: Chronicle;
}

/** The ARN of the instance of that number. */
export function fleetArn({ account, region }: Place, number: number): string {
  return `arn:aws:rds:${region}:${account}:db:fleet-${String(number).padStart(4, '0')}`;
}

/** Answers for RDS from the chronicle, as it stands when the call arrives: all of a place, a page of it, or one by its name. */
export function fleetRule(fleet: Fleet): Rule {
  const { account, region } = fleet;
  const answer = rewrite((_, { parameters, ...request }) => {
    const rows = [...fleet.chronicle.present()].toSorted(([one], [other]) => (one < other ? -1 : 1));
    const { DBInstanceIdentifier: asked, Marker = '', MaxRecords = '100' } = parameters;
    if (asked !== undefined) {
      const found = rows.filter(([arn]) => nameIn(arn) === nameIn(asked));
      return found.length > 0 ? page(found) : { status: 404, body: notFound(nameIn(asked)) };
    }
    const filter = filtersOf({ parameters, ...request })
      .get('db-instance-id')
      ?.map(nameIn);
    const matching = filter === undefined ? rows : rows.filter(([arn]) => filter.includes(nameIn(arn)));
    // As AWS's, a marker stands for the last row of a page, so that rows that come and go meanwhile move no others.
    const rest = matching.filter(([arn]) => nameIn(arn) > Buffer.from(Marker, 'base64url').toString());
    const rowsOfPage = rest.slice(0, Number(MaxRecords));
    const last = rest.length > rowsOfPage.length ? rowsOfPage.at(-1) : undefined;
    return page(rowsOfPage, last && Buffer.from(nameIn(last[0])).toString('base64url'));
  });
  return { when: { service: 'rds', action: 'DescribeDBInstances', account, region }, do: answer };
}

function nameIn(arn: string): string {
  return arn.split(':').at(-1) ?? '';
}

function page(rows: readonly (readonly [arn: string, version: number])[], marker?: string) {
  const next = marker === undefined ? '' : `<Marker>${marker}</Marker>`;
  const body = `<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBInstancesResult>${next}<DBInstances>${rows.map(row).join('')}</DBInstances></DescribeDBInstancesResult><ResponseMetadata><RequestId>fleet</RequestId></ResponseMetadata></DescribeDBInstancesResponse>`;
  return { status: 200, body };
}

function row([arn, version]: readonly [string, number]): string {
  const { class: size, allocatedGiB, tag } = fieldsOfVersion(version);
  const name = nameIn(arn);
  return `<DBInstance><DBInstanceIdentifier>${name}</DBInstanceIdentifier><DBInstanceArn>${arn}</DBInstanceArn><DBInstanceClass>${size}</DBInstanceClass><Engine>postgres</Engine><EngineVersion>17.4</EngineVersion><DBInstanceStatus>available</DBInstanceStatus><AllocatedStorage>${allocatedGiB}</AllocatedStorage><MultiAZ>true</MultiAZ><DbiResourceId>db-${name.toUpperCase()}</DbiResourceId><TagList><Tag><Key>version</Key><Value>${tag}</Value></Tag></TagList></DBInstance>`;
}

function notFound(name: string): string {
  return `<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Type>Sender</Type><Code>DBInstanceNotFound</Code><Message>DBInstance ${name} not found.</Message></Error><RequestId>fleet</RequestId></ErrorResponse>`;
}
