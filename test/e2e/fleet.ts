import type { Place } from '../../dev/estate.ts';
import { type Rule, rewrite } from '../../dev/proxy-faults.ts';
import { filtersOf } from '../../dev/proxy-request.ts';

/** How many instances a place holds, and which class they have; both may change between two calls. */
export interface Fleet extends Place {
  size: number;
  instanceClass: string;
}

/** The identifier of the fleet's instance of that number. */
export function fleetName(number: number): string {
  return `fleet-${String(number).padStart(5, '0')}`;
}

/**
 * Any number of instances, answered by the proxy as RDS pages, names and filters them: moto takes 15 ms to make each.
 * The place must be empty in moto.
 */
export function fleetRule(fleet: Fleet): Rule {
  const { account, region } = fleet;
  const answer = rewrite((_, request) => {
    const { DBInstanceIdentifier: asked, Marker = '0', MaxRecords = '100' } = request.parameters;
    const names = Array.from({ length: fleet.size }, (_, number) => fleetName(number));
    if (asked !== undefined) {
      const name = asked.split(':').at(-1) ?? '';
      return names.includes(name) ? page(fleet, [name]) : { status: 404, body: notFound(name) };
    }
    const filter = filtersOf(request)
      .get('db-instance-id')
      ?.map((value) => value.split(':').at(-1));
    const matching = filter === undefined ? names : names.filter((name) => filter.includes(name));
    const end = Number(Marker) + Number(MaxRecords);
    return page(fleet, matching.slice(Number(Marker), end), end < matching.length ? String(end) : undefined);
  });
  return { when: { service: 'rds', action: 'DescribeDBInstances', account, region }, do: answer };
}

function page(fleet: Fleet, names: readonly string[], marker?: string) {
  const rows = names.map((name) => row(fleet, name)).join('');
  const next = marker === undefined ? '' : `<Marker>${marker}</Marker>`;
  const body = `<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBInstancesResult>${next}<DBInstances>${rows}</DBInstances></DescribeDBInstancesResult><ResponseMetadata><RequestId>fleet</RequestId></ResponseMetadata></DescribeDBInstancesResponse>`;
  return { status: 200, body };
}

function row({ account, region, instanceClass }: Fleet, name: string): string {
  return `<DBInstance><DBInstanceIdentifier>${name}</DBInstanceIdentifier><DBInstanceArn>arn:aws:rds:${region}:${account}:db:${name}</DBInstanceArn><DBInstanceClass>${instanceClass}</DBInstanceClass><Engine>postgres</Engine><EngineVersion>17.4</EngineVersion><DBInstanceStatus>available</DBInstanceStatus><Endpoint><Address>${name}.c9akciq32rgk.${region}.rds.amazonaws.com</Address><Port>5432</Port></Endpoint><AllocatedStorage>100</AllocatedStorage><MultiAZ>true</MultiAZ><DbiResourceId>db-${name.toUpperCase()}</DbiResourceId><TagList><Tag><Key>team</Key><Value>data</Value></Tag></TagList></DBInstance>`;
}

function notFound(name: string): string {
  return `<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><Error><Type>Sender</Type><Code>DBInstanceNotFound</Code><Message>DBInstance ${name} not found.</Message></Error><RequestId>fleet</RequestId></ErrorResponse>`;
}
