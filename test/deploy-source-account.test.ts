import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { lintTemplates } from '../dev/cfn-lint.ts';
import { functionsTemplate } from '../lib/deploy-functions.ts';
import { sourceAccountTemplate } from '../lib/deploy-source-account.ts';
import { account, filledIn, partition } from '../lib/deploy-stack.ts';
import { sources } from '../lib/sources.ts';
import { configurationOf, samples } from './deploy-samples.ts';

const template = sourceAccountTemplate(sources);

test('cfn-lint finds nothing in it, and YAML keeps every value', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skymirror-source-account-'));
  try {
    const text = stringify(template, { aliasDuplicateObjects: false });
    expect(parse(text)).toEqual(JSON.parse(JSON.stringify(template)));
    // CloudFormation takes YAML 1.1, in which yes and on are true.
    expect(parse(text, { version: '1.1' }).Conditions).toEqual(template.Conditions);
    await writeFile(join(folder, 'template.yaml'), text);
    expect(await lintTemplates([join(folder, 'template.yaml')])).toEqual([]);
    // And cfn-lint does look.
    await writeFile(join(folder, 'worse.yaml'), text.replace('AWS::Events::Rule', 'AWS::Events::Rules'));
    expect(await lintTemplates([join(folder, 'worse.yaml')])).toEqual([expect.stringContaining('worse.yaml: E3006')]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** The text as it is in the account 111122223333 after this home has filled it in. */
function filled(value: unknown, stage: string): string {
  return JSON.stringify(value)
    .replaceAll(filledIn(stage), 'prod')
    .replaceAll(filledIn('HomeAccount'), '999999999999')
    .replaceAll(account, '999999999999')
    .replaceAll(partition, 'aws');
}

test('its role trusts the functions that read, and can do what the role of the home account can', () => {
  const home = functionsTemplate(configurationOf(samples.everything), sources).Resources.ReaderRole?.Properties;
  const away = template.Resources.ReaderRole?.Properties;
  expect(away?.Policies).toEqual(home?.Policies);
  expect(filled(away?.RoleName, 'Stage')).toBe('{"Fn::Sub":"skymirror-prod-reader"}');
  expect(filled(home?.RoleName, 'sls:stage')).toBe('"skymirror-prod-reader"');
  const trusted = ['worker', 'event'].map((name) => `arn:aws:iam::999999999999:role/skymirror-prod-${name}`);
  for (const arn of trusted) {
    expect(filled(away?.AssumeRolePolicyDocument, 'Stage')).toContain(arn);
    expect(filled(home?.AssumeRolePolicyDocument, 'sls:stage')).toContain(arn);
  }
});

test('the role is made in one region of each other account, and the rules in every place', () => {
  const conditions = Object.entries(template.Resources).map(([name, resource]) => [name, resource.Condition]);
  expect(conditions.filter(([, condition]) => condition === 'MakesRole').map(([name]) => name)).toEqual(['ReaderRole']);
  expect(conditions.every(([, condition]) => condition !== undefined)).toBe(true);
  expect(JSON.stringify(template.Conditions.MakesRole)).toContain('HomeAccount');
});

test('its rules are those of the home account, and go to the bus that the functions have for others', () => {
  const rules = Object.entries(template.Resources).filter(([, { Type }]) => Type === 'AWS::Events::Rule');
  expect(rules).toHaveLength(sources.flatMap(({ events }) => events).length);
  for (const [name, { Properties }] of rules) {
    expect(filled(Properties.Targets, 'Stage'), name).toContain(':999999999999:event-bus/skymirror-prod');
    expect(Properties.Targets).toMatchObject([{ RoleArn: { 'Fn::GetAtt': ['ForwarderRole', 'Arn'] } }]);
  }
});
