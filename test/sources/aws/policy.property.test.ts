import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { policyReach } from '../../../lib/sources/aws/policy.ts';

const own = '111122223333';
const other = '444455556666';
const values = [
  '*',
  own,
  other,
  `arn:aws:iam::${own}:root`,
  `arn:aws:iam::${other}:role/r`,
  'sns.amazonaws.com',
  'o-1',
  'vpce-1',
  '',
];
const value = fc.constantFrom(...values);
const oneOrMore = fc.oneof(value, fc.array(value, { maxLength: 3 }));
const principal = fc.oneof(
  fc.constant('*'),
  fc.dictionary(fc.constantFrom('AWS', 'Service', 'Federated'), oneOrMore, { maxKeys: 2 }),
);
const keys = fc.constantFrom(
  'aws:SourceAccount',
  'aws:SourceArn',
  'aws:PrincipalOrgID',
  'aws:SourceVpce',
  'aws:username',
);
const operators = fc.constantFrom('StringEquals', 'ArnLike', 'StringNotEquals', 'StringEqualsIfExists');
const condition = fc.dictionary(operators, fc.dictionary(keys, oneOrMore, { maxKeys: 2 }), { maxKeys: 2 });
const statement = fc.record(
  {
    Effect: fc.constantFrom('Allow', 'Deny'),
    Principal: principal,
    Condition: condition,
    Action: oneOrMore,
    Resource: oneOrMore,
  },
  { requiredKeys: ['Effect'] },
);
const statements = fc.array(statement, { maxLength: 4 });
const reach = (Statement: unknown) => policyReach(JSON.stringify({ Version: '2012-10-17', Statement }), own);

test('what is public is open to other accounts too', () => {
  fc.assert(
    fc.property(statements, (all) => {
      const { public: isPublic, crossAccount } = reach(all);
      expect([true, false]).toContain(crossAccount);
      expect(isPublic !== true || crossAccount === true).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test('a list of one is the one, and the order of anything counts for nothing', () => {
  const listed = (one: unknown): unknown => (typeof one === 'string' ? [one] : one);
  const inLists = (map: object | string | undefined) =>
    typeof map === 'object'
      ? Object.fromEntries(
          Object.entries(map)
            .map(([key, one]) => [key, listed(one)])
            .toReversed(),
        )
      : map;
  fc.assert(
    fc.property(statements, (all) => {
      const turned = all.toReversed().map((one) => ({
        ...one,
        Principal: one.Principal === '*' ? { AWS: ['*'] } : inLists(one.Principal),
        Condition:
          one.Condition &&
          Object.fromEntries(Object.entries(one.Condition).map(([operator, map]) => [operator, inLists(map)])),
      }));
      expect(reach(turned)).toEqual(reach(all));
      if (all.length === 1) expect(reach(all[0])).toEqual(reach(all));
    }),
    { numRuns: 2_000 },
  );
});

test('a further statement never closes, and a further condition never opens', () => {
  fc.assert(
    fc.property(statements, statement, fc.constantFrom('aws:SourceAccount', 'aws:username'), (all, more, key) => {
      const before = reach(all);
      const after = reach([...all, more]);
      expect(after.public === true || before.public === false).toBe(true);
      expect(after.crossAccount === true || before.crossAccount === false).toBe(true);
      const narrower = all.map((one) => ({ ...one, Condition: { ...one.Condition, StringLike: { [key]: own } } }));
      expect(reach(narrower).public === false || before.public === true).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test('no text at all makes it throw, and what it says has always one form', () => {
  const jsonText = fc.json({ maxDepth: 6 });
  const shaped = fc.tuple(fc.jsonValue(), fc.jsonValue(), fc.jsonValue()).map(([Effect, Principal, Condition]) =>
    JSON.stringify({
      Statement: [
        { Effect, Principal, Condition },
        { Effect: 'Allow', Principal, Condition },
      ],
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), jsonText, shaped), fc.string(), (policy, account) => {
      const said = policyReach(policy, account);
      const known = typeof said.public === 'boolean' && typeof said.crossAccount === 'boolean';
      expect(known || Object.keys(said).length === 1).toBe(true);
    }),
    { numRuns: 3_000 },
  );
});
