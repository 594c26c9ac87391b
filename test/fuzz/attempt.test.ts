import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attempt, type Outcome } from './attempt.ts';
import { defineBorder } from './border.ts';
import { canary, canaryData } from './canaries.ts';

const kindOf = async (run: () => Outcome) => (await attempt({ run }, 'any input'))?.kind;

describe('what goes wrong at a border is noticed', () => {
  test.each<[string, string, () => Outcome]>([
    ['an error that is not documented', 'crashes', () => expect.fail('out of order')],
    ['a control character in what people read', 'control characters', () => ({ said: ['a\u001b[2J'] })],
    ['its one-character form in an error', 'control characters', () => ({ errors: [new Error('a\u009b2J')] })],
    ['more than people read', 'lengths', () => ({ said: ['x'.repeat(4_001)] })],
    ['what the border finds itself', 'rules', () => ({ finding: { kind: 'rules', what: 'odd' } })],
    [
      'a property of all objects',
      'pollution',
      () => ({ left: Object.assign(Object.prototype, { polluted: 1 }).polluted }),
    ],
    [
      'another function in the place of a built-in one',
      'pollution',
      () => ({ left: Object.assign(Array.prototype, { includes: () => true }) && undefined }),
    ],
  ])('%s', async (_, kind, run) => {
    expect(await kindOf(run)).toBe(kind);
    expect(Object.prototype).not.toHaveProperty('polluted');
    expect([1].includes(2)).toBe(false);
  });

  test.each<[string, () => Outcome]>([
    ['in a message', () => ({ said: [`token ${canary}`] })],
    ['in part', () => ({ said: [`token ${canary.slice(5, 30)}`] })],
    ['in JSON in JSON', () => ({ left: JSON.stringify({ token: canary }) })],
    ['in a URL', () => ({ said: [`https://a/?token=${encodeURIComponent(canary)}`] })],
    ['in base64', () => ({ said: [Buffer.from(`user:${canary}`).toString('base64')] })],
    [
      'in base64 of a URL',
      () => ({ said: [Buffer.from(`//a/?b=${encodeURIComponent(canary)}`).toString('base64url')] }),
    ],
    ['in the data of a key', () => ({ said: [canaryData] })],
    ['in the cause of a cause', () => ({ errors: [new Error('a', { cause: new Error('b', { cause: canary }) })] })],
    ['in a field of an error', () => ({ errors: [Object.assign(new Error('a'), { request: { token: canary } })] })],
    [
      'on stdout',
      () => {
        process.stdout.write(`token ${canary}\n`);
        return {};
      },
    ],
  ])('a secret %s', async (_, run) => {
    expect(await kindOf(run)).toBe('secrets');
  });

  test('and nothing where all is well', async () => {
    expect(await kindOf(() => ({ said: ['a\nb'], errors: [new Error('c')], left: { d: 1 } }))).toBeUndefined();
  });
});

test('an input that breaks a promise is made smaller, and its path leads back to it', async () => {
  const border = defineBorder<number>({
    name: 'numbers',
    arbitrary: fc.nat(1_000),
    run: (input) => ({ said: input > 40 ? ['\u0007'] : [] }),
  });
  const { tried, failure } = await border.fuzz({ seed: 3, runs: 100 });
  expect(failure).toMatchObject({ kind: 'control characters', input: '[41]' });
  expect(tried).toBeLessThan(100);
  const again = await border.fuzz({ seed: 3, runs: 100, path: failure?.path ?? '' });
  expect(again).toMatchObject({ tried: 1, failure: { input: '[41]' } });
});
