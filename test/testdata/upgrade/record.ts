// Writes what a release leaves in a cluster, for test/e2e/upgrade.e2e.test.ts: run it with the code of that release.
//
//   git worktree add --detach ../released <commit>
//   ln -s "$PWD/node_modules" ../released/node_modules
//   mkdir -p ../released/test/testdata/upgrade
//   cp test/testdata/upgrade/record.ts ../released/test/testdata/upgrade/
//   (cd ../released && npx node test/testdata/upgrade/record.ts) > test/testdata/upgrade/<commit>.json
//   git worktree remove --force ../released
import { crdOf, mirrorScanCrd } from '../../../lib/crd.ts';
import { rdsInstance } from '../../../lib/sources/aws/rds-instance.ts';
import { type Rewrite, rewrite } from '../../../dev/proxy-faults.ts';
import { editRow, setStatus } from '../../../dev/proxy-rows.ts';
import { complaints } from '../../e2e/world.ts';
import { startStack } from '../../e2e/stack.ts';

const stack = await startStack();
try {
  const mirror = { tagLabels: ['team', 'env'], graceSeconds: 1_000_000_000 };
  const world = await stack.world({ namespace: 'upgrade', region: 'us-east-2', mirror });
  await world.create('orders', {
    multiAz: true,
    tags: { team: 'commerce', env: 'production', 'owner email': 'a b@example.com', Ort: 'Köln ☃' },
  });
  await world.create('ledger', { engine: 'mysql', engineVersion: '8.0.40', instanceClass: 'db.m7g.large', tags: {} });
  await world.create('reports', {
    engine: 'oracle-ee',
    engineVersion: '19.0.0.0.ru-2025-01.rur-2025-01.r1',
    encrypted: false,
  });
  await world.create('payments');
  await world.create('wiki');
  stack.aws.faults.add(setStatus('payments', 'storage-full'));
  await world.pass();
  await world.remove('wiki');
  // One that is marked as gone, one whose row has become unreadable: what is in the cluster of it is the last good row.
  stack.aws.faults.add(editRow('reports', (row) => row.replace(/<DBInstanceStatus>.*?<\/DBInstanceStatus>/, '')));
  let rows: string[] = [];
  const remember: Rewrite = (xml) => {
    const found = xml.match(/<DBInstance>.*?<\/DBInstance>/gs) ?? [];
    if (found.length > 1) rows = found;
    return xml;
  };
  stack.aws.faults.add({ when: { service: 'rds', action: 'DescribeDBInstances' }, do: rewrite(remember) });
  const report = await world.pass();
  console.error(complaints(report));
  const written = [...(await world.objects()).values(), await world.scan()];
  const objects = written.map(({ metadata, ...object }) => {
    const { name, labels, annotations } = metadata;
    return {
      ...object,
      metadata: { name, namespace: world.namespace, labels, ...(annotations ? { annotations } : {}) },
    };
  });
  const { account, region } = world;
  const crds = [crdOf(rdsInstance), mirrorScanCrd()];
  const recorded = new Date(Date.now()).toISOString();
  console.log(
    JSON.stringify(
      { recorded, account, region, namespace: world.namespace, mirror, rows, objects, crds },
      undefined,
      1,
    ),
  );
} finally {
  await stack.stop();
}
