import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { prune } from '../../cli/prune.ts';
import type { PruneResult } from '../../cli/prune-report.ts';
import { until } from '../../dev/until.ts';
import { type Stack, startStack } from '../e2e/stack.ts';
import { versions, type World } from '../e2e/world.ts';
import { configFolder, runCli } from './cli.ts';
import { atTerminal } from './terminal.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    kubernetes: { extraUsers: { keeper: ['keepers', 'skymirror-writers'], blind: ['blind'] } },
  });
  const apiGroups = ['aws.skymirror.dev', 'skymirror.dev'];
  const rules = [{ apiGroups, resources: ['*'], verbs: ['get', 'list', 'patch', 'delete'] }];
  const objectsOnly = [{ apiGroups: apiGroups.slice(0, 1), resources: ['*'], verbs: ['get', 'list'] }];
  await stack.kubernetes.apply([
    { ...rbac('ClusterRole', { name: 'keeper' }), rules },
    { ...rbac('ClusterRole', { name: 'blind' }), rules: objectsOnly },
  ]);
});
afterAll(() => stack?.stop());

const group = 'rbac.authorization.k8s.io';

function rbac(kind: string, metadata: object) {
  return { apiVersion: `${group}/v1`, kind, metadata };
}

/** What it takes to prune one namespace and, for another user, to see its objects alone. */
async function allowKeeper(namespace: string): Promise<void> {
  const bindings = ['keeper', 'blind'].map((name) => ({
    ...rbac('RoleBinding', { name, namespace }),
    roleRef: { apiGroup: group, kind: 'ClusterRole', name },
    subjects: [{ apiGroup: group, kind: 'User', name }],
  }));
  await stack.kubernetes.apply(bindings);
  const path = `/apis/skymirror.dev/v1alpha1/namespaces/${namespace}/mirrorscans`;
  const isAllowed = async () => (await stack.kubernetes.request(path, { user: 'keeper' })).status === 200;
  await until(isAllowed, { what: 'the rights of the keeper' });
}

/** A configuration with one mirror of a world; `change` is of the mirror. */
function configurationOf({ account, region, namespace }: World, change: object = {}, user = 'keeper') {
  return {
    clusters: { main: { kubeconfig: stack.kubernetes.kubeconfig(user) } },
    accounts: { home: { id: account, role: stack.aws.roleArn(account), externalId: stack.aws.externalId } },
    mirrors: [
      { name: 'production', sources: ['RDSInstance'], accounts: ['home'], regions: [region], namespace, ...change },
    ],
  };
}

/** A world that has been mirrored, and a configuration of it. As `keeper`, only its namespace can be looked at. */
async function setUp(instances: readonly string[], { user = 'keeper', mirror = {} } = {}) {
  const world = await stack.world({ instances });
  const config = await configFolder(configurationOf(world, mirror, user));
  await world.pass();
  await allowKeeper(world.namespace);
  const cli = (...args: string[]) => runCli(args, { cwd: config.folder });
  const result = async (...args: string[]): Promise<PruneResult & { code: number | null }> => {
    const { code, stdout } = await cli('prune', '-o', 'json', ...args);
    return { code, ...JSON.parse(stdout) };
  };
  const silent = () => world.patch(`${world.scanPath}/status`, { status: { lastStarted: '2020-01-01T00:00:00Z' } });
  const change = (mirrorChange: object) => config.write(configurationOf(world, mirrorChange, user));
  return { world, config, cli, result, silent, change, [Symbol.asyncDispose]: config.remove };
}

const otherRegion = { regions: ['eu-central-2'] };

