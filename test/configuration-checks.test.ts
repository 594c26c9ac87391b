import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseConfiguration, problemText } from '../lib/configuration.ts';
import { regions } from '../lib/configuration-regions.ts';
import { account, kinds, mirror } from './configuration-samples.ts';

function problems(text: string): string[] {
  const parsed = parseConfiguration(text, { sources: kinds });
  return 'problems' in parsed ? parsed.problems.map((problem) => problemText('x.yaml', problem)) : [];
}

const accounts = `accounts:
  main: { id: "111122223333" }
  second: { id: "444455556666" }
`;

test('an account under two names is listed twice', () => {
  expect(problems(`${account}  again: { id: "111122223333" }\nmirrors:\n${mirror()}`)).toEqual([
    'x.yaml:3:16: accounts.again.id: account 111122223333 is listed twice, as "main" and as "again": keep one (the other: line 2)',
  ]);
});

test('a role has to lie in its account', () => {
  const role = 'role: arn:aws-cn:iam::444455556666:role/path/reader';
  expect(problems(`${account.replace(' }', `, ${role} }`)}mirrors:\n${mirror()}`)).toEqual([
    'x.yaml:2:37: accounts.main.role: this role lies in account 444455556666, and the id says 111122223333: correct the one that is wrong',
  ]);
});

test.each(['arn:aws:iam::111122223333:user/x', 'arn:aws:iam::1:role/x', 'skymirror-reader'])(
  '%s is no role',
  (role) => {
    expect(problems(`${account.replace(' }', `, role: ${role} }`)}mirrors:\n${mirror()}`)).toEqual([
      expect.stringContaining('is not the ARN of a role (arn:aws:iam::<id>:role/<name>)'),
    ]);
  },
);

const secret = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:cluster-AbCdEf';
const parameter = 'arn:aws:ssm:us-east-1:111122223333:parameter/cluster';

test('a cluster is either the own one or one of a kubeconfig, and has one name', () => {
  const clusters = `clusters:
  own: { inCluster: true, context: a }
  one: { context: a }
  two: { context: a }
`;
  expect(problems(`${clusters}${account}mirrors:\n${mirror()}`)).toEqual([
    'x.yaml:2:8: clusters.own: inCluster goes with no context: take out one of the two',
    'x.yaml:4:8: clusters.two: "one" and "two" are the same cluster: keep one (the other: line 3)',
  ]);
});

test.each([
  ['{ kubeconfig: a, inCluster: true }', 'kubeconfig and inCluster are two ways into a cluster: keep one of them'],
  ['{ eks: { name: a, region: us-east-1 }, context: b }', 'eks goes with no context: take out one of the two'],
  [
    `{ eks: { name: a, region: us-east-1 }, secret: "${secret}", parameter: "${parameter}" }`,
    'eks and secret and parameter are two ways into a cluster: keep one of them',
  ],
  [`{ secret: "${secret}", kubeconfig: a }`, 'kubeconfig and secret are two ways into a cluster: keep one of them'],
])('the cluster %s is refused', (entry, message) => {
  expect(problems(`clusters: { a: ${entry} }\n${account}mirrors:\n${mirror()}`)).toEqual([
    `x.yaml:1:16: clusters.a: ${message}`,
  ]);
});

test('clusters out of EKS, a secret and a parameter are accepted, the last two with a context', () => {
  const entries = [
    '{ eks: { name: a, region: us-east-1 } }',
    '{ eks: { name: a, region: eu-west-1 } }',
    `{ secret: "${secret}", context: a }`,
    `{ secret: "${secret}", context: b }`,
    `{ parameter: "${parameter}" }`,
  ];
  const clusters = entries.map((entry, index) => `  c${index}: ${entry}\n`).join('');
  expect(problems(`clusters:\n${clusters}${account}mirrors:\n${mirror()}`)).toEqual([]);
});

test('an EKS cluster is the same whoever enters it, and its region has to exist', () => {
  const clusters = `clusters:
  one: { eks: { name: a, region: us-east-1 } }
  two: { eks: { name: a, region: us-east-1, role: "arn:aws:iam::111122223333:role/x" } }
  three: { eks: { name: a, region: us-east-9 } }
  four: { eks: { name: a, region: xx-new-1 } }
moreRegions: [xx-new-1]
`;
  expect(problems(`${clusters}${account}mirrors:\n${mirror()}`)).toEqual([
    'x.yaml:3:8: clusters.two: "one" and "two" are the same cluster: keep one (the other: line 2)',
    expect.stringMatching(/^x.yaml:4:36: clusters.three.eks.region: "us-east-9" is not a region .*"us-east-1"/),
  ]);
});

test('an external id without the role that asks for it is refused', () => {
  const clusters = 'clusters: { a: { eks: { name: a, region: us-east-1, externalId: some-id } } }\n';
  expect(problems(`${clusters}${account}mirrors:\n${mirror()}`)).toEqual([
    expect.stringMatching(/: clusters.a.eks.externalId: goes with a role: add it, or take this out$/),
  ]);
});

test.each([
  ['clusters: [defualt]', '"defualt" is not declared below "clusters": did you mean "default"?'],
  ['labels: ["aws:cloudformation:stack-name"]', 'the tag "aws:cloudformation:stack-name" cannot become a label'],
  ['labels: ["kubernetes.io/x"]', 'the tag "kubernetes.io/x" cannot become a label'],
  ['labels: [team, env, team]', '"team" is listed twice: keep one (the other: line 9)'],
])('%s is refused', (entry, message) => {
  expect(problems(`${account}mirrors:\n${mirror(entry)}`)).toEqual([expect.stringContaining(message)]);
});

