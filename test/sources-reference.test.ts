import { expect, test } from 'vitest';
import * as z from 'zod';
import { sqsQueue } from '../lib/sources/aws/sqs-queue.ts';
import { sources } from '../lib/sources.ts';
import { sourcesReference } from '../scripts/sources-reference.ts';

const page = sourcesReference(sources);

test.each(sources)('$kind is on the page with its names, columns, fields and permissions', (source) => {
  const [, section = ''] = page.split(`\n## ${source.kind}\n`);
  const own = section.split('\n## ', 1)[0];
  for (const name of [source.plural, ...source.shortNames, ...source.categories]) expect(own).toContain(`\`${name}\``);
  for (const permission of source.permissions) expect(own).toContain(`\`${permission}\``);
  for (const key of [...Object.keys(source.identity.shape), ...Object.keys(source.observed.shape)]) {
    expect(own).toMatch(new RegExp(`^\\| \`${key}\` \\| [a-z\`]`, 'm'));
  }
  expect(own).toMatch(/^\| columns \| .*Age \|$/m);
});

test('fields below fields have their whole path, and every field has a description', () => {
  expect(page).toContain('| `endpoint.address` | text | DNS name to connect to. |');
  expect(page).toContain('| `members[].writer` |');
  const rows = page.split('\n').filter((line) => line.startsWith('| `') && line.split(' | ').length === 3);
  expect(rows.filter((row) => /\|\s*\|$/.test(row))).toEqual([]);
});

test('it says of a kind that is listed by name alone how old its attributes may be', () => {
  expect(sourcesReference([sqsQueue])).toContain('attributes within 60 minutes');
  expect(page).toContain('in full with every pass');
});

test('a bar in a description does not end the cell', () => {
  const observed = z.object({ mode: z.string().describe('on|off') });
  expect(sourcesReference([{ ...sqsQueue, observed }])).toContain('| `mode` | text | on\\|off |');
});
