import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { deny, hold } from '../../dev/proxy-faults.ts';
import { until } from '../../dev/until.ts';
import { syncRunCrd } from '../../lib/crd.ts';
import { approverRole } from '../../lib/rbac.ts';
import { fleetRule } from '../e2e/fleet.ts';
import { type Stack, startStack } from '../e2e/stack.ts';
import { versions, type World } from '../e2e/world.ts';
import { configFolder, runCli } from './cli.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ kubernetes: { extraUsers: { canceller: ['cancellers'] } } });
  await stack.kubernetes.apply([syncRunCrd(), approverRole()]);
  const { namespace } = await stack.world();
  const served = async () => (await stack.kubernetes.request(runsOf(namespace), { user: 'skymirror' })).status === 200;
  await until(served, { what: 'SyncRuns that are served' });
});
afterAll(() => stack?.stop());
afterEach(() => stack.aws.faults.clear());

const runsOf = (namespace: string) => `/apis/skymirror.dev/v1alpha1/namespaces/${namespace}/syncruns`;

function configurationOf({ account, region, namespace }: World, change: object = {}) {
  return {
    clusters: { main: { kubeconfig: stack.kubernetes.kubeconfig('skymirror') } },
    accounts: { home: { id: account, role: stack.aws.roleArn(account), externalId: stack.aws.externalId } },
    mirrors: [
      { name: 'production', sources: ['RDSInstance'], accounts: ['home'], regions: [region], namespace, ...change },
    ],
  };
}

async function setUp(instances: readonly string[], change: object = {}) {
  const world = await stack.world({ instances });
  const config = await configFolder(configurationOf(world, change));
  const cli = (...args: string[]) => runCli(args, { cwd: config.folder });
  const json = async (...args: string[]) => {
    const { code, stdout } = await cli('backfill', '-o', 'json', ...args);
    return { code, ...(JSON.parse(stdout) as { run: string; state: string; targets: object[] }) };
  };
  const run = async (name: string) => {
    const { body } = await stack.kubernetes.request(`${runsOf(world.namespace)}/${name}`);
    return body as { spec: object; status: { state: string; counts: object; conditions: object[] } };
  };
  return { world, config, cli, json, run, [Symbol.asyncDispose]: config.remove };
}

