import { describe, expect, test } from 'vitest';
import { judgement } from '../lib/conditions.ts';
import { mirrorOf } from '../lib/mirror.ts';
import type { Condition, KubernetesObject } from '../lib/object.ts';
import { type Action, decide, type Sight } from '../lib/plan.ts';
import { baseLabels, nameOf, type Target } from '../lib/resource.ts';
import { rdsInstance } from '../lib/sources/aws/rds-instance.ts';

// One row for each thing the outside can say, one column for each object it can meet. The words in capitals are the
// removals that something may still hold back: see `held` below.
type Row = readonly [none: string, ...ours: readonly string[], deleting: string, notOurs: string];

const columns: readonly string[] = [
  'none',
  'equal',
  'different',
  'NotFound, in grace',
  'NotFound, due',
  'NotSelected, in grace',
  'NotSelected, due',
  'labels lost',
  'no status',
  'not seen for long',
];

const seen = ['nothing', ...Array<string>(8).fill('update')];
const bad = Array<string>(9).fill('update');
const grace = 'keep Grace';
const unseen = 'keep Unseen';
const listed = ['mark', 'mark', 'mark', 'mark', grace, 'ASK', 'mark', 'mark', 'mark'];
const asked = listed.with(5, 'DELETE');
const absent = ['ask', 'ask', grace, 'ASK', 'ask', 'ask', 'ask', 'ask', 'ask'];
const gone = ['mark', 'mark', grace, 'DELETE', 'mark', 'mark', 'mark', 'mark', 'mark'];
const fresh = Array<string>(9).fill(unseen);
const stale = ['update', 'update', unseen, unseen, unseen, unseen, 'update', 'update', unseen];
const unread = [unseen, unseen, 'update', 'update', unseen, unseen, unseen, 'update', 'update'];
const unreadLong = ['update', 'update', 'update', 'update', unseen, unseen, 'update', 'update', 'update'];

const table: Readonly<Record<string, Row>> = {
  //                             none            ours      being deleted by others  not ours
  'present, selected, list': ['create', ...seen, 'refuse BeingDeleted', 'refuse OWNER'],
  'present, selected, get': ['create', ...seen, 'refuse BeingDeleted', 'refuse OWNER'],
  'present, unselected, list': ['nothing', ...listed, 'refuse BeingDeleted', 'nothing'],
  'present, unselected, get': ['nothing', ...asked, 'refuse BeingDeleted', 'nothing'],
  'unselected by name, list': ['nothing', ...listed, 'refuse BeingDeleted', 'nothing'],
  'unselected by name, get': ['nothing', ...asked, 'refuse BeingDeleted', 'nothing'],
  'excluded, list': ['nothing', ...listed, 'refuse BeingDeleted', 'nothing'],
  'excluded, get': ['nothing', ...asked, 'refuse BeingDeleted', 'nothing'],
  held: ['nothing', ...Array<string>(9).fill('keep Brake'), 'nothing', 'nothing'],
  invalid: ['refuse Invalid', ...bad, 'refuse BeingDeleted', 'refuse OWNER'],
  'invalid, unselected by name': ['nothing', ...bad, 'nothing', 'nothing'],
  'unread, fresh': ['nothing', ...unread, 'nothing', 'nothing'],
  'unread, stale': ['nothing', ...unreadLong, 'nothing', 'nothing'],
  absent: ['nothing', ...absent, 'nothing', 'nothing'],
  gone: ['nothing', ...gone, 'nothing', 'nothing'],
  'unseen, fresh': ['nothing', ...fresh, 'nothing', 'nothing'],
  'unseen, stale': ['nothing', ...stale, 'nothing', 'nothing'],
};

const now = Date.parse('2026-05-04T12:00:00Z');
const minutesAgo = (minutes: number) => new Date(now - minutes * 60_000).toISOString().replace('.000Z', 'Z');
const id = 'arn:aws:rds:eu-west-1:111122223333:db:orders';
const identity = rdsInstance.identify(id) ?? {};
const name = nameOf(rdsInstance, id, identity);
const fields = { engine: 'postgres', state: 'available' };
const health = judgement('True', 'Available', 'It can be used.');
const scope = { account: '111122223333', region: 'eu-west-1' };

function targetOf(removal: 'Delete' | 'Retain', outside: string): Target {
  const selects = () => !outside.includes('unselected');
  const selectsName = () => !outside.includes('by name');
  const mirror = mirrorOf({ name: 'production', namespace: 'external', removal, selects, selectsName });
  return { mirror, source: rdsInstance, scope };
}

function sightOf(outside: string): Sight {
  const by = outside.endsWith('list') ? 'list' : 'get';
  if (outside.startsWith('present')) return { state: 'present', fields, health, by };
  if (outside.startsWith('excluded')) return { state: 'excluded', issues: 'engine docdb', by };
  if (outside.startsWith('unselected')) return { state: 'unselected', by };
  if (outside.startsWith('invalid')) return { state: 'invalid', issues: 'state: expected string' };
  if (outside === 'absent' || outside === 'gone' || outside === 'held') return { state: outside };
  const since = now - (outside.endsWith('stale') ? 16 : 5) * 60_000;
  const state = outside.startsWith('unread') ? 'unread' : 'unseen';
  return { state, reason: 'Throttled', message: 'AWS throttles', since };
}

