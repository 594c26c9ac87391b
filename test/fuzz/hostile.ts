import * as fc from 'fast-check';

/** Keys that every object has already. */
const inherited = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', 'then'];

const words = [
  ...inherited,
  '',
  ' ',
  '\0',
  '\n',
  'null',
  'NaN',
  '-1',
  '1e999',
  '9'.repeat(40),
  // Clears a terminal, sets its title, makes it answer; the one-character form of the same.
  '\u001b[2J\u001b]0;owned\u0007\u001b[6n',
  '\u009b2J',
  // Forges a second line of output.
  'a\r\nskymirror: all is well',
  '\ud800',
  '\ufeff',
  '\u202egnp.exe',
  '../../../etc/passwd',
  '%2e%2e%2f',
  `\${HOME}`,
  '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
  '{"a":1}',
  '*',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '+275760-09-13T00:00:00.000Z',
  '2026-02-30T25:61:61Z',
  'arn:aws:rds:us-east-1:111122223333:db:orders',
  'arn:aws:rds:us-east-1:999999999999:db:orders',
  'arn:aws:sqs:us-east-1:111122223333:orders\n',
];

const repeated = fc
  .tuple(
    fc.constantFrom('a', '\u001b', '\n', '"', '\\', '<', 'ß', '[', '*', '?'),
    fc.constantFrom(64, 300, 2_100, 20_000),
  )
  .map(([unit, times]) => unit.repeat(times));

/** Of any code points, halves of pairs among them. fast-check's own makes a table of all of Unicode first, which takes seconds. */
const anyText = fc
  .array(fc.oneof(fc.nat(0xff), fc.nat(0x10ffff)), { maxLength: 12 })
  .map((points) => String.fromCodePoint(...points));

/** Texts that mean something somewhere: to terminals, parsers, file systems, prototypes, clocks. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...words) },
  { weight: 2, arbitrary: anyText },
  { weight: 1, arbitrary: repeated },
);

const deep = fc.tuple(fc.constantFrom('list', 'map'), fc.constantFrom(25, 300, 4_000)).map(([shape, depth]) => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = shape === 'list' ? [value] : { a: value };
  return value;
});

const polluting = fc.constantFrom(...inherited).map((key): unknown => JSON.parse(`{"${key}":{"polluted":true}}`));

const wide = fc
  .tuple(fc.constantFrom(200, 3_000), hostileText)
  .map(([count, text]) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${text.slice(0, 20)}${index}`, index])),
  );

const many = fc
  .tuple(fc.constantFrom(200, 3_000), hostileText)
  .map(([count, text]) => Array.from({ length: count }, () => text.slice(0, 20)));

/** Any value of JSON where another belongs. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 12, arbitrary: hostileText },
  { weight: 6, arbitrary: fc.constantFrom(null, true, false, 0, -1, 1.5, 2 ** 53, 1e308, [], {}, [[]], [null]) },
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  { weight: 2, arbitrary: polluting },
  { weight: 1, arbitrary: fc.oneof(deep, wide, many) },
);
