import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deny } from '../../dev/proxy-faults.ts';
import type { Report } from '../../lib/report.ts';
import { type Stack, startStack } from '../e2e/stack.ts';
import { versions, type World } from '../e2e/world.ts';
import { configFolder, runCli } from './cli.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

/** A configuration that mirrors a world as the test's own task does. */
function configurationOf(world: World, change: object = {}) {
  const { account, region, namespace } = world;
  return {
    clusters: { main: { kubeconfig: stack.kubernetes.kubeconfig('skymirror') } },
    accounts: { home: { id: account, role: stack.aws.roleArn(account), externalId: stack.aws.externalId } },
    mirrors: [
      {
        name: 'production',
        sources: ['RDSInstance'],
        accounts: ['home'],
        regions: [region],
        namespace,
        removal: { grace: '0s' },
        ...change,
      },
    ],
  };
}

async function setUp(instances: readonly string[], change: object = {}) {
  const world = await stack.world({ instances });
  const config = await configFolder(configurationOf(world, change));
  const cli = (...args: string[]) => runCli(args, { cwd: config.folder });
  return { world, config, cli, [Symbol.asyncDispose]: config.remove };
}

describe('skymirror sync', () => {
  test('mirrors, says so in one line for each target, and ends with 0', async () => {
    await using all = await setUp(['orders', 'ledger']);
    const { code, stdout, stderr } = await all.cli('sync');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^production RDSInstance \d{12}\/[a-z0-9-]+: complete, 2 seen, 3 calls, .* s; main: 2 created\n$/,
    );
    expect(await all.world.identifiers()).toEqual(['ledger', 'orders']);
  });

  test('gives its reports as JSON, and as lines of JSON', async () => {
    await using all = await setUp(['orders']);
    const whole = await all.cli('sync', '-o', 'json');
    const [report] = JSON.parse(whole.stdout) as Report[];
    expect(report).toMatchObject({ mirror: 'production', ok: true, outside: { seen: 1 } });
    const lines = await all.cli('sync', '--log-format', 'json');
    expect(JSON.parse(lines.stdout)).toMatchObject({ level: 'info', message: expect.any(String), ok: true });
  });

  test('with a name touches only what has it, and deletes nothing', async () => {
    await using all = await setUp(['orders', 'orders-old', 'ledger']);
    await all.cli('sync');
    const before = await versions(all.world);
    await all.world.resize('orders', 'db.r6g.xlarge');
    await all.world.resize('ledger', 'db.r6g.xlarge');
    await all.world.remove('orders-old');
    expect(await all.cli('sync', '--name', 'orders*')).toMatchObject({ code: 0 });
    const after = await versions(all.world);
    expect(after.ledger).toBe(before.ledger);
    expect(after.orders).not.toBe(before.orders);
    expect(Object.keys(after).toSorted()).toEqual(['ledger', 'orders', 'orders-old']);
  });

  test('ends with 1 where an account denies access, says how to mend it, and mirrors the others', async () => {
    await using all = await setUp(['orders']);
    const fault = stack.aws.faults.add({ when: { service: 'rds', region: all.world.region }, do: deny() });
    const { code, stdout } = await all.cli('sync');
    fault.remove();
    expect(code).toBe(1);
    expect(stdout).toContain('incomplete (AccessDenied)');
    expect(stdout).toContain('grant the missing action to the role that reads');
  });

  test('goes on with the other clusters where one is down or its kubeconfig is missing', async () => {
    await using all = await setUp(['orders']);
    const base = configurationOf(all.world);
    await all.config.write({ ...base, clusters: { ...base.clusters, missing: { kubeconfig: './nowhere' } } });
    const { code, stdout } = await all.cli('sync');
    expect(code).toBe(1);
    expect(stdout).toContain('main: 1 created');
    expect(stdout).toMatch(/missing skipped: cluster missing: .*nowhere/);
    expect(await all.world.identifiers()).toEqual(['orders']);
  });

  test('runs again and again, and ends cleanly with the pass that is under way', async () => {
    await using all = await setUp(['orders']);
    let rounds = 0;
    const { code, stdout, stderr } = await runCli(['sync', '--every', '1s'], {
      cwd: all.config.folder,
      onOutput(text, kill) {
        if (!text.includes('production RDSInstance')) return;
        rounds += 1;
        if (rounds === 2) kill('SIGINT');
      },
    });
    expect(code).toBe(130);
    expect(stdout).toContain('1 created');
    expect(stdout).toContain('no change');
    expect(stderr).toContain('ending what is under way');
  });

  test('tries a cluster that could not be opened again in each round, beside the others', async () => {
    await using all = await setUp(['orders']);
    const base = configurationOf(all.world);
    await all.config.write({ ...base, clusters: { ...base.clusters, late: { kubeconfig: './late' } } });
    const { code, stdout } = await runCli(['sync', '--every', '1s'], {
      cwd: all.config.folder,
      onOutput(text, kill) {
        if (/late skipped: cluster late: no kubeconfig/.test(text)) {
          copyFileSync(stack.kubernetes.kubeconfig('skymirror'), join(all.config.folder, 'late'));
        }
        if (/late: .*(no change|created)/.test(text)) kill('SIGINT');
      },
    });
    expect(code).toBe(130);
    expect(stdout).toMatch(/main: no change; late: no change$/m);
  });

  test('puts resources into the namespaces that their tags choose, of those that the configuration names', async () => {
    await using all = await setUp([]);
    const { world } = all;
    const other = await stack.world();
    await world.create('payments', { tags: { team: 'payments' } });
    await world.create('rest', { tags: { team: 'kube-system' } });
    const namespace = { byTag: { key: 'team', values: { payments: other.namespace } }, fallback: world.namespace };
    await all.config.write(configurationOf(world, { namespace }));
    const { code, stdout } = await all.cli('sync');
    expect(code).toBe(0);
    expect(stdout).toContain('2 seen, 3 calls');
    expect(await world.identifiers()).toEqual(['rest']);
    const path = `/apis/aws.skymirror.dev/v1alpha1/namespaces/${other.namespace}/rdsinstances`;
    const { body } = await stack.kubernetes.request(path);
    expect(body).toMatchObject({ items: [{ spec: { identifier: 'payments' } }] });
    const status = await all.cli('status', '-o', 'json');
    expect(JSON.parse(status.stdout)).toMatchObject([
      { state: 'ok', namespace: world.namespace },
      { state: 'ok', namespace: other.namespace },
    ]);
  });

  test('leaves a paused mirror alone, and says so', async () => {
    await using all = await setUp(['orders'], { paused: true });
    const { code, stderr } = await all.cli('sync');
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'production: paused by the configuration\n' });
    expect(await all.world.identifiers()).toEqual([]);
  });
});

