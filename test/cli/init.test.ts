import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proposedAnswers } from '../../cli/init.ts';
import { askAll } from '../../cli/init-questions.ts';
import { type Answers, clusterName, configurationText, problemWith } from '../../cli/init-text.ts';
import { parseConfiguration } from '../../lib/configuration.ts';
import { configurationSchema, type JsonSchema } from '../../lib/configuration-json-schema.ts';
import { sources } from '../../lib/sources.ts';

const answers: Answers = {
  mirror: 'main',
  account: '111122223333',
  regions: ['us-east-1'],
  sources: ['RDSInstance'],
  namespace: 'external',
  cluster: { context: 'production' },
};

function parsed(text: string) {
  return parseConfiguration(text, { sources, environment: { SKYMIRROR_EXTERNAL_ID: 'set' } });
}

describe('the text that init writes', () => {
  test('says what was answered, whatever characters are in it', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({
        unit: fc.constantFrom(...'ab"\'\\\n\r\t:#-{}[]$&*!|>%@`, ~', '${', '$${', `\${SKYMIRROR_X}`, ': ', ' #'),
      }),
      fc.constantFrom('null', 'true', '~', '012', '1e3', '<<', '__proto__', "it's", 'a: b', '- x', '\u2028'),
    );
    fc.assert(
      fc.property(fc.record({ kubeconfig: hostile, context: hostile }), (cluster) => {
        const text = configurationText({ ...answers, cluster });
        // A lone surrogate is no text that a file can hold, and "" is refused.
        if (Object.values(cluster).some((value) => value === '' || !value.isWellFormed())) return;
        const result = parsed(text);
        expect(result).not.toHaveProperty('problems');
        const { clusters } = 'configuration' in result ? result.configuration : { clusters: {} };
        expect(Object.values(clusters)).toEqual([cluster]);
      }),
      { numRuns: 300 },
    );
  });

  test('never says anything else: an answer either stands in it as it is, or is found to be wrong', () => {
    const hostile = fc.string({ unit: fc.constantFrom(...'ab1-\n"\':#[]{}$, '), maxLength: 12 });
    fc.assert(
      fc.property(fc.record({ mirror: hostile, account: hostile, namespace: hostile, region: hostile }), (given) => {
        const { region, ...rest } = given;
        const wish = { ...answers, ...rest, regions: [region] };
        if (problemWith(wish) !== undefined) return;
        const result = parsed(configurationText(wish));
        const { mirrors } = 'configuration' in result ? result.configuration : { mirrors: [] };
        expect(mirrors).toMatchObject([{ name: given.mirror, namespace: given.namespace, regions: [region] }]);
      }),
      { numRuns: 300 },
    );
  });

  test('takes an external id as it is, or a variable of the environment', () => {
    const role = 'arn:aws:iam::111122223333:role/reader';
    const read = (externalId: string) => {
      const result = parsed(configurationText({ ...answers, role, externalId }));
      return 'configuration' in result ? result.configuration.accounts.main : result.problems;
    };
    expect(read('skymirror-7f3a')).toEqual({ id: '111122223333', role, externalId: 'skymirror-7f3a' });
    expect(read(`\${SKYMIRROR_EXTERNAL_ID}`)).toEqual({ id: '111122223333', role, externalId: 'set' });
    expect(problemWith({ ...answers, role, externalId: `\${SKYMIRROR_NOT_SET_YET}` })).toBeUndefined();
    expect(problemWith({ ...answers, role, externalId: `\${AWS_SECRET_ACCESS_KEY}` })?.path).toBe(
      'accounts.main.externalId',
    );
  });

  test('names every option there is', () => {
    const keys = keysOf(configurationSchema(sources)).filter((key) => key !== '$schema');
    const text = configurationText(answers);
    for (const key of keys) expect(text).toMatch(new RegExp(`\\b${key}:`));
  });

  const options = [...configurationText(answers).matchAll(/^ *#(\w+):.*$/gm)].map(([, key = '']) => key);

  test.each(options)('is a configuration as well with the option %s taken out of its comment', (option) => {
    const at = new RegExp(`^( *)#${option}:.*\\n(?:\\1#  .*\\n)*`, 'm');
    const text = configurationText(answers)
      .replace(at, (lines) => lines.replace(/^( *)#/gm, '$1'))
      // What the comment calls an alternative goes out for it.
      .replace(option === 'namespace' ? /^ *namespace: external.*\n/m : /$^/, '')
      .replace(['inCluster', 'eks'].includes(option) ? /^ *context: .*\n/m : /$^/, '');
    expect(text).not.toBe(configurationText(answers));
    const result = parsed(text);
    expect(result).toHaveProperty('configuration');
  });

  test('shows the clusters as one comment where nothing is known of them', () => {
    const text = configurationText({ ...answers, cluster: {} });
    expect(text).toContain('\n#clusters:\n#  default:\n');
    expect(parsed(text)).toMatchObject({ configuration: { clusters: { default: {} } } });
    const shown = text.replace(/^#(clusters:| {2})/gm, '$1');
    expect(parsed(shown)).toMatchObject({ configuration: { clusters: { default: { context: 'production' } } } });
  });

  test('in a pod names the cluster that it runs in', () => {
    const result = parsed(configurationText({ ...answers, cluster: { inCluster: true } }));
    expect(result).toMatchObject({ configuration: { clusters: { here: { inCluster: true } } } });
  });
});

test.each([
  ['production', 'production'],
  ['arn:aws:eks:us-east-1:111122223333:cluster/prod', 'prod'],
  ['admin@k8s.example', 'k8s.example'],
  ['__weird name__', 'weird-name__'],
  ['///', 'default'],
  ['x'.repeat(80), 'x'.repeat(63)],
])('of the context %s the cluster is called %s', (context, name) => {
  expect(clusterName({ context })).toBe(name);
});

describe('what init proposes', () => {
  const found = {
    caller: { account: '111122223333', arn: 'arn:aws:iam::111122223333:user/me' },
    region: 'eu-west-1',
    contexts: { names: ['one', 'two'], current: 'two', inPod: false },
  };

  test('is what it found', () => {
    expect(proposedAnswers({ output: '-' }, found)).toMatchObject({
      account: '111122223333',
      regions: ['eu-west-1'],
      sources: sources.map(({ kind }) => kind),
      cluster: { context: 'two' },
    });
  });

  test('is what the options say, where they do; a role tells its account', () => {
    const role = 'arn:aws:iam::444455556666:role/reader';
    const options = { output: '-', role, region: ['us-east-1'], source: ['SQSQueue'], context: 'one', mirror: 'm' };
    expect(proposedAnswers(options, found)).toMatchObject({
      mirror: 'm',
      account: '444455556666',
      role,
      regions: ['us-east-1'],
      sources: ['SQSQueue'],
      cluster: { context: 'one' },
    });
  });

  test('names a kubeconfig from the folder of the file on, and in full where it lies above', () => {
    const read = (output: string) => proposedAnswers({ output, kubeconfig: 'conf/kube' }, found).cluster.kubeconfig;
    expect(read('skymirror.yaml')).toBe('./conf/kube');
    expect(read('conf/skymirror.yaml')).toBe('./kube');
    expect(read('../elsewhere/skymirror.yaml')).toBe(`${process.cwd()}/conf/kube`);
  });
});

describe('the questions of init', () => {
  const asked = async (given: readonly string[], proposed = answers, contexts: readonly string[] = ['production']) => {
    const left = [...given];
    const questions: string[] = [];
    const said: string[] = [];
    const ask = async (question: string) => {
      questions.push(question);
      return left.shift() ?? '';
    };
    return { answers: await askAll(proposed, contexts, ask, (text) => said.push(text)), questions, said };
  };

  test('are answered by Enter alone with what is proposed', async () => {
    const result = await asked([]);
    expect(result.answers).toEqual(answers);
    expect(result.questions[0]).toBe('Name of the mirror [main]: ');
  });

  test('are asked again until the answer makes a configuration', async () => {
    const { answers: given, said } = await asked(['Not Legal', 'production', '12', '444455556666']);
    expect(given).toMatchObject({ mirror: 'production', account: '444455556666' });
    expect(said).toEqual([
      expect.stringMatching(/^ {2}That cannot be: "Not Legal" is not a DNS label/),
      expect.stringMatching(/^ {2}That cannot be: "12" is not an account id/),
    ]);
  });

  test('ask for an external id only where a role is assumed', async () => {
    const without = await asked([]);
    expect(without.questions.filter((question) => question.startsWith('External id'))).toEqual([]);
    const role = 'arn:aws:iam::111122223333:role/reader';
    const { answers: given } = await asked([
      '',
      '',
      role,
      `\${SKYMIRROR_EXTERNAL_ID}`,
      'us-east-1, eu-west-1',
      'SQSQueue',
    ]);
    expect(given).toMatchObject({
      role,
      externalId: `\${SKYMIRROR_EXTERNAL_ID}`,
      regions: ['us-east-1', 'eu-west-1'],
      sources: ['SQSQueue'],
    });
  });

  test('forget a role where another account is named', async () => {
    const role = 'arn:aws:iam::111122223333:role/reader';
    const { answers: given } = await asked(['', '444455556666'], { ...answers, role });
    expect(given).toMatchObject({ account: '444455556666', role: undefined });
  });

  test('ask for a context only where there is a choice, and take none that is not there', async () => {
    const given = ['', '', '', '', '', '', 'stagging', 'staging'];
    const { answers: chosen, said } = await asked(given, answers, ['production', 'staging']);
    expect(chosen.cluster).toEqual({ context: 'staging' });
    expect(said).toEqual(['  That cannot be: there is no context "stagging": did you mean "staging"?']);
  });
});

function keysOf({ properties = {}, additionalProperties, items, anyOf = [] }: JsonSchema): string[] {
  const below = [additionalProperties === false ? undefined : additionalProperties, items, ...anyOf];
  return [
    ...Object.entries(properties).flatMap(([key, child]) => [key, ...keysOf(child)]),
    ...below.flatMap((child) => (child === undefined ? [] : keysOf(child))),
  ];
}