describe('skymirror backfill', () => {
  test('mirrors what is chosen, shows what it did, and leaves a SyncRun', async () => {
    await using all = await setUp(['orders', 'ledger']);
    const { code, stdout, stderr } = await all.cli('backfill', '--run', 'first');
    expect({ code, stderr }).toEqual({ code: 0, stderr: `first (${all.world.namespace} in main): 1 target\n` });
    expect(stdout).toMatch(/^STATE +MIRROR +SOURCE +SCOPE +SEEN +CREATED/);
    expect(stdout).toMatch(/^Done +production +RDSInstance +\d{12}\/[a-z0-9-]+ +2 +2 +0/m);
    expect(stdout).toContain(`first (${all.world.namespace} in main): Done, 1/1 targets, 2 seen, 2 changed.`);
    expect(await all.world.identifiers()).toEqual(['ledger', 'orders']);
    expect(await all.run('first')).toMatchObject({
      spec: { mode: 'Apply', filter: {}, cancelled: false },
      status: { state: 'Done', progress: '1/1', seen: 2, changed: 2, counts: { created: 2 } },
    });
  });

  test('asked for a run that has ended does nothing again', async () => {
    await using all = await setUp(['orders']);
    await all.cli('backfill', '--run', 'first');
    await all.world.create('later');
    const { code, stdout } = await all.cli('backfill', '--run', 'first');
    expect(code).toBe(0);
    expect(stdout).toContain('1 seen, 1 changed');
    expect(await all.world.identifiers()).toEqual(['orders']);
    const cancelled = await all.cli('backfill', '--cancel', 'first');
    expect(cancelled.stderr).toContain('first: it had ended before, and nothing was cancelled');
  });

  test('--follow is for the function, and is refused here', async () => {
    await using all = await setUp([]);
    const { code, stderr } = await all.cli('backfill', '--follow');
    expect(code).not.toBe(0);
    expect(stderr).toContain('--follow goes with --function');
  });

  test('with --plan counts what would change, writes nothing, and ends with 2', async () => {
    await using all = await setUp(['orders']);
    expect(await all.json('--plan')).toMatchObject({ code: 2, state: 'Done', mode: 'Plan', changed: 1 });
    expect(await all.world.identifiers()).toEqual([]);
    await all.cli('sync');
    expect(await all.json('--plan')).toMatchObject({ code: 0, changed: 0, targets: [{ seen: 1, unchanged: 1 }] });
  });

  test('with names and tags touches only what has them', async () => {
    await using all = await setUp(['orders', 'orders-old', 'ledger']);
    await all.world.create('orders-eu', { tags: { team: 'payments' } });
    expect(await all.json('--name', 'orders*', '--tag', 'team=pay*')).toMatchObject({
      code: 0,
      targets: [{ created: 1 }],
    });
    expect((await all.cli('backfill', '--tag', 'team=paymemts')).stdout).toContain(
      'Nothing fits the name or the tags.',
    );
    expect(await all.world.identifiers()).toEqual(['orders-eu']);
    const before = await versions(all.world);
    await all.json('--name', 'orders*');
    expect(await all.world.identifiers()).toEqual(['orders', 'orders-eu', 'orders-old']);
    expect((await versions(all.world))['orders-eu']).toBe(before['orders-eu']);
  });

  test('says why a target failed, and ends with 1', async () => {
    await using all = await setUp(['orders']);
    stack.aws.faults.add({ when: { service: 'rds', region: all.world.region }, do: deny() });
    const { code, stdout } = await all.cli('backfill');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Failed +production/m);
    expect(stdout).toMatch(/production RDSInstance .*: AccessDenied: AWS refused|grant the missing action/);
  });

  test('interrupted says how to carry it on, and carried on does the rest', async () => {
    await using all = await setUp(['orders']);
    const gate = hold();
    stack.aws.faults.add({ when: { service: 'rds', region: all.world.region }, do: gate.effect });
    const { code, stderr, stdout } = await runCli(['backfill', '--run', 'first'], {
      cwd: all.config.folder,
      onOutput: (text, kill) => text.endsWith(': 1 target\n') && gate.reached.then(() => kill('SIGINT')),
    });
    gate.release();
    expect(code).toBe(130);
    expect(stdout).toMatch(/^Running/m);
    expect(stderr).toContain('to carry it on: skymirror backfill --run first');
    stack.aws.faults.clear();
    expect(await all.json('--run', 'first')).toMatchObject({
      code: 0,
      state: 'Done',
      targets: [{ created: 1, passes: 2 }],
    });
  });

  test('killed in the middle, and carried on, repeats nothing and counts each object once', async () => {
    await using all = await setUp([]);
    const { account, region } = all.world;
    const fleet = { account, region, size: 450, instanceClass: 'db.r7g.large' };
    stack.aws.faults.add(fleetRule(fleet));
    const gate = hold();
    stack.aws.faults.add({ when: { action: 'DescribeDBInstances' }, after: 2, do: gate.effect });
    const killed = await runCli(['backfill', '--run', 'first'], {
      cwd: all.config.folder,
      onOutput: (text, kill) => text.endsWith(': 1 target\n') && gate.reached.then(() => kill('SIGKILL')),
    });
    gate.release();
    expect(killed.code).toBe(null);
    stack.aws.faults.clear();
    stack.aws.faults.add(fleetRule(fleet));
    const before = [...(await all.world.objects()).values()];
    expect(before.length).toBeGreaterThanOrEqual(100);
    expect(await all.json('--run', 'first')).toMatchObject({
      ...{ code: 0, state: 'Done', seen: 450, changed: 450 },
      targets: [{ created: 450, unchanged: 0, passes: 2 }],
    });
    const after = await versions(all.world);
    for (const { spec, metadata } of before) expect(after[String(spec?.identifier)]).toBe(metadata.resourceVersion);
    expect(Object.keys(after)).toHaveLength(450);
  });

  test('is cancelled by its name from anywhere, and stays so', async () => {
    await using all = await setUp(['orders']);
    const gate = hold();
    stack.aws.faults.add({ when: { service: 'rds', region: all.world.region }, do: gate.effect });
    const running = all.cli('backfill', '--run', 'first');
    await gate.reached;
    expect(await all.json('--cancel', 'first')).toMatchObject({ code: 0, state: 'Cancelled' });
    expect(await running).toMatchObject({ code: 1, stdout: expect.stringMatching(/^Cancelled/m) });
    gate.release();
    stack.aws.faults.clear();
    expect(await all.cli('backfill', '--run', 'first')).toMatchObject({ code: 1 });
    expect(await all.world.identifiers()).toEqual([]);
  });

  test.each([
    [['--mirror', 'prodction'], '--mirror prodction: the configuration has no such mirror: did you mean "production"?'],
    [['--scope', 'zone=a'], '--scope zone=a: give it as account=...,region=...'],
    [['--tag', 'team'], '--tag team: give it as key=value'],
    [['--run', 'My Run'], 'is not the name of a run'],
    [['--cancel', 'nothing'], '--cancel nothing: there is no such run'],
  ])('refuses %j, and makes no SyncRun', async (args, said) => {
    await using all = await setUp([]);
    const { code, stderr } = await all.cli('backfill', ...args);
    expect(code).toBe(1);
    expect(stderr).toContain(said);
    const { body } = await stack.kubernetes.request(runsOf(all.world.namespace));
    expect(body).toMatchObject({ items: [] });
  });

  test('refuses to carry on a run with other filters or another mode', async () => {
    await using all = await setUp(['orders']);
    await all.cli('backfill', '--run', 'first', '--name', 'orders');
    expect((await all.cli('backfill', '--run', 'first', '--name', 'x')).stderr).toContain('this run has other filters');
    expect((await all.cli('backfill', '--run', 'first', '--plan')).stderr).toContain('this run is one of mode Apply');
  });

  test('does nothing where all that is chosen is paused, and says so', async () => {
    await using all = await setUp(['orders'], { paused: true });
    const { code, stderr } = await all.cli('backfill');
    expect(code).toBe(1);
    expect(stderr).toContain('the configuration has paused production');
  });
});

