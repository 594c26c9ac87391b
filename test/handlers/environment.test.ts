import { afterEach, expect, test, vi } from 'vitest';
import { optionalVariable, variable } from '../../handlers/environment.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a variable that is set and right is given as it is', () => {
  vi.stubEnv('SKYMIRROR_STAGE', 'production');
  expect([variable('SKYMIRROR_STAGE'), optionalVariable('SKYMIRROR_STAGE')]).toEqual(['production', 'production']);
});

test.each([undefined, ''])('a variable that is not set (%o) is an error only where it is needed', (value) => {
  vi.stubEnv('SKYMIRROR_SCHEDULE_QUEUE_URL', value);
  expect(optionalVariable('SKYMIRROR_SCHEDULE_QUEUE_URL')).toBeUndefined();
  expect(() => variable('SKYMIRROR_SCHEDULE_QUEUE_URL')).toThrow(
    'SKYMIRROR_SCHEDULE_QUEUE_URL is not set: serverless.yml sets it',
  );
});

test.each([
  ['SKYMIRROR_STAGE', 'a b'],
  ['SKYMIRROR_BACKFILL_QUEUE_URL', 'queue'],
  ['SKYMIRROR_READER_ROLE_NAME', 'arn:aws:iam::1:role/x'],
  ['SKYMIRROR_CLUSTER_ROLE_ARN', 'writer'],
] as const)('%s=%s is refused by name', (name, value) => {
  vi.stubEnv(name, value);
  expect(() => optionalVariable(name)).toThrow(`the environment variable ${name} is wrong`);
});
