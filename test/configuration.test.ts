import { describe, expect, test } from 'vitest';
import { type Configuration, type ParseOptions, parseConfiguration, problemText } from '../lib/configuration.ts';
import { account, kinds, mirror } from './configuration-samples.ts';

const parse = (text: string, environment: ParseOptions['environment'] = {}) =>
  parseConfiguration(text, { sources: kinds, environment });

function problems(text: string, environment: ParseOptions['environment'] = {}): string[] {
  const parsed = parse(text, environment);
  return 'problems' in parsed ? parsed.problems.map((problem) => problemText('skymirror.yaml', problem)) : [];
}

function configuration(text: string, environment: ParseOptions['environment'] = {}): Configuration {
  const parsed = parse(text, environment);
  if ('problems' in parsed) throw new Error(problems(text, environment).join('\n'));
  return parsed.configuration;
}

test('a file at which zod itself fails is answered, and not thrown at', () => {
  const said = problems(`${account}mirrors:\n${mirror('clusters: { length: { toString: x } }')}`);
  expect(said).toEqual([
    'skymirror.yaml:1:1: cannot be read: a key such as "length" or "toString" stands where none belongs (TypeError: Cannot convert object to primitive value)',
  ]);
});

describe('a configuration that holds together', () => {
  test('has its defaults filled in', () => {
    expect(configuration(`${account}mirrors:\n${mirror()}`)).toEqual({
      clusters: { default: {} },
      events: {},
      accounts: { main: { id: '111122223333' } },
      mirrors: [
        {
          name: 'one',
          sources: ['RDSInstance'],
          accounts: ['main'],
          regions: ['us-east-1'],
          namespace: 'external',
          labels: [],
          removal: { policy: 'Delete', grace: 600, maxPercent: 30 },
          staleAfter: 900,
          every: 60,
          paused: false,
        },
      ],
    });
  });

  test.each([
    ['0s', 0],
    ['90s', 90],
    ['10m', 600],
    ['1h30m', 5400],
    ['2d', 172_800],
    ['1d2h3m4s', 93_784],
  ])('reads the duration %s', (text, seconds) => {
    const mirrors = mirror(`removal: { grace: ${text} }`);
    expect(configuration(`${account}mirrors:\n${mirrors}`).mirrors[0]?.removal.grace).toBe(seconds);
  });

  test('may be JSON, have a byte order mark, CRLF, a document start, and anchors', () => {
    const yaml = `${account}mirrors:\n${mirror()}`;
    const expected = configuration(yaml);
    expect(configuration(`\uFEFF---\n${yaml}`)).toEqual(expected);
    expect(configuration(yaml.replaceAll('\n', '\r\n'))).toEqual(expected);
    expect(configuration(yaml.replace('[main]', '&all [main]'))).toEqual(expected);
    const { accounts } = expected;
    const mirrors = [{ name: 'one', sources: ['RDSInstance'], accounts: ['main'], regions: ['us-east-1'] }];
    const json = { $schema: 'x.json', accounts, mirrors: [{ ...mirrors[0], namespace: 'external' }] };
    expect(configuration(JSON.stringify(json))).toEqual({ $schema: 'x.json', ...expected });
  });

  test('repeats a whole value by an alias', () => {
    const second = mirror('', 'two', 'other').replace('[us-east-1]', '*where');
    const text = `${account}mirrors:\n${mirror().replace('[us-east-1]', '&where [us-east-1]')}${second}`;
    expect(configuration(text).mirrors.map(({ regions }) => regions)).toEqual([['us-east-1'], ['us-east-1']]);
  });

  test('names a region that this release does not know', () => {
    const text = `moreRegions: [us-east-9]\n${account}mirrors:\n${mirror()}`.replace('[us-east-1]', '[us-east-9]');
    expect(configuration(text).mirrors[0]?.regions).toEqual(['us-east-9']);
  });
});

