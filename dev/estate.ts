import { CreateDBInstanceReadReplicaCommand } from '@aws-sdk/client-rds';
import type { Aws } from './aws.ts';
import { createCluster, createInstance } from './aws-changes.ts';
import { type EstateQueue, queues, seedQueues } from './estate-queues.ts';
import type { Rule } from './proxy-faults.ts';
import { writeRow } from './proxy-full-row.ts';
import { addRow, documentDbRow } from './proxy-rows.ts';

export { createInstance, deleteInstance, failOver, failOverInstance, resize } from './aws-changes.ts';

/** Where an instance is. */
export type Place = { readonly account: string; readonly region: string };

/** One instance as it was seeded. */
export type EstateInstance = Place & {
  readonly identifier: string;
  readonly engine: string;
  readonly engineVersion: string;
  readonly instanceClass: string;
  readonly storage: number;
  readonly multiAz: boolean;
  readonly encrypted: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly cluster?: string;
  readonly replicaOf?: string;
  /** False for what `rds:DescribeDBInstances` answers but is not RDS: Neptune and DocumentDB. */
  readonly mirrored: boolean;
};

type Kind = { readonly engine: string; readonly engineVersion: string; readonly classes: readonly string[] };

const kinds: readonly Kind[] = [
  { engine: 'postgres', engineVersion: '17.4', classes: ['db.t4g.medium', 'db.m7g.large', 'db.r6g.xlarge'] },
  { engine: 'mysql', engineVersion: '8.0.40', classes: ['db.t4g.micro', 'db.m6g.large', 'db.r7g.large'] },
  { engine: 'mariadb', engineVersion: '11.4.4', classes: ['db.t3.small', 'db.m6i.large'] },
  { engine: 'postgres', engineVersion: '15.10', classes: ['db.t3.micro', 'db.r6i.2xlarge'] },
  { engine: 'sqlserver-se', engineVersion: '16.00.4175.1.v1', classes: ['db.m6i.xlarge', 'db.r6i.xlarge'] },
  { engine: 'oracle-ee', engineVersion: '19.0.0.0.ru-2025-01.rur-2025-01.r1', classes: ['db.r6i.large'] },
];

const longest = 'a-name-as-long-as-rds-allows-it-to-be-which-is-sixty-three-char';

const places: readonly (Place & { readonly names: readonly string[] })[] = [
  {
    account: '111122223333',
    region: 'us-east-1',
    names: `orders billing-prod customers inventory ledger sessions search-index payments fraud-scoring email-queue
      wiki ${longest} reporting crm warehouse notifications tax-rates vouchers`.split(/\s+/),
  },
  {
    account: '111122223333',
    region: 'eu-west-1',
    names: 'orders billing-eu customers-eu consent invoices grafana keycloak shipping'.split(' '),
  },
  {
    account: '444455556666',
    region: 'us-east-1',
    names: 'orders-staging billing-staging customers-staging scratch load-test gitlab sonarqube'.split(' '),
  },
  {
    account: '444455556666',
    region: 'eu-west-1',
    names: 'orders-staging analytics metabase airflow feature-flags'.split(' '),
  },
];

const teams = ['commerce', 'finance', 'platform', 'data'];

/** Tags that Kubernetes takes as labels, and every third time some that it does not. */
function tagsOf(index: number, { account }: Place): Record<string, string> {
  const env = account === '111122223333' ? 'production' : 'staging';
  const tags = { team: pick(teams, index), env, 'cost-center': `cc-${1000 + (index % 7)}` };
  if (index % 3 !== 0) return tags;
  return { ...tags, 'owner email': 'a b@example.com', Ort: 'Köln ☃', 'aws:cloudformation:stack-name': 'databases/v2' };
}

const standalone = places.flatMap(({ names, ...place }, group) =>
  names.map((identifier, number): EstateInstance => {
    const index = group + number;
    const { engine, engineVersion, classes } = pick(kinds, index);
    return {
      ...place,
      identifier,
      engine,
      engineVersion,
      instanceClass: pick(classes, number),
      storage: 20 * (1 + (index % 10)),
      multiAz: index % 4 === 0,
      encrypted: index % 5 !== 0,
      tags: tagsOf(index, place),
      mirrored: true,
    };
  }),
);

/** One cluster as it was seeded. */
export type EstateCluster = Place &
  Pick<EstateInstance, 'engine' | 'engineVersion' | 'identifier' | 'tags' | 'mirrored'> & { readonly members: number };

const auroraPostgres = { engine: 'aurora-postgresql', engineVersion: '16.6' };
const auroraMysql = { engine: 'aurora-mysql', engineVersion: '8.0.mysql_aurora.3.08.0' };