describe('skymirror plan', () => {
  test('shows what would be done, object by object and field by field, ends with 2, and writes nothing', async () => {
    await using all = await setUp(['orders', 'ledger']);
    expect(await all.cli('plan')).toMatchObject({ code: 2, stdout: expect.stringContaining('To create: 2,') });
    expect(await all.world.identifiers()).toEqual([]);
    await all.cli('sync');
    expect(await all.cli('plan')).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing would change.') });
    await all.world.resize('orders', 'db.r6g.xlarge');
    await all.world.remove('ledger');
    const before = await versions(all.world);
    const { code, stdout } = await all.cli('plan');
    expect(code).toBe(2);
    expect(stdout).toContain(`~ update RDSInstance ${all.world.namespace}/${all.world.nameOf('orders')}`);
    expect(stdout).toContain('status.observed.class: "db.t4g.medium" -> "db.r6g.xlarge"');
    expect(stdout).toContain(`! mark RDSInstance ${all.world.namespace}/${all.world.nameOf('ledger')}`);
    expect(await versions(all.world)).toEqual(before);
  });

  test('shows deletes, as JSON too, and is what a sync then does', async () => {
    await using all = await setUp(['orders', 'ledger']);
    await all.cli('sync');
    await all.world.remove('ledger');
    await all.cli('sync');
    const { code, stdout } = await all.cli('plan', '-o', 'json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      summary: { create: 0, update: 0, mark: 0, delete: 1 },
      changes: [{ action: 'delete', name: all.world.nameOf('ledger'), resource: all.world.arn('ledger') }],
    });
    await all.cli('sync');
    expect(await all.world.identifiers()).toEqual(['orders']);
  });

  test('needs no right to write, and takes none', async () => {
    await using all = await setUp(['orders']);
    const base = configurationOf(all.world);
    const { metrics } = stack.kubernetes;
    const writes = async () =>
      (await metrics())
        .split('\n')
        .filter((line) => /^apiserver_request_total\{.*verb="(POST|PUT|PATCH|DELETE)"/.test(line));
    await all.config.write({ ...base, clusters: { main: { kubeconfig: stack.kubernetes.kubeconfig('admin') } } });
    const before = await writes();
    await all.cli('plan');
    expect((await writes()).filter((line) => line.includes('rds') || line.includes('mirrorscans'))).toEqual(
      before.filter((line) => line.includes('rds') || line.includes('mirrorscans')),
    );
  });

  test('ends with 1 where something could not be looked at', async () => {
    await using all = await setUp(['orders']);
    const fault = stack.aws.faults.add({ when: { service: 'rds', region: all.world.region }, do: deny() });
    const { code, stdout, stderr } = await all.cli('plan');
    const json = await all.cli('plan', '-o', 'json');
    fault.remove();
    expect(code).toBe(1);
    expect(stdout).toContain(
      'What would change is not known. 0 seen outside. Nothing was written. 1 of 1 targets could',
    );
    expect(JSON.parse(json.stdout)).toMatchObject({ complete: false, changes: [] });
    expect(stderr).toContain('incomplete (AccessDenied)');
  });
});

