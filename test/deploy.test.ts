import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configurationShape } from '../lib/configuration-schema.ts';
import { admissionPolicy } from '../lib/deploy-admission.ts';
import { cronJob, exampleConfiguration } from '../lib/deploy-cronjob.ts';
import { flowControl } from '../lib/deploy-flow-control.ts';
import { mirrorOf } from '../lib/mirror.ts';
import type { Subject } from '../lib/rbac.ts';
import { baseLabels, tagPrefix } from '../lib/resource.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';
import { sources } from '../lib/sources.ts';

const topic = { ...rdsInstance, group: 'kafka.skymirror.dev', plural: 'topics' };
const user: Subject = { kind: 'User', name: "o'hara" };
const group: Subject = { kind: 'Group', name: 'mirrors' };
const runner: Subject = { kind: 'ServiceAccount', name: 'mirror', namespace: 'tools' };
const policyOf = (...writers: [Subject, ...Subject[]]) =>
  JSON.stringify(admissionPolicy([rdsInstance, topic], writers)[0]);

describe('the admission policy', () => {
  test('is for every kind, its status, and the scans', () => {
    const operations = ['CREATE', 'UPDATE', 'DELETE'];
    const rule = (apiGroup: string, plural: string) => ({
      apiGroups: [apiGroup],
      apiVersions: ['*'],
      operations,
      resources: [plural, `${plural}/status`],
    });
    expect(admissionPolicy([rdsInstance, topic], [group])[0]).toMatchObject({
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            rule('aws.skymirror.dev', 'rdsinstances'),
            rule('kafka.skymirror.dev', 'topics'),
            rule('skymirror.dev', 'mirrorscans'),
          ],
        },
      },
    });
  });

  test('knows each of its writers, and tells how to act as the first', () => {
    const all = admissionPolicy([rdsInstance], [user, runner, group])[0];
    const expression = `!(request.userInfo.username == "o'hara" || request.userInfo.username == "system:serviceaccount:tools:mirror" || "mirrors" in request.userInfo.groups)`;
    expect(all).toMatchObject({
      spec: { matchConditions: expect.arrayContaining([{ name: 'not-the-mirror', expression }]) },
    });
    expect(policyOf(user, group)).toContain("kubectl --as=o'hara");
    expect(policyOf(runner)).toContain('kubectl --as=system:serviceaccount:tools:mirror');
    expect(policyOf(group)).toContain('kubectl --as=you --as-group=mirrors');
  });

  test('guards every label that skymirror writes', () => {
    const [policy] = admissionPolicy(sources, [group]);
    const guard = policy.spec.validations.find(({ expression }) => expression.includes('key.matches'));
    const [, pattern = ''] = /key\.matches\(("(?:[^"\\]|\\.)*")\)/.exec(guard?.expression ?? '') ?? [];
    const isGuarded = (label: string) => new RegExp(JSON.parse(pattern)).test(label);
    const mirror = mirrorOf({ name: 'production', namespace: 'external' });
    for (const source of sources) {
      const scope = Object.fromEntries(source.scopeKeys.map((key) => [key, 'a']));
      for (const label of Object.keys(baseLabels({ mirror, source, scope }))) expect(label).toSatisfy(isGuarded);
    }
    expect(`${tagPrefix}team`).toSatisfy(isGuarded);
    expect('app.kubernetes.io/managed-by-jo').not.toSatisfy(isGuarded);
    expect('skymirror.dev.example.com/a').not.toSatisfy(isGuarded);
  });
});

test('the flow schema names each of its writers in its own way', () => {
  const [, schema] = flowControl([user, runner, group]);
  expect(schema).toMatchObject({
    spec: {
      rules: [
        {
          subjects: [
            { kind: 'User', user: { name: "o'hara" } },
            { kind: 'ServiceAccount', serviceAccount: { name: 'mirror', namespace: 'tools' } },
            { kind: 'Group', group: { name: 'mirrors' } },
          ],
        },
      ],
    },
  });
});

describe('the CronJob', () => {
  test('never runs twice at a time, and leaves what fails to the next run', () => {
    expect(cronJob().spec).toMatchObject({
      concurrencyPolicy: 'Forbid',
      jobTemplate: { spec: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never' } } } },
    });
  });

  test('mounts the file that its command names', () => {
    const { containers } = cronJob().spec.jobTemplate.spec.template.spec;
    expect(containers[0]?.args).toContain(`${containers[0]?.volumeMounts[0]?.mountPath}/skymirror.yaml`);
  });

  test('has an example of a configuration that is a valid one and names every kind', () => {
    const kinds = sources.map(({ kind }) => kind);
    const example = configurationShape(kinds).safeParse(parse(exampleConfiguration(kinds, 'external')));
    expect(example.error).toBeUndefined();
    expect(example.data).toMatchObject({
      clusters: { here: { inCluster: true } },
      mirrors: [{ sources: kinds, namespace: 'external', clusters: ['here'] }],
    });
  });
});
