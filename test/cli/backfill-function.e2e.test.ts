import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../dev/until.ts';
import { answerOf, cancelBackfill, type Ground, openRun } from '../../lib/backfill.ts';
import { carryOut } from '../../lib/backfill-here.ts';
import { type BackfillRequest, backfillRequest } from '../../lib/backfill-request.ts';
import { syncRunCrd } from '../../lib/crd.ts';
import type { ConfiguredTask } from '../../lib/targets.ts';
import { type Stack, startStack } from '../e2e/stack.ts';
import type { World } from '../e2e/world.ts';
import { configFolder, runCli } from './cli.ts';

/** What the function answers, or the message that it fails with. */
type Function = (request: BackfillRequest) => Promise<object | string>;

let stack: Stack;
let lambda: Server;
let answer: Function = async () => 'nothing is deployed';
const calls: { readonly path: string | undefined; readonly request: BackfillRequest }[] = [];

beforeAll(async () => {
  stack = await startStack();
  await stack.kubernetes.apply([syncRunCrd()]);
  const { namespace } = await stack.world();
  const path = `/apis/skymirror.dev/v1alpha1/namespaces/${namespace}/syncruns`;
  const served = async () => (await stack.kubernetes.request(path, { user: 'skymirror' })).status === 200;
  await until(served, { what: 'SyncRuns that are served' });
  // API reference of Lambda, Invoke: the path, and the header that tells of a function that failed.
  lambda = createServer(async (incoming, response) => {
    const request = backfillRequest.parse(JSON.parse(await text(incoming)));
    calls.push({ path: incoming.url, request });
    const said = await answer(request).catch((error: unknown) => String(error));
    const failed = typeof said === 'string';
    response.writeHead(200, failed ? { 'X-Amz-Function-Error': 'Unhandled' } : {});
    response.end(JSON.stringify(failed ? { errorType: 'Error', errorMessage: said } : said));
  }).listen(0, '127.0.0.1');
  await once(lambda, 'listening');
});
afterAll(async () => {
  lambda?.close();
  await stack?.stop();
});
afterEach(() => {
  calls.length = 0;
});

async function setUp(instances: readonly string[]) {
  const world = await stack.world({ instances });
  const { account, region, namespace } = world;
  const config = await configFolder({
    clusters: { main: { kubeconfig: stack.kubernetes.kubeconfig('skymirror') } },
    accounts: { home: { id: account, role: stack.aws.roleArn(account), externalId: stack.aws.externalId } },
    mirrors: [{ name: 'production', sources: ['RDSInstance'], accounts: ['home'], regions: [region], namespace }],
  });
  const { port } = lambda.address() as AddressInfo;
  const env = { AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${port}` };
  const cli = (...args: string[]) =>
    runCli(['backfill', '--function', 'skymirror-test-backfill', ...args], { cwd: config.folder, env });
  return { world, cli, ground: groundOf(world), [Symbol.asyncDispose]: config.remove };
}

function groundOf({ task }: World): Ground {
  const configured: ConfiguredTask = { ...task, clusters: ['main'], accountName: 'home', every: 60, paused: false };
  const signal = new AbortController().signal;
  return { tasks: [configured], signal, open: async () => new Map([['main', stack.cluster]]), spelt: (field) => field };
}

/** A function that makes the run and, as the worker behind it would, carries it out a little later. */
const deployed =
  (ground: Ground): Function =>
  async (request) => {
    if (request.cancel !== undefined) return { ...answerOf(await cancelBackfill(request.cancel, ground)), sent: 0 };
    const open = await openRun(request, request.run ?? 'unnamed', ground);
    void carryOut(open, ground, { seen() {}, done() {} });
    return { ...answerOf(open), sent: 1 };
  };

describe('skymirror backfill --function', () => {
  test('asks the deployed function, by a name that a repeated call has too, and says how to follow it', async () => {
    await using all = await setUp([]);
    answer = async (request) => ({ ...answerOf(await openRun(request, request.run ?? '', all.ground)), sent: 1 });
    const { code, stdout } = await all.cli(
      '--mirror',
      'production',
      '--scope',
      'account=home',
      '--tag',
      'team=a,team=b',
    );
    expect(code).toBe(0);
    expect(calls).toEqual([
      {
        path: '/2015-03-31/functions/skymirror-test-backfill/invocations',
        request: {
          ...{ mirror: ['production'], scope: { account: ['home'] }, tag: { team: ['a', 'b'] }, mode: 'apply' },
          run: expect.stringMatching(/^backfill-\d{8}t\d{6}-[0-9a-f]{6}$/),
        },
      },
    ]);
    expect(stdout).toMatch(/^backfill-\S+: Pending, 1 target\nto follow it: kubectl get syncrun -n world-/);
  });

  test('with --follow waits for the end, shows the result, and ends as it does here', async () => {
    await using all = await setUp(['orders', 'ledger']);
    answer = deployed(all.ground);
    const { code, stdout } = await all.cli('--follow', '--run', 'followed');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Done +production +RDSInstance/m);
    expect(stdout).toContain('followed (');
    expect(await all.world.identifiers()).toEqual(['ledger', 'orders']);
    expect(await all.cli('--follow', '--run', 'planned', '--plan')).toMatchObject({ code: 0 });
    await all.world.create('later');
    expect(await all.cli('--follow', '--run', 'planned-again', '--plan')).toMatchObject({ code: 2 });
  });

  test('cancels a run', async () => {
    await using all = await setUp([]);
    await openRun(backfillRequest.parse({ run: 'wrong' }), 'wrong', all.ground);
    answer = deployed(all.ground);
    const { code, stdout } = await all.cli('--cancel', 'wrong', '-o', 'json');
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, run: 'wrong', state: 'Cancelled' });
    expect(calls).toMatchObject([{ request: { cancel: 'wrong' } }]);
  });

  test('that fails says what the function said', async () => {
    await using all = await setUp([]);
    answer = deployed(all.ground);
    const { code, stderr } = await all.cli('--mirror', 'prodction');
    expect(code).toBe(1);
    expect(stderr).toContain(
      '--function skymirror-test-backfill: Error: mirror prodction: the configuration has no such',
    );
  });

  test('that is another function is not believed', async () => {
    await using all = await setUp([]);
    answer = async () => ({ hello: 'world' });
    expect(await all.cli()).toMatchObject({ code: 1, stderr: expect.stringContaining('something else than a run') });
  });
});
