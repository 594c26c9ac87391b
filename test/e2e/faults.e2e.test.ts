import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startKubernetesProxy } from '../../dev/kubernetes-proxy.ts';
import {
  brokenServer,
  type CallRule,
  expiredContinue,
  lastPage,
  refuse,
  tooManyRequests,
  unauthorized,
} from '../../dev/kubernetes-proxy-faults.ts';
import { type DoorTrouble, openDoor } from '../../dev/proxy-door.ts';
import {
  deny,
  expiredToken,
  invalidToken,
  malformed,
  type Rule,
  rewrite,
  throttle,
  unavailable,
} from '../../dev/proxy-faults.ts';
import { documentDbRow, truncatePage } from '../../dev/proxy-rows.ts';
import {
  answer,
  change,
  cut,
  delay,
  drip,
  type Effect,
  empty,
  html,
  lose,
  mislabelled,
  mixedUp,
  redirect,
  reset,
  shut,
  truncated,
} from '../../dev/proxy-rules.ts';
import type { Cluster } from '../../lib/cluster.ts';
import { everything, type Steps, size, startSteps } from './faults-steps.ts';
import { conditionText, done } from './world.ts';

let steps: Steps;
beforeAll(async () => {
  steps = await startSteps();
});
afterAll(() => steps?.stop());
afterEach(() => steps.stage.proxy.faults.clear());

const objects = { resource: 'rdsinstances' } as const;
const listing = { ...objects, verb: 'list' } as const;
const creating = { ...objects, verb: 'create' } as const;
const writing = { ...objects, verb: 'update', subresource: 'status' } as const;
const deleting = { ...objects, verb: 'delete' } as const;
const soon = () => new Date(Date.now() + 1000);
const where = String.raw`cluster first \(127\.0\.0\.1:\d+\): `;

