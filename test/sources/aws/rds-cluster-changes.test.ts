import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Aws, startAws } from '../../../dev/aws.ts';
import { createCluster, createInstance, failOver } from '../../../dev/aws-changes.ts';
import { editRow, clusterRows as rows, setElement, setStatus } from '../../../dev/proxy-rows.ts';
import type { Outside } from '../../../lib/source.ts';
import { rdsCluster } from '../../../lib/sources/aws/rds-cluster.ts';
import { observationIn } from '../answers.ts';

const place = { account: '111122223333', region: 'eu-west-1' };
const arn = `arn:aws:rds:${place.region}:${place.account}:cluster:orders`;

let aws: Aws;
let outside: Outside;
beforeAll(async () => {
  aws = await startAws({ seed: false });
  const cluster = { ...place, engine: 'aurora-postgresql', engineVersion: '16.6', tags: {}, identifier: 'orders' };
  const member = {
    ...cluster,
    cluster: 'orders',
    instanceClass: 'db.r7g.large',
    storage: 1,
    multiAz: false,
    encrypted: true,
  };
  await createCluster(aws, cluster);
  await createInstance(aws, { ...member, identifier: 'orders-1' });
  await createInstance(aws, { ...member, identifier: 'orders-2' });
}, 180_000);
afterAll(() => aws.stop());
beforeEach(() => {
  for (const [name, value] of Object.entries(aws.environment())) vi.stubEnv(name, value);
  outside = rdsCluster.open(place, { roleArn: aws.roleArn(place.account), externalId: aws.externalId });
});
afterEach(() => {
  outside.close();
  aws.faults.clear();
});

const orders = async () => observationIn((await outside.get([arn], new AbortController().signal)).get(arn)).fields;

async function changes(act: () => unknown) {
  const before = await orders();
  await act();
  return rdsCluster.changes(before, await orders());
}

test('nothing happened where nothing did', async () => {
  expect(await changes(() => {})).toEqual([]);
});

test('a failover is told by its writer', async () => {
  const { writer } = await orders();
  const failover = () => failOver(aws, { ...place, identifier: 'orders' });
  const next = writer === 'orders-1' ? 'orders-2' : 'orders-1';
  expect(await changes(failover)).toEqual([{ reason: 'Failover', message: `${writer} -> ${next}` }]);
});

test('a writer that is not known before or after is no failover', async () => {
  const known = await orders();
  const { writer: _, ...unknown } = known;
  expect(rdsCluster.changes(unknown, known)).toEqual([]);
  expect(rdsCluster.changes(known, unknown)).toEqual([]);
});

test('another state is told, from which and to which', async () => {
  expect(await changes(() => aws.faults.add(setStatus('orders', 'failing-over', { rows })))).toEqual([
    { reason: 'StateChanged', message: 'available -> failing-over' },
  ]);
});

test('another cluster of the same name is told, and its writer is no failover', async () => {
  const { resourceId } = await orders();
  const replace = () => {
    aws.faults.add(setElement('orders', 'DbClusterResourceId', 'cluster-ANOTHER', { rows }));
    aws.faults.add(editRow('orders', (row) => row.replaceAll('orders-', 'new-'), { rows }));
  };
  expect(await changes(replace)).toEqual([{ reason: 'Replaced', message: `${resourceId} -> cluster-ANOTHER` }]);
});