describe('skymirror status', () => {
  test('says whether each scan is there, alive, whole and applied', async () => {
    await using all = await setUp(['orders']);
    expect(await all.cli('status')).toMatchObject({ code: 2, stdout: expect.stringContaining('missing') });
    await all.cli('sync');
    const well = await all.cli('status', '-o', 'json');
    expect(well.code).toBe(0);
    expect(JSON.parse(well.stdout)).toMatchObject([{ state: 'ok', mirror: 'production', seen: 1, held: 1 }]);
    const fault = stack.aws.faults.add({ when: { service: 'rds', region: all.world.region }, do: deny() });
    await all.cli('sync');
    fault.remove();
    const { code, stdout } = await all.cli('status');
    expect(code).toBe(2);
    expect(stdout).toMatch(/^incomplete +main/m);
    expect(stdout).toContain('AccessDenied: AWS refused');
  });

  test('names a cluster that cannot be asked, and shows the others', async () => {
    await using all = await setUp(['orders']);
    await all.cli('sync');
    const base = configurationOf(all.world);
    await all.config.write({ ...base, clusters: { ...base.clusters, down: { kubeconfig: './nowhere' } } });
    const { code, stdout } = await all.cli('status');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ok +main/m);
    expect(stdout).toMatch(/^unknown +down/m);
  });
});

describe('the command line', () => {
  test('names every problem of a configuration with its line and column', async () => {
    await using all = await setUp([]);
    const base = configurationOf(all.world);
    await all.config.write({ ...base, mirrors: [{ ...base.mirrors[0], regoins: ['us-east-9'] }] });
    const { code, stderr } = await all.cli('sync');
    expect(code).toBe(1);
    expect(stderr).toMatch(/skymirror\.yaml:\d+:\d+: mirrors\[0\]\.regoins: unknown key.*did you mean "regions"/);
  });

  test('says what to do where there is no configuration', async () => {
    const { code, stderr } = await runCli(['status', '--config', '/nowhere/skymirror.yaml']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'skymirror: /nowhere/skymirror.yaml cannot be read: there is no such file. Make one with "skymirror init", or name another with --config\n',
    });
  });

  test.each([
    [['snyc'], 'Did you mean sync?'],
    [['sync', '--mirorr', 'x'], 'Did you mean --mirror?'],
    [['sync', '--every', 'often'], 'Give a number with a unit'],
    [['status', '-o', 'xml'], 'Allowed choices are table, json, yaml'],
  ])('understands no %j, and says what it would', async (args, said) => {
    const { code, stderr } = await runCli(args);
    expect(code).toBe(1);
    expect(stderr).toContain(said);
  });

  test('refuses filters that fit nothing', async () => {
    await using all = await setUp([]);
    expect((await all.cli('sync', '--mirror', 'prodction')).stderr).toContain('did you mean "production"?');
    expect((await all.cli('sync', '--scope', 'zone=a')).stderr).toContain('give it as account=...,region=...');
    expect((await all.cli('sync', '--scope', 'region=nowhere-1')).stderr).toContain(
      'no mirror of the configuration has this region',
    );
  });

  test('has help with examples for every command, and completion for the shells', async () => {
    const { code, stdout } = await runCli(['--help']);
    expect(code).toBe(0);
    const order =
      'init crds rbac doctor plan sync backfill status removals approve-removals prune sources version completion';
    const commands = [...stdout.matchAll(/^ {2}([a-z-]+) (?:\[options\]|<)/gm)].map(([, name]) => name);
    expect(commands.join(' ')).toBe(order);
    for (const command of stdout.matchAll(/^ {2}([a-z-]+) \[options\]/gm)) {
      const help = await runCli([command[1] ?? '', '--help']);
      expect(help.code, command[1]).toBe(0);
      expect(help.stdout, command[1]).toContain('Examples:');
    }
    for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
      const script = await runCli(['completion', shell]);
      expect(script.code).toBe(0);
      expect(script.stdout).toContain('skymirror');
    }
    const offered = await runCli(['complete', '--', 'sta']);
    expect(offered.stdout).toContain('status');
  });
});
