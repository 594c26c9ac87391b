import { describe, expect, test } from 'vitest';
import { timestamp } from '../lib/conditions.ts';
import { markOf } from '../lib/mark.ts';
import { conditionOf, type KubernetesObject } from '../lib/object.ts';
import { decide, type Sight } from '../lib/plan.ts';
import {
  brief,
  caseOf,
  fields,
  id,
  live,
  minute,
  mirror,
  name,
  present,
  settled,
  start,
  target,
  unread,
  unseen,
} from './plan-world.ts';

describe('what is written', () => {
  test('for a new resource is its identity, its fields, its labels and three conditions', () => {
    expect(live).toMatchObject({
      apiVersion: 'aws.skymirror.dev/v1alpha1',
      kind: 'RDSInstance',
      metadata: { name, namespace: 'external' },
      spec: { arn: id, account: '111122223333', region: 'eu-west-1', identifier: 'orders' },
      status: { observed: fields },
    });
    expect(brief(live)).toEqual(['Exists True Found', 'Synced True Observed', 'Ready True Available']);
    expect(live.status?.conditions?.every((one) => one.lastTransitionTime === '2026-05-04T12:00:00Z')).toBe(true);
  });

  test('once is not written again', () => {
    expect(decide(caseOf(present, live, { now: start + minute }))).toEqual({ do: 'nothing' });
  });

  test('for a resource that went are its last fields and three conditions', () => {
    const gone = settled({ state: 'gone' }, live);
    expect(gone.status?.observed).toEqual(fields);
    expect(brief(gone)).toEqual(['Exists False NotFound', 'Synced True Observed', 'Ready False NotFound']);
  });

  test('for a resource that came back takes the mark off', () => {
    const returned = settled(present, settled({ state: 'gone' }, live), { now: start + 20 * minute });
    expect(brief(returned)).toEqual(brief(live));
    expect(markOf(returned, { target, now: start + 60 * minute })).toBeUndefined();
  });

  test('for an invalid row keeps the last fields and the last health, and says what is wrong', () => {
    const invalid = settled({ state: 'invalid', issues: 'state: expected string' }, live);
    expect(invalid.status?.observed).toEqual(fields);
    expect(brief(invalid)).toEqual(['Exists True Found', 'Synced False Invalid', 'Ready True Available']);
    expect(conditionOf(invalid, 'Synced')?.message).toBe('state: expected string');
  });

  test('for a row that stays invalid is nothing, until staleAfter is over and the health is unknown', () => {
    const sight: Sight = { state: 'invalid', issues: 'state: expected string' };
    const invalid = settled(sight, live);
    const soon = { now: start + 15 * minute };
    expect(decide(caseOf(sight, invalid, soon))).toEqual({ do: 'nothing' });
    const late = settled(sight, invalid, { now: start + 16 * minute });
    expect(conditionOf(late, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'NotSynced' });
    expect(decide(caseOf(sight, late, { now: start + 60 * minute }))).toEqual({ do: 'nothing' });
  });

  test('for an object that was never given a status and cannot be read says that nothing is known', () => {
    const { status, ...bare } = live;
    const invalid = settled({ state: 'invalid', issues: 'no state' }, bare);
    expect(brief(invalid)).toEqual(['Exists True Found', 'Synced False Invalid', 'Ready Unknown NotSynced']);
    expect(invalid.status).not.toHaveProperty('observed');
  });

  test.each<[string, Sight]>([
    ['is not read', unread(start)],
    ['is invalid', { state: 'invalid', issues: 'no state' }],
    ['is not selected', { state: 'unselected', by: 'list' }],
  ])('for what was gone, is there again and %s says nothing about its health', (_, sight) => {
    const returned = settled(sight, settled({ state: 'gone' }, live));
    expect(conditionOf(returned, 'Exists')?.status).toBe('True');
    expect(conditionOf(returned, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'NotSynced' });
  });

  test.each<[string, KubernetesObject, Readonly<Record<string, string>>]>([
    ['is there', live, { Exists: 'Seen in the last look.', Synced: 'The observed fields are current.' }],
    [
      'is gone',
      settled({ state: 'gone' }, live),
      {
        Exists: 'It is not there any more: asked for by its id, the answer was "not found".',
        Synced: 'The observed fields are the last ones before it went.',
        Ready: 'It does not exist any more.',
      },
    ],
    [
      'is not selected',
      settled({ state: 'unselected', by: 'list' }, live),
      { Synced: 'The mirror production no longer selects it.' },
    ],
    [
      'is not of the kind',
      settled({ state: 'excluded', issues: 'engine docdb', by: 'list' }, live),
      { Synced: 'It is not of this kind: engine docdb.' },
    ],
    [
      'was not seen for an hour',
      settled(unseen(start), settled(unseen(start), live, { now: start + 16 * minute }), { now: start + 60 * minute }),
      {
        Exists: 'Not seen for longer than staleAfter.',
        Synced: 'AWS throttles',
        Ready: 'The observed fields are not current; see Synced.',
      },
    ],
  ])('says in sentences that a resource %s', (_, object, sentences) => {
    const said = object.status?.conditions?.map(({ type, message }) => [type, message]) ?? [];
    expect(Object.fromEntries(said)).toMatchObject(sentences);
  });

  test('restores labels that were lost and nothing else', () => {
    const bare = { ...live, metadata: { ...live.metadata, labels: { mine: 'yes' } } };
    const action = decide(caseOf(present, bare));
    expect(action).toMatchObject({ do: 'update', parts: { main: true, status: false } });
    expect(settled(present, bare).metadata.labels).toEqual({ ...live.metadata.labels, mine: 'yes' });
  });

  test('leaves alone what a newer release observed, and counts it as equal', () => {
    const newer = { ...live, status: { ...live.status, observed: { ...fields, blueGreen: { role: 'green' } } } };
    expect(decide(caseOf(present, newer))).toEqual({ do: 'nothing' });
    const changed = settled({ ...present, fields: { ...fields, state: 'stopped' } }, newer);
    expect(changed.status?.observed).toEqual({ ...fields, state: 'stopped', blueGreen: { role: 'green' } });
  });
});

