import { expect, test } from 'vitest';
import { harmless } from '../../cli/surroundings.ts';

test('a text for the terminal keeps its lines, tabs, colours and letters, and nothing that steers', () => {
  const kept = '\u001b[1mSTATE\u001b[22m\t日本 é 🐘\n';
  expect(harmless(`${kept}\u001b[2J\u001b]0;title\u0007\u009b31m\r\b`)).toBe(`${kept}[2J]0;title31m`);
});
