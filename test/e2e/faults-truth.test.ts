import { describe, expect, test } from 'vitest';
import type { Written } from './kills-strikes.ts';
import { verdictOn } from './kills-verdict.ts';
import { complaintsAboutPast, complaintsAgainst, createChronicle, fieldsOfVersion } from './truth.ts';

const nothing = { lost: [], wrong: [], stale: [], extra: [] };
const innocent = { wrong: [], stale: [], marked: [], lost: [] };

/** An object as the API server tells it, which shows this version. */
function objectOf(arn: string, version: number, { exists = 'True', synced = 'True', uid = arn } = {}) {
  const { class: size, allocatedGiB, tag } = fieldsOfVersion(version);
  const conditions = [
    { type: 'Exists', status: exists },
    { type: 'Synced', status: synced },
  ];
  const observed = { class: size, storage: { allocatedGiB }, tags: { version: tag } };
  return { metadata: { name: arn, uid }, spec: { arn }, status: { observed, conditions } };
}

/** `a` was 1 and is 2, `b` is 3, `c` was 4 and is gone. */
function world() {
  const chronicle = createChronicle();
  for (const arn of ['a', 'a', 'b', 'c']) chronicle.change(arn);
  chronicle.remove('c');
  return chronicle;
}

describe('what the oracle says of objects', () => {
  const all = [objectOf('a', 2), objectOf('b', 3)];
  const [a, b] = all;
  test.each([
    ['all is true', all, {}],
    ['what is gone says so', [...all, objectOf('c', 4, { exists: 'False' })], {}],
    ['one is missing', [a], { lost: ['b'] }],
    [
      'one is being deleted',
      [a, { ...b, metadata: { name: 'b', uid: 'b', deletionTimestamp: 'now' } }],
      { lost: ['b'] },
    ],
    ['one shows an old version', [objectOf('a', 1), b], { stale: ['a'] }],
    ['one says that it is gone', [objectOf('a', 2, { exists: 'False' }), b], { stale: ['a'] }],
    ['one says that it is not current', [objectOf('a', 2, { synced: 'False' }), b], { stale: ['a'] }],
    ['one shows the version of another', [objectOf('a', 3), b], { wrong: ['a'] }],
    ['one shows two versions at once', [{ ...objectOf('a', 1), ...{ status: mixture() } }, b], { wrong: ['a'] }],
    ['one shows nothing', [{ ...objectOf('a', 2), status: {} }, b], { wrong: ['a'] }],
    ['there are two for one', [...all, objectOf('a', 2)], { wrong: ['a'] }],
    ['what is gone does not say so', [...all, objectOf('c', 4)], { extra: ['c'] }],
  ])('%s', (_, objects, complaints) => {
    expect(complaintsAgainst(objects, world())).toEqual({ ...nothing, ...complaints });
  });
});

function mixture() {
  const { observed, conditions } = objectOf('a', 1).status;
  return { observed: { ...observed, storage: { allocatedGiB: 2 } }, conditions };
}

describe('what the oracle says of the past', () => {
  const modified = (object: object) => ({ type: 'MODIFIED', object });
  const deleted = (object: object) => ({ type: 'DELETED', object });
  const gone = { exists: 'False' };
  test.each([
    ['a newer version after an older', 0, [modified(objectOf('a', 1)), modified(objectOf('a', 2))], {}],
    ['an older version after a newer', 0, [modified(objectOf('a', 2)), modified(objectOf('a', 1))], { stale: ['a'] }],
    ['a version that was old at the beginning', 2, [modified(objectOf('a', 1))], { stale: ['a'] }],
    ['a version that never was', 0, [modified(objectOf('a', 3))], { wrong: ['a'] }],
    ['an object without its status yet', 0, [modified({ ...objectOf('a', 1), status: undefined })], {}],
    [
      'a mark, and the delete of what went meanwhile',
      4,
      [modified(objectOf('c', 4, gone)), deleted(objectOf('c', 4, gone))],
      {},
    ],
    ['a mark of what was there all the time', 3, [modified(objectOf('b', 3, gone))], { marked: ['b'], stale: ['b'] }],
    [
      'the delete of what was there all the time',
      3,
      [deleted(objectOf('b', 3, gone))],
      { marked: ['b'], stale: ['b'], lost: ['b'] },
    ],
    ['the delete of what was not marked', 4, [deleted(objectOf('c', 4))], { lost: ['c'] }],
    [
      'an old version after it was gone',
      4,
      [modified(objectOf('c', 4, gone)), modified(objectOf('c', 4))],
      { stale: ['c'] },
    ],
    ['an object made anew', 0, [deleted(objectOf('c', 4, gone)), modified(objectOf('c', 4, { uid: 'other' }))], {}],
  ])('%s', (_, since, told, complaints) => {
    expect(complaintsAboutPast(told, world(), since)).toEqual({ ...innocent, ...complaints });
  });
});

describe('what the oracle says of a delete after a write without an answer', () => {
  const chronicle = world();
  const at = (object: object, resourceVersion: string) => {
    const { metadata, ...rest } = object as ReturnType<typeof objectOf>;
    return { ...rest, metadata: { ...metadata, resourceVersion } };
  };
  const live = at(objectOf('c', 4), '7');
  const mark = { method: 'PUT', name: 'c', status: 0, object: objectOf('c', 4, { exists: 'False' }), bound: undefined };
  const removal = (bound: string) => ({ method: 'DELETE', name: 'c', status: 200, object: {}, bound });
  const lost = (...written: Written[]) =>
    verdictOn({ atFirst: [live], before: [], after: [], written, last: [] }, chronicle, 4).lost.filter(
      (arn) => arn === 'c',
    );

  test.each([
    ['of a mark, and it is of the version after it: nothing', [mark, removal('8')], []],
    [
      'of a mark that etcd did not answer, and it is of the version after it: nothing',
      [{ ...mark, status: 500 }, removal('8')],
      [],
    ],
    ['of a mark, and it is of the version before it: lost', [mark, removal('7')], ['c']],
    ['of nothing: lost', [removal('8')], ['c']],
  ])('%s', (_, written, expected) => {
    expect(lost(...written)).toEqual(expected);
  });
});