describe('skymirror prune', () => {
  test('finds nothing where the configuration accounts for all, paused mirrors included', async () => {
    await using all = await setUp(['orders'], { mirror: { paused: true } });
    const { code, stdout, stderr } = await all.cli('prune');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Nothing is left behind in what could be looked at.\n' });
    expect(stderr).toMatch(/^main: this user may not list in all namespaces: only those of the configuration .*\n$/);
  });

  test('shows what a region left behind, and leaves it alone while its mirror reports', async () => {
    await using all = await setUp(['orders', 'ledger']);
    await all.change(otherRegion);
    const before = await versions(all.world);
    const { code, stdout } = await all.cli('prune');
    expect(code).toBe(2);
    expect(stdout).toMatch(
      /^main {6}world-\d+ .* production {3}RDSInstance .* 2 {9}1 .* \d+s ago {8}region {11}alive$/m,
    );
    const refused = await all.cli('prune', '--remove', '--yes');
    expect(refused).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('to remove them all the same: --mirror production'),
    });
    expect(await versions(all.world)).toEqual(before);
  });

  test('removes what it showed, its scan last, once the mirror is silent and a person has typed the count', async () => {
    await using all = await setUp(['orders', 'ledger']);
    await all.change(otherRegion);
    await all.silent();
    const unasked = await all.cli('prune', '--remove');
    expect(unasked).toMatchObject({ code: 1, stderr: expect.stringContaining('add --yes') });
    expect(unasked.stderr).toContain('A mirror that another configuration runs looks like this too.');
    const hasty = atTerminal(['prune', '--remove'], all.config.folder);
    await hasty.sees('Type 3 to remove them: ');
    hasty.types('yes');
    expect(await hasty.end).toMatchObject({ code: 2, shown: expect.stringContaining('Nothing was removed.') });
    const person = atTerminal(['prune', '--remove'], all.config.folder);
    await person.sees('Type 3 to remove them: ');
    person.types('3');
    expect(await person.end).toMatchObject({ code: 0, shown: expect.stringContaining('Removed: 3.') });
    expect(await all.world.identifiers()).toEqual([]);
    expect(await stack.kubernetes.request(all.world.scanPath)).toMatchObject({ status: 404 });
    expect(await all.result()).toMatchObject({ code: 0, leftBehind: [] });
  });

  test('skips what was changed meanwhile and keeps its scan, and names the finalizers that hold an object', async () => {
    await using all = await setUp(['orders', 'ledger', 'cart']);
    await all.change(otherRegion);
    await all.silent();
    await all.world.patch(all.world.pathOf('cart'), { metadata: { finalizers: ['example.org/mine'] } });
    const person = atTerminal(['prune', '--remove'], all.config.folder);
    await person.sees('Type 4 to remove them: ');
    await all.world.patch(all.world.pathOf('orders'), { metadata: { labels: { 'example.org/edited': 'yes' } } });
    person.types('4');
    const { code, shown } = await person.end;
    expect(code).toBe(2);
    expect(shown).toContain('Removed: 1.');
    expect(shown).toMatch(/left alone: 1\r\n {2}main: RDSInstance world-\d+\/orders-/);
    expect(shown).toMatch(/taken away: 1\r\n {2}main: RDSInstance world-\d+\/cart-\w+ \(example\.org\/mine\)/);
    expect(await all.world.identifiers()).toEqual(['cart', 'orders']);
    expect((await all.world.scan()).status?.lastStarted).toBe('2020-01-01T00:00:00Z');
    await all.world.patch(all.world.pathOf('cart'), { metadata: { finalizers: null } });
  });

  test('leaves alone and counts what others made, and finds what has lost its labels', async () => {
    await using all = await setUp(['orders', 'ledger']);
    const { metadata, ...copy } = await all.world.object('ledger');
    await stack.kubernetes.apply([{ ...copy, metadata: { name: 'by-hand', namespace: metadata.namespace } }]);
    await all.world.patch(all.world.pathOf('orders'), { metadata: { labels: null } });
    expect(await all.result()).toMatchObject({ code: 0, leftBehind: [], others: 1 });
    await all.change(otherRegion);
    const { leftBehind, others } = await all.result();
    expect(others).toBe(1);
    expect(leftBehind.map(({ mirror, objects, missing, stays }) => [mirror, objects, missing, stays?.why])).toEqual([
      [undefined, 1, 'mirror', 'alive'],
      ['production', 1, 'region', 'alive'],
    ]);
    await all.silent();
    expect(await all.result('--remove', '--yes')).toMatchObject({ code: 0, carriedOut: { removed: 3 } });
    expect((await stack.kubernetes.request(`${all.world.path}/by-hand`)).status).toBe(200);
  });

  test('tells a namespace part, a mirror and a kind that are no more apart, in every namespace of the cluster', async () => {
    await using all = await setUp(['orders'], { user: 'admin' });
    const mine = async () => {
      const { leftBehind } = await all.result();
      return leftBehind.filter(({ namespace }) => namespace === all.world.namespace).map(({ missing }) => missing);
    };
    const byTag = { key: 'team', values: { commerce: 'elsewhere' } };
    expect(await mine()).toEqual([]);
    await all.change({ namespace: { byTag, fallback: all.world.namespace } });
    expect(await mine()).toEqual([]);
    await all.change({ namespace: { byTag } });
    expect(await mine()).toEqual(['namespace']);
    await all.change({ sources: ['RDSCluster'] });
    expect(await mine()).toEqual(['source']);
    await all.change({ name: 'other', namespace: 'elsewhere' });
    expect(await mine()).toEqual(['mirror']);
  });

  test('never takes what a mirror left that the configuration does not name, unless a person names it', async () => {
    await using all = await setUp(['orders']);
    await all.change({ name: 'other', ...otherRegion });
    await all.silent();
    const before = await versions(all.world);
    const kept = await all.cli('prune', '--remove', '--yes');
    expect(kept).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(
        /^--remove leaves alone production .*: the configuration has no mirror production: .*: --mirror production\.$/m,
      ),
    });
    expect(await versions(all.world)).toEqual(before);
    const named = await all.result('--remove', '--yes', '--mirror', 'production');
    expect(named).toMatchObject({ code: 0, carriedOut: { removed: 2 } });
  });

  test('counts two names of one API server as one cluster', async () => {
    await using all = await setUp(['orders'], { user: 'admin' });
    const configuration = configurationOf(all.world, { clusters: ['same'] }, 'admin');
    const same = { kubeconfig: stack.kubernetes.kubeconfig('skymirror') };
    await all.config.write({ ...configuration, clusters: { ...configuration.clusters, same } });
    const { leftBehind } = await all.result();
    expect(leftBehind.filter(({ namespace }) => namespace === all.world.namespace)).toEqual([]);
    await all.config.write({ ...configuration, clusters: { ...configuration.clusters, same: { kubeconfig: 'none' } } });
    const { code, leftBehind: uncertain } = await all.result();
    expect(code).toBe(1);
    expect(uncertain.find(({ namespace }) => namespace === all.world.namespace)).toMatchObject({
      missing: 'cluster',
      stays: { why: 'unknown', message: expect.stringContaining('same could not be looked at') },
    });
  });

  test('leaves a namespace that is going away alone, and reports a cluster that is down', async () => {
    await using all = await setUp(['orders']);
    await all.silent();
    await stack.kubernetes.request(`/api/v1/namespaces/${all.world.namespace}`, { method: 'DELETE' });
    const configuration = configurationOf(all.world, otherRegion);
    await all.config.write({ ...configuration, clusters: { ...configuration.clusters, down: { kubeconfig: 'none' } } });
    const { code, leftBehind, notLookedAt, carriedOut } = await all.result('--remove', '--yes');
    expect({ code, carriedOut }).toEqual({ code: 1, carriedOut: undefined });
    expect(leftBehind).toMatchObject([{ objects: 1, stays: { why: 'terminating' } }]);
    expect(notLookedAt).toContainEqual({ cluster: 'down', failed: true, message: expect.stringContaining('none') });
    await all.change({ name: 'renamed' });
    const rename = await all.cli('prune', '--rename', 'production=renamed', '--yes');
    expect(rename.stdout).toMatch(/^Nothing of the mirror production /);
  });

  test('as somebody who may not list scans cannot tell whether a mirror still runs, and says so', async () => {
    await using all = await setUp(['orders'], { user: 'blind' });
    await all.config.write(configurationOf(all.world, otherRegion, 'blind'));
    const { code, leftBehind, notLookedAt } = await all.result('--remove', '--yes');
    expect(code).toBe(1);
    expect(leftBehind).toMatchObject([{ objects: 1, stays: { why: 'unknown' } }]);
    const failed = notLookedAt.filter((one) => one.failed).map(({ message }) => message);
    expect(failed).toEqual([expect.stringContaining('cannot list resource "mirrorscans"')]);
  });

  test('removes what a mirror left that reported lately only where a person names it', async () => {
    await using all = await setUp(['orders']);
    await all.change(otherRegion);
    const printed: string[] = [];
    const around = {
      print: (text: string) => printed.push(text),
      error: () => {},
      paint: (_: string, text: string) => text,
      interactive: false,
      signal: new AbortController().signal,
      end: () => {},
    };
    const options = { config: all.config.file, output: 'json', remove: true, yes: true } as const;
    await expect(prune({ ...options, mirror: ['prod'] }, around)).rejects.toThrow('only of production');
    expect(await prune({ ...options, mirror: ['production'] }, around)).toBe(0);
    expect(JSON.parse(printed.join(''))).toMatchObject({ carriedOut: { removed: 2 } });
    expect(await all.world.identifiers()).toEqual([]);
  });
});

