import { expect, test } from 'vitest';
import { scoresOf } from './scores.ts';

const mutants = (...statuses: readonly string[]) => ({ mutants: statuses.map((status) => ({ id: '1', status })) });

test('a module is as good as the share of its mutants that a test noticed, of those that ran', () => {
  const files = {
    'lib/plan.ts': mutants('Killed', 'Killed', 'Timeout', 'Survived', 'NoCoverage', 'RuntimeError', 'Ignored'),
    'lib/names.ts': mutants('Killed'),
  };
  expect(scoresOf({ files, schemaVersion: '1.0' }, ['lib/plan.ts', 'lib/names.ts'])).toEqual([
    { module: 'lib/plan.ts', mutants: 5, killed: 3, percent: 60 },
    { module: 'lib/names.ts', mutants: 1, killed: 1, percent: 100 },
  ]);
});

test('a module of which nothing ran is as bad as can be', () => {
  const files = { 'lib/mark.ts': mutants('CompileError') };
  expect(scoresOf({ files }, ['lib/mark.ts', 'lib/gone.ts']).map(({ percent }) => percent)).toEqual([0, 0]);
});
