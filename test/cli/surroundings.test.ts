import { styleText } from 'node:util';
import { expect, test } from 'vitest';
import { harmless, surroundings } from '../../cli/surroundings.ts';

test('a text for the terminal keeps its lines, tabs, colours and letters, and nothing that steers', () => {
  const kept = '\u001b[1mSTATE\u001b[22m\t日本 é 🐘\n';
  expect(harmless(`${kept}\u001b[2J\u001b]0;title\u0007\u009b31m\r\b`)).toBe(`${kept}[2J]0;title31m`);
});

test('a text for the terminal cannot hide a part of itself by a style that is not ours', () => {
  for (const style of ['8', '7', '30', '40', '38', '0']) {
    expect(harmless(`a\u001b[${style}mhidden\u001b[22m`)).toBe(`a[${style}mhidden\u001b[22m`);
  }
});

test('a text that would be shown in another order than it has shows what turns it, and JSON keeps its value', () => {
  const name = 'orders\u202egnp.\u2066x\u2069';
  expect(harmless(name)).toBe('orders\\u202egnp.\\u2066x\\u2069');
  expect(JSON.parse(harmless(JSON.stringify(name)))).toBe(name);
  // Marks of languages that are written from right to left turn nothing else.
  expect(harmless('\u05e9\u200f!')).toBe('\u05e9\u200f!');
});

test('all styles that are in use reach the terminal', () => {
  const { paint, end } = surroundings();
  for (const style of ['bold', 'dim', 'green', 'red', 'yellow', 'cyan'] as const) {
    const painted = styleText(style, 'x', { validateStream: false });
    expect(harmless(painted)).toBe(painted);
    expect([painted, 'x']).toContain(paint(style, 'x'));
  }
  end();
});