describe('an API server that fails in the middle of a pass', () => {
  /** Four kinds to a pass, each at another place of it; then each at the second place after that. */
  const kinds: readonly (readonly [string, string, string, string, () => Effect[]])[] = [
    ['late', 'slow', 'lost', 'done and lost', () => [delay(20), drip(40), reset(), lose()]],
    ['done and lost', 'lost', 'slow', 'late', () => [lose(), reset(), drip(40), delay(20)]],
    ['broken off', 'half', 'empty', 'a web page', () => [cut(), truncated(), empty(), html()]],
    ['empty', 'a web page', 'broken off', 'half', () => [empty(), html(), cut(), truncated()]],
    [
      'mislabelled',
      "another object's",
      '429',
      '429 until a date',
      () => [mislabelled(), mixedUp(), tooManyRequests(), tooManyRequests(soon())],
    ],
    [
      '429',
      '429 until a date',
      "another object's",
      'mislabelled',
      () => [tooManyRequests(), tooManyRequests(soon()), mixedUp(), mislabelled()],
    ],
    ['500', '502', '503', '504', () => [brokenServer(500), brokenServer(502), brokenServer(503), brokenServer(504)]],
    ['503', '504', '500', '502', () => [brokenServer(503), brokenServer(504), brokenServer(500), brokenServer(502)]],
  ];
  test.each(kinds)('its list is %s, a create %s, an update %s, a delete %s: all is tried again', async (...row) => {
    const [list, create, update, remove] = row[4]();
    if (!(list && create && update && remove)) return expect.fail('a row has four effects');
    const { report, hits } = await steps.passByProxy([
      { when: listing, after: 1, times: 1, do: list },
      { when: creating, after: 1, times: 2, do: create },
      { when: writing, after: 1, times: 2, do: update },
      { when: deleting, times: 1, do: remove },
    ]);
    expect(hits).toEqual([1, 2, 2, 1]);
    expect(report).toMatchObject({ ok: true, outside: { seen: size }, clusters: [{ failures: [] }, {}] });
  });

  test.each<[what: string, ...rules: CallRule[]]>([
    [
      'has too many requests for a second, no longer knows the token, and forgot what a list is continued from',
      { when: writing, after: 1, times: 1, do: tooManyRequests(1) },
      { when: creating, after: 1, times: 1, do: unauthorized() },
      { when: { ...listing, match: (call) => call.isContinued }, times: 2, do: expiredContinue() },
    ],
    [
      'ends handshakes, and shows certificates of another host, out of date, that nobody vouches for',
      { when: listing, after: 1, times: 1, do: shut('handshake cut', 3) },
      { when: creating, after: 1, times: 1, do: shut('wrong host', 3) },
      { when: writing, after: 3, times: 1, do: shut('expired', 3) },
      { when: deleting, times: 1, do: shut('self-signed', 3) },
    ],
  ])('%s: it is asked again', async (_, ...rules) => {
    const { report, hits } = await steps.passByProxy(rules);
    expect(hits).toEqual(rules.map(({ times }) => times));
    expect(report).toMatchObject({ ok: true, clusters: [{ failures: [] }, {}] });
  });

  test('lists half of what it has: what is missed is found there when it is to be written', async () => {
    const { report } = await steps.passByProxy([{ when: listing, do: lastPage() }]);
    expect(report).toMatchObject({ ok: true, clusters: [{ failures: [] }, {}] });
  });

  test('one object after the other is refused: each is one line, and all others are written', async () => {
    const changed = [20, 21, 22].map((number) =>
      steps.faulty.world.nameOf(`fleet-${String(steps.oldest() + number).padStart(4, '0')}`),
    );
    const troubles = [
      brokenServer(500),
      redirect(),
      refuse(403, 'Forbidden', 'rdsinstances.aws.skymirror.dev "x" is forbidden: denied by policy'),
    ];
    const rules = changed.map(
      (name, index): CallRule => ({ when: { ...writing, name }, do: troubles[index] ?? reset() }),
    );
    const { report, due } = await steps.passByProxy(rules, 1000);
    expect(done(report)).toEqual({ ...everything(due[0] ?? 0), updated: undefined, failed: 3 });
    const failures = report.clusters[0]?.failures.toSorted(
      (one, other) => changed.indexOf(one.name) - changed.indexOf(other.name),
    );
    expect(failures?.map(({ name }) => name)).toEqual(changed);
    const said = failures?.map(({ message }) => message.replace(new RegExp(`^${where}PUT \\S+/status: `), ''));
    expect(said).toEqual([
      'Internal error occurred: etcdserver: leader changed. The API server, or a proxy before it, is not well: ask it for /readyz?verbose.',
      'the answer leads elsewhere. A proxy before the API server may want a login.',
      'rdsinstances.aws.skymirror.dev "x" is forbidden: denied by policy. RBAC does not allow it: "skymirror rbac" and deploy/rbac have the roles to bind to this user.',
    ]);
  });

  test.each<[what: string, effect: Effect, sentence: string]>([
    [
      'is overloaded',
      tooManyRequests(60),
      'Too many requests, please try again later. The API server is overloaded: lower the concurrency, or give this user a FlowSchema.',
    ],
    [
      'does not know the user any more',
      unauthorized(),
      'Unauthorized. The credentials are not accepted: renew the token or certificate in the kubeconfig.',
    ],
    [
      'is hidden behind a web page',
      html(),
      'the answer is no JSON object\\. Something answers in its place: check the address, and the proxies on the way\\.',
    ],
    [
      'is gone',
      shut('refused'),
      String.raw`(other side closed|read ECONNRESET|connect ECONNREFUSED).* Is the API server up, and may this machine reach it\?`,
    ],
  ])('%s for good: its part of the pass ends, and its report says why', async (_, effect, sentence) => {
    const { report, due } = await steps.passByProxy([{ when: writing, after: 2, do: effect }], 1000);
    const [first] = report.clusters;
    expect(first?.broken).toMatch(new RegExp(`^${where}PUT /apis/\\S+/status: ${sentence}$`));
    expect(first?.failures.map(({ message }) => message)).toContain(first?.broken);
    expect(first?.counts?.deleted).toBeLessThanOrEqual(due[0] ?? 0);
    expect(report).toMatchObject({ ok: false, outside: { seen: size } });
  });

  test('cannot be read: each is left out with its reason, and the one that can is served', async () => {
    const troubles: readonly (readonly [Effect | DoorTrouble, string])[] = [
      [tooManyRequests(60), 'GET /apis/\\S+: Too many requests, .* give this user a FlowSchema\\.'],
      [brokenServer(503), 'GET /apis/\\S+: <html>.*503 Service Unavailable.* ask it for /readyz\\?verbose\\.'],
      [unauthorized(), 'GET /apis/\\S+: Unauthorized\\. .* renew the token or certificate in the kubeconfig\\.'],
      [html(), 'GET /apis/\\S+: the answer is no JSON object\\. Something answers in its place: .*'],
      [redirect(), 'GET /apis/\\S+: the answer leads elsewhere\\. A proxy before the API server may want a login\\.'],
      ['refused', 'GET /apis/\\S+: connect ECONNREFUSED .* Is the API server up, .*'],
      [
        'handshake cut',
        'GET /apis/\\S+: .*(TLS connection was established|ECONNRESET|other side closed).* Is the API server up, .*',
      ],
      ['wrong host', "GET /apis/\\S+: Hostname/IP does not match certificate's altnames: .* Is the API server up, .*"],
      ['expired', 'GET /apis/\\S+: certificate has expired \\(CERT_HAS_EXPIRED\\)\\. Is the API server up, .*'],
      [
        'self-signed',
        'GET /apis/\\S+: self-signed certificate.*\\(DEPTH_ZERO_SELF_SIGNED_CERT\\)\\. Is the API server up, .*',
      ],
    ];
    const proxies = await Promise.all(troubles.map(() => startKubernetesProxy(steps.stage.stack.kubernetes)));
    const unread: Cluster[] = [];
    for (const [index, proxy] of proxies.entries()) {
      const [trouble] = troubles[index] ?? expect.fail('a proxy without a trouble');
      if (typeof trouble === 'string') proxy.shut(trouble);
      else proxy.faults.add({ when: {}, do: trouble });
      unread.push(await steps.stage.open(proxy, 1000));
    }
    const [happened] = await steps.underFaults(() =>
      steps.faulty.world.pass({ clusters: [...unread, steps.direct.second] }),
    );
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    expect(happened?.report.ok).toBe(false);
    for (const [index, [, sentence]] of troubles.entries()) {
      expect(happened?.report.clusters[index]?.skipped).toMatch(new RegExp(`^${where}${sentence}$`));
    }
    expect(happened?.report.clusters.at(-1)).toMatchObject({ failures: [], counts: everything(happened?.due[1] ?? 0) });
  });

  test('gives out objects of another scope: they are not looked for in this one', async () => {
    const { namespace, task } = steps.faulty.world;
    const elsewhere = await steps.stage.stack.world({ namespace, mirror: task.mirror, instances: ['elsewhere'] });
    await elsewhere.pass();
    const stranger = await steps.stage.stack.kubernetes.request(elsewhere.pathOf('elsewhere'));
    const widened = change((real) => {
      const { items, ...list } = JSON.parse(real.body.toString());
      return { ...real, body: Buffer.from(JSON.stringify({ ...list, items: [...items, stranger.body] })) };
    });
    const { report } = await steps.passByProxy([{ when: listing, do: widened }]);
    expect(report.clusters[0]?.skipped).toBe(
      `cluster first: asked for the objects of ${namespace} and ${steps.faulty.world.account}/${steps.faulty.world.region}, it answered with ${namespace}/${elsewhere.nameOf('elsewhere')} too: nothing is written. Is there a proxy before the API server that overlooks field selectors?`,
    );
    expect((await steps.stage.stack.kubernetes.request(elsewhere.pathOf('elsewhere'))).body).toEqual(stranger.body);
  });
});