describe('the grace of a mark', () => {
  const select = (selects: boolean) => ({ target: { ...target, mirror: { ...mirror, selects: () => selects } } });
  const unselected = settled(present, live, select(false));

  test.each([
    [0, 'keep'],
    [9 * minute + 59_000, 'keep'],
    [10 * minute, 'delete'],
  ])('after %d ms: %s', (passed, verb) => {
    const gone = settled({ state: 'gone' }, live);
    expect(decide(caseOf({ state: 'gone' }, gone, { now: start + passed })).do).toBe(verb);
    const sight: Sight = { ...present, by: 'get' };
    expect(decide(caseOf(sight, unselected, { ...select(false), now: start + passed })).do).toBe(verb);
  });

  test('begins anew where the reason changes: unselected first, gone later', () => {
    const later = { now: start + 30 * minute };
    const gone = settled({ state: 'gone' }, unselected, later);
    expect(markOf(gone, { target, ...later })).toMatchObject({ reason: 'NotFound', due: false });
  });

  test('begins anew where a resource was invalid before it was unselected', () => {
    const invalid = settled({ state: 'invalid', issues: 'no state' }, live);
    const later = { ...select(false), now: start + 30 * minute };
    const marked = settled(present, invalid, later);
    expect(markOf(marked, later)).toMatchObject({ reason: 'NotSelected', due: false });
  });

  test('does not begin anew while an unselected object is written for another reason', () => {
    const bare = { ...unselected, metadata: { ...unselected.metadata, labels: {} } };
    const written = settled(present, bare, { ...select(false), now: start + 5 * minute });
    expect(markOf(written, { target, now: start + 10 * minute })).toEqual({
      reason: 'NotSelected',
      since: timestamp(start),
      due: true,
    });
  });

  test('of 0 seconds makes a mark due at once', () => {
    const hasty = { target: { ...target, mirror: { ...mirror, graceSeconds: 0 } } };
    const gone = settled({ state: 'gone' }, live, hasty);
    expect(decide(caseOf({ state: 'gone' }, gone, hasty)).do).toBe('delete');
  });

  test('is never over where its time cannot be read', () => {
    const gone = settled({ state: 'gone' }, live);
    const conditions = gone.status?.conditions?.map((one) => ({ ...one, lastTransitionTime: 'yesterday' })) ?? [];
    const broken = { ...gone, status: { ...gone.status, conditions } };
    expect(decide(caseOf({ state: 'gone' }, broken, { now: start + 1e9 })).do).toBe('keep');
  });
});
