import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { normalise } from '../lib/json.ts';

const value = fc.anything({
  withNullPrototype: false,
  values: [
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }),
  ],
});

test('what was normalised survives a round trip through a server, and a second time changes nothing', () => {
  fc.assert(
    fc.property(value, (raw) => {
      const once = normalise(raw);
      expect(normalise(once)).toStrictEqual(once);
      if (once !== undefined) expect(JSON.parse(JSON.stringify(once))).toStrictEqual(once);
    }),
  );
});
