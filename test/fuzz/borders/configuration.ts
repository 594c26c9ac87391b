import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { parseConfiguration, problemText } from '../../../lib/configuration.ts';
import { sources } from '../../../lib/sources.ts';
import { tasksOf } from '../../../lib/targets.ts';
import { fullExample, smallExample } from '../../../scripts/configuration-reference.ts';
import type { Finding } from '../attempt.ts';
import { defineBorder } from '../border.ts';
import { canary } from '../canaries.ts';
import { damagedText, damagedYaml } from '../damage.ts';
import { hostileText } from '../hostile.ts';

/** What YAML has beyond lists, maps and texts, and what of it takes a parser's time. */
const yamlish = fc.oneof(
  fc.constantFrom(
    ...[
      '- ',
      ': ',
      '\n  ',
      '\n',
      '? ',
      '*a ',
      '&a ',
      '<<: *a',
      '!!binary |',
      '!!set',
      '!!js/function >',
      '!e!x ',
      '%YAML 1.1\n',
    ],
    ...[
      '---\n',
      '...\n',
      '# ',
      '|\n',
      '>-\n',
      "'",
      '"',
      '[',
      ']',
      '{',
      '}',
      '@',
      '`',
      '\t',
      '\u0085',
      '\u2028',
      '\ufeff',
      '\0',
    ],
    ...[
      `\${HOME_TOKEN}`,
      `\${SKYMIRROR_NAME}`,
      `$\${x}`,
      '${',
      '012',
      '0x1f',
      '1e3',
      '.nan',
      'yes',
      '~',
      '__proto__: {a: 1}\n',
    ],
  ),
  hostileText,
);

/** A list of ten aliases of a list of ten aliases, and so on: a thousand million values in a hundred characters. */
const bomb = fc.integer({ min: 2, max: 12 }).map((levels) => {
  const lines = Array.from(
    { length: levels },
    (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level},`.repeat(9)}]`,
  );
  return ['a0: &a0 [x]', ...lines, `mirrors: *a${levels}`].join('\n');
});

const brackets = fc
  .tuple(fc.constantFrom('[', '{a: ', '- ', '? ', '&a [', '"', '- - '), fc.constantFrom(10, 40, 3_000))
  .map(([unit, times]) => `mirrors: ${unit.repeat(times)}`);

const wide = fc.constantFrom('accounts', 'mirrors', 'moreRegions').map((key) => {
  const entries = Array.from({ length: 1_500 }, (_, index) =>
    key === 'accounts' ? `a${index}: {id: "1"}` : '{name: x}',
  );
  return key === 'accounts' ? `accounts: {${entries}}` : `${key}: [${entries}]`;
});

const mirror = {
  name: 'one',
  sources: ['RDSInstance'],
  accounts: ['main'],
  regions: ['us-east-1'],
  namespace: { byTag: { key: 'team', values: { a: 'team-a' } }, fallback: 'external' },
  select: { names: { include: ['a*'] }, tags: { include: { env: ['a', 'b'] }, exclude: { x: '*' } } },
  clusters: ['main'],
  labels: ['team'],
  removal: { policy: 'Delete', grace: '10m', maxPercent: 30 },
};
const eks = { name: 'shop', region: 'us-east-1', role: 'arn:aws:iam::111122223333:role/enter', externalId: 'x1' };
const value = {
  clusters: { main: { eks }, other: { kubeconfig: '~/k', context: 'c' } },
  accounts: {
    main: { id: '111122223333', role: 'arn:aws:iam::111122223333:role/r', externalId: `\${SKYMIRROR_NAME}` },
  },
  events: { topics: ['arn:aws:sns:us-east-1:111122223333:t'] },
  mirrors: [mirror, { ...mirror, name: 'two', namespace: { byAccount: { main: 'b' } }, every: '5m', paused: true }],
};

const whole = fc.constantFrom(fullExample(sources), smallExample, stringify(value));
const changed = damagedYaml([value], 3);

/** The text of skymirror.yaml, and the environment that it may refer to. */
export const configurations = defineBorder<{ readonly text: string; readonly name: string }>({
  name: 'configuration',
  arbitrary: fc.record({
    text: fc.oneof(
      { weight: 12, arbitrary: damagedText(whole, yamlish) },
      { weight: 6, arbitrary: changed },
      { weight: 6, arbitrary: fc.array(yamlish, { maxLength: 30 }).map((parts) => parts.join('')) },
      { weight: 1, arbitrary: fc.oneof(whole, bomb, brackets, wide) },
    ),
    name: fc.oneof(fc.constant('abc'), hostileText),
  }),
  longest: 1_000,
  run({ text, name }) {
    const environment = { SKYMIRROR_NAME: name, SKYMIRROR_EXTERNAL_ID: 'abc', HOME_TOKEN: canary };
    const parsed = parseConfiguration(text, { sources, environment });
    if ('configuration' in parsed) {
      const tasks = tasksOf(parsed.configuration, sources);
      return { finding: tasks.length === 0 ? { kind: 'rules', what: 'it has no task' } : undefined };
    }
    const count = text.split(/\r\n|\r|\n/).length;
    const finding =
      parsed.problems.length === 0 || parsed.problems.length > 100 ? problemCount(parsed.problems.length) : undefined;
    const astray = parsed.problems.find(({ line, column }) => line < 1 || line > count || column < 1);
    return {
      said: parsed.problems.map((problem) => problemText('skymirror.yaml', problem)),
      finding:
        finding ??
        (astray === undefined ? undefined : { kind: 'rules', what: `of ${count} lines: ${JSON.stringify(astray)}` }),
    };
  },
});

const problemCount = (count: number): Finding => ({ kind: 'rules', what: `${count} problems` });