describe('the API server', () => {
  test('lets a run be cancelled, once and for all, and nothing else of its spec be changed', async () => {
    await using all = await setUp(['orders']);
    await all.cli('backfill', '--run', 'first', '--name', 'orders', '--source', 'rdsi');
    const path = `${runsOf(all.world.namespace)}/first`;
    await expect(all.world.patch(path, { spec: { filter: { name: 'x' } } })).rejects.toThrow(
      'spec.filter never changes',
    );
    await expect(all.world.patch(path, { spec: { mode: 'Plan' } })).rejects.toThrow('spec.mode never changes');
    expect(await all.world.patch(path, { spec: { cancelled: true } })).toMatchObject({ spec: { cancelled: true } });
    await expect(all.world.patch(path, { spec: { cancelled: false } })).rejects.toThrow(
      'a run that is cancelled stays so',
    );
  });

  test('shows runs as a table', async () => {
    await using all = await setUp(['orders']);
    await all.cli('backfill', '--run', 'first');
    const { body } = await stack.kubernetes.request(runsOf(all.world.namespace), {
      headers: { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' },
    });
    const { columnDefinitions, rows } = body as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
    const shown = Object.fromEntries(columnDefinitions.map(({ name }, index) => [name, rows[0]?.cells[index]]));
    expect(shown).toMatchObject({ Name: 'first', Mode: 'Apply', State: 'Done', Targets: '1/1', Seen: 1, Changed: 1 });
  });

  test('lets an approver cancel a run, and not delete it', async () => {
    await using all = await setUp(['orders']);
    await all.cli('backfill', '--run', 'first');
    const path = `${runsOf(all.world.namespace)}/first`;
    const apiGroup = 'rbac.authorization.k8s.io';
    await stack.kubernetes.apply([
      {
        ...{ apiVersion: `${apiGroup}/v1`, kind: 'RoleBinding' },
        metadata: { name: 'cancellers', namespace: all.world.namespace },
        roleRef: { apiGroup, kind: 'ClusterRole', name: 'skymirror-approver' },
        subjects: [{ apiGroup, kind: 'Group', name: 'cancellers' }],
      },
    ]);
    const as = (method: 'GET' | 'PATCH' | 'DELETE', body?: object) =>
      stack.kubernetes.request(path, {
        method,
        user: 'canceller',
        contentType: 'application/merge-patch+json',
        ...(body && { body }),
      });
    await until(async () => (await as('GET')).status === 200, { what: 'the rights of the canceller' });
    expect((await as('PATCH', { spec: { cancelled: true } })).status).toBe(200);
    expect((await as('DELETE')).status).toBe(403);
  });
});
