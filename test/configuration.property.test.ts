import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseConfiguration } from '../lib/configuration.ts';
import { sources } from '../lib/sources.ts';
import { tasksOf } from '../lib/targets.ts';
import { fullExample } from '../scripts/configuration-reference.ts';

const example = fullExample(sources);

/** Every problem is one line of text with a place in the file, and what is no problem can be run. */
function isAnswered(text: string): void {
  const parsed = parseConfiguration(text, { sources, environment: { SKYMIRROR_EXTERNAL_ID: 'abc' } });
  expect(Object.keys(Object.prototype)).toEqual([]);
  if ('configuration' in parsed) {
    expect(tasksOf(parsed.configuration, sources).length).toBeGreaterThan(0);
    return;
  }
  expect(parsed.problems.length).toBeGreaterThan(0);
  const count = text.split(/\r\n|\r|\n/).length;
  for (const { message, line, column } of parsed.problems) {
    expect(message).toMatch(/^[^\r\n]+$/);
    expect(line).toBeGreaterThan(0);
    expect(line).toBeLessThanOrEqual(count);
    expect(column).toBeGreaterThan(0);
  }
}

const yamlish = fc.constantFrom(
  ...'abc:-[]{}#&*!|>%@`\'",?\t\n ~<$'.split(''),
  '- ',
  ': ',
  '\n  ',
  '${',
  '&a ',
  '*a',
  '<<: ',
);

test('any text is answered', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(yamlish, { maxLength: 60 }).map((parts) => parts.join('')),
  );
  fc.assert(fc.property(text, isAnswered), { numRuns: 500 });
});

test('any damage to a configuration is answered', () => {
  const damage = fc.tuple(fc.nat(example.length), fc.nat(6), fc.array(yamlish, { maxLength: 3 }));
  fc.assert(
    fc.property(damage, ([at, cut, put]) =>
      isAnswered(`${example.slice(0, at)}${put.join('')}${example.slice(at + cut)}`),
    ),
    { numRuns: 500 },
  );
});

test('any values where others belong are answered', () => {
  const names = [
    'clusters',
    'accounts',
    'mirrors',
    'name',
    'id',
    'role',
    'sources',
    'regions',
    'namespace',
    'byTag',
    'x',
  ];
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom('a', 'us-east-1', '111122223333', 'RDSInstance', '', null, true, 3, Number.NaN, '__proto__'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names, '__proto__', 'constructor'), tie('value'), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(value, (tree) => isAnswered(stringify(tree))),
    { numRuns: 500 },
  );
});
