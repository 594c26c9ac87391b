import { describe, expect, test } from 'vitest';
import { parseConfiguration, problemText } from '../lib/configuration.ts';
import { readConfigurationFile } from '../lib/configuration-file.ts';
import { account, kinds, mirror } from './configuration-samples.ts';

const lines = (text: string) => {
  const parsed = parseConfiguration(text, { sources: kinds });
  return 'problems' in parsed ? parsed.problems.map((problem) => problemText('x.yaml', problem)) : [];
};

describe('a file that is no YAML, or not one document of YAML 1.2', () => {
  test.each([
    ['', '1:1: the file is empty: it needs at least "mirrors", a list'],
    ['# nothing\n', '1:1: the file is empty'],
    ['\uFEFF', '1:1: the file is empty'],
    ['a:\n\tb: 1', '2:1: a tab cannot indent in YAML: use spaces'],
    ['a: b: c', '1:4: a second ": " in one line: put the text in quotes'],
    ['a:\n  b: 1\n c: 1', '3:1: the line is not indented like those around it'],
    ['a: [1', '1:6: the line is not indented like those around it, or a bracket above it is not closed'],
    ['a: "x', 'this is not YAML: Missing closing "quote'],
    ['a: @x', '1:4: this is not YAML: Plain value cannot start with reserved character @'],
    ['a: 1\n---\nb: 1', '2:1: a second document begins here, and a file holds one: remove the line'],
    ['%YAML 1.1\n---\na: yes', '1:1: only YAML 1.2 is read: remove the %YAML line'],
  ])('is refused in plain words: %j', (text, message) => {
    expect(lines(text)[0]).toContain(message);
  });

  test('is said so no more than twenty times', () => {
    expect(lines(`[${','.repeat(1000)}`)).toHaveLength(20);
  });
});

describe('of YAML, what this file cannot use', () => {
  test.each([
    ['a tag', 'a: !secret x', 'a: the tag !secret is unknown: remove it'],
    ['binary data', 'a: !!binary aGk=', 'a: the tag tag:yaml.org,2002:binary is unknown: remove it'],
    ['a merge key', 'a: &a { x: 1 }\nb: { <<: *a }', 'b["<<"]: YAML 1.2 has no merge keys: write the entries out'],
    ['an unknown alias', 'a: *b', 'a: *b needs an anchor &b above it'],
    ['a key twice', 'a: 1\na: 2', 'x.yaml:2:1: a: this key is there twice: keep one'],
    ['a key that is a list', '? [a]\n: 1', '["?"]: a key must be text'],
    ['the prototype', '__proto__: { polluted: 1 }', '__proto__: this key cannot be used'],
  ])('is refused: %s', (_, text, message) => {
    expect(lines(text).join('\n')).toContain(message);
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  test('is told without what would steer a terminal, in one line', () => {
    const said = lines('"a\\e[2J\\u009b31m\\nb": "\\u009bc"\naccounts: "\\u009bd"\n');
    expect(said).toContainEqual(expect.stringMatching(/^x\.yaml:1:1: .*unknown key "a/));
    for (const line of said) expect(line).toMatch(/^\P{Cc}+$/u);
  });

  test('does not hide what else is wrong', () => {
    const text = `${account}mirrors:\n${mirror('labels: !x [a/b]')}  - 3\n`;
    expect(lines(text)).toEqual([
      'x.yaml:9:16: mirrors[0].labels: the tag !x is unknown: remove it',
      expect.stringContaining('x.yaml:9:17: mirrors[0].labels[0]: the tag "a/b" cannot become a label'),
      'x.yaml:10:5: mirrors[1]: has to be a map, and is 3',
    ]);
  });

  test('is neither a key that looks like a number nor a tag of the core schema', () => {
    const content = readConfigurationFile('012: !!str 12\ntrue: ! 34\n"": ~\n? d\n', {});
    expect(content).toMatchObject({ value: { '012': '12', true: '34', '': null, d: null }, findings: [] });
  });
});

describe('an anchor', () => {
  test('counts as the last one of its name above the alias', () => {
    const content = readConfigurationFile('a: &x 1\nb: *x\nc: &x 2\nd: *x\ne: { *x : 3 }', {});
    expect(content).toMatchObject({ value: { a: 1, b: 1, c: 2, d: 2, e: { 2: 3 } }, findings: [] });
  });

  const ten = (item: string) => `[${Array.from({ length: 10 }, () => item).join(', ')}]`;

  test.each([
    ['is a bomb', `a: &a ${ten('1')}\nb: &b ${ten('*a')}\nc: &c ${ten('*b')}\nd: &d ${ten('*c')}\ne: ${ten('*d')}`],
    ['is much', `a: [${'x, '.repeat(100_001)}]`],
  ])('that %s is defused', (_, text) => {
    expect(lines(text)).toEqual([
      'x.yaml:1:1: the file comes to more than 100000 values, what its aliases repeat included',
    ]);
  });

  test('within itself is refused', () => {
    expect(lines('a: &a [*a]')[0]).toContain('nested deeper than 20 levels, or an alias stands within its own anchor');
  });
});

test.each([
  ['is longer than a mebibyte', 'x'.repeat(1_048_577), 'the file has 1048577 characters, and no more than 1048576'],
  ['is nested beyond the stack', '['.repeat(100_000), 'nested deeper than 20 levels'],
  ['is nested deeper than allowed', `${'['.repeat(30)}${']'.repeat(30)}`, 'nested deeper than 20 levels'],
  [
    'is nested by indentation',
    Array.from({ length: 1400 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
    'nested',
  ],
  ['has too many keys', Array.from({ length: 100_001 }, (_, at) => `k${at}:`).join('\n'), 'more than 100000 values'],
  ['has one key again and again', `mirrors:\n${'k:\n'.repeat(50_000)}`, 'this key is there twice'],
  ['has too many aliases', `a: &a 1\nb: [${'*a,'.repeat(100_000)}]`, 'more than 100000 values'],
  ['has many documents', '---\n'.repeat(50_000), 'a second document begins here'],
])('a file that %s is refused, and soon', (_, text, message) => {
  expect(lines(text).join('\n')).toContain(message);
});
