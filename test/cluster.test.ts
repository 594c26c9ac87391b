import { describe, expect, test } from 'vitest';
import { ApiError, isClusterWide, isOvertaken } from '../lib/cluster.ts';

const missing = 'cluster a: POST /x: namespaces "external" not found';
const errors: readonly [what: string, error: unknown, overtaken: boolean, clusterWide: boolean][] = [
  ['a conflict', new ApiError(409, 'Conflict', 'modified'), true, false],
  ['a name that is taken', new ApiError(409, 'AlreadyExists', 'exists'), true, false],
  ['an object that went', new ApiError(404, 'NotFound', 'rdsinstances "a" not found'), true, false],
  ['a namespace that is not there', new ApiError(404, 'NotFound', missing), false, true],
  [
    'a namespace that goes away',
    new ApiError(403, 'Forbidden', 'namespaces "external" is being terminated'),
    false,
    true,
  ],
  ['a kind that is not served any more', new ApiError(404, '', '404 page not found'), false, true],
  ['no answer', new ApiError(0, 'Unreachable', 'ECONNREFUSED'), false, true],
  ['no credentials', new ApiError(401, 'Unauthorized', ''), false, true],
  ['a quota, or no permission', new ApiError(403, 'Forbidden', 'exceeded quota'), false, false],
  ['too many requests', new ApiError(429, 'TooManyRequests', ''), false, true],
  ['a server that fails', new ApiError(500, 'InternalError', ''), false, false],
  ['a server that is away', new ApiError(503, 'ServiceUnavailable', ''), false, false],
  ['an object that is not valid', new ApiError(422, 'Invalid', ''), false, false],
  ['a request that is not valid', new ApiError(400, 'BadRequest', ''), false, false],
  ['any other error', new Error('409'), false, false],
  ['what is no error', 'Conflict', false, false],
];

describe('what a failure means', () => {
  test.each(errors)('%s', (_, error, overtaken, clusterWide) => {
    expect([isOvertaken(error), isClusterWide(error)]).toEqual([overtaken, clusterWide]);
  });
});

test('an ApiError keeps its cause', () => {
  const cause = new Error('socket');
  expect(new ApiError(0, 'Unreachable', 'no answer', { cause })).toMatchObject({ name: 'ApiError', cause });
});
