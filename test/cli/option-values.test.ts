import { describe, expect, test } from 'vitest';
import { collected, duration, pair, pattern, repeated } from '../../cli/option-values.ts';

describe('a list of an option', () => {
  test('may be given more than once and with commas', () => {
    expect(collected(' c, d', collected('a,b,', undefined))).toEqual(['a', 'b', 'c', 'd']);
  });

  test.each(['', ' ', ','])('is refused where it is empty: "%s" is not all', (text) => {
    expect(() => collected(text, undefined)).toThrow('It is empty');
  });

  test('keeps its commas where names hold them', () => {
    expect(repeated('CN=a,O=b', ['c'])).toEqual(['c', 'CN=a,O=b']);
  });
});

describe('a time', () => {
  test.each([
    ['1s', 1],
    ['5m', 300],
    ['24h', 86_400],
  ])('of %s is %d seconds', (text, seconds) => {
    expect(duration(text)).toBe(seconds);
  });

  test.each(['', '0s', '5', '1d', '-1s', '1.5h', '25h', '600h', '999999h'])('is refused as "%s"', (text) => {
    expect(() => duration(text)).toThrow('such as 30s, 5m or 1h, and at most 24h');
  });
});

test('a pattern is not empty', () => {
  expect(pattern('orders*')).toBe('orders*');
  expect(() => pattern('')).toThrow('It is empty');
});

test.each(['', 'a', 'a=', '=b', 'a=a', 'a=b=c'])('a pair is refused as "%s"', (text) => {
  expect(() => pair(text)).toThrow('Give it as old=new');
});
