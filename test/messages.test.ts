import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { deduplicationOf, groupOf, messageVersion, parseMessage, type TargetMessage } from '../lib/messages.ts';

/** What releases have sent. A release must accept it, because a deployment meets messages of the one before: never edit it. */
const frozen: Record<string, unknown>[] = JSON.parse(
  readFileSync(new URL('testdata/messages/v1.json', import.meta.url), 'utf8'),
);
const [sample = {}] = frozen;

const read = (value: unknown) => parseMessage(JSON.stringify(value));

function message(change: Partial<TargetMessage> = {}): TargetMessage {
  const parsed = read({ ...sample, ...change });
  if (!('message' in parsed)) throw new Error(JSON.stringify(parsed));
  return parsed.message;
}

test.each(frozen)('a message of version 1 is read by every later release (%#)', (value) => {
  const { addedLater, ...known } = value;
  expect(read(value)).toEqual({ message: { hop: 0, ...known } });
});

test('a message that was written by a later version is told from one that is broken', () => {
  expect(read({ version: messageVersion + 1, quite: 'another thing' })).toEqual({ newer: messageVersion + 1 });
});

describe('a message that cannot be read', () => {
  test.each([
    ['no JSON', 'not {json', /no JSON/],
    ['a truncated one', '{"version": 1, "run"', /no JSON/],
    ['null', 'null', /expected object/],
    ['a list', '[]', /expected object/],
    ['a number', '17', /object/],
    ['nothing', '', /no JSON/],
    ['one without a version', JSON.stringify({ ...sample, version: undefined }), /version/],
    ['one of a version before the first', JSON.stringify({ ...sample, version: 0 }), /version/],
    ['one whose version is no number', JSON.stringify({ ...sample, version: '1' }), /version/],
    ['one whose version is no whole number', JSON.stringify({ ...sample, version: 1.5 }), /version/],
    ['one without a scope', JSON.stringify({ ...sample, scope: undefined }), /scope/],
    ['one with a scope of other things', JSON.stringify({ ...sample, scope: { account: 1 } }), /scope/],
    ['one whose time is none', JSON.stringify({ ...sample, scheduledAt: 'yesterday' }), /scheduledAt/],
    ['one whose mirror is no name', JSON.stringify({ ...sample, mirror: '../secrets' }), /mirror/],
    ['one whose source is no kind', JSON.stringify({ ...sample, source: 'RDS Instance' }), /source/],
    ['one whose run cannot be an id', JSON.stringify({ ...sample, run: 'a b\nc' }), /run/],
    ['one with a negative hop', JSON.stringify({ ...sample, hop: -1 }), /hop/],
    ['one whose SyncRun is no object', JSON.stringify({ ...sample, syncRun: { cluster: 'a' } }), /syncRun/],
    [
      'one whose SyncRun would leave its namespace',
      JSON.stringify({ ...sample, syncRun: { cluster: 'a', namespace: '../x', name: 'b' } }),
      /namespace/,
    ],
    [
      'one at which zod fails',
      JSON.stringify({ ...sample, syncRun: { cluster: { length: { toString: 1 } }, namespace: 'n', name: 'n' } }),
      /cannot be read/,
    ],
  ])('says what is wrong: %s', (_, body, said) => {
    expect(parseMessage(body)).toEqual({ problem: expect.stringMatching(said) });
  });

  test('has not all that is wrong told of it: the log is paid for by the byte', () => {
    const scope = Object.fromEntries(
      Array.from({ length: 3_000 }, (_, index) => [`\u001b${'x'.repeat(99)}${index}`, 1]),
    );
    const said = read({ ...sample, scope });
    expect('problem' in said ? said.problem.length : 0).toBeLessThan(3_000);
    expect(said).toEqual({ problem: expect.stringMatching(/\nand 2990 more$/) });
    expect(JSON.stringify(said)).not.toContain('u001b');
  });

  test('is not repeated in what is said of it', () => {
    const problem = JSON.stringify(read({ ...sample, mirror: 'Hunter2!', scope: { account: ['Hunter2!'] } }));
    expect(problem).not.toContain('Hunter2!');
  });
});

test('the group of a target is the same in any order of its scope, and differs for another target', () => {
  const group = groupOf(message());
  expect(groupOf(message({ scope: { region: 'us-east-1', account: '111122223333' } }))).toBe(group);
  const others = [message({ mirror: 'other' }), message({ source: 'SQSQueue' }), message({ scope: { account: '1' } })];
  expect(new Set([group, ...others.map(groupOf)]).size).toBe(4);
});

test('a message is the same to the queue when it is sent twice, and another when it was sent on', () => {
  expect(deduplicationOf(message())).toBe(deduplicationOf(message()));
  const others = [message({ hop: 1 }), message({ run: 'other' }), message({ mirror: 'other' })];
  expect(new Set([message(), ...others].map(deduplicationOf)).size).toBe(4);
});

test('the ids of the longest message are such that SQS takes them', () => {
  const longest = message({ run: 'r'.repeat(80), mirror: 'm'.repeat(63), source: 'S'.repeat(40), hop: 100 });
  // API reference of SQS, SendMessage: MessageGroupId, MessageDeduplicationId.
  const legal = /^[\w!"#$%&'()*+,\-./:;<=>?@[\\\]^`{|}~]{1,128}$/;
  expect(groupOf(longest)).toMatch(legal);
  expect(deduplicationOf(longest)).toMatch(legal);
});
