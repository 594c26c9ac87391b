import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAws } from '../../../dev/aws.ts';
import { startKubernetes } from '../../../dev/kubernetes.ts';
import { sources } from '../../../lib/sources.ts';
import { describeConformance, type Fixture, type Sides } from '../conformance.ts';
import { rdsClusterFixture } from './fixtures/rds-cluster.ts';
import { rdsInstanceFixture } from './fixtures/rds-instance.ts';
import { sqsQueueFixture } from './fixtures/sqs-queue.ts';

const fixtures: readonly Fixture[] = [rdsInstanceFixture, rdsClusterFixture, sqsQueueFixture];

let sides: Sides;
beforeAll(async () => {
  const [aws, kubernetes] = await Promise.all([startAws({ seed: false }), startKubernetes()]);
  sides = { aws, kubernetes };
}, 300_000);
afterAll(() => Promise.all([sides.aws.stop(), sides.kubernetes.stop()]));

test('every source has a fixture, and so is held to all that follows', () => {
  const kinds = fixtures.map(({ source }) => source.kind);
  expect(kinds.toSorted()).toEqual(sources.map(({ kind }) => kind).toSorted());
});

for (const fixture of fixtures) describeConformance(fixture, () => sides);