describe('variables', () => {
  const withId = (value: string) =>
    `accounts:\n  main: { id: "111122223333", role: "arn:aws:iam::111122223333:role/r", externalId: ${value} }\nmirrors:\n${mirror()}`;
  const externalId = (value: string, environment = {}) =>
    configuration(withId(value), environment).accounts.main?.externalId;

  test('of the environment are replaced, more than one in a text, and not again in what they hold', () => {
    expect(externalId(`"\${SKYMIRROR_A}-\${SKYMIRROR_B}"`, { SKYMIRROR_A: 'one', SKYMIRROR_B: 'two' })).toBe('one-two');
    expect(problems(withId(`"\${SKYMIRROR_A}"`), { SKYMIRROR_A: `\${SKYMIRROR_B}`, SKYMIRROR_B: 'x2' })[0]).toMatch(
      /"\$\{SKYMIRROR_B\}" is not an external id/,
    );
  });

  test('that hold secrets are refused, whatever the environment has', () => {
    const secret = { AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI' };
    const said = problems(withId(`"\${AWS_SECRET_ACCESS_KEY}"`), secret);
    expect(said).toEqual([
      `skymirror.yaml:2:85: accounts.main.externalId: \${AWS_SECRET_ACCESS_KEY}: only variables that begin with SKYMIRROR_ are replaced, so that no secret gets into the configuration; for the characters themselves write $\${`,
    ]);
  });

  test('that are not set, or not closed, are problems', () => {
    expect(problems(withId(`"\${SKYMIRROR_A}"`))).toEqual([
      expect.stringContaining(
        'the variable SKYMIRROR_A is not set: set it, or for the characters themselves write $${',
      ),
    ]);
    expect(problems(withId(`"\${SKYMIRROR_A"`))).toEqual([
      expect.stringContaining('"${" begins the name of a variable'),
    ]);
  });

  test('are left alone behind a second dollar', () => {
    const names = configuration(`${account}mirrors:\n${mirror(`select: { names: { include: ["$\${HOME}", "$x"] } }`)}`)
      .mirrors[0]?.select?.names;
    expect(names?.include).toEqual([`\${HOME}`, '$x']);
  });
});

describe('of a wrong file', () => {
  test('all is said at once, in the order of the file, with line, column and path', () => {
    const text = `accounts:
  main: { id: 012345678901, externalID: x }
mirror: []
mirrors:
  - name: Production
    regoins: [us-east-1]
    sources: [RDSInstances]
    accounts: [mian]
    namespace: external
    staleAfter: 600
    paused: no
`;
    expect(problems(text)).toEqual([
      'skymirror.yaml:2:15: accounts.main.id: has to be text, and is 012345678901: put it in quotes, "012345678901"',
      'skymirror.yaml:2:29: accounts.main.externalID: unknown key "externalID": did you mean "externalId"?',
      'skymirror.yaml:3:1: mirror: unknown key "mirror": did you mean "mirrors"?',
      'skymirror.yaml:5:5: mirrors[0].regions: is missing',
      'skymirror.yaml:5:11: mirrors[0].name: "Production" is not a DNS label: use a-z, 0-9 and dashes, at most 63',
      'skymirror.yaml:6:5: mirrors[0].regoins: unknown key "regoins": did you mean "regions"?',
      'skymirror.yaml:7:15: mirrors[0].sources[0]: "RDSInstances" is not known: did you mean "RDSInstance"?',
      'skymirror.yaml:8:16: mirrors[0].accounts[0]: "mian" is not declared below "accounts": did you mean "main"?',
      'skymirror.yaml:10:17: mirrors[0].staleAfter: needs a number with a unit, such as "90s", "10m", "1h30m" or "2d"',
      'skymirror.yaml:11:13: mirrors[0].paused: has to be true or false, and is the text "no"',
    ]);
  });

  test.each([
    ['removal: { policy: Keep }', 'removal.policy: "Keep" is not known: use Delete or Retain'],
    ['removal: { grace: 5 minutes }', '"5 minutes" is not a duration'],
    ['removal: { grace: 31d }', 'removal.grace: is out of range: from 0s to 30d'],
    ['staleAfter: 59s', 'staleAfter: is out of range: from 1m to 30d'],
    ['every: 90s', 'every: has to be whole minutes: EventBridge Scheduler has nothing finer'],
    ['every: 16m', 'every: has to be at most staleAfter: objects would count as stale from one look to the next'],
    ['removal: { maxPercent: 101 }', 'removal.maxPercent: is more than 100'],
    ['removal: { maxPercent: -1 }', 'removal.maxPercent: is below 0'],
    ['removal: { maxPercent: ten }', 'removal.maxPercent: has to be a number, and is the text "ten"'],
    ['removal: { maxPercent: 1.5 }', 'removal.maxPercent: has to be a whole number, and is 1.5'],
    ['select:', 'select: is empty: give it a value, or take the key out'],
    ['select: { names: { include: [] } }', 'select.names.include: is empty'],
    ['select: { names: { include: [""] } }', 'select.names.include[0]: is empty'],
    [`select: { names: { include: [${'x'.repeat(257)}] } }`, 'include[0]: is more than 256 characters'],
    ['select: { tags: { include: { team: 3 } } }', 'team: has to be text or a list, and is 3: put it in quotes, "3"'],
    [
      'select: { tags: { include: { team: [true] } } }',
      'team[0]: has to be text, and is true: put it in quotes, "true"',
    ],
    ['select: { tags: { include: { __proto__: x } } }', 'include.__proto__: this key cannot be used'],
    ['select: { tags: { include: { ? [x] : y } } }', 'include["?"]: a key must be text'],
    ['select: [x]', 'select: has to be a map, and is a list'],
    ['removal: { policy: { toString: x } }', 'removal.policy: {"toString":"x"} is not known: use Delete or Retain'],
    ['labels: { a: b }', 'labels: has to be a list, and is a map'],
    ['zzz: 1', 'zzz: unknown key "zzz": use one of name, sources, accounts'],
  ])('says of %s what it should be', (entry, message) => {
    const said = problems(`${account}mirrors:\n${mirror(entry)}`);
    expect(said).toEqual([expect.stringContaining(message)]);
    expect(said[0]).toMatch(/^skymirror\.yaml:9:\d+: mirrors\[0\]\./);
  });

  test.each([
    ['- a', 'has to be a map, and is a list'],
    ['text', 'has to be a map, and is the text "text"'],
    ['mirrors: 3', 'mirrors: has to be a list, and is 3'],
    ['clusters: {}', 'clusters: has no entry'],
    ['clusters: { a b: {} }', 'clusters["a b"]: this key is not a name'],
    ['clusters: { a: { inCluster: false } }', 'clusters.a.inCluster: has to be true, or left out'],
    ['mirrors: []', 'mirrors: is empty'],
    [`mirrors: [${'{}, '.repeat(201)}]`, 'mirrors: is more than 200 entries'],
  ])('says of %s what it should be', (text, message) => {
    expect(problems(text).join('\n')).toContain(message);
  });

  test('no more than a hundred problems are told', () => {
    expect(problems(Array.from({ length: 5000 }, (_, index) => `key${index}: 1`).join('\n'))).toHaveLength(100);
  });

  test('a long text is cut where it is quoted', () => {
    const [said = ''] = problems(`${account}mirrors:\n${mirror('', 'one', 'x'.repeat(5000))}`);
    expect(said).toContain('xxx…" is not a DNS label');
    expect(said.length).toBeLessThan(250);
  });
});
