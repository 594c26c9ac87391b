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

/** Whether a condition holds, as CloudFormation works it out with these parameters. */
function holds(condition: object, parameters: Readonly<Record<string, string>>): boolean {
  const [[name, parts] = ['', []]] = Object.entries(condition) as [string, (object | string)[]][];
  const text = (part: object | string | undefined) =>
    typeof part === 'object' && 'Ref' in part ? parameters[String(part.Ref)] : part;
  if (name === 'Fn::Equals') return text(parts[0]) === text(parts[1]);
  const all = parts.map((part) => holds(Object(part), parameters));
  return name === 'Fn::Not' ? !all[0] : name === 'Fn::And' && all.every(Boolean);
}

test.each([
  { what: 'another account', at: ['444455556666', 'us-east-1'], role: true, rules: true },
  { what: 'another region of another account', at: ['444455556666', 'eu-west-1'], role: false, rules: true },
  { what: 'another region of the home account', at: ['111122223333', 'eu-west-1'], role: false, rules: true },
  { what: 'the place of the functions itself', at: ['111122223333', 'us-east-1'], role: false, rules: false },
])(
  'in $what: role $role, rules $rules, so that a StackSet may cover them all',
  ({ at: [id = '', place = ''], ...makes }) => {
    const { MakesRole, Forwards } = template.Conditions;
    const given = { HomeAccount: '111122223333', HomeRegion: 'us-east-1', RoleRegion: 'us-east-1' };
    const parameters = { ...given, 'AWS::AccountId': id, 'AWS::Region': place };
    expect(holds(MakesRole, parameters)).toBe(makes.role);
    expect(holds(Forwards, { ...parameters, ForwardEvents: 'true' })).toBe(makes.rules);
    expect(holds(Forwards, { ...parameters, ForwardEvents: 'false' })).toBe(false);
  },
);

test('each of its resources has one of these conditions, and each role takes the boundary that is given', () => {
  for (const [name, { Type, Condition, Properties }] of Object.entries(template.Resources)) {
    expect(Condition, name).toBe(name === 'ReaderRole' ? 'MakesRole' : 'Forwards');
    if (Type !== 'AWS::IAM::Role') continue;
    expect(Properties.PermissionsBoundary, name).toEqual({
      'Fn::If': ['HasBoundary', { Ref: 'PermissionsBoundary' }, { Ref: 'AWS::NoValue' }],
    });
  }
  expect(template.Parameters.PermissionsBoundary).toMatchObject({ Type: 'String', Default: '' });
});

test('its rules are those of the home account, and go to the bus that the functions have for others', () => {
  const rules = Object.entries(template.Resources).filter(([, { Type }]) => Type === 'AWS::Events::Rule');
  expect(rules).toHaveLength(sources.flatMap(({ events }) => events).length);
  for (const [name, { Properties }] of rules) {
    expect(filled(Properties.Targets, 'Stage'), name).toContain(':999999999999:event-bus/skymirror-prod');
    expect(Properties.Targets).toMatchObject([{ RoleArn: { 'Fn::GetAtt': ['ForwarderRole', 'Arn'] } }]);
  }
});
