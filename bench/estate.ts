import { type Rule, rewrite } from '../dev/proxy-faults.ts';
import { fullRow } from '../dev/proxy-full-row.ts';

const pageSize = 100;

/** So many instances that only the proxy knows: rendered pages, so that neither moto nor rendering is measured. */
export interface Estate {
  /** Answers every DescribeDBInstances with a page of the estate. */
  readonly rule: Rule;
  /** How many calls one listing takes. */
  readonly pages: number;
  /** Changes one instance in ten, each call to new values. */
  change(): void;
}

/** An estate of one account and region; each row has every element that RDS knows, which is more than any real one. */
export function createEstate(count: number, account: string, region: string): Estate {
  const rows = Array.from({ length: count }, (_, index) =>
    fullRow(`orders-${String(index).padStart(5, '0')}`, account, region),
  );
  let pages = paginate(rows);
  let changes = 0;
  return {
    pages: pages.length,
    rule: {
      when: { service: 'rds', action: 'DescribeDBInstances' },
      do: rewrite((_, { parameters }) => ({ status: 200, body: pages[Number(parameters.Marker ?? 0)] ?? '' })),
    },
    change() {
      changes += 1;
      pages = paginate(rows.map((row, index) => (index % 10 === 0 ? grown(row, changes) : row)));
    },
  };
}

function grown(row: string, by: number): string {
  return row.replace(/<AllocatedStorage>\d+</, `<AllocatedStorage>${1000 + by}<`);
}

function paginate(rows: readonly string[]): string[] {
  const count = Math.ceil(rows.length / pageSize);
  return Array.from({ length: count }, (_, page) => {
    const marker = page + 1 < count ? `<Marker>${page + 1}</Marker>` : '';
    const listed = rows.slice(page * pageSize, (page + 1) * pageSize).join('');
    return `<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBInstancesResult>${marker}<DBInstances>${listed}</DBInstances></DescribeDBInstancesResult><ResponseMetadata><RequestId>bench</RequestId></ResponseMetadata></DescribeDBInstancesResponse>`;
  });
}
