import { expect, test } from 'vitest';
import { sightOf } from '../lib/apply.ts';
import { judgement } from '../lib/conditions.ts';
import { mirrorOf } from '../lib/mirror.ts';

const mirror = mirrorOf({ name: 'production', namespace: 'external' });

const id = 'arn:aws:rds:eu-west-1:111122223333:db:orders';
const identity = { arn: id };
const fields = { state: 'available' };
const health = judgement('True', 'Available');

test('a sight is of what has an id, and of nothing else', () => {
  expect(sightOf({ outcome: 'observed', id, identity, fields, health }, 'get', mirror)).toEqual({
    state: 'present',
    fields,
    health,
    by: 'get',
  });
  expect(sightOf({ outcome: 'invalid', id, identity, issues: 'x' }, 'list', mirror)).toEqual({
    state: 'invalid',
    issues: 'x',
  });
  expect(sightOf({ outcome: 'excluded', id, identity, reason: 'x' }, 'list', mirror)).toEqual({
    state: 'excluded',
    issues: 'x',
    by: 'list',
  });
  expect(sightOf({ outcome: 'broken', issues: 'x' }, 'list', mirror)).toBeUndefined();
});