const describing = { service: 'rds', action: 'DescribeDBInstances' };
const confirming = {
  ...describing,
  match: (request: { parameters: Readonly<Record<string, string>> }) =>
    request.parameters.DBInstanceIdentifier !== undefined,
};

const anotherRow = `<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBInstancesResult><DBInstances>${documentDbRow('catalog', '111122223333', 'us-west-1')}</DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>`;

describe('AWS that fails in the middle of a pass', () => {
  /** At the second page of the list, and at the third question whether one is gone. */
  const kinds: readonly (readonly [string, string, () => Rule['do'][]])[] = [
    ['late', 'slow', () => [delay(20), drip(40)]],
    ['lost', 'lost on its way back', () => [reset(), lose()]],
    ['broken off', 'mislabelled', () => [cut(), mislabelled()]],
    ['throttled', 'throttled', () => [throttle(), throttle()]],
    ['500', '502', () => [answer(500, '<html>'), answer(502, '<html>')]],
    ['503', '504', () => [unavailable(), answer(504, '<html>')]],
  ];
  test.each(kinds)('its page is %s, its answer to a question %s: it is asked again', async (...row) => {
    const [page, single] = row[2]();
    if (!(page && single)) return expect.fail('a row has two effects');
    const [happened] = await steps.passesOverFaults([
      [
        { when: describing, after: 1, times: 1, do: page },
        { when: confirming, after: 2, times: 1, do: single },
      ],
    ]);
    expect(happened).toMatchObject({ hits: [1, 1], report: { ok: true } });
    expect(happened?.report.clusters.map(({ counts }) => counts)).toMatchObject(happened?.due.map(everything) ?? []);
  });

  test('its second page is no good: what the first one told is written, nothing is marked or deleted', async () => {
    const page2 = { when: describing, after: 1 };
    const ways: readonly (readonly [Rule, reason: string, sentence: RegExp])[] = [
      // First: of what is there, the clusters then know all but a few, and these contradict it.
      [truncatePage(), 'Untrusted', /the listing does not hold .* nothing is marked/],
      [{ ...page2, do: truncated() }, 'BadAnswer', /could not be asked/],
      [{ ...page2, do: empty() }, 'BadAnswer', /DescribeDBInstances answered without a list/],
      [{ ...page2, do: malformed() }, 'BadAnswer', /could not be asked/],
      [{ ...page2, do: html() }, 'BadAnswer', /DescribeDBInstances answered without a list/],
      [{ ...page2, do: redirect() }, 'BadAnswer', /HTTP 302, without an error code/],
      [{ ...page2, do: expiredToken() }, 'AccessDenied', /ExpiredToken.*renew/],
      [{ ...page2, do: invalidToken() }, 'AccessDenied', /InvalidClientTokenId/],
      [{ ...page2, do: deny() }, 'AccessDenied', /rds:DescribeDBInstances.*grant/],
      [{ when: describing, do: mixedUp() }, 'BadAnswer', /same Marker twice/],
      [
        { ...page2, times: 1, do: shut('refused') },
        'Unreachable',
        /could not be asked .*(ECONNREFUSED|ECONNRESET|hang up)/,
      ],
    ];
    const passes = await steps.passesOverFaults(ways.map(([rule]) => [rule]));
    for (const [index, [, reason, sentence]] of ways.entries()) {
      const { report } = passes[index] ?? expect.fail('a way without its pass');
      expect(report).toMatchObject({ ok: false, incomplete: { reason, message: expect.stringMatching(sentence) } });
      for (const { counts, failures } of report.clusters) {
        expect({ counts, failures }).toMatchObject({ counts: { marked: 0, deleted: 0, failed: 0 }, failures: [] });
        expect(counts?.unchanged).toBeGreaterThan(0);
      }
    }
  });

  test('nobody can say whether one is gone: it is neither marked nor deleted, and all others are written', async () => {
    const ways: readonly (readonly [Rule['do'], reason: string, sentence: RegExp])[] = [
      [deny(), 'AccessDenied', /not authorized to perform: rds:DescribeDBInstances/],
      [
        rewrite(() => ({ status: 200, body: anotherRow })),
        'BadAnswer',
        /asked for \S+, AWS answered with \S+:db:catalog/,
      ],
      [html(), 'BadAnswer', /answered without a list/],
    ];
    const passes = await steps.passesOverFaults(ways.map(([effect]) => [{ when: confirming, do: effect }]));
    for (const [index, [, reason, sentence]] of ways.entries()) {
      const { report } = passes[index] ?? expect.fail('a way without its pass');
      expect(report).toMatchObject({ ok: false, incomplete: { reason, message: expect.stringMatching(sentence) } });
      for (const { counts } of report.clusters)
        expect(counts).toMatchObject({ created: 3, updated: 3, marked: 0, deleted: 0 });
    }
  });

  test('nobody is met at its door, or somebody else: nothing is touched', async () => {
    const troubles: readonly (readonly [DoorTrouble, RegExp])[] = [
      ['refused', /ECONNREFUSED/],
      ['handshake cut', /disconnected before secure TLS connection|ECONNRESET|hang up/],
      ['wrong host', /does not match certificate's altnames/],
      ['expired', /certificate has expired/],
      ['self-signed', /self-signed certificate/],
    ];
    const door = await openDoor((_, response) => response.end(), { secure: true });
    const trusted = getCACertificates();
    setDefaultCACertificates([...trusted, door.authority]);
    vi.stubEnv('AWS_ENDPOINT_URL_RDS', door.url);
    const passes = await steps.underFaults(
      ...troubles.map(([trouble]) => async () => {
        door.open();
        door.shut(trouble);
        return steps.cleanPass();
      }),
      async () => {
        vi.unstubAllEnvs();
        return steps.cleanPass();
      },
    );
    setDefaultCACertificates(trusted);
    await door.stop();
    for (const [index, [, sentence]] of troubles.entries()) {
      const { report } = passes[index] ?? expect.fail('a trouble without its pass');
      expect(report.incomplete).toMatchObject({ reason: 'Unreachable', message: expect.stringMatching(sentence) });
      expect(Object.keys(done(report))).toEqual(['kept']);
    }
  });
});

test('after all of that the scan says that all is well', async () => {
  expect(await steps.cleanPass()).toMatchObject({ ok: true });
  const scan = await steps.faulty.world.scan();
  expect([conditionText(scan, 'Complete'), conditionText(scan, 'Applied')]).toEqual(['True Listed', 'True Written']);
});
