import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EksStack, production, startEks } from '../e2e/eks.ts';
import type { World } from '../e2e/world.ts';
import { configFolder, runCli } from './cli.ts';

let stack: EksStack;
let world: World;
let place: Awaited<ReturnType<typeof configFolder>>;
beforeAll(async () => {
  stack = await startEks();
  world = await stack.world({ instances: ['orders'] });
  place = await configFolder({});
});
afterAll(async () => {
  await place?.remove();
  await stack?.stop();
});

async function run(command: string, eks: object, ...options: string[]) {
  const { aws } = stack;
  const role = { role: aws.roleArn(world.account), externalId: aws.externalId };
  const mirror = { name: 'one', sources: ['RDSInstance'], accounts: ['main'], regions: [world.region] };
  await place.write({
    clusters: { production: { eks: { ...production, ...eks } } },
    accounts: { main: { id: world.account, ...role } },
    mirrors: [{ ...mirror, namespace: world.namespace }],
  });
  const env = { ...aws.environment(), AWS_ENDPOINT_URL_EKS: stack.clusters.endpoint };
  return runCli([command, '--config', place.file, ...options], { env });
}

const entered = () => ({ role: stack.role, externalId: stack.aws.externalId });
const command = (role: string) =>
  `aws eks create-access-entry --cluster-name production --region us-east-1 --principal-arn ${role} --kubernetes-groups skymirror-writers`;

test('sync writes into an EKS cluster that the configuration names, without a kubeconfig', async () => {
  const { code, stdout } = await run('sync', entered());
  expect(stdout).toContain('1 created');
  expect(code).toBe(0);
  expect(await stack.kubernetes.request(world.pathOf('orders'))).toMatchObject({ status: 200 });
});

test('doctor finds nothing wrong with it', async () => {
  const { code, stdout } = await run('doctor', entered());
  expect(stdout).toMatch(/\n\d+ ok\.\n$/);
  expect(code).toBe(0);
});

test('doctor says of an identity without an access entry how to make one', async () => {
  const { code, stdout } = await run('doctor', {});
  expect(stdout).toContain('missing  the cluster answers: the API server does not accept the credentials');
  expect(stdout).toContain(`To mend production:\nThis identity may have no access entry.`);
  expect(stdout).toContain(command("'<ARN of the role>'"));
  expect(code).toBe(2);
});

test('doctor says of a cluster that does not exist that it does not', async () => {
  const { code, stdout } = await run('doctor', { ...entered(), name: 'staging' });
  expect(stdout).toContain('failed   the cluster answers: EKS cluster "staging" in us-east-1 does not exist.');
  expect(code).toBe(1);
});

test('rbac prints the access entry above what it binds', async () => {
  const { code, stdout } = await run('rbac', entered(), '--cluster', 'production');
  const lines = stdout.split('\n');
  expect(lines.slice(0, 3)).toEqual([
    `# Namespaces that have to exist: ${world.namespace}`,
    '# Lets a role into the EKS cluster production, once, as somebody who administers it:',
    `# ${command(stack.role)}`,
  ]);
  expect(stdout).toMatch(/kind: Group\n +name: skymirror-writers\n/);
  expect(code).toBe(0);
});