const condition = (type: string, status: Condition['status'], reason: string, message: string, at = 60): Condition => ({
  type,
  ...judgement(status, reason, message),
  lastTransitionTime: minutesAgo(at),
});
const exists = condition('Exists', 'True', 'Found', 'Seen in the last look.');
const synced = condition('Synced', 'True', 'Observed', 'The observed fields are current.');
const ready: Condition = { type: 'Ready', ...health, lastTransitionTime: minutesAgo(60) };
const notSeen = condition('Exists', 'Unknown', 'NotSeen', 'Not seen for longer than staleAfter.', 5);
const throttled = condition('Synced', 'False', 'Throttled', 'AWS throttles', 5);
const notFound = (at: number) => condition('Exists', 'False', 'NotFound', 'Gone.', at);
const unselected = 'The mirror production no longer selects it.';
const notSelected = (at: number) => condition('Synced', 'False', 'NotSelected', unselected, at);

const statuses: Readonly<Record<string, KubernetesObject['status']>> = {
  equal: { observed: fields, conditions: [exists, synced, ready] },
  different: { observed: { ...fields, state: 'stopped' }, conditions: [exists, synced, ready] },
  'NotFound, in grace': { observed: fields, conditions: [notFound(5), synced, ready] },
  'NotFound, due': { observed: fields, conditions: [notFound(10), synced, ready] },
  'NotSelected, in grace': { observed: fields, conditions: [exists, notSelected(5), ready] },
  'NotSelected, due': { observed: fields, conditions: [exists, notSelected(10), ready] },
  'labels lost': { observed: fields, conditions: [exists, synced, ready] },
  'no status': undefined,
  'not seen for long': { observed: fields, conditions: [notSeen, throttled, ready] },
};

function objectOf(column: string, owner: string, deleting: boolean): KubernetesObject | undefined {
  if (column === 'none') return undefined;
  const status = statuses[column];
  return {
    apiVersion: 'aws.skymirror.dev/v1alpha1',
    kind: 'RDSInstance',
    metadata: {
      name,
      namespace: 'external',
      uid: 'u1',
      labels: {
        ...(column === 'labels lost' ? {} : baseLabels(targetOf('Delete', ''))),
        ...(owner === 'other mirror' ? { 'skymirror.dev/mirror': 'staging' } : {}),
      },
      ...(deleting ? { deletionTimestamp: minutesAgo(1) } : {}),
      managedFields: [{ manager: owner === 'foreign' ? 'kubectl' : 'skymirror' }],
    },
    spec: owner === 'collision' ? { ...identity, arn: `${id}-2` } : identity,
    ...(status === undefined ? {} : { status }),
  };
}

interface Combination {
  readonly outside: string;
  readonly column: string;
  readonly owner: string;
  readonly deleting: boolean;
  readonly whole: boolean;
  readonly released: boolean;
  readonly removal: 'Delete' | 'Retain';
}

/** What holds a removal back, the strongest first. */
function held(verdict: string, { removal, whole, released }: Combination): string {
  if (verdict !== 'ASK' && verdict !== 'DELETE') return verdict;
  if (removal === 'Retain') return 'keep Retain';
  if (!whole) return 'keep Narrowed';
  if (!released) return 'keep Brake';
  return verdict.toLowerCase();
}

const refusals: Readonly<Record<string, string>> = {
  foreign: 'Foreign',
  collision: 'NameCollision',
  'other mirror': 'OtherMirror',
};

function expected(combination: Combination): string {
  const { outside, column, owner, deleting } = combination;
  const row = table[outside] ?? [];
  const refusal = refusals[owner] ?? '';
  if (column === 'none') return row[0] ?? '';
  if (owner !== 'ours') return (row[11] ?? '').replace('OWNER', refusal);
  if (deleting) return row[10] ?? '';
  return held(row[columns.indexOf(column)] ?? '', combination);
}

const verdict = (action: Action) => ('why' in action ? `${action.do} ${action.why}` : action.do);

function combinations(outside: string): Combination[] {
  const booleans = [true, false];
  return columns.flatMap((column) =>
    ['ours', ...Object.keys(refusals)].flatMap((owner) =>
      booleans.flatMap((deleting) =>
        booleans.flatMap((whole) =>
          booleans.flatMap((released) =>
            (['Delete', 'Retain'] as const).map((removal) => ({
              outside,
              column,
              owner,
              deleting,
              whole,
              released,
              removal,
            })),
          ),
        ),
      ),
    ),
  );
}

describe('the truth table holds for every combination of object, owner, run, brake and policy', () => {
  test.each(Object.keys(table))('%s', (outside) => {
    const cases = combinations(outside);
    expect(cases).toHaveLength(10 * 4 * 2 * 2 * 2 * 2);
    const wrong = cases.flatMap((combination) => {
      const { column, owner, deleting, whole, released, removal } = combination;
      const target = targetOf(removal, outside);
      const object = objectOf(column, owner, deleting);
      const before = structuredClone(object);
      const action = decide({ target, name, identity, sight: sightOf(outside), object, now, whole, released });
      expect(object, 'decide changed its argument').toEqual(before);
      const told = verdict(action);
      return told === expected(combination) ? [] : [{ ...combination, told, expected: expected(combination) }];
    });
    expect(wrong).toEqual([]);
  });
});
