import { expect, test } from 'vitest';
import { mirrorOf } from '../lib/mirror.ts';

test('a mirror that says nothing else takes all, deletes after ten minutes, and asks above 30 percent', () => {
  const mirror = mirrorOf({ name: 'production', namespace: 'external' });
  expect(mirror).toMatchObject({
    name: 'production',
    namespace: 'external',
    tagLabels: [],
    removal: 'Delete',
    graceSeconds: 600,
    maxRemovalPercent: 30,
    staleAfterSeconds: 900,
  });
  expect(mirror.selects({ engine: 'postgres' })).toBe(true);
});

test('what a mirror says stands', () => {
  const selects = () => false;
  const wish = { name: 'a', namespace: 'b', removal: 'Retain', graceSeconds: 0, selects } as const;
  expect(mirrorOf(wish)).toMatchObject(wish);
});

test.each([
  [{ name: 'Prod_1' }, /the name "Prod_1" is not a DNS label/],
  [{ namespace: '' }, /the namespace "" is not a DNS label/],
  [{ namespace: 'a'.repeat(64) }, /is not a DNS label/],
  [{ graceSeconds: -1 }, /mirror a: graceSeconds is -1: use a number from 0 up/],
  [{ maxRemovalPercent: Number.NaN }, /maxRemovalPercent is NaN/],
  [{ staleAfterSeconds: Number.POSITIVE_INFINITY }, /staleAfterSeconds is Infinity/],
])('a mirror with %j is refused', (wrong, message) => {
  expect(() => mirrorOf({ name: 'a', namespace: 'b', ...wrong })).toThrow(message);
});
