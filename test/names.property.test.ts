import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isLabelValue, objectName, shortHash } from '../lib/names.ts';

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 90 }), fc.string({ unit: 'grapheme', maxLength: 90 }));

test('every name is a DNS-1123 label of at most 63 characters', () => {
  fc.assert(
    fc.property(fc.constantFrom('RDSInstance', 'SQSQueue'), text, text, (kind, readable, id) => {
      const name = objectName(kind, readable, id);
      expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
      expect(name.length).toBeLessThanOrEqual(63);
      expect(isLabelValue(name)).toBe(true);
    }),
  );
});

test('the same resource always has the same name, another id another one', () => {
  fc.assert(
    fc.property(text, text, text, (readable, one, other) => {
      expect(objectName('K', readable, one)).toBe(objectName('K', readable, one));
      if (one !== other) expect(objectName('K', readable, one)).not.toBe(objectName('K', readable, other));
    }),
  );
});

test('a hash is 13 characters of an alphabet without i, l, o and u', () => {
  fc.assert(
    fc.property(fc.array(text), (parts) => {
      expect(shortHash(...parts)).toMatch(/^[0-9a-hjkmnp-tv-z]{13}$/);
    }),
  );
});
