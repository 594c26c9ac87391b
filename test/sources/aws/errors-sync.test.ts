import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { fail, rewrite } from '../../../dev/proxy-faults.ts';
import type { AwsRequest } from '../../../dev/proxy-request.ts';
import { mirrorOf } from '../../../lib/mirror.ts';
import { conditionOf } from '../../../lib/object.ts';
import { errorTable } from '../../../lib/sources/aws/errors.ts';
import { rdsInstance } from '../../../lib/sources/aws/rds-instance.ts';
import { sync } from '../../../lib/sync.ts';
import { memoryCluster } from '../../memory/memory-cluster.ts';
import { arnOf, scope, startPlainAws } from './plain-aws.ts';

const ids = [arnOf('a'), arnOf('b')];
const listing = { service: 'rds', action: 'DescribeDBInstances' };
const isOfOne = ({ parameters }: AwsRequest) => 'DBInstanceIdentifier' in parameters;

let aws: Awaited<ReturnType<typeof startPlainAws>>;
beforeAll(async () => {
  aws = await startPlainAws();
});
afterAll(() => aws.stop());
beforeEach(() => aws.stub());
afterEach(() => aws.faults.clear());

/** A mirror of both databases, without a grace. */
async function mirrored() {
  const cluster = memoryCluster();
  const task = {
    mirror: mirrorOf({ name: 'm', namespace: 'n', graceSeconds: 0 }),
    source: rdsInstance,
    scope,
    access: {},
  };
  const pass = (some?: readonly string[]) => sync(task, [cluster], some === undefined ? {} : { ids: some });
  expect(await pass()).toMatchObject({ ok: true });
  const objects = () => cluster.objects('rdsinstances');
  const scan = () => cluster.objects('mirrorscans')[0];
  return { pass, objects, scan };
}

/**
 * A code of each row that a service can send and that is not RDS's own "gone": the table's test tells of the others. Not
 * of throttling, of which each try takes seconds: test/e2e/outside.e2e.test.ts has it.
 */
const codes = errorTable.flatMap((row) => {
  const [code = ''] = row.codes;
  const isSent = !/^([A-Z_\d]+|\w*Provider\w*)$/.test(code);
  const isOurs = row.meaning === 'gone' && row.actions.includes('rds:DescribeDBInstances');
  return isSent && !isOurs && !('reason' in row && row.reason === 'Throttled') ? [code] : [];
});

test.each([...new Set(codes)])('nothing inside changes where AWS answers %s', async (code) => {
  const { pass, objects, scan } = await mirrored();
  const before = objects();
  expect(before).toHaveLength(2);
  const error = fail(code, 'as AWS says it', 404);
  const places = [
    [{ when: { service: 'sts' }, do: error }],
    [{ when: listing, do: error }],
    [
      { when: listing, do: rewrite((xml) => xml.replace(/<DBInstance>.*<.DBInstance>/s, '')) },
      { when: { ...listing, match: isOfOne }, do: error },
    ],
  ];
  for (const place of places) {
    const faults = place.map((rule) => aws.faults.add(rule));
    expect(await pass()).toMatchObject({ ok: false });
    for (const fault of faults) fault.remove();
    expect(conditionOf(scan() ?? expect.fail(), 'Complete')?.status).toBe('False');
    expect(objects()).toEqual(before);
  }
  aws.faults.add({ when: listing, do: error });
  expect(await pass(ids)).toMatchObject({ ok: false });
  expect(objects()).toEqual(before);
});

test('an object goes where AWS answers its one code for "gone"', async () => {
  const { pass, objects } = await mirrored();
  aws.faults.add({ when: listing, do: rewrite((xml) => xml.replace(/<DBInstance>.*<.DBInstance>/s, '')) });
  aws.faults.add({ when: { ...listing, match: isOfOne }, do: fail('DBInstanceNotFound', 'as AWS says it', 404) });
  await pass();
  expect(objects().map((object) => conditionOf(object, 'Exists')?.reason)).toEqual(['NotFound', 'NotFound']);
  await pass();
  expect(objects()).toEqual([]);
});
