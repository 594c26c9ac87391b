import { writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { readConfiguration } from '../../handlers/configuration.ts';
import { configurationWith, surroundings } from './functions.ts';

const { configure } = surroundings();

test('the configuration of the bundle has its defaults and durations as everywhere else', () => {
  configure(configurationWith({ every: '5m' }));
  expect(readConfiguration().mirrors[0]).toMatchObject({ every: 300, staleAfter: 900, paused: false });
});

test('an account without a role is read by the role that the function was deployed with, and no other is touched', () => {
  vi.stubEnv('SKYMIRROR_READER_ROLE_NAME', 'skymirror-test-reader');
  const own = { id: '444455556666', role: 'arn:aws:iam::444455556666:role/own', externalId: 'abc' };
  configure(
    configurationWith({ accounts: ['main', 'other'] }, { accounts: { main: { id: '111122223333' }, other: own } }),
  );
  expect(readConfiguration().accounts).toEqual({
    main: { id: '111122223333', role: 'arn:aws:iam::111122223333:role/skymirror-test-reader' },
    other: own,
  });
});

test.each([
  ['eu-west-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
  ['eusc-de-east-1', 'aws-eusc'],
  ['us-isob-east-1', 'aws-iso-b'],
])('in %s that role is one of the partition %s', (region, partition) => {
  vi.stubEnv('SKYMIRROR_READER_ROLE_NAME', 'reader');
  configure(configurationWith({ regions: [region] }));
  expect(readConfiguration().accounts.main?.role).toBe(`arn:${partition}:iam::111122223333:role/reader`);
});

test('a function that reads nothing outside needs no such role', () => {
  configure(configurationWith());
  expect(readConfiguration().accounts.main).toEqual({ id: '111122223333' });
});

test('a file that is missing, torn or wrong is an error that says how to build it anew', () => {
  vi.stubEnv('SKYMIRROR_CONFIGURATION', '/nowhere/configuration.json');
  expect(readConfiguration).toThrow(/^\/nowhere\/configuration.json cannot be used: .*npm run build:functions$/);
  configure(configurationWith({ regoins: [] }));
  expect(readConfiguration).toThrow(/regoins/);
  writeFileSync(process.env.SKYMIRROR_CONFIGURATION ?? '', '{"mirrors": [');
  expect(readConfiguration).toThrow(/cannot be used: SyntaxError/);
});