describe('skymirror prune --rename', () => {
  test('hands the objects over: a sync by the new name then writes only what changed', async () => {
    await using all = await setUp(['orders', 'ledger', 'cart']);
    await all.change({ name: 'renamed' });
    const refused = await all.cli('sync');
    expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining('OtherMirror') });
    expect(await all.cli('prune')).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('skymirror prune --rename production=renamed'),
    });
    await all.world.patch(all.world.pathOf('cart'), {
      spec: { identifier: 'cart' },
      metadata: { labels: { mine: 'yes' } },
    });
    await all.silent();
    expect(await all.result('--remove', '--yes')).toMatchObject({
      code: 2,
      leftBehind: [{ stays: { why: 'renamed' } }],
    });
    const person = atTerminal(['prune', '--rename', 'production=renamed'], all.config.folder);
    await person.sees('Type 4 to hand them over: ');
    person.types('4');
    const { code, shown } = await person.end;
    expect(code).toBe(0);
    expect(shown).toContain('Renamed: 3.\r\nRemoved: 1.');
    const before = await versions(all.world);
    await all.world.resize('orders', 'db.r6g.xlarge');
    expect(await all.cli('sync')).toMatchObject({ code: 0, stdout: expect.stringContaining('main: 1 updated') });
    const after = await versions(all.world);
    expect({ ...after, orders: '' }).toEqual({ ...before, orders: '' });
    expect(after.orders).not.toBe(before.orders);
    expect((await all.world.object('cart')).metadata.labels).toMatchObject({
      mine: 'yes',
      'skymirror.dev/mirror': 'renamed',
    });
    expect(await all.cli('prune')).toMatchObject({ code: 0 });
  });

  test('needs a new name that is configured and an old one that is not', async () => {
    await using all = await setUp(['orders']);
    const rename = (names: string) => all.cli('prune', '--rename', names);
    expect(await rename('production=x')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the configuration still has the mirror production'),
    });
    expect(await rename('x=y')).toMatchObject({ code: 1, stderr: expect.stringContaining('no mirror y') });
    expect(await rename('x=production')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Nothing of the mirror x'),
    });
    expect(await all.cli('prune', '--rename', 'x=production', '--remove')).toMatchObject({ code: 1 });
  });

  test('leaves what the new mirror does not show there, and what was changed meanwhile with its scan', async () => {
    await using all = await setUp(['orders', 'ledger']);
    await all.change({ name: 'renamed', ...otherRegion });
    expect(await all.cli('prune', '--rename', 'production=renamed', '--yes')).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('2 objects left as they are: renamed does not show them there'),
    });
    await all.change({ name: 'renamed' });
    const person = atTerminal(['prune', '--rename', 'production=renamed'], all.config.folder);
    await person.sees('Type 3 to hand them over: ');
    await all.world.patch(all.world.pathOf('orders'), { metadata: { labels: { 'example.org/edited': 'yes' } } });
    person.types('3');
    expect(await person.end).toMatchObject({ code: 2, shown: expect.stringContaining('Renamed: 1.') });
    expect((await all.world.scan()).spec?.mirror).toBe('production');
    const again = await all.cli('prune', '--rename', 'production=renamed', '--yes');
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('Renamed: 1.') });
  });
});
