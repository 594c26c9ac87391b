import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { functionsTemplate } from '../../lib/deploy-functions.ts';
import { sourceAccountTemplate } from '../../lib/deploy-source-account.ts';
import type { Resources } from '../../lib/deploy-stack.ts';
import { sources } from '../../lib/sources.ts';
import { configurationOf, samples } from '../deploy-samples.ts';

interface Trust {
  readonly Principal: Readonly<Record<string, unknown>>;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const { Resources: home } = functionsTemplate(configurationOf(samples.everything), sources);
const { Resources: away } = sourceAccountTemplate(sources);

const trustOf = ({ Properties }: Resources[string]) =>
  (Properties.AssumeRolePolicyDocument as { readonly Statement: readonly Trust[] }).Statement;

const rolesIn = (resources: Resources) => Object.entries(resources).filter(([, { Type }]) => Type === 'AWS::IAM::Role');

/** The roles that may assume this one, without what all their ARNs have. */
function deputies(role: Resources[string] | undefined): unknown {
  const [trust] = role === undefined ? [] : trustOf(role);
  const arns = trust?.Condition?.ArnEquals?.['aws:PrincipalArn'];
  return [arns].flat().map((arn) => /role\/skymirror-.*-(\w+)"/.exec(JSON.stringify(arn))?.[1]);
}

describe('of the roles that are deployed', () => {
  test('those that enter clusters are for four functions, those that read for two, each by its name', () => {
    expect(deputies(home.ClusterRole)).toEqual(['worker', 'event', 'backfill', 'watch']);
    expect(deputies(home.ReaderRole)).toEqual(['worker', 'event']);
    expect(deputies(away.ReaderRole)).toEqual(['worker', 'event']);
  });

  test('none trusts everybody, and a service of AWS only for one account, unless somebody has to pass the role to it', () => {
    for (const [name, role] of [...rolesIn(home), ...rolesIn(away)]) {
      const trusts = trustOf(role);
      expect(trusts, name).toHaveLength(1);
      const [{ Principal, Condition } = { Principal: {} }] = trusts;
      expect(JSON.stringify(Principal), name).not.toContain('*');
      const isPassed = JSON.stringify(Principal) === '{"Service":"lambda.amazonaws.com"}';
      expect(isPassed || Condition !== undefined, name).toBe(true);
    }
    expect([...rolesIn(home), ...rolesIn(away)].length).toBeGreaterThan(8);
  });

  test('the one in another account asks for the external id that its stack was given', () => {
    const [trust] = away.ReaderRole === undefined ? [] : trustOf(away.ReaderRole);
    expect(JSON.stringify(trust?.Condition?.StringEquals)).toContain('"sts:ExternalId":{"Ref":"ExternalId"}');
  });
});

test('nobody calls a function but its queue, its schedule and whoever may invoke functions of the account', async () => {
  const types = new Set(Object.values(home).map(({ Type }) => Type));
  for (const door of ['AWS::Lambda::Permission', 'AWS::Lambda::Url']) expect(types).not.toContain(door);
  const serverless = await readFile(new URL('../../serverless.yml', import.meta.url), 'utf8');
  expect(serverless).not.toMatch(/^\s*-?\s*(url|http|httpApi|alb|websocket|sns|s3|iot|alexaSkill|eventBridge)\b/m);
});