test('a tag that could be taken for a label of Kubernetes is an ordinary label below our prefix', () => {
  expect(problems(`${account}mirrors:\n${mirror('labels: [kubernetes.io, managed-by]')}`)).toEqual([]);
});

test('a region that does not exist is refused, with those that are near', () => {
  expect(problems(`${account}mirrors:\n${mirror()}`.replace('us-east-1', 'us-east-9'))).toEqual([
    'x.yaml:7:15: mirrors[0].regions[0]: "us-east-9" is not a region of AWS that this release knows: did you mean "us-east-1" or "us-east-2"? One that AWS has added since goes below "moreRegions" too',
  ]);
  expect(problems(`${account}mirrors:\n${mirror()}`.replace('us-east-1', 'us-east'))).toEqual([
    expect.stringContaining('"us-east" is not the name of an AWS region (such as eu-west-1)'),
  ]);
  expect(problems(`${account}mirrors:\n${mirror()}`.replace('us-east-1', 'zz-nowhere-1'))).toEqual([
    expect.stringMatching(/: "zz-nowhere-1" is not a region of AWS that this release knows\. One that AWS has added/),
  ]);
});

test('the known regions are those of the AWS SDK', () => {
  // The SDK exports no list; this is where its clients have their own from.
  const path = '../node_modules/@aws-sdk/core/dist-es/submodules/client/util-endpoints/lib/aws/partitions.js';
  const source = readFileSync(new URL(path, import.meta.url), 'utf8');
  const known = [...source.matchAll(/"([a-z]+(?:-[a-z]+)+-\d+)": \{/g)].map(([, region]) => region);
  expect(known.length).toBeGreaterThan(30);
  expect(regions.toSorted()).toEqual(known.toSorted());
});

test('of the namespaces by account, none may be missing and none be of an unknown account', () => {
  const text = (namespace: string) =>
    `${accounts}mirrors:\n${mirror('', 'one', namespace)}`.replace('[main]', '[main, second]');
  expect(problems(text('{ byAccount: { main: a, secnd: b } }'))).toEqual([
    'x.yaml:9:18: mirrors[0].namespace.byAccount: names no namespace for second: add one for each, or a fallback',
    'x.yaml:9:40: mirrors[0].namespace.byAccount.secnd: "secnd" is not declared below "accounts": did you mean "second"?',
  ]);
  expect(problems(text('{ byAccount: { main: a }, fallback: b }'))).toEqual([]);
});

test.each(['{}', '{ fallback: a }', '{ byAccount: { main: a }, byTag: { key: a, values: { b: c } } }'])(
  'the namespace %s is refused: it has to go by the account or by a tag',
  (namespace) => {
    expect(problems(`${account}mirrors:\n${mirror('', 'one', namespace)}`)).toEqual([
      'x.yaml:8:16: mirrors[0].namespace: needs either byAccount or byTag',
    ]);
  },
);

test('two mirrors of one name are refused', () => {
  expect(problems(`${account}mirrors:\n${mirror()}${mirror('', 'one', 'other')}`)).toEqual([
    'x.yaml:9:11: mirrors[1].name: two mirrors are named "one": rename one (the other: line 4)',
  ]);
});

test('of three mirrors of which each meets the others, every two are named', () => {
  const three = ['one', 'two', 'three'].map((name) => mirror('', name)).join('');
  expect(problems(`${account}mirrors:\n${three}`).map((line) => /mirrors "\w+" and "\w+"/.exec(line)?.[0])).toEqual([
    'mirrors "one" and "two"',
    'mirrors "one" and "three"',
    'mirrors "two" and "three"',
  ]);
});

test('what has not the form of a name is passed over here, and is an error of form', () => {
  const wrong = mirror('clusters: [3]\n    labels: [3]').replace('[main]', '[3]').replace('[us-east-1]', '[3]');
  expect(problems(`${account}  list: []\n  number: { id: "1" }\nmirrors:\n${wrong}`)).toHaveLength(6);
});

const clusters = 'clusters: { a: { context: a }, b: { context: b } }\n';
const meet = (second: string, first = mirror()) => problems(`${clusters}${accounts}mirrors:\n${first}${second}`);

test('two mirrors that show the same kind in the same namespace of the same cluster are refused', () => {
  expect(meet(mirror('paused: true', 'two'))).toEqual([
    'x.yaml:11:11: mirrors[1].name: mirrors "one" and "two" both show RDSInstance in namespace "external" of cluster "a": give one of them another namespace, or make them one mirror (the other: line 6)',
  ]);
});

test.each([
  ['a tag', '{ byTag: { key: team, values: { x: external } } }'],
  ['a fallback', '{ byTag: { key: team, values: { x: other } }, fallback: external }'],
  ['an account', '{ byAccount: { main: external } }'],
])('two mirrors that meet in the namespace of %s are refused', (_, namespace) => {
  expect(meet(mirror('', 'two', namespace))).toEqual([expect.stringContaining('in namespace "external"')]);
});

test.each([
  ['the namespace', mirror('', 'two', 'other')],
  ['the kind', mirror('', 'two').replace('RDSInstance', 'SQSQueue')],
  ['the namespace of every account that it reads', mirror('', 'two', '{ byAccount: { main: x, second: external } }')],
])('two mirrors that differ in %s do not meet', (_, second) => {
  expect(meet(second)).toEqual([]);
});

test('two mirrors in different clusters do not meet', () => {
  expect(meet(mirror('clusters: [a]', 'two'), mirror('clusters: [b]'))).toEqual([]);
});
