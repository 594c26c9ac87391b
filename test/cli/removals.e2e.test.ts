import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Removals } from '../../cli/removals.ts';
import { until } from '../../dev/until.ts';
import { approverRole } from '../../lib/rbac.ts';
import { approvalAnnotation } from '../../lib/removal.ts';
import { type Stack, startStack } from '../e2e/stack.ts';
import { done, type World } from '../e2e/world.ts';
import { configFolder, runCli } from './cli.ts';
import { atTerminal } from './terminal.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ kubernetes: { extraUsers: { approver: ['approvers'] } } });
  await stack.kubernetes.apply([approverRole()]);
});
afterAll(() => stack?.stop());

const names = Array.from({ length: 12 }, (_, number) => `db-${String(number).padStart(2, '0')}`);
const eight = names.slice(0, 8);

function configurationOf({ account, region, namespace }: World, removal: object, user: string) {
  return {
    clusters: { main: { kubeconfig: stack.kubernetes.kubeconfig(user) } },
    accounts: { home: { id: account, role: stack.aws.roleArn(account), externalId: stack.aws.externalId } },
    mirrors: [
      { name: 'production', sources: ['RDSInstance'], accounts: ['home'], regions: [region], namespace, removal },
    ],
  };
}

/** Twelve instances, eight of them gone and marked without grace: more than the five that may go unasked. */
async function massRemoval({ passes = 2, user = 'skymirror' } = {}) {
  const world = await stack.world({ instances: names, mirror: { graceSeconds: 0 } });
  await world.pass();
  await world.remove(...eight);
  for (let pass = 0; pass < passes; pass += 1) await world.pass();
  const config = await configFolder(configurationOf(world, { grace: '0s' }, user));
  const cli = (...args: string[]) => runCli(args, { cwd: config.folder });
  const json = async (): Promise<Removals> => JSON.parse((await cli('removals', '-o', 'json')).stdout);
  return { world, config, cli, json, [Symbol.asyncDispose]: config.remove };
}

/** What everybody gets who may approve and nothing more. */
async function allowApprover(namespace: string): Promise<void> {
  const subject = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'approvers' };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'skymirror-approver' };
  const metadata = { name: 'approvers', namespace };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  await stack.kubernetes.apply([{ apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects: [subject] }]);
  const path = `/apis/skymirror.dev/v1alpha1/namespaces/${namespace}/mirrorscans`;
  const isAllowed = async () => (await stack.kubernetes.request(path, { user: 'approver' })).status === 200;
  await until(isAllowed, { what: 'the rights of the approver' });
}

describe('skymirror removals', () => {
  test('shows what is marked, what waits for a person, and what to do about it', async () => {
    await using all = await massRemoval();
    const { code, stdout } = await all.cli('removals');
    expect(code).toBe(2);
    expect(stdout.match(/^blocked {3}main/gm)).toHaveLength(8);
    expect(stdout).toMatch(
      /^8-\w{13} \(production RDSInstance .*\) waits: skymirror approve-removals\n {2}Due for rem/m,
    );
    expect(stdout).toContain('To let that set go: kubectl annotate');
    const { removals, blocked, unknown } = await all.json();
    expect(unknown).toEqual([]);
    expect(blocked).toEqual([
      expect.objectContaining({ namespace: all.world.namespace, count: 8, approved: false, cluster: 'main' }),
    ]);
    expect(removals[0]).toEqual({
      cluster: 'main',
      namespace: all.world.namespace,
      mirror: 'production',
      source: 'RDSInstance',
      scope: { account: all.world.account, region: all.world.region },
      state: 'blocked',
      name: all.world.nameOf('db-00'),
      resource: all.world.arn('db-00'),
      reason: 'NotFound',
      since: expect.stringMatching(/Z$/),
      due: removals[0]?.since,
      sinceMark: expect.any(Number),
    });
  });

  test('is named by plan, also where nothing would change, and counted by sync', async () => {
    await using all = await massRemoval();
    expect(await all.cli('plan')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Nothing would change\. .* 8 wait for a person: skymirror removals\.\n$/),
    });
    const { mirrors, ...more } = configurationOf(all.world, { grace: '0s' }, 'skymirror');
    const two = mirrors.map((mirror) => ({ ...mirror, regions: [...mirror.regions, 'eu-central-2'] }));
    await all.config.write({ ...more, mirrors: two });
    const { stdout } = await all.cli('sync');
    expect(stdout).toMatch(/^CLUSTER .* UNCHANGED {3}KEPT {3}WAITING {3}TROUBLE\nmain {6}0 .* 4 {11}8 {6}8 {9}0\n$/m);
  });

  test('says what waits before a pass has named it, and tells grace and Retain from it by the configuration', async () => {
    await using all = await massRemoval({ passes: 1 });
    const states = async (removal: object) => {
      await all.config.write(configurationOf(all.world, removal, 'skymirror'));
      const { code, stdout } = await all.cli('removals', '-o', 'json');
      const { removals, blocked }: Removals = JSON.parse(stdout);
      return { code, states: [...new Set(removals.map(({ state }) => state))], sets: blocked.length };
    };
    expect(await states({ grace: '0s' })).toEqual({ code: 2, states: ['blocked'], sets: 0 });
    expect(await states({ grace: '0s', maxPercent: 100 })).toEqual({ code: 0, states: ['due'], sets: 0 });
    expect(await states({ grace: '1h' })).toEqual({ code: 0, states: ['grace'], sets: 0 });
    expect(await states({ grace: '0s', policy: 'Retain' })).toEqual({ code: 0, states: ['retained'], sets: 0 });
    await all.world.patch(all.world.pathOf('db-00'), { metadata: { finalizers: ['example.org/mine'] } });
    await stack.kubernetes.request(all.world.pathOf('db-00'), { method: 'DELETE' });
    expect(await states({ grace: '1h' })).toEqual({ code: 0, states: ['deleting', 'grace'], sets: 0 });
  });

  test('says what could not be looked at, and shows the rest', async () => {
    await using all = await massRemoval();
    const configuration = configurationOf(all.world, { grace: '0s' }, 'skymirror');
    await all.config.write({ ...configuration, clusters: { ...configuration.clusters, gone: { kubeconfig: 'none' } } });
    const { code, stdout, stderr } = await all.cli('removals');
    expect(code).toBe(1);
    expect(stdout.match(/^blocked {3}main/gm)).toHaveLength(8);
    expect(stderr).toMatch(/^gone, namespace world-\d+, RDSInstance .*: cluster gone: no kubeconfig/);
  });

  test('an empty picture is said in words', async () => {
    const world = await stack.world({ instances: ['orders'] });
    const config = await configFolder(configurationOf(world, {}, 'skymirror'));
    const result = await runCli(['removals'], { cwd: config.folder });
    expect(result).toEqual({ code: 0, stdout: 'Nothing is marked for removal.\n', stderr: '' });
    const none = await runCli(['approve-removals'], { cwd: config.folder });
    expect(none).toEqual({ code: 0, stdout: 'There is nothing to approve.\n', stderr: '' });
    await config.remove();
  });
});