const auroraClusters: readonly EstateCluster[] = [
  { ...placeOf(pick(places, 0)), ...auroraPostgres, identifier: 'orders-aurora', members: 3 },
  { ...placeOf(pick(places, 1)), ...auroraMysql, identifier: 'events-aurora', members: 2 },
  { ...placeOf(pick(places, 2)), ...auroraPostgres, identifier: 'ledger-aurora', members: 2 },
].map((cluster, index) => ({ ...cluster, tags: tagsOf(index + 1, cluster), mirrored: true }));

const members = auroraClusters.flatMap(({ members, identifier, ...cluster }) =>
  Array.from(
    { length: members },
    (_, number): EstateInstance => ({
      ...placeOf(cluster),
      identifier: `${identifier}-${number + 1}`,
      engine: cluster.engine,
      engineVersion: cluster.engineVersion,
      instanceClass: 'db.r7g.large',
      storage: 1,
      multiAz: false,
      encrypted: true,
      tags: cluster.tags,
      cluster: identifier,
      mirrored: true,
    }),
  ),
);

const replicas = [
  [0, 'orders', 'orders-replica'],
  [0, 'customers', 'customers-replica'],
  [3, 'analytics', 'analytics-replica'],
] as const;

const readReplicas = replicas.map(([group, replicaOf, identifier]): EstateInstance => {
  const { account, region } = pick(places, group);
  const source = standalone.find(
    (one) => one.identifier === replicaOf && one.account === account && one.region === region,
  );
  if (source === undefined) throw new Error(`dev/estate.ts: no ${replicaOf} to replicate; this is a bug there`);
  return { ...source, identifier, replicaOf };
});

const graph: EstateInstance = {
  ...placeOf(pick(places, 3)),
  identifier: 'graph-neptune',
  engine: 'neptune',
  engineVersion: '1.4.1.0',
  instanceClass: 'db.r6g.large',
  storage: 0,
  multiAz: false,
  encrypted: true,
  tags: { team: 'data' },
  cluster: 'graph-neptune-cluster',
  mirrored: false,
};

const documents: EstateInstance = {
  ...placeOf(pick(places, 0)),
  identifier: 'catalog-docdb',
  engine: 'docdb',
  engineVersion: '5.0.0',
  instanceClass: 'db.r6g.large',
  storage: 1,
  multiAz: false,
  encrypted: true,
  tags: { team: 'catalog' },
  cluster: 'catalog-docdb-cluster',
  mirrored: false,
};

const graphCluster: EstateCluster = { ...graph, identifier: 'graph-neptune-cluster', members: 1 };
const clusters = [...auroraClusters, graphCluster];

/** As `rds:DescribeDBClusters` answers it; moto does not take the engine. */
const documentsCluster = {
  DBClusterIdentifier: 'catalog-docdb-cluster',
  DBClusterArn: `arn:aws:rds:${documents.region}:${documents.account}:cluster:catalog-docdb-cluster`,
  Engine: documents.engine,
  EngineVersion: documents.engineVersion,
  Status: 'available',
  DbClusterResourceId: 'cluster-DOCDBQ3ZK7N5H2M4T6W8Y0A1C3',
  DBClusterMembers: { DBClusterMember: { DBInstanceIdentifier: documents.identifier, IsClusterWriter: true } },
};

/** What `seedEstate` makes; the same at every run. */
export const estate: {
  readonly instances: readonly EstateInstance[];
  readonly clusters: readonly EstateCluster[];
  readonly queues: readonly EstateQueue[];
} = {
  instances: [...standalone, ...members, ...readReplicas, graph, documents],
  clusters,
  queues,
};

/** The part of the estate that moto cannot hold, for the proxy. */
export const estateRules: readonly Rule[] = [
  addRow(documentDbRow(documents.identifier, documents.account, documents.region), placeOf(documents)),
  addRow(writeRow({ DBCluster: documentsCluster }), placeOf(documents)),
];

/** Fills an empty moto with the estate. */
export async function seedEstate(aws: Pick<Aws, 'rds' | 'sqs'>): Promise<void> {
  const seeded = seedQueues(aws);
  await Promise.all(clusters.map((cluster) => createCluster(aws, cluster)));
  await Promise.all(
    places.map(async (place) => {
      // One after the other: moto lists rows in the order in which they were made.
      for (const instance of [...standalone, ...members, graph])
        if (instance.account === place.account && instance.region === place.region) await createInstance(aws, instance);
    }),
  );
  await Promise.all(
    readReplicas.map(({ account, region, identifier, replicaOf }) =>
      aws.rds(account, region).send(
        new CreateDBInstanceReadReplicaCommand({
          DBInstanceIdentifier: identifier,
          SourceDBInstanceIdentifier: replicaOf,
        }),
      ),
    ),
  );
  await seeded;
}

function placeOf({ account, region }: Place): Place {
  return { account, region };
}

function pick<Entry>(entries: readonly Entry[], index: number): Entry {
  const entry = entries[index % entries.length];
  if (entry === undefined) throw new Error('dev/estate.ts: an empty list to pick from; this is a bug there');
  return entry;
}
