import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fleet, fleetRule } from './fleet.ts';
import { objectWrites } from './metrics.ts';
import { type Stack, startStack } from './stack.ts';
import { done, type World } from './world.ts';

let stack: Stack;
let world: World;
beforeAll(async () => {
  stack = await startStack();
  world = await stack.world();
  const fleet: Fleet = { account: world.account, region: world.region, size: 1000, instanceClass: 'db.r7g.large' };
  stack.aws.faults.add(fleetRule(fleet));
});
afterAll(() => stack?.stop());

const listed = () => stack.aws.requests.count({ action: 'DescribeDBInstances' });

test('a thousand instances come in with ten calls and two writes each', async () => {
  expect(done(await world.pass())).toEqual({ created: 1000 });
  expect(listed()).toBe(10);
  expect(await objectWrites(stack.kubernetes)).toBeLessThanOrEqual(2000);
  expect((await world.objects()).size).toBe(1000);
  expect((await world.scan()).status).toMatchObject({ seen: 1000, held: 1000, created: 1000 });

  stack.aws.requests.clear();
  const before = await objectWrites(stack.kubernetes);
  expect(done(await world.pass())).toEqual({ unchanged: 1000 });
  expect(listed()).toBe(10);
  expect(await objectWrites(stack.kubernetes)).toBe(before);
});