describe('skymirror approve-removals', () => {
  test('releases the named set with the rights of an approver alone', async () => {
    await using all = await massRemoval({ user: 'approver' });
    await allowApprover(all.world.namespace);
    const { code, stdout, stderr } = await all.cli('approve-removals', '--yes');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const name of eight) expect(stdout).toContain(all.world.nameOf(name));
    expect(stdout).toContain('This user may not read the objects: the names are those of the scan.');
    expect(stdout).toMatch(/^8-\w{13}: approved\. /m);
    expect(await all.cli('approve-removals')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/is approved already: .*\nThere is nothing to approve\.\n$/),
    });
    expect(done(await all.world.pass())).toEqual({ deleted: 8, unchanged: 4 });
  });

  test('says of a member that came back that it stays, and what each stands for', async () => {
    await using all = await massRemoval();
    await all.world.create('db-00');
    await all.world.pass({ ids: [all.world.arn('db-00')] });
    const { code, stdout, stderr } = await all.cli('approve-removals');
    expect(code).toBe(1);
    expect(stderr).toMatch(/nobody is at a terminal to be asked "Type 8 to let these go": add --yes/);
    expect(stdout).toMatch(/^db-00-\w{13} .* \(seen again: stays\)$/m);
    expect(stdout).toContain(all.world.arn('db-01'));
    expect((await all.world.scan()).metadata.annotations).toBeUndefined();
  });

  test('of several sets approves the one that is asked for, and knows the others', async () => {
    await using all = await massRemoval({ user: 'admin' });
    const approval = (await all.json()).blocked[0]?.approval ?? '';
    const unknown = await all.cli('approve-removals', '--set', '8-0000000000000', '--yes');
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining(`These do: ${approval}`) });
    expect(await all.cli('approve-removals', '--set', approval, '--yes')).toMatchObject({ code: 0 });
    expect((await all.world.scan()).metadata.annotations?.[approvalAnnotation]).toBe(approval);
    const after = await all.cli('removals');
    expect(after).toMatchObject({ code: 0, stdout: expect.stringContaining('is approved: the next pass lets it go') });
    expect(after.stdout).not.toContain('To let that set go');
    const [set] = (await all.json()).blocked;
    expect(set).toMatchObject({ approved: true, message: expect.stringMatching(/^Due for removal: 8\..*: 8\.$/) });
  });

  test('approves what the person confirmed although the scan was written meanwhile, if its set is the same', async () => {
    await using all = await massRemoval({ user: 'admin' });
    const person = atTerminal(['approve-removals'], all.config.folder);
    await person.sees('Type 8 to let these go: ');
    await all.world.patch(all.world.scanPath, { metadata: { annotations: { 'example.org/note': 'seen' } } });
    person.types('8');
    expect(await person.end).toMatchObject({ code: 0, shown: expect.stringContaining(': approved.') });
    const { approval } = (await all.json()).blocked[0] ?? {};
    expect((await all.world.scan()).metadata.annotations?.[approvalAnnotation]).toBe(approval);
  });

  test('approves nothing of a set that has changed since it was shown, nor what was not confirmed', async () => {
    await using all = await massRemoval({ user: 'admin' });
    const hasty = atTerminal(['approve-removals'], all.config.folder);
    await hasty.sees('Type 8 to let these go: ');
    hasty.types('y');
    expect(await hasty.end).toMatchObject({ code: 2, shown: expect.stringContaining('not approved') });
    const late = atTerminal(['approve-removals'], all.config.folder);
    await late.sees('Type 8 to let these go: ');
    const blockedRemoval = { approval: '9-0000000000000', members: [] };
    await all.world.patch(`${all.world.scanPath}/status`, { status: { blockedRemoval } });
    late.types('8');
    expect(await late.end).toMatchObject({ code: 1, shown: expect.stringContaining('the set has changed') });
    expect((await all.world.scan()).metadata.annotations).toBeUndefined();
  });

  test('Ctrl-C at the question approves nothing', async () => {
    await using all = await massRemoval({ user: 'admin' });
    const person = atTerminal(['approve-removals'], all.config.folder);
    await person.sees('Type 8 to let these go: ');
    person.interrupts();
    expect(await person.end).toMatchObject({ code: 130 });
    expect((await all.world.scan()).metadata.annotations).toBeUndefined();
  });
});
