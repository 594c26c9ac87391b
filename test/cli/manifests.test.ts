import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { accessEntryLines, namespacesIn, subjectsOf, yamlOf } from '../../cli/manifests.ts';
import { refusal } from '../../cli/manifests-install.ts';
import { parseConfiguration } from '../../lib/configuration.ts';
import { mirrorScanCrd } from '../../lib/crd.ts';
import { revisionAnnotation } from '../../lib/object.ts';
import { bindingName } from '../../lib/rbac.ts';
import { sources } from '../../lib/sources.ts';
import { tasksOf } from '../../lib/targets.ts';
import { account, mirror } from '../configuration-samples.ts';

describe('the namespaces of a cluster', () => {
  const clusters = ['one', 'two', 'three'];
  const declared = 'clusters: { one: {}, two: { context: two }, three: { context: three } }\n';
  const needs = (mirrors: string, only?: string) => {
    const parsed = parseConfiguration(`${declared}${account}mirrors:\n${mirrors}`, { sources });
    if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
    return namespacesIn(tasksOf(parsed.configuration, sources), clusters, only);
  };

  test('are what its mirrors fill, those by tag all of theirs', () => {
    const byTag = mirror('', 'one', '{ byTag: { key: team, values: { b: beta, a: alpha } }, fallback: rest }');
    expect(needs(byTag)).toEqual(['alpha', 'beta', 'rest']);
  });

  test('are asked for one by one where clusters differ, and a cluster that nothing is written into has none', () => {
    const differing = `${mirror('clusters: [one]')}${mirror('clusters: [two]', 'two', 'other')}`;
    expect(() => needs(differing)).toThrow(/the clusters one, two, three need different roles.*--cluster one/);
    expect(needs(differing, 'two')).toEqual(['other']);
    expect(() => needs(differing, 'three')).toThrow(/--cluster three: no mirror writes into it/);
    expect(() => needs(differing, 'four')).toThrow(/--cluster four: the configuration has no cluster "four"/);
    expect(needs(mirror('clusters: [one]'))).toEqual(['external']);
  });
});

test('subjects are named by their kinds, and a service account by its namespace', () => {
  expect(subjectsOf({})).toEqual([]);
  expect(subjectsOf({ user: ['u'], group: ['g'], serviceAccount: ['n/s'] })).toEqual([
    { kind: 'User', name: 'u' },
    { kind: 'Group', name: 'g' },
    { kind: 'ServiceAccount', name: 's', namespace: 'n' },
  ]);
  for (const wrong of ['s', '/s', 'n/', 'n/s/x']) {
    expect(() => subjectsOf({ serviceAccount: [wrong] })).toThrow(
      `--service-account ${wrong}: give it as namespace/name`,
    );
  }
});

describe('the access entry of an EKS cluster', () => {
  const role = 'arn:aws:iam::111122223333:role/a';
  const clusters = {
    one: { eks: { name: 'production', region: 'us-east-1', role } },
    two: { eks: { name: 'staging', region: 'cn-north-1' } },
    here: { inCluster: true as const },
  };
  const lines = (options: Parameters<typeof accessEntryLines>[1] = {}) =>
    accessEntryLines(clusters, options).filter((line) => line.includes('aws '));
  const start = '# aws eks create-access-entry --cluster-name';

  test('is a command for each that is meant, for the role of the configuration or the one that is given', () => {
    expect(lines()).toEqual([
      `${start} production --region us-east-1 --principal-arn ${role} --kubernetes-groups skymirror-writers`,
      `${start} staging --region cn-north-1 --principal-arn '<ARN of the role>' --kubernetes-groups skymirror-writers`,
    ]);
    expect(lines({ cluster: 'two', role: 'arn:aws-cn:iam::111122223333:role/b' })).toEqual([
      `${start} staging --region cn-north-1 --principal-arn arn:aws-cn:iam::111122223333:role/b --kubernetes-groups skymirror-writers`,
    ]);
    expect(lines({ cluster: 'here' })).toEqual([]);
  });

  test('puts the role into the groups that are bound, and is not told where others are', () => {
    expect(lines({ cluster: 'one', group: ['a', 'b'] })).toEqual([expect.stringMatching(/--kubernetes-groups a b$/)]);
    expect(lines({ user: ['u'] })).toEqual([]);
    expect(lines({ serviceAccount: ['n/s'] })).toEqual([]);
  });

  test('a role for a cluster that is none of EKS is refused', () => {
    expect(() => lines({ cluster: 'here', role })).toThrow(`--role ${role}: only EKS clusters take roles`);
  });
});

test('bindings are named by who is bound, in whatever order', () => {
  const [one, other] = subjectsOf({ user: ['u'], serviceAccount: ['n/s'] });
  if (one === undefined || other === undefined) throw new Error('two were named');
  expect(bindingName([one, other])).toBe(bindingName([other, one]));
  expect(bindingName([one])).toMatch(/^skymirror-\w{13}$/);
  expect(new Set([[one], [other], [one, other]].map(bindingName)).size).toBe(3);
});

test('documents of a stream hold no aliases', () => {
  const shared = { a: 1 };
  const text = yamlOf([{ one: shared, two: shared }, { three: shared }]);
  expect(text).not.toMatch(/[&*]/);
  expect(parseAllDocuments(text)).toHaveLength(2);
});

describe('a CRD that is there', () => {
  const definition = mirrorScanCrd();
  const there = (metadata: object) => ({ metadata: { name: definition.metadata.name, ...metadata } });
  const revised = (revision: string) => there({ annotations: { [revisionAnnotation]: revision } });
  const own = Number(definition.metadata.annotations[revisionAnnotation]);

  test.each([
    ['nothing', undefined],
    ['an older one', revised(String(own - 1))],
    ['the same', revised(String(own))],
  ])('is replaced: %s', (_, object) => {
    expect(refusal(definition, object)).toBeUndefined();
  });

  test('is left alone where it is newer, of unknown make, or being deleted', () => {
    expect(refusal(definition, revised(String(own + 1)))).toMatch(
      `its schema revision is ${own + 1}, and this skymirror`,
    );
    expect(refusal(definition, there({}))).toMatch(
      /may be somebody else's\. Ask .*: kubectl annotate crd mirrorscans\S+ /,
    );
    expect(refusal(definition, there({ deletionTimestamp: '2026-01-01T00:00:00Z' }))).toMatch(/being deleted/);
  });
});
